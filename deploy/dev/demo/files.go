package demo

import (
	"embed"
	"path/filepath"

	"bakeoff/deploy/dev/town"
)

// files are the texts that the demonstration writes into its directory, so that
// people can look at them and use them.
//
//go:embed releases/*.tmpl
var files embed.FS

// The files of the demonstration's directory.
const (
	caddyFile    = "caddy.json"
	workerFile   = "bakeoff-worker.yaml"
	signersFile  = "allowed_signers" // as OpenSSH has it
	specFolder   = "releases"
	shopFolder   = "shop"     // the process driver's
	branchFolder = "branches" // the same of each branch
	windowFolder = "evidence" // the raw windows that the worker keeps
	keyFolder    = "keys"     // the secret keys of those who sign
	voteFolder   = "votes"    // what they signed, and the signatures
)

// write makes a file of the directory from an embedded text and returns its path.
func write(dir, name, source string, values any) (string, error) {
	path := filepath.Join(dir, name)
	return path, town.Texts{FS: files, Folder: "releases"}.Write(path, source, values)
}

// specValues fill in a spec.
type specValues struct {
	Service, Environment string
	Version, Purpose     string
	Bake                 string
}

// machineValues fill in what depends on addresses and paths.
type machineValues struct {
	Temporal          string // host:port
	CaddyAdmin        string // URL
	CaddyAdminAddress string
	Sites             []site
	ShopState         string // the process driver's directory
	ShopBinary        string
	Windows           string // where the worker keeps raw windows
	Shopkeepers       []string
}
