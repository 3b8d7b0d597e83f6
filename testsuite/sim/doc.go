// Package sim is a whole world that exists only in memory: a platform, a
// router, flags, metrics and a vault for one service, each of which can be told
// to misbehave. Tests register the real activities over it. Read [New] first,
// then [World.Log] and [World.Violations], which say what became of it.
//
// Nothing in it is random and it reads no clock but the one it is given:
// metrics are expected values, integrated over time and share of the traffic.
package sim
