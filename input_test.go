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

var noop = offload.NewTask("noop", func(context.Context, any) error { return nil })

// wantInputError checks that err names the field and says what would be right.
func wantInputError(t *testing.T, err error, field string) {
	t.Helper()
	var wrong *offload.InputError
	switch {
	case !errors.As(err, &wrong):
		t.Errorf("error is %v; want an InputError for %s", err, field)
	case wrong.Field != field:
		t.Errorf("error %q names field %q; want %q", err, wrong.Field, field)
	case wrong.Want == "":
		t.Errorf("error %q does not say what would be right", err)
	}
}

func TestEnqueueRefusesBadInput(t *testing.T) {
	app := offloadtest.New(noop)
	defer app.Close()
	for _, test := range []struct {
		name  string
		opt   offload.EnqueueOption
		field string
	}{
		{"negative delay", offload.Delay(-time.Second), "Delay"},
		{"a delay beyond reason", offload.Delay(math.MaxInt64), "Delay"},
		{"a time before all times", offload.At(time.Time{}.Add(time.Hour)), "At"},
		{"priority too low", offload.Priority(-1), "Priority"},
		{"priority too high", offload.Priority(10), "Priority"},
		{"no attempts", offload.MaxAttempts(0), "MaxAttempts"},
		{"negative timeout", offload.Timeout(-1), "Timeout"},
		{"giving up at once", offload.GiveUpAfter(0), "GiveUpAfter"},
		{"retained for nothing", offload.Retain(0), "Retain"},
		{"queue without a name", offload.Queue(""), "Queue"},
		{"queue with a long name", offload.Queue(strings.Repeat("q", 129)), "Queue"},
		{"queue with odd letters", offload.Queue("größe"), "Queue"},
		{"queue with NUL", offload.Queue("a\x00b"), "Queue"},
		{"tag without a name", offload.Tag("", "x"), "Tag"},
		{"tag with invalid UTF-8", offload.Tag("a", "\xff"), "Tag a"},
		{"tag with NUL", offload.Tag("a", "\x00"), "Tag a"},
		{"zero id", offload.WithID(offload.ID{}), "WithID"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := noop.Enqueue(t.Context(), app, 1, test.opt)
			wantInputError(t, err, test.field)
		})
	}
	offloadtest.WantNone(t, app, noop)
}

func TestEnqueueRefusesWhatIsNoJSON(t *testing.T) {
	app := offloadtest.New(noop)
	defer app.Close()
	ctx := t.Context()

	_, err := noop.Enqueue(ctx, app, func() {})
	wantInputError(t, err, "input")
	_, err = app.Enqueue(ctx, offload.NewCall("noop", []byte("{")))
	wantInputError(t, err, "input")
	_, err = noop.Enqueue(ctx, app, strings.Repeat("x", 1<<20))
	wantInputError(t, err, "input")
	_, err = app.Enqueue(ctx, offload.NewCall("nosuch", []byte("{}")))
	if !errors.Is(err, offload.ErrUnknownTask) {
		t.Errorf("call of an unknown task: %v; want ErrUnknownTask", err)
	}
	_, err = app.Enqueue(ctx, nil)
	wantInputError(t, err, "call")
	call := noop.Call(1)
	_, err = app.Enqueue(ctx, call, call)
	wantInputError(t, err, "calls")
	_, err = noop.EnqueueMany(ctx, app, []any{1, 2}, offload.WithID(offload.NewID()))
	wantInputError(t, err, "WithID")
	offloadtest.WantNone(t, app, noop)
}

func TestInputByNameIsCheckedByTheTask(t *testing.T) {
	type Photo struct {
		Path  string `json:"path"`
		Width int    `json:"width"`
	}
	thumbnail := offload.NewTask("thumbnail", func(context.Context, Photo) error { return nil })
	app := offloadtest.New(thumbnail)
	defer app.Close()

	_, err := app.Enqueue(t.Context(), offload.NewCall("thumbnail", []byte(`{"width":"wide"}`)))

	wantInputError(t, err, "input.width")
}

func TestMaxInputCanBeRaised(t *testing.T) {
	app := offloadtest.New(noop, offload.MaxInput(4<<20))
	defer app.Close()

	if _, err := noop.Enqueue(t.Context(), app, strings.Repeat("x", 2<<20)); err != nil {
		t.Error(err)
	}
}

