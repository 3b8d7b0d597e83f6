//go:build !linux

// Package identity tells processes of this machine apart, on Linux only.
package identity
