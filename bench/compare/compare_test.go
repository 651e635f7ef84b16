package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offloadhq/offload/bench/contender"
)

var update bool

func init() {
	flag.BoolVar(&update, "update", false, "renew what is in testdata")
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s has changed (-was +is). If that is meant: go test ./compare -update\n%s", name, diff)
	}
}

func fixed(t *testing.T) *run {
	t.Helper()
	r, err := newest(filepath.Join("testdata", "results.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTable(t *testing.T) {
	var b strings.Builder
	if err := fixed(t).print(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "table.txt", b.String())
}

func TestBlock(t *testing.T) { golden(t, "block.txt", fixed(t).block()+"\n") }

func TestChart(t *testing.T) { golden(t, "chart.svg", fixed(t).chart()) }

// What the README and its chart say was measured: they are of the newest run, and nobody has
// written into them.
func TestReadmeIsOfTheNewestRun(t *testing.T) {
	r, err := newest("../results.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	const renew = "make bench-peers BENCHFLAGS='-show -readme'"
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	want, err := replaceBlock(string(readme), r.block())
	if err != nil {
		t.Fatalf("README.md: %v", err)
	}
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(string(readme), "\n")); diff != "" {
		t.Errorf("README.md is not of the newest run (-want +got); renew it by %s\n%s", renew, diff)
	}
	chart, err := os.ReadFile(filepath.Join("..", chartFile))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(r.chart(), "\n"), strings.Split(string(chart), "\n")); diff != "" {
		t.Errorf("%s is not of the newest run (-want +got); renew it by %s\n%s", chartFile, renew, diff)
	}
	for _, c := range contender.All() {
		if r.of(c.Name) == nil {
			t.Errorf("the newest run has not measured %s; make bench-peers measures all", c.Name)
		}
	}
}

func TestReplaceBlockWantsItsLines(t *testing.T) {
	if _, err := replaceBlock("no block\n", ""); err == nil || !strings.Contains(err.Error(), blockBegin) {
		t.Errorf("error is %v; want one that names the line", err)
	}
}

func TestRatiosAreJudged(t *testing.T) {
	r := &run{Contenders: []result{
		{Name: "offload-postgres", System: "offload", Store: "PostgreSQL", Drain: 42_000, Insert16: 16_000, P50: 1.5, RestP50: 2},
		{Name: "river-defaults", System: "River", Variant: "defaults", Store: "PostgreSQL", Peer: true, Drain: 1000, Insert16: 1500, P50: 14, RestP50: 30},
		{Name: "river-tuned", System: "River", Variant: "tuned", Store: "PostgreSQL", Peer: true, Tuned: true, Drain: 12_000, Insert16: 2000, P50: 3, RestP50: 1},
	}}
	want := map[string]verdict{
		"PostgreSQL: drain ≥ 3.5 × River, tuned on PostgreSQL":                    held,
		"PostgreSQL: drain ≥ 40 × River, defaults on PostgreSQL":                  held,
		"PostgreSQL: enqueue from 16 goroutines ≥ 8 × River, tuned on PostgreSQL": held, // of the better of the two
		"PostgreSQL: p50 ≤ 1/10 of River, defaults on PostgreSQL":                 notHeld,
		"PostgreSQL: p50 < the quickest peer, River, tuned on PostgreSQL":         held,
		"PostgreSQL: p50 at rest ≤ 1/10 of River, defaults on PostgreSQL":         held,
		"PostgreSQL: p50 at rest < the quickest peer, River, tuned on PostgreSQL": notHeld,
		"SQLite: drain ≥ 30 × a peer":                                             unknown,
		"SQLite: p50 < the quickest peer, a peer":                                 unknown,
		"SQLite: p50 at rest < the quickest peer, a peer":                         unknown,
	}
	got := map[string]verdict{}
	for _, ratio := range r.ratios() {
		got[ratio.what] = ratio.held
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ratios (-want +got):\n%s", diff)
	}
}

func TestFlagsThatAreRefused(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"-only", "sidekiq"}, `-only is "sidekiq"; want one of offload-postgres, river-defaults,`},
		{[]string{"-without", "river,redis"}, `-without is "redis"; want one of`},
		{[]string{"-only", "river-tuned", "-without", "River"}, "leave no contender"},
		{[]string{"-rounds", "0"}, `-rounds is "0"; want 1 to 100`},
		{[]string{"-jobs", "10"}, `-jobs is "10"; want 1,000 to 10,000,000`},
		{[]string{"-dir", "nowhere"}, `-dir is "nowhere"; want a folder that exists`},
		{[]string{"-readme", "-only", "river"}, "-readme"},
		{[]string{"river"}, `"river" is no flag`},
	} {
		if _, err := parse(test.args, io.Discard); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: error is %v; want one with %q", test.args, err, test.want)
		}
	}
}

