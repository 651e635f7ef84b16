package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"
)

// A Result is how a trial on one store went.
type Result struct {
	Trial   string            `json:"trial"`
	Store   string            `json:"store"`
	Seed    uint64            `json:"seed"`
	For     float64           `json:"for"`  // seconds of harm
	Took    float64           `json:"took"` // seconds in all
	Skipped string            `json:"skipped,omitempty"`
	Left    []string          `json:"left_out,omitempty"` // parts that could not be run here, and why
	Broken  []Broken          `json:"broken,omitempty"`
	Bars    []Bar             `json:"bars,omitempty"`
	Figures map[string]Figure `json:"figures,omitempty"`
	Kept    string            `json:"kept,omitempty"` // where the evidence is
}

// A Broken is something that must never be: an invariant that does not hold, or a trial that
// does not work.
type Broken struct {
	What string `json:"what"` // "I1"
	Text string `json:"text"`
}

// A Bar is a figure that has to reach something. Only this program asserts it, never go test.
type Bar struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit,omitempty"`
	Must  string  `json:"must"` // "≤" or "≥"
	Bound float64 `json:"bound"`
	Held  bool    `json:"held"`
}

// A Figure is anything worth reading.
type Figure struct {
	Value float64 `json:"value"`
	Unit  string  `json:"unit,omitempty"`
}

// manyBroken is how many violations are kept of one kind: the first ones tell.
const manyBroken = 20

// Broken reports that something is not as it must be: "I1" and the like, or the name of what
// the trial has found.
func (s *Stage) Broken(what, format string, args ...any) {
	b := Broken{what, fmt.Sprintf(format, args...)}
	s.mu.Lock()
	n := 0
	for _, old := range s.result.Broken {
		if old == b {
			s.mu.Unlock()
			return
		}
		if old.What == what {
			n++
		}
	}
	if n < manyBroken {
		s.result.Broken = append(s.result.Broken, b)
	}
	s.mu.Unlock()
	if n < manyBroken {
		s.Say("BROKEN %s: %s", b.What, b.Text)
	}
}

// Figure reports a figure. A second one of the same name takes its place.
func (s *Stage) Figure(name string, value float64, unit string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.result.Figures[name] = Figure{value, unit}
}

// AtMost reports a figure that has to be so much at most.
func (s *Stage) AtMost(name string, value float64, unit string, bound float64) {
	s.bar(Bar{name, value, unit, "≤", bound, value <= bound})
}

// AtLeast reports a figure that has to be so much at least.
func (s *Stage) AtLeast(name string, value float64, unit string, bound float64) {
	s.bar(Bar{name, value, unit, "≥", bound, value >= bound})
}

func (s *Stage) bar(b Bar) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.result.Bars = append(s.result.Bars, b)
}

// LeftOut says that a part of the trial could not be run on this machine.
func (s *Stage) LeftOut(part, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.result.Left = append(s.result.Left, part+": "+why)
}

// held reports whether all is well; bars count if timed is set.
func (r *Result) held(timed bool) bool {
	if len(r.Broken) > 0 {
		return false
	}
	return !timed || !slices.ContainsFunc(r.Bars, func(b Bar) bool { return !b.Held })
}

func (b *Bar) String() string {
	said := "held"
	if !b.Held {
		said = "NOT HELD"
	}
	return fmt.Sprintf("%s: %s %s (%s)", b.Name, with(b.Value, b.Unit), said, b.Must+" "+with(b.Bound, b.Unit))
}

func with(value float64, unit string) string {
	text := strconv.FormatFloat(math.Round(value*1000)/1000, 'f', -1, 64)
	if unit != "" {
		text += " " + unit
	}
	return text
}

// print prints a result for people.
func (r *Result) print(w io.Writer) {
	if r.Skipped != "" {
		fmt.Fprintf(w, "  skipped: %s\n", r.Skipped)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(r.Figures)) {
		fmt.Fprintf(w, "  %s: %s\n", name, with(r.Figures[name].Value, r.Figures[name].Unit))
	}
	for i := range r.Bars {
		fmt.Fprintf(w, "  bar %s\n", r.Bars[i].String())
	}
	for _, part := range r.Left {
		fmt.Fprintf(w, "  SKIPPED GROUP %s\n", part)
	}
	for _, b := range r.Broken {
		fmt.Fprintf(w, "  BROKEN %s: %s\n", b.What, b.Text)
	}
	if r.Kept != "" {
		fmt.Fprintf(w, "  evidence in %s\n", r.Kept)
	}
}

// printJSON prints a result as one line.
func (r *Result) printJSON(w io.Writer) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", text)
	return err
}

// Quantile returns the q-th quantile of some durations, in seconds; 0 of none.
func Quantile(all []time.Duration, q float64) float64 {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	i := int(math.Ceil(q*float64(len(sorted)))) - 1
	return sorted[min(max(i, 0), len(sorted)-1)].Seconds()
}
