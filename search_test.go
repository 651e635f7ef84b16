package offload_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/offloadtest"
	"github.com/offloadhq/offload/operate"
	"github.com/offloadhq/offload/store"
)

type payment struct {
	Order int    `json:"order"`
	Card  string `json:"card" offload:"secret"`
	PIN   int    `json:"pin" offload:"secret"`
	To    string `json:"to"`
}

var (
	pay      = offload.NewTask("pay", func(context.Context, payment) error { return nil })
	paySafe  = offload.NewTask("pay-safe", func(context.Context, payment) error { return nil }, offload.Encrypt())
	testKeys = offload.Keys{Current: "a", ByID: map[string][]byte{"a": []byte("0123456789abcdef0123456789abcdef")}}
)

func byInput(path, value string) offload.Filter {
	return offload.Filter{Input: []offload.Match{{Path: path, Value: value}}}
}

// Whoever searches learns nothing that is not shown to him: neither by what is found, nor by what is acted on.
func TestSearchFindsNoSecrets(t *testing.T) {
	onEachStore(t, func(t *testing.T, address string) {
		searchForSecrets(t, offloadtest.Open(t, address, pay, paySafe, testKeys), open(t, address))
	})
}

// searchForSecrets searches with an app that has the tasks, and one that knows them by their registration alone.
func searchForSecrets(t *testing.T, app *offloadtest.App, other *offload.App) {
	p := payment{Order: 42, Card: "4111-1111", PIN: 4711, To: "ada"}
	job, err := pay.Enqueue(t.Context(), app, p, offload.Delay(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := paySafe.Enqueue(t.Context(), app, p, offload.Delay(time.Hour)); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		path, value string
		found       bool
	}{
		{"order", "42", true},
		{"to", "ada", true},
		{"", "ADA", true},
		{"card", "•••", true},
		{"pin", "null", true},
		{"card", "4111-1111", false},
		{"pin", "4711", false},
		{"", "4111", false},
		{"", "4711", false},
		{"", "encrypted", false},
	} {
		for what, app := range map[string]*offload.App{"with": app.App, "without": other} {
			for _, budget := range []time.Duration{0, time.Hour} {
				found, err := app.Search(t.Context(), byInput(test.path, test.value), budget)
				if err != nil || len(found.Jobs) > 0 != test.found || len(found.Jobs) > 1 || test.found && found.Jobs[0].ID != job.ID {
					t.Errorf("Search %s=%s %s the task: %d jobs, %v; want it found: %v", test.path, test.value, what, len(found.Jobs), err, test.found)
				}
			}
			if jobs, err := app.Jobs(t.Context(), byInput(test.path, test.value)); err != nil || len(jobs) > 0 != test.found {
				t.Errorf("Jobs %s=%s %s the task: %d jobs, %v; want it found: %v", test.path, test.value, what, len(jobs), err, test.found)
			}
		}
	}
	if act := actBy(t, app, byInput("pin", "4711")); !strings.Contains(act, `"jobs":0`) {
		t.Errorf("an act by a secret: %s; want none looked at", act)
	}
	if act := actBy(t, app, byInput("to", "ada")); !strings.Contains(act, `"changed":1`) {
		t.Errorf("an act by an input: %s; want one changed", act)
	}
}

// actBy cancels the jobs of a filter and returns what the act says.
func actBy(t *testing.T, app *offloadtest.App, f offload.Filter) string {
	t.Helper()
	act, err := operate.As(app.App, "ada").CancelAll(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	app.Drain()
	if act, err = app.Job(t.Context(), act.ID); err != nil || act.State != offload.Completed {
		t.Fatalf("the act is %+v, %v; want it completed", act, err)
	}
	return string(act.Result)
}

func TestSearchPagesBySoonest(t *testing.T) {
	app := offloadtest.New(noop)
	defer app.Close()
	var want []offload.ID
	for i := range 7 {
		job, err := noop.Enqueue(t.Context(), app, struct{}{}, offload.Delay(time.Duration(7-i)*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, job.ID)
	}
	slices.Reverse(want)
	var got []offload.ID
	for f := (offload.Filter{Soonest: true, Max: 3}); ; {
		found, err := app.Search(t.Context(), f, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		for _, job := range found.Jobs {
			got = append(got, job.ID)
		}
		if found.Reached.IsZero() {
			break
		}
		if f.After, err = offload.ParseCursor(found.Reached.String()); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("soonest first are %v, want %v", got, want)
	}
}

func TestSearchRefusesWhatNoInputSays(t *testing.T) {
	app := offloadtest.New(noop)
	defer app.Close()
	for _, test := range []struct {
		field  string
		filter offload.Filter
	}{
		{"Input", byInput("", "")},
		{"Input", byInput("a", "\xff")},
		{"Input", byInput("a\x00", "b")},
		{"Input", byInput("a..b", "c")},
		{"Priorities", offload.Filter{Priorities: []int{5, 10}}},
		{"Soonest", offload.Filter{Soonest: true, States: []offload.State{offload.Running}}},
		{"After", offload.Filter{Soonest: true, After: offload.Cursor{ID: offload.NewID()}}},
		{"After", offload.Filter{Soonest: true, Before: offload.NewID()}},
	} {
		_, err := app.Search(t.Context(), test.filter, time.Second)
		wantInputError(t, err, test.field)
	}
	_, err := app.Search(t.Context(), offload.Filter{}, -1)
	wantInputError(t, err, "budget")
	_, err = operate.As(app.App, "ada").CancelAll(t.Context(), offload.Filter{Soonest: true, Tasks: []string{"noop"}})
	wantInputError(t, err, "Soonest")
	for _, err := range app.Watch(t.Context(), byInput("a", "b")) {
		wantInputError(t, err, "Filter")
	}
	_, err = operate.As(app.App, "ada").Counts(t.Context(), byInput("a", "b"))
	wantInputError(t, err, "Filter")
}

func TestCursorsAreReadAsTheyAreWritten(t *testing.T) {
	id := offload.NewID()
	for _, c := range []offload.Cursor{{}, {ID: id}, {ID: id, At: time.UnixMicro(1234567).UTC()}, {ID: id, At: time.UnixMicro(-1).UTC()}} {
		got, err := offload.ParseCursor(c.String())
		if err != nil || got != c {
			t.Errorf("ParseCursor(%q) = %+v, %v; want %+v", c, got, err, c)
		}
	}
	for _, text := range []string{"x", ".", "1.", "x." + id.String(), id.String() + ".1", strings.Repeat("9", 100) + "." + id.String()} {
		if c, err := offload.ParseCursor(text); err == nil {
			t.Errorf("ParseCursor(%q) = %+v, want an error", text, c)
		}
	}
}

func FuzzMatch(f *testing.F) {
	f.Add(`{"a":{"b":[1,"x"]}}`, "a.b", "x")
	f.Add(`"\u212a\u0130k"`, "", "K")
	f.Add(`{"a":"K\u0000"}`, "", "k")
	f.Fuzz(func(t *testing.T, input, path, value string) {
		m := []store.Match{{Path: path, Value: value}}
		needle, exact := store.Needle(m)
		in := input
		if !exact {
			in = asciiLower(input)
		}
		if store.MatchAll([]byte(input), m) && !strings.Contains(in, needle) && !strings.Contains(input, `\u00`) {
			t.Errorf("%q matches %q, and has not the needle %q", input, m, needle)
		}
	})
}

// asciiLower makes lower case of a text as databases do.
func asciiLower(text string) string {
	b := []byte(text)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

func TestCountsAreBounded(t *testing.T) {
	app := offloadtest.New(noop)
	defer app.Close()
	calls := make([]*offload.Call, 1100)
	for i := range calls {
		calls[i] = noop.Call(i, offload.Tag("n", fmt.Sprint(i%2)))
	}
	if _, err := app.Enqueue(t.Context(), calls...); err != nil {
		t.Fatal(err)
	}
	counts, err := operate.As(app.App, "ada").Counts(t.Context(), offload.Filter{})
	if err != nil || counts.States[offload.Available] != 1001 || !counts.More[offload.Available] || counts.Tasks["noop"] != 1001 ||
		counts.Tags["n=0"]+counts.Tags["n=1"] != 1001 || len(counts.More) != 1 {
		t.Errorf("counts are %+v, %v; want 1,001 that are available, and more of them", counts, err)
	}
	if _, err := operate.As(app.App, "").Counts(t.Context(), offload.Filter{}); err == nil || errors.Is(err, offload.ErrClosed) {
		t.Errorf("Counts for nobody: %v, want an error that says so", err)
	}
}
