package town

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"text/template"
)

// Texts are templates of the files that a demonstration writes into its folder,
// so that people can look at them and use them.
type Texts struct {
	FS     fs.FS
	Folder string // of the templates, each named after what it makes, with .tmpl
}

// Write makes a file from the template of that name.
func (t Texts) Write(file, name string, values any) error {
	text, err := template.ParseFS(t.FS, t.Folder+"/"+name+".tmpl")
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	var out bytes.Buffer
	if err := text.Execute(&out, values); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return nil
}
