package report

import (
	"fmt"
	"slices"
	"strings"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/report/chart"
)

// lineage says where each piece of data is from, and what was done to it.
func lineage(run evidence.Run) section {
	s := section{Title: "Where the data came from"}
	t := table{Columns: columns("Data", "Source", ">Rows", "What was done to it", "Digest of the source", "Digest of what was used")}
	for _, in := range run.Inputs {
		source := in.Source
		if in.TakenAt != nil {
			source += ", taken " + in.TakenAt.UTC().Format(day)
		}
		rows := chart.None
		if in.Rows > 0 {
			rows = chart.Value(float64(in.Rows), "")
		}
		t.Rows = append(t.Rows, []cell{{Text: in.Name}, {Text: source}, {Text: rows}, {Text: strings.Join(in.Steps, " → ")},
			digest(in.SourceSum), digest(in.Digest)})
	}
	if len(t.Rows) > 0 {
		s.Tables = []table{t}
	}
	return s
}

func fingerprint(run evidence.Run) section {
	s := section{Title: "Fingerprint"}
	if run.Fingerprint.Digest == "" && len(run.Fingerprint.Parts) == 0 {
		return s
	}
	s.Text = []string{fmt.Sprintf("Runs with the fingerprint %s had the same inputs; of other runs those parts can be compared whose digests agree.", run.Fingerprint.Digest)}
	t := table{Columns: columns("Part", "Digest")}
	for _, p := range run.Fingerprint.Parts {
		t.Rows = append(t.Rows, []cell{{Text: p.Name}, {Text: p.Digest, Code: true}})
	}
	s.Tables = []table{t}
	return s
}

func manifest(run evidence.Run) section {
	s := section{Title: "How to repeat it", Source: run.Manifest}
	if run.Manifest != "" {
		s.Text = []string{"This manifest names everything that the run was made of. What it leaves out had its default."}
		if slices.ContainsFunc(run.Files, func(f evidence.File) bool { return strings.HasPrefix(f.Name, "inputs/") }) {
			s.Text = append(s.Text, "Templates, recordings and files of locked parts are kept beside the evidence, in inputs/, by the digests that the manifest names. Snapshots stay in the library.")
		}
	}
	t := table{Title: "Raw data beside the evidence", Columns: columns("File", ">Bytes", "Digest")}
	for _, f := range run.Files {
		t.Rows = append(t.Rows, []cell{{Text: f.Name}, {Text: chart.Value(float64(f.Bytes), "")}, digest(f.Digest)})
	}
	if len(t.Rows) > 0 {
		s.Tables = []table{t}
	}
	return s
}
