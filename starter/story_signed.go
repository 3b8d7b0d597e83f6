package main

import (
	commonpb "go.temporal.io/api/common/v1"

	"bakeoff/rollout"
)

// noteSignature adds what was signed to the data of a line. Whether it is right
// is told when a worker has looked.
func noteSignature(data map[string]any, statement, signature string) {
	if statement == "" && signature == "" {
		return
	}
	data["statement"], data["signature"], data["verified"] = statement, signature, false
}

// noteSigner adds whose signature it was found to be.
func noteSigner(data map[string]any, signer *rollout.Signer) {
	if signer != nil {
		data["verified"], data["signer"], data["key"] = true, signer.Name, signer.Key
	}
}

// notePolicy adds the digest of the rules that decided, where there were any.
func notePolicy(data map[string]any, digest string) {
	if digest != "" {
		data["policy"] = digest
	}
}

// authorized tells what a worker found of a command: whose signature it has, and
// for which roles a vote counts.
func (s *story) authorized(one act, result *commonpb.Payloads) error {
	var (
		in  authorizeInput
		out authorizeOutput
	)
	if err := s.decode(one.Input, &in); err != nil {
		return err
	}
	if err := s.decode(result, &out); err != nil {
		return err
	}
	line, told := s.commands[in.ID]
	if !told {
		return nil
	}
	s.votes[in.ID] = out.Vote
	noteSigner(s.lines[line].Data, out.Signer)
	notePolicy(s.lines[line].Data, out.Policy)
	if in.ObeyedBy == "" {
		return nil
	}
	s.status.AbortSignature = rollout.Proven(out.Signer, out.Why)
	if out.Why != "" {
		s.lines[line].Data["unverified"] = out.Why
		s.lines[line].Text += "; its signature is not verified: " + out.Why
	}
	return nil
}
