package main

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime/debug"

	"bakeoff/activities"
	"bakeoff/activities/faults"
	"bakeoff/activities/postgres"
	"bakeoff/activities/store"
	"bakeoff/activities/vegeta"
	"bakeoff/activities/web"
	"bakeoff/rehearsal/data"
	"bakeoff/rehearsal/fault"
	"bakeoff/rehearsal/load"
	"bakeoff/rollout"
	"bakeoff/rollout/specfile"
)

// rehearsalsConfig is what rehearsals may do here, and by what means.
type rehearsalsConfig struct {
	Production       []string              `json:"production,omitempty"`       // environments that no rehearsal touches, in capital letters or small ones; default production and prod
	ProductionDrills []string              `json:"productionDrills,omitempty"` // of those, where a declared drill of the first step may be made
	URLs             []string              `json:"urls,omitempty"`             // where load and probes may go, as in allow.urls; default this machine only
	Rate             load.Rate             `json:"rate,omitempty"`             // of all loads together; default 1000/s
	Longest          rollout.Duration      `json:"longest,omitempty"`          // of one run; default 2h
	Directory        string                `json:"directory,omitempty"`        // of templates, snapshots and recordings
	Parts            map[string]string     `json:"parts,omitempty"`            // config, flags, infrastructure → file of Directory that describes it
	Masking          *secretRef            `json:"masking,omitempty"`          // the key that masks; needed only where something is masked
	Faults           activities.With       `json:"faults,omitempty"`           // see faults.Parameters; default: no faults are made
	Databases        map[string]*secretRef `json:"databases,omitempty"`        // name → where its address stands: postgres://user:password@host/database

	Require map[string]rollout.Duration `json:"require,omitempty"` // environment → how lately the way back of what starts there was practised; "default" serves the others, 0 asks for none
}

// loopback is where load may go by default.
var loopback = []string{"http://127.0.0.1:*", "http://localhost:*", "http://[::1]:*", "https://127.0.0.1:*", "https://localhost:*"}

func (r rehearsalsConfig) validate() []rollout.Problem {
	var out []rollout.Problem
	add := func(path, format string, args ...any) {
		out = append(out, rollout.Problem{Path: "rehearsals." + path, Message: fmt.Sprintf(format, args...)})
	}
	for i, pattern := range r.URLs {
		if err := checkPattern(pattern); err != nil {
			add(fmt.Sprintf("urls[%d]", i), "%v", err)
		}
	}
	for name := range r.Parts {
		if name != "config" && name != "flags" && name != "infrastructure" {
			add("parts."+name, "a baseline has config, flags and infrastructure")
		}
	}
	for name, ref := range r.Databases {
		if err := ref.check(); err != nil {
			add("databases."+name, "%v", err)
		}
	}
	if r.Masking != nil {
		if err := r.Masking.check(); err != nil {
			add("masking", "%v", err)
		}
	}
	if _, err := r.faults(); err != nil {
		add("faults", "%v", err)
	} else if r.Faults != nil {
		out = append(out, readAs(new(faults.Parameters), r.Faults, "rehearsals.faults")...)
	}
	return out
}

// faults reads what is said of faults; the zero value where nothing is.
func (r rehearsalsConfig) faults() (p faults.Parameters, err error) {
	if r.Faults == nil {
		return p, nil
	}
	if err := r.Faults.Decode(&p); err != nil {
		return p, err
	}
	if problems := p.Limits.Validate("limits"); len(problems) > 0 {
		return p, fmt.Errorf("%s", problems[0])
	}
	return p, nil
}

