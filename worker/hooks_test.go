package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Only what the configuration names is signed, and only what it allows is called.
func TestHooks(t *testing.T) {
	t.Setenv("HOOK_SECRET", "s3cret")
	l := loaded(t, `
allow: {urls: ["https://changes.example/*", "http://ci.example:8080"]}
hooks: {secret: {env: HOOK_SECRET}, urls: ["https://changes.example/approved"]}
`)
	for url, want := range map[string]string{"https://changes.example/approved": "s3cret", "https://changes.example/other": "",
		"https://changes.example.evil/approved": "", "http://changes.example/approved": "", "https://changes.example/approved/../other": ""} {
		secret, err := l.config().Hooks.secretFor(url)
		require.NoError(t, err)
		require.Equal(t, want, secret, url)
	}
	require.NoError(t, hooks{l}.Permits("http://ci.example:8080/hook"))
	require.ErrorContains(t, hooks{l}.Permits("https://evil.example/"), "is not allowed")
	require.ErrorContains(t, hooks{l}.Permits("file:///etc/passwd"), "not an http(s) URL")
	require.NoError(t, hooks{loaded(t, "")}.Permits("https://anywhere.example/hook"), "without a list everything is allowed")
	require.ErrorContains(t, hooks{loaded(t, "")}.Permits("https://user:secret@anywhere.example/"), "has a user in it")
}
