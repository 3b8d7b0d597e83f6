package workflows_test

import (
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"

	"bakeoff/rollout"
)

// Whatever comes with the signal, it is an abort. One that can be read counts as it
// is, also right after one that cannot.
func TestAnAbortThatCannotBeRead(t *testing.T) {
	const nobodys = "aborted by somebody who gave no name: "
	stories := map[string]story{}
	for name, tt := range map[string]struct {
		sent []any
		want string
	}{
		"a plain text":         {[]any{"please stop"}, nobodys + rollout.Unread},
		"bytes":                {[]any{[]byte("please stop")}, nobodys + rollout.Unread},
		"a number":             {[]any{7}, nobodys + rollout.Unread},
		"a list":               {[]any{[]string{"ana@example.com"}}, nobodys + rollout.Unread},
		"a field of a kind":    {[]any{map[string]any{"actor": "ana@example.com", "reason": 7}}, nobodys + rollout.Unread},
		"an encoding not ours": {[]any{converter.NewRawValue(encrypted())}, nobodys + rollout.Unread},
		"nothing":              {[]any{nil}, nobodys + rollout.Unexplained},
		"fields not ours":      {[]any{map[string]any{"who": "ana@example.com"}}, nobodys + rollout.Unexplained},
		"before one that can":  {[]any{"please stop", rollout.Command{ID: "1", Actor: "bo", Reason: "pager"}}, nobodys + rollout.Unread},
		"after one that can":   {[]any{rollout.Command{ID: "1", Actor: "bo", Reason: "pager"}, "please stop"}, "aborted by bo: pager"},
	} {
		stories[name] = story{want: rollout.Aborted, wantReason: tt.want, wantLog: undone, plot: func(s *teller) {
			s.at(time.Second, func() {
				for _, sent := range tt.sent {
					s.env.SignalWorkflow("abort", sent)
				}
			})
		}}
	}
	tell(t, stories)
}

// encrypted is a payload for a codec that the worker has not.
func encrypted() *commonpb.Payload {
	return &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("binary/encrypted")}, Data: []byte("?")}
}
