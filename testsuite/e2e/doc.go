// Package e2e holds the end-to-end tests: the real programs, a real Temporal
// server with a database file, and a simulated world behind the generic HTTP
// driver. They look from outside only: exit codes, result JSON, the audit
// story, the world's own request log and what became of it.
//
// Read town_test.go first, then TestPromote. A town is one server with its
// workers; a scene is one service in it, with a world of its own. Scenes of one
// town go on side by side, as the rollouts of a company do.
//
// The programs bakeoff and bakeoff-worker are built from the tree under test;
// bakeoff-dev is taken from bin/ ("make dev"). With -short nothing runs.
package e2e
