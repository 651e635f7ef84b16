package offload_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/offloadtest"
	"github.com/offloadhq/offload/store/memory"
)

// What is wrong with an option is said when it is declared, and when it is given to one job.
func TestOptionsOfTermsAreChecked(t *testing.T) {
	long := strings.Repeat("k", 257)
	app := offloadtest.New()
	defer app.Close()
	for _, test := range []struct {
		name  string
		opt   offload.JobOption
		field string
		want  string // a part of what would be right
	}{
		{"the zero limit", offload.Limit{}, `Limit "push" Max`, "1 to"},
		{"a negative limit", offload.Limit{Name: "crm", Max: -1}, `Limit "crm" Max`, "1 to"},
		{"a limit's odd name", offload.Limit{Name: "größe", Max: 1}, `Limit "größe" Name`, "letters"},
		{"a limit of offload's own", offload.Limit{Name: "~behind:push", Max: 1}, `Limit "~behind:push" Name`, "letters"},
		{"negative time", offload.Limit{Max: 1, Per: -time.Second}, `Limit "push" Per`, "0 (jobs at once)"},
		{"faster than any clock", offload.Limit{Max: 1_000_000, Per: time.Millisecond}, `Limit "push" Max`, "microsecond"},
		{"negative burst", offload.Limit{Max: 1, Per: time.Second, Burst: -1}, `Limit "push" Burst`, "0 (Max)"},
		{"burst of what is no rate", offload.Limit{Max: 1, Burst: 1}, `Limit "push" Burst`, "Per"},
		{"negative cost", offload.Limit{Max: 1, Per: time.Second, Cost: -1}, `Limit "push" Cost`, "0 (1)"},
		{"cost of what is no rate", offload.Limit{Max: 5, Cost: 2}, `Limit "push" Cost`, "Per"},
		{"cost that never fits", offload.Limit{Max: 10, Per: time.Second, Burst: 2, Cost: 3}, `Limit "push" Cost`, "at most 2"},
		{"strict for two", offload.Limit{Max: 2, Strict: true}, `Limit "push" Strict`, "Max 1"},
		{"a strict rate", offload.Limit{Max: 1, Per: time.Second, Strict: true}, `Limit "push" Strict`, "without Per"},
		{"an unknown word", offload.Limit{Max: 1, WhenFull: "dorp"}, `Limit "push" WhenFull`, `"drop"`},
		{"to cancel what holds nothing", offload.Limit{Max: 1, Per: time.Second, WhenFull: offload.FullCancel}, `Limit "push" WhenFull`, "another"},
		{"two keys of a limit", offload.Limit{Max: 1, By: "tenant", Key: "acme"}, `Limit "push" By`, "By or Key"},
		{"a long key of a limit", offload.Limit{Max: 1, Key: long}, `Limit "push" Key`, "256 bytes"},
		{"a key that is no text", offload.Limit{Max: 1, Key: "a\x00"}, `Limit "push" Key`, "NUL"},
		{"a field that there is not", offload.Limit{Max: 1, By: "tenent"}, `Limit "push" By`, "tenant, doc, note"},
		{"no field", offload.Limit{Max: 1, By: "tenant,"}, `Limit "push" By`, "fields of the input"},
		{"a field of a text", offload.Limit{Max: 1, By: "tenant.id"}, `Limit "push" By`, "has none"},

		{"an unknown until", offload.Unique{Until: "end"}, "Unique Until", `"ended"`},
		{"an unknown conflict", offload.Unique{OnConflict: "kepe"}, "Unique OnConflict", `"keep"`},
		{"a negative window", offload.Unique{For: -time.Second}, "Unique For", "0 (none)"},
		{"an endless window", offload.Unique{For: math.MaxInt64}, "Unique For", "100 years"},
		{"a window and an end", offload.Unique{For: time.Second, Until: offload.Never}, "Unique For", "For or Until"},
		{"behind for ever", offload.Unique{OnConflict: offload.ConflictBehind, Until: offload.Never}, "Unique OnConflict", "another"},
		{"behind for a window", offload.Unique{OnConflict: offload.ConflictBehind, For: time.Second}, "Unique OnConflict", "another"},
		{"two unique keys", offload.Unique{By: "tenant", Key: "acme"}, "Unique By", "By or Key"},
		{"a long unique key", offload.Unique{Key: long}, "Unique Key", "256 bytes"},
		{"an unknown field", offload.Unique{By: "doc, nothing"}, "Unique By", "tenant, doc, note"},

		{"the zero turn", offload.Fair{}, "Fair By", "Key"},
		{"a turn of an unknown field", offload.Fair{By: "x"}, "Fair By", "tenant, doc, note"},
		{"a negative weight", offload.Fair{By: "tenant", Weight: -1}, "Fair Weight", "0 (1)"},
		{"a huge weight", offload.Fair{By: "tenant", Weight: 101}, "Fair Weight", "100"},

		{"expired at once", offload.Expire(0), "Expire", "more than 0"},
		{"expired before", offload.Expire(-time.Second), "Expire", "more than 0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := offload.New(t.Context(), memory.New(), offload.NewTask("push", nothing[crm], test.opt))
			wantRefused(t, err, "push", test.field, test.want)
			_, err = offload.Declare[crm]("push").Enqueue(t.Context(), app, crm{Tenant: "acme", Doc: 1}, test.opt)
			wantRefused(t, err, "push", test.field, test.want)
		})
	}
}

