package offload_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/offloadhq/offload"
)

// Odd bytes are kept in inputs and results and replaced in the texts of errors, on every
// store alike.
func TestOddBytesHarmNoJob(t *testing.T) {
	echo := offload.NewFunc("echo", func(_ context.Context, in string) (string, error) { return in, nil })
	fail := offload.NewTask("fail", func(_ context.Context, how string) error {
		if how == "panic" {
			panic("a\x00b\xff")
		}
		return errors.New("a\x00b\xff")
	}, offload.MaxAttempts(1))
	onEachStore(t, func(t *testing.T, address string) {
		app := open(t, address, echo, fail)
		begun(t, app)
		for _, in := range []string{"a\x00b", "\u2028", "\U0010ffff", strings.Repeat("x", 1<<20-2)} {
			got, err := echo.Wait(t.Context(), app, enqueue(t, app, echo.Task, in))
			if err != nil || got != in {
				t.Errorf("of %.20q came %.20q, %v", in, got, err)
			}
		}
		for _, how := range []string{"error", "panic"} {
			job := wantEnd(t, app, enqueue(t, app, fail, how), offload.Discarded)
			failures, err := app.Failures(t.Context(), job.ID)
			if err != nil || len(failures) != 1 {
				t.Fatalf("Failures = %v, %v", failures, err)
			}
			for _, text := range []string{job.Error, failures[0].Error} {
				if !strings.HasSuffix(text, "a\ufffdb\ufffd") {
					t.Errorf("the error is kept as %q", text)
				}
			}
		}
		found, err := app.Jobs(t.Context(), offload.Filter{Search: "a\ufffdb"})
		if err != nil || len(found) != 2 {
			t.Errorf("%d jobs are found by their error, %v; want 2", len(found), err)
		}
	})
}