// practice is what rehearsals may do by the configuration in force.
func (c *config) practice() activities.Practice {
	r := c.Rehearsals
	urls := r.URLs
	if len(urls) == 0 {
		urls = loopback
	}
	p := activities.Practice{
		Production: r.Production, Drills: r.ProductionDrills, Rate: r.Rate, Longest: r.Longest, Parts: r.Parts, Version: builtVersion(),
		Reaches: func(url string) bool { return allowConfig{URLs: urls}.permitsURL(url) == nil },
		Faults:  c.faultLimits(),
		Template: func(file string, body []byte) (data.Template, []rollout.Problem) {
			var t data.Template
			problems := specfile.Decode(file, body, &t)
			return t, problems
		},
		Masker: func() (*data.Masker, error) {
			if r.Masking == nil {
				return nil, fmt.Errorf("there is no key to mask with: configure rehearsals.masking: %w", activities.ErrFinal)
			}
			key, err := r.Masking.read()
			if err != nil {
				return nil, err
			}
			return data.NewMasker([]byte(key))
		},
		Database: func(name string) (activities.Database, error) {
			ref, known := r.Databases[name]
			if !known {
				return nil, fmt.Errorf("database %q is not known here: name it in rehearsals.databases: %w", name, activities.ErrFinal)
			}
			address, err := ref.fetch()
			if err != nil {
				return nil, fmt.Errorf("database %s: %w", name, err)
			}
			return postgres.New(address)
		},
		Place: func(run string) string {
			place, err := filepath.Abs(filepath.Join(c.Evidence.Directory, run))
			if err != nil {
				return filepath.Join(c.Evidence.Directory, run)
			}
			return place
		},
	}
	if r.Directory != "" {
		p.Library = store.NewLibrary(c.beside(r.Directory))
	}
	return p
}

func (c *config) faultLimits() fault.Limits {
	p, _ := c.Rehearsals.faults() // Validate has told what is wrong with it
	return p.Limits
}

// beside is a path seen from the configuration file.
func (c *config) beside(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(c.folder, path)
}

// rehearsing is the activities with what rehearsals may do now.
func (a *acts) rehearsing() *activities.Activities {
	current, c := *a.Activities, a.live.config()
	current.Rules, current.Practice, current.Load, current.Prober = c.rules(), c.practice(), vegeta.Generator{}, web.Prober{}
	if c.Evidence.Directory != "" {
		current.Archive = store.NewArchive(c.Evidence.Directory)
	}
	return &current
}

// AdmitRehearsal admits under the rules in force now.
func (a *acts) AdmitRehearsal(ctx context.Context, in activities.AdmitRehearsalInput) (activities.AdmitRehearsalOutput, error) {
	return a.rehearsing().AdmitRehearsal(ctx, in)
}

// Attack sends as much as may be sent now.
func (a *acts) Attack(ctx context.Context, in activities.AttackInput) (activities.AttackOutput, error) {
	return a.rehearsing().Attack(ctx, in)
}

// SampleSignal keeps what it reads where evidence is kept now.
func (a *acts) SampleSignal(ctx context.Context, in activities.SampleSignalInput) (activities.SampleSignalOutput, error) {
	return a.rehearsing().SampleSignal(ctx, in)
}

// Probe asks where it may ask now.
func (a *acts) Probe(ctx context.Context, in activities.ProbeInput) (activities.ProbeOutput, error) {
	return a.rehearsing().Probe(ctx, in)
}

// ReadBack sends as much as may be sent now.
func (a *acts) ReadBack(ctx context.Context, in activities.AttackInput) (activities.AttackOutput, error) {
	return a.rehearsing().ReadBack(ctx, in)
}

// ConcludeRehearsal writes to where evidence is kept now.
func (a *acts) ConcludeRehearsal(ctx context.Context, in activities.ConcludeRehearsalInput) (activities.ConcludeRehearsalOutput, error) {
	return a.rehearsing().ConcludeRehearsal(ctx, in)
}

// RestoreData writes to the databases that are configured now.
func (a *acts) RestoreData(ctx context.Context, in activities.RestoreDataInput) (activities.RestoreDataOutput, error) {
	return a.rehearsing().RestoreData(ctx, in)
}

// PutDataBack writes to the databases that are configured now.
func (a *acts) PutDataBack(ctx context.Context, in activities.PutDataBackInput) (activities.PutDataBackOutput, error) {
	return a.rehearsing().PutDataBack(ctx, in)
}

// ReadTables reads from the databases that are configured now.
func (a *acts) ReadTables(ctx context.Context, in activities.ReadTablesInput) (activities.ReadTablesOutput, error) {
	return a.rehearsing().ReadTables(ctx, in)
}

// ListLibrary lists the library that is configured now.
func (a *acts) ListLibrary(ctx context.Context, in activities.ListLibraryInput) (activities.ListLibraryOutput, error) {
	return a.rehearsing().ListLibrary(ctx, in)
}

// builtVersion is the version of this program, "dev" where it was not built from
// a release.
func builtVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "dev"
}
