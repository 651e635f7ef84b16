package offload_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/offloadtest"
	"github.com/offloadhq/offload/operate"
)

// A Letter says itself what is wrong with it.
type Letter struct {
	To   string `json:"to"`
	Text string `json:"text"`
}

var errNoText = errors.New("a letter without text")

func (l *Letter) Validate() error {
	switch {
	case !strings.Contains(l.To, "@"):
		return fmt.Errorf("look at the letter: %w", &offload.InputError{Field: "to", Got: l.To, Want: "an address such as ada@example.com"})
	case l.Text == "":
		return errNoText
	case l.Text == "boom":
		panic("boom")
	}
	return nil
}

func TestInputsAreAskedWhetherTheyAreRight(t *testing.T) {
	ran := 0
	send := offload.NewTask("send", func(context.Context, Letter) error { ran++; return nil })
	sendPtr := offload.NewTask("sendptr", func(context.Context, *Letter) error { ran++; return nil })
	app := offloadtest.New(send, sendPtr)
	defer app.Close()
	ctx, bad := t.Context(), Letter{To: "ada", Text: "hello"}

	_, err := send.Enqueue(ctx, app, bad)
	wantInputError(t, err, "to")
	if !strings.Contains(err.Error(), `task "send"`) {
		t.Errorf("%q does not name the task", err)
	}
	_, err = sendPtr.Enqueue(ctx, app, &bad)
	wantInputError(t, err, "to")
	_, err = send.EnqueueMany(ctx, app, []Letter{{"a@b", "x"}, bad})
	wantInputError(t, err, "to")
	_, err = send.Enqueue(ctx, app, Letter{To: "a@b"})
	wantInputError(t, err, "input")
	_, err = app.Enqueue(ctx, offload.NewCall("send", []byte(`{"to":"ada"}`)))
	wantInputError(t, err, "to")
	var panicked *offload.PanicError
	if _, err = send.Enqueue(ctx, app, Letter{"a@b", "boom"}); !errors.As(err, &panicked) {
		t.Errorf("a Validate that panics: %v; want a PanicError", err)
	}
	offloadtest.WantNone(t, app, send)

	job, err := send.Enqueue(ctx, app, Letter{"a@b", "hello"}, offload.Delay(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	err = operate.As(app.App, "ada").Edit(ctx, job.ID, operate.Edit{Input: []byte(`{"to":"nobody"}`)})
	wantInputError(t, err, "to")
	app.Advance(time.Hour)
	app.Drain()
	if ran != 1 {
		t.Errorf("the right one ran %d times", ran)
	}
}

// An input that another program has enqueued, which could not ask it, is not tried again and again.
func TestAnInputThatIsNotRightIsDiscarded(t *testing.T) {
	one := offload.Declare[Letter]("one")
	many := offload.Declare[Letter]("many")
	plain := map[string]*offload.Task[map[string]string]{
		"one": offload.Declare[map[string]string]("one"), "many": offload.Declare[map[string]string]("many"),
	}
	app := offloadtest.New(
		one.Handle(func(context.Context, Letter) error { t.Error("ran"); return nil }),
		many.HandleMany(10, time.Second, func(context.Context, []Letter) error { t.Error("ran"); return nil }),
	)
	defer app.Close()
	for name, task := range plain {
		job, err := task.Enqueue(t.Context(), app, map[string]string{"to": "nobody"})
		if err != nil {
			t.Fatal(err)
		}
		app.Advance(2 * time.Second)
		app.Drain()
		job, err = app.Job(t.Context(), job.ID)
		if err != nil {
			t.Fatal(err)
		}
		if job.State != offload.Discarded || job.Attempt != 1 || !strings.Contains(job.Error, "to is") {
			t.Errorf("%s: %s after %d attempts: %s", name, job.State, job.Attempt, job.Error)
		}
	}
}
