package operate_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/inside"
	"github.com/offloadhq/offload/offloadtest"
	"github.com/offloadhq/offload/operate"
	_ "github.com/offloadhq/offload/store/sqlite"
)

const personal = "ada@example.com"

var letter = offload.NewFunc("letter", func(ctx context.Context, to string) (string, error) {
	offload.Logger(ctx).Info("to "+to, "to", to)
	if err := offload.Checkpoint(ctx, to); err != nil {
		return "", err
	}
	if strings.HasPrefix(to, "bad") {
		return "", offload.Discard(errors.New("no such address: " + to))
	}
	return to, nil
})

func TestEraseBlanksWhatEndedJobsSay(t *testing.T) {
	app := offloadtest.New(letter)
	defer app.Close()
	ctx, ofAda := t.Context(), offload.Filter{Tag: "customer=7"}
	calls := []*offload.Call{letter.Call(personal), letter.Call("bad " + personal), letter.Call(personal, offload.Delay(time.Hour))}
	for i := range calls {
		calls[i] = calls[i].With(offload.Tag("customer", "7"))
	}
	jobs, err := app.Enqueue(ctx, calls...)
	if err != nil {
		t.Fatal(err)
	}
	app.Drain()

	act, err := operate.As(app.App, "ada").Erase(ctx, ofAda)
	if err != nil {
		t.Fatal(err)
	}
	app.Drain()
	if j, err := app.Job(ctx, jobs[0].ID); err != nil || !strings.Contains(string(j.Input), personal) {
		t.Errorf("before the minute to undo has passed the job is %+v, %v", j, err)
	}
	app.Advance(time.Minute)
	app.Drain()
	if act, err = app.Job(ctx, act.ID); err != nil || string(act.Result) != `{"jobs":3,"changed":2,"refused":1}` {
		t.Errorf("the act is %+v with %s, %v", act, act.Result, err)
	}
	for i, id := range []offload.ID{jobs[0].ID, jobs[1].ID} {
		j, err := app.Job(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		text := string(j.Input) + string(j.Result) + j.Error
		for line, err := range app.Logs(ctx, id, false) {
			text += line.Text + string(line.Attrs)
			if err != nil {
				t.Error(err)
			}
		}
		failures, err := app.Failures(ctx, id)
		if err != nil || len(failures) != i {
			t.Errorf("failures are %v, %v", failures, err)
		}
		for _, f := range failures {
			text += f.Error + f.Stack
		}
		if strings.Contains(text, "example") || !strings.Contains(text, "offload:erased") {
			t.Errorf("an erased job says %q", text)
		}
		var refused *offload.InputError
		if err := app.Retry(ctx, id); !errors.As(err, &refused) || !strings.Contains(err.Error(), "not erased") && i == 1 {
			t.Errorf("Retry of an erased job: %v; want an InputError", err)
		}
	}
	app.Advance(time.Hour)
	app.Drain()
	if j, err := app.Job(ctx, jobs[2].ID); err != nil || j.State != offload.Completed {
		t.Errorf("a job that waited is %+v, %v", j, err)
	}
	if _, err := operate.As(app.App, "ada").Erase(ctx, offload.Filter{}); err == nil {
		t.Error("Erase of everything without saying so is no error")
	}
}

// On SQLite no byte of what was erased is left in the file.
func TestEraseLeavesNoByte(t *testing.T) {
	path := filepath.Join(t.TempDir(), "offload.db")
	app, err := offload.Open(t.Context(), path, letter)
	if err != nil {
		t.Fatal(err)
	}
	defer app.Close()
	ctx := t.Context()
	if _, err := letter.EnqueueMany(ctx, app, []string{personal, "bad " + personal}, offload.Tag("customer", "7")); err != nil {
		t.Fatal(err)
	}
	if _, err := letter.EnqueueMany(ctx, app, []string{"bob"}); err != nil {
		t.Fatal(err)
	}
	drain := func() {
		if _, err := inside.Drain(ctx, app); err != nil {
			t.Fatal(err)
		}
	}
	drain()
	act, err := operate.As(app, "ada").Erase(ctx, offload.Filter{Tag: "customer"})
	if err != nil {
		t.Fatal(err)
	}
	if err := app.RunNow(ctx, act.ID); err != nil {
		t.Fatal(err)
	}
	drain()
	for _, file := range []string{path, path + "-wal"} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), personal) {
			t.Errorf("%s holds what was erased", file)
		}
		if file == path && !strings.Contains(string(data), `"bob"`) {
			t.Error("the file does not hold what was kept")
		}
	}
}
