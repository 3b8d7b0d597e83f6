package load

import "time"

// Recorded is one request of a recording, without its host.
type Recorded struct {
	Offset  time.Duration // since the first one
	Method  string
	Path    string // with its query
	Headers map[string]string
	Body    string
}

// The formats of recordings.
const (
	FormatHAR      = "har"
	FormatCombined = "combined"
	FormatCommon   = "common"
	FormatJSON     = "json"
)

// Formats lists the formats of recordings.
func Formats() []string { return []string{FormatHAR, FormatCombined, FormatCommon, FormatJSON} }
