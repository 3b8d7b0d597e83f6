package report

import (
	"fmt"
	"strings"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/report/chart"
)

func residue(run evidence.Run) section {
	s := section{Title: "Left behind", List: run.Residue}
	switch {
	case len(run.Residue) > 0:
		s.Text = []string{"These were still there at the end, and should not have been:"}
	case run.Outcome != evidence.Refused:
		s.Text = []string{"Nothing was found at the end that should not have been there."}
	}
	return s
}

// actions are those in the evidence; where nobody wrote any down, those that
// follow from what went wrong.
func actions(run evidence.Run) section {
	s := section{Title: "What is to be done"}
	t := table{Columns: columns("Finding", "To do", "Owner", "Due", "State")}
	agreed := run.Actions
	if len(agreed) == 0 && run.Outcome != evidence.Refused {
		agreed, t.Note = Findings(run), "Proposed from what the run found; nobody has agreed to them yet."
	}
	for _, a := range agreed {
		t.Rows = append(t.Rows, actionRow(a))
	}
	if len(t.Rows) > 0 {
		s.Tables = []table{t}
	}
	return s
}

func actionRow(a evidence.Action) []cell {
	state, owner := cell{Text: "open", Tone: unsure}, a.Owner
	if a.Done != nil {
		state = cell{Text: "done " + a.Done.UTC().Format(day), Tone: good}
	}
	if owner == "" {
		owner = "nobody yet"
	}
	return []cell{{Text: a.Finding}, {Text: a.Do}, {Text: owner}, {Text: a.Due.UTC().Format(day)}, state}
}

const day = "2006-01-02"

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
		s.Text = []string{"This manifest has everything that the run was made of, every default written out."}
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
