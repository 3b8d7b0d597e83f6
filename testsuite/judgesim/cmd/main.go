// Command judgesim simulates the acceptance figures of the judges and prints
// them, and measures real rollouts beside them; with --write it also replaces
// the generated part of a page. Run it in the repository's root.
//
//	go run ./testsuite/judgesim/cmd --write docs/judges.md
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"bakeoff/testsuite/judgesim"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "judgesim:", err)
		os.Exit(1)
	}
}

func run() error {
	var o judgesim.Options
	flag.Uint64Var(&o.Seed, "seed", 1, "shifts all random numbers")
	flag.Float64Var(&o.Scale, "scale", 1, "of the number of runs")
	flag.IntVar(&o.Workers, "workers", min(2, runtime.NumCPU()), "runs at a time")
	only := flag.String("rows", "", "only these, such as 1,6,12: of "+strings.Join(judgesim.RowNumbers(), ","))
	measure := flag.Bool("rollouts", true, "measure real rollouts, too, unless --rows is given (2 minutes; needs "+devServer+")")
	write := flag.String("write", "", "page with the generated part to replace")
	flag.Parse()
	if *only != "" {
		o.Rows = strings.Split(*only, ",")
	}
	begun := time.Now()
	o.Tell = func(row string) {
		fmt.Fprintf(os.Stderr, "%6.1fs  row %s\n", time.Since(begun).Seconds(), row)
	}
	figures := judgesim.Run(o)
	if err := judgesim.Print(os.Stdout, figures); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	took := time.Since(begun).Round(time.Second)
	fmt.Printf("seed %d, scale %g, %d workers, %s\n", o.Seed, o.Scale, o.Workers, took)
	beside := ""
	if *measure && *only == "" {
		var err error
		if beside, err = rollouts(); err != nil {
			return err
		}
	}
	if *write == "" {
		return nil
	}
	caption := fmt.Sprintf("Made by `make judgesim` with seed %d and %g × the runs, in %s with %d workers.\n\n", o.Seed, o.Scale, took, o.Workers)
	return replace(*write, caption+judgesim.Markdown(figures)+beside)
}

// replace puts the generated part into a page.
func replace(file, generated string) error {
	page, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read the page: %w", err)
	}
	text, err := judgesim.Insert(string(page), generated)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}
