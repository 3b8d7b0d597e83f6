package main

import (
	"fmt"
	"io"
	"os"

	"bakeoff/rollout"
	"bakeoff/rollout/specfile"
)

// source is a spec file as it was read; "-" is standard input.
type source struct {
	name string
	text []byte
}

func (c *cli) read(file string) (source, error) {
	if file == "-" {
		text, err := io.ReadAll(c.in)
		if err != nil {
			return source{}, fmt.Errorf("read standard input: %w", err)
		}
		return source{"stdin", text}, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return source{}, fmt.Errorf("read spec: %w", err)
	}
	return source{file, text}, nil
}

// spec reads a spec that has no problems. Otherwise all of them are told and
// the error ends the process with 3: nothing was started.
func (c *cli) spec(file string) (rollout.Spec, error) {
	from, err := c.read(file)
	if err != nil {
		return rollout.Spec{}, err
	}
	spec, problems := specfile.Parse(from.name, from.text)
	if len(problems) == 0 {
		return spec, nil
	}
	c.explain(problems, from.text)
	if c.json() {
		if err := c.problems(problems); err != nil {
			return spec, err
		}
	}
	return spec, exit(exitSpec)
}

// explain tells people what is wrong and where.
func (c *cli) explain(problems []rollout.Problem, source []byte) {
	for _, p := range problems {
		fmt.Fprintln(c.err, specfile.Explain(p, source))
	}
}

// problems tells programs what is wrong.
func (c *cli) problems(problems []rollout.Problem) error {
	return c.print(map[string]any{"problems": append([]rollout.Problem{}, problems...)})
}
