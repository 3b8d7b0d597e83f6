package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set when a release is built: -ldflags "-X main.version=v1.2.3".
var version = "dev"

// built says which program this is.
type built struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func thisBuild() built {
	b := built{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				b.Revision = s.Value
			}
		}
	}
	return b
}

func (c *cli) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Show the version of this program", Args: cobra.NoArgs,
		Long:    "Print version, revision and platform of this program.\n\nExit codes: 0 printed, 2 usage.",
		Example: "  bakeoff version -o json",
		RunE: runs(func(context.Context, []string) error {
			b := thisBuild()
			if c.json() {
				return c.print(b)
			}
			_, err := fmt.Fprintf(c.out, "bakeoff %s %s %s %s\n", b.Version, b.Revision, b.Go, b.Platform)
			return err
		}),
	}
}