// wantRefused checks that an error names task and field and says what would be right.
func wantRefused(t *testing.T, err error, task, field, want string) {
	t.Helper()
	wantInputError(t, err, field)
	var wrong *offload.InputError
	if errors.As(err, &wrong) && (wrong.Task != task || !strings.Contains(wrong.Want, want)) {
		t.Errorf("error is %q; want it to name task %q and to say %q", err, task, want)
	}
}

func TestKeysOfAnInputAreChecked(t *testing.T) {
	push := offload.Declare[crm]("push")
	app := offloadtest.New(push)
	defer app.Close()
	long := crm{Tenant: strings.Repeat("k", 257)}
	for field, opt := range map[string]offload.JobOption{
		`Limit "push" By "tenant"`: offload.Limit{Max: 1, By: "tenant"},
		`Unique By "tenant"`:       offload.Unique{By: "tenant"},
		`Fair By "tenant"`:         offload.Fair{By: "tenant"},
	} {
		_, err := push.Enqueue(t.Context(), app, long, opt)
		wantRefused(t, err, "push", field, "256 bytes")
		_, err = push.Enqueue(t.Context(), app, crm{Tenant: "a\x00b"}, opt)
		wantRefused(t, err, "push", field, "NUL")
	}
	if _, err := push.Enqueue(t.Context(), app, long, offload.Unique{}); err != nil {
		t.Errorf("all of a long input is refused as a key: %v", err)
	}
	offloadtest.WantEnqueued(t, app, push, long)
}

func TestOneLimitHasOneDefinition(t *testing.T) {
	ctx := t.Context()
	push := offload.NewTask("push", nothing[crm], offload.Limit{Name: "crm", Max: 2, By: "tenant"})
	pull := offload.NewTask("pull", nothing[crm], offload.Limit{Name: "crm", Max: 3})
	_, err := offload.New(ctx, memory.New(), push, pull)
	wantRefused(t, err, "pull", `Limit "crm"`, `Max 2, as task "push" says`)

	_, err = offload.New(ctx, memory.New(), push, offload.NewTask("pull", nothing[crm],
		offload.Limit{Name: "crm", Max: 2, WhenFull: offload.FullWait}, offload.Limit{Name: "crm", Max: 2, Strict: true}))
	wantRefused(t, err, "pull", `Limit "crm"`, "Max 2, as it was said before")

	app := offloadtest.New(push)
	defer app.Close()
	_, err = push.Enqueue(ctx, app, crm{}, offload.Limit{Name: "crm", Max: 3})
	wantInputError(t, err, `Limit "crm"`)
	_, err = offload.Declare[int]("other").Enqueue(ctx, app, 1, offload.Limit{Name: "crm", Max: 3})
	wantRefused(t, err, "other", `Limit "crm"`, `as task "push" says`)
	offloadtest.WantNone(t, app, push)
	// They may count by other keys and at other costs, and say the same in other words.
	job := enqueued(t, app, push, crm{}, false, offload.Limit{Name: "crm", Max: 2, WhenFull: offload.FullWait, Key: "x"})
	if len(job.Limits) != 1 || job.Limits[0].Key != "x" {
		t.Errorf("its limits are %+v; want the last word", job.Limits)
	}

	many := make([]offload.TaskOption, 9)
	for i := range many {
		many[i] = offload.Limit{Name: string(rune('a' + i)), Max: 1}
	}
	_, err = offload.New(ctx, memory.New(), offload.NewTask("push", nothing[crm], many...))
	wantRefused(t, err, "push", "Limit", "at most 8")
}

func TestScalarInputsHaveAKeyToo(t *testing.T) {
	report := offload.NewTask("report", nothing[string], offload.Limit{Max: 1, By: "."})
	app := offloadtest.New(report)
	defer app.Close()
	job := enqueued(t, app, report, "acme", false)
	if job.Limits[0].Key != "acme" {
		t.Errorf("its limits are %+v", job.Limits)
	}
	_, err := offload.New(t.Context(), memory.New(), offload.NewTask("report", nothing[string], offload.Limit{Max: 1, By: "tenant"}))
	wantRefused(t, err, "report", `Limit "report" By`, `"." is all of it`)
}

// The app's defaults are for all tasks, and each is checked against them.
func TestDefaultsOfTerms(t *testing.T) {
	defaults := offload.Defaults(offload.Limit{Max: 1, By: "tenant"})
	push := offload.Declare[crm]("push")
	app := offloadtest.New(push, defaults)
	defer app.Close()
	if job := enqueued(t, app, push, crm{Tenant: "acme"}, false); job.Limits[0] != (offload.LimitUse{Name: "push", Key: "acme"}) {
		t.Errorf("its limits are %+v; want one named by the task", job.Limits)
	}
	_, err := offload.New(t.Context(), memory.New(), push, offload.NewTask("other", func(context.Context, struct{ Account int }) error { return nil }), defaults)
	wantRefused(t, err, "other", `Limit "other" By`, "Account")
}
