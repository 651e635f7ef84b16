package offloadtest_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/offloadtest"
)

func TestWantLoggedShowsWhatWasLoggedInstead(t *testing.T) {
	t.Parallel()
	task := offload.NewTask("t", func(ctx context.Context, o order) error {
		log := offload.Logger(ctx)
		log.Info("booked", "order", o.ID)
		log.Info("booked", "order", o.ID+1, slog.Group("of", "items", o.Items))
		return nil
	})
	app := offloadtest.New(task, offload.LogTo(slog.New(slog.DiscardHandler)))
	defer app.Close()
	job, err := task.Enqueue(t.Context(), app, order{ID: 7, Items: []string{"lamp"}})
	if err != nil {
		t.Fatal(err)
	}
	fake := &recorder{TB: t}
	offloadtest.WantLogged(fake, app, job.ID, "booked")
	if len(fake.failures) != 1 || !strings.Contains(fake.failures[0], "it has logged nothing") {
		t.Errorf("before it has run: %q", fake.failures)
	}
	app.Drain()

	if line := offloadtest.WantLogged(t, app, job.ID, "booked"); string(line.Attrs) != `{"order":7}` {
		t.Errorf("the oldest of two is %+v", line)
	}
	offloadtest.WantLogged(t, app, job.ID, "booked", "order", int64(8), "of.items", []string{"lamp"})
	for _, test := range []struct {
		text  string
		attrs []any
		want  string
	}{
		{"book", nil, `has not logged "book"; it has logged:`},
		{"booked", []any{"order", 9}, `has not logged "booked" with order=9; it has logged:`},
		{"booked", []any{"order", 7, "of.items", 1}, `"booked" {"order":8,"of":{"items":["lamp"]}}`},
		{"booked", []any{"order"}, "want a value for each key"},
		{"booked", []any{"order", func() {}}, "unsupported type"},
	} {
		fake.failures = nil
		offloadtest.WantLogged(fake, app, job.ID, test.text, test.attrs...)
		if len(fake.failures) != 1 || !strings.Contains(fake.failures[0], test.want) {
			t.Errorf("WantLogged(%q, %v): %q; want a failure with %q", test.text, test.attrs, fake.failures, test.want)
		}
	}
}

func ExampleWantLogged() {
	t := &testing.T{} // yours
	book := offload.NewTask("book", func(ctx context.Context, order int) error {
		offload.Logger(ctx).Info("booked", "order", order, "cents", 1200)
		return nil
	})
	app := offloadtest.New(book, offload.LogTo(slog.New(slog.DiscardHandler)))
	defer app.Close()
	job, err := book.Enqueue(context.Background(), app, 7)
	if err != nil {
		t.Fatal(err)
	}
	app.Drain()
	line := offloadtest.WantLogged(t, app, job.ID, "booked", "order", 7)
	fmt.Println(line.Level, string(line.Attrs))
	// Output: INFO {"order":7,"cents":1200}
}