func TestOpenRefusesWrongParts(t *testing.T) {
	other := offload.NewTask("noop", func(context.Context, string) error { return nil })
	type kit struct{ offload.Part }
	for _, test := range []struct {
		name  string
		parts []offload.Part
		field string
	}{
		{"nil", []offload.Part{nil}, "part 1"},
		{"a nil task", []offload.Part{(*offload.Task[int])(nil)}, "part"},
		{"a zero kit", []offload.Part{noop, kit{}}, "part 2"},
		{"a task without a name", []offload.Part{offload.NewTask("", func(context.Context, int) error { return nil })}, "task name"},
		{"two tasks of one name", []offload.Part{noop, other}, "task name"},
		{"an alias that is taken", []offload.Part{noop, offload.NewTask("new", func(context.Context, int) error { return nil }, offload.Alias("noop"))}, "task name"},
		{"a nil handler", []offload.Part{noop.Handle(nil)}, "Handle"},
		{"a task with a wrong option", []offload.Part{offload.NewTask("t", func(context.Context, int) error { return nil }, offload.Priority(11))}, "Priority"},
		{"wrong defaults", []offload.Part{noop, offload.Defaults(offload.MaxAttempts(-1))}, "MaxAttempts"},
		{"negative workers", []offload.Part{offload.Workers("mail", -1)}, `Workers("mail")`},
		{"negative grace", []offload.Part{offload.Grace(-1)}, "Grace"},
		{"no logger", []offload.Part{offload.LogTo(nil)}, "LogTo"},
		{"no input at all", []offload.Part{offload.MaxInput(0)}, "MaxInput"},
		{"nothing to call", []offload.Part{offload.OnClose(nil)}, "OnClose"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := offload.New(t.Context(), memory.New(), test.parts...)
			wantInputError(t, err, test.field)
		})
	}
}

func TestOpenNamesTheMissingImport(t *testing.T) {
	for _, address := range []string{"", "mysql://localhost/x", "nosuch:thing"} {
		_, err := offload.Open(t.Context(), address)
		if !errors.Is(err, offload.ErrRefused) {
			t.Errorf("Open(%q): %v; want ErrRefused", address, err)
		}
	}
}

func TestClosedAndNilAppsRefuse(t *testing.T) {
	closed := offloadtest.New(noop)
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
	for name, app := range map[string]*offload.App{"closed": closed.App, "nil": nil} {
		ctx := t.Context()
		calls := map[string]func() error{
			"Enqueue":  func() error { _, err := noop.Enqueue(ctx, app, 1); return err },
			"Tx":       func() error { _, err := noop.Enqueue(ctx, app.Tx(1), 1); return err },
			"Job":      func() error { _, err := app.Job(ctx, offload.NewID()); return err },
			"Jobs":     func() error { _, err := app.Jobs(ctx, offload.Filter{}); return err },
			"Failures": func() error { _, err := app.Failures(ctx, offload.NewID()); return err },
			"Wait":     func() error { _, err := app.Wait(ctx, offload.NewID()); return err },
			"Cancel":   func() error { return app.Cancel(ctx, offload.NewID()) },
			"Run":      func() error { return app.Run(ctx) },
		}
		for call, f := range calls {
			if err := f(); !errors.Is(err, offload.ErrClosed) {
				t.Errorf("%s of a %s app: %v; want ErrClosed", call, name, err)
			}
		}
	}
	if _, err := noop.Enqueue(t.Context(), nil, 1); !errors.Is(err, offload.ErrClosed) {
		t.Errorf("enqueue to nil: %v; want ErrClosed", err)
	}
	var none *offload.Task[int]
	_, err := none.Enqueue(t.Context(), closed, 1)
	if err == nil {
		t.Error("a nil task enqueues")
	}
}

func TestTxRefusesWhatIsNoTransaction(t *testing.T) {
	app := offloadtest.New(noop)
	defer app.Close()
	for _, tx := range []any{nil, 7, "tx", app} {
		_, err := noop.Enqueue(t.Context(), app.Tx(tx), 1)
		wantInputError(t, err, "Tx")
	}
}

func TestNamesKeepWhatCanBeTypedEverywhere(t *testing.T) {
	app := offloadtest.New(noop)
	defer app.Close()
	for _, queue := range []string{"a", "mail", "crm.push", "tenant:7", "eu/west_1-b", strings.Repeat("q", 128)} {
		if _, err := noop.Enqueue(t.Context(), app, 1, offload.Queue(queue)); err != nil {
			t.Errorf("queue %q: %v", queue, err)
		}
	}
}