func TestContendersAreChosen(t *testing.T) {
	for _, test := range []struct {
		args []string
		want []string
	}{
		{[]string{"-only", "river,offload"}, []string{"offload-postgres", "river-defaults", "river-tuned", "offload-sqlite", "river-sqlite-defaults", "river-sqlite-tuned"}},
		{[]string{"-only", "goqite", "-without", "goqite-tuned"}, []string{"goqite-defaults"}},
	} {
		o, err := parse(test.args, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range o.contenders {
			got = append(got, c.Name)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%q: chosen %q; want %q", test.args, got, test.want)
		}
	}
}

func TestMissingPeerIsNamed(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("TMPDIR", os.TempDir()) // provide changes it
	o, err := parse([]string{"-only", "asynq-tuned", "-dir", t.TempDir()}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	_, err = provide(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "apt-get install redis-server") || !strings.Contains(err.Error(), "-without asynq-tuned") {
		t.Errorf("error is %v; want one that names redis-server, what to install, and who needs it", err)
	}
}

// a system for the watch: it has jobs left until it was asked some times.
type fake struct {
	contender.System
	left    int
	enqueue func(contender.Input)
}

func (f *fake) Left(context.Context) (bool, error) {
	f.left--
	return f.left >= 0, nil
}

func (f *fake) Enqueue(_ context.Context, in contender.Input) error {
	f.enqueue(in)
	return nil
}

func TestWatchWaitsForTheEndOfTheLastJob(t *testing.T) {
	w := newWatch(3)
	began := time.Now()
	for _, n := range []int{2, 0, 1} {
		w.started(n, began.Add(-time.Hour))
	}
	f := &fake{left: 2}
	took, err := w.drained(t.Context(), f)
	if err != nil || took < time.Hour || f.left >= 0 {
		t.Errorf("drained = %v, %v, with %d to ask; want an hour since the first start, when none is left", took, err, f.left)
	}
}

func TestWatchTellsOfJobsThatDoNotStart(t *testing.T) {
	w := newWatch(3)
	w.started(1, time.Now())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.drained(ctx, &fake{})
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "1 of 3 jobs had started") {
		t.Errorf("error is %v; want one that counts", err)
	}
}

func TestWatchCountsWhatRunsTwice(t *testing.T) {
	w := newWatch(2)
	for _, n := range []int{0, 1, 1} {
		w.started(n, time.Now())
	}
	f := &fake{}
	f.enqueue = func(in contender.Input) { // it starts 5 ms later, and again
		w.started(in.Number, time.Now().Add(5*time.Millisecond))
		w.started(in.Number, time.Now())
	}
	took, err := w.latencies(t.Context(), f, 0, func() time.Duration { return 0 })
	if err != nil || len(took) != leastLatencies || took[0] < 5*time.Millisecond {
		t.Errorf("latencies = %v, %v; want %d of 5 ms and more", took, err, leastLatencies)
	}
	if got, want := w.twice.Load(), int64(1+leastLatencies); got != want {
		t.Errorf("%d ran twice; want %d", got, want)
	}
}

func TestNumbersAreWritten(t *testing.T) {
	for want, got := range map[string]string{
		"12,300": thousands(12_345), "1,000": thousands(999.6), "19": thousands(19.2), "1,230,000": thousands(1_234_567), "–": thousands(0),
		"5.1 ×": times(5.11), "46 ×": times(46.2), "0.38 ×": times(0.384), "1.7": ms(1.68), "812": ms(812.3),
	} {
		if got != want {
			t.Errorf("%q; want %q", got, want)
		}
	}
	if got := median([]float64{4, 1, 2, 9}); got != 3 {
		t.Errorf("median is %v; want 3", got)
	}
	if got := quantile([]time.Duration{time.Millisecond, 2 * time.Millisecond, 30 * time.Millisecond}, 0.5); got != 2 {
		t.Errorf("p50 is %v; want 2", got)
	}
}
