package rollout

// SignalWitness is the Signal that goes ahead of an Update where callers have
// names: Temporal writes on a signal who sent it, and on an update the worker that
// took it. No workflow acts on it. It takes a Witness.
const SignalWitness = "witness"

// Witness ties an Update to the signal before it: the same id, and the digest of
// all that the Update says.
type Witness struct {
	ID     string `json:"id"`
	Digest string `json:"digest"`
}

// NewWitness is that of an Update with this id and argument.
func NewWitness(id string, argument any) Witness {
	return Witness{ID: id, Digest: digestOf(argument)}
}
