// Package signature signs statements with SSH keys and tells whose signatures
// are right: the format of `ssh-keygen -Y sign`, verified by an allowed_signers
// file as git and ssh-keygen use it. Sign is what operators use, Allowed.Verify
// what workers do.
package signature

// Namespace is what signatures are for, so that none of another purpose serves:
// the -n of ssh-keygen -Y.
const Namespace = "bakeoff"
