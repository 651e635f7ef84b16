package offload_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/offloadtest"
)

// logOf returns the log of a job.
func logOf(t *testing.T, app *offload.App, id offload.ID) (lines []offload.LogLine) {
	t.Helper()
	for line, err := range app.Logs(t.Context(), id, false) {
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	return lines
}

func TestLoggerKeepsLinesWithTheJobAndHandsThemOn(t *testing.T) {
	t.Parallel()
	var own bytes.Buffer
	task := offload.NewTask("t", func(ctx context.Context, n int) error {
		log := offload.Logger(ctx)
		log.Debug("nobody asked for it")
		log.Info("plain")
		log.With("msg", "a", "level", 1).WithGroup("g").Warn("with", "b", []int{1}, slog.Group("h", "d", time.Second))
		log.Log(ctx, slog.LevelError+2, "worse", "err", errors.New("broken"))
		if n == 1 && offload.JobOf(ctx).Failures == 0 {
			return offload.RetryIn(0, errors.New("again"))
		}
		return nil
	})
	app := offloadtest.New(task, offload.LogTo(slog.New(slog.NewTextHandler(&own, nil))))
	defer app.Close()
	job, err := task.Enqueue(t.Context(), app, 1)
	if err != nil {
		t.Fatal(err)
	}
	app.Drain()

	type shown struct {
		attempt            int
		level, text, attrs string
	}
	var got, want []shown
	last := int64(0)
	for _, l := range logOf(t, app.App, job.ID) {
		got = append(got, shown{l.Attempt, l.Level, l.Text, string(l.Attrs)})
		if l.Seq <= last || time.Since(l.Time) > time.Hour {
			t.Errorf("line %+v: want a Seq above %d, and the time of now", l, last)
		}
		last = l.Seq
	}
	for attempt := 1; attempt <= 2; attempt++ {
		want = append(want,
			shown{attempt, "INFO", "plain", ""},
			shown{attempt, "WARN", "with", `{"msg":"a","level":1,"g":{"b":[1],"h":{"d":1000000000}}}`},
			shown{attempt, "ERROR+2", "worse", `{"err":"broken"}`})
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the log is\n%v\nwant\n%v", got, want)
	}
	if n := strings.Count(own.String(), "job="+job.ID.String()+" task=t attempt="); n != 6 || strings.Contains(own.String(), "nobody") {
		t.Errorf("the app's own log got %d of 6 lines:\n%s", n, own.String())
	}
}

func TestDebugLinesAreKeptWhereTheAppsLogTakesThem(t *testing.T) {
	t.Parallel()
	task := offload.NewTask("t", func(ctx context.Context, _ int) error {
		offload.Logger(ctx).Debug("in detail")
		return nil
	})
	app := offloadtest.New(task, offload.LogTo(slog.New(slog.NewTextHandler(new(bytes.Buffer), &slog.HandlerOptions{Level: slog.LevelDebug}))))
	defer app.Close()
	job, err := task.Enqueue(t.Context(), app, 1)
	if err != nil {
		t.Fatal(err)
	}
	app.Drain()
	if lines := logOf(t, app.App, job.ID); len(lines) != 1 || lines[0].Level != "DEBUG" {
		t.Errorf("the log is %v; want the line", lines)
	}
}

// Lines are written later, but the log of a job that has ended is whole, however it ended.
func TestTheLogOfAnEndedJobIsWhole(t *testing.T) {
	onStoresWithNotes(t, func(t *testing.T, address string) {
		const jobs, lines = 20, 700
		task := offload.NewTask("t", func(ctx context.Context, n int) error {
			var all sync.WaitGroup
			for range 2 {
				all.Go(func() {
					for i := range lines / 2 {
						offload.Logger(ctx).Info("line", "i", i)
					}
				})
			}
			all.Wait()
			switch n % 3 {
			case 0:
				return offload.Discard(errors.New("no"))
			case 1:
				return offload.Cancel(errors.New("no"))
			}
			return nil
		})
		app := open(t, address, task)
		begun(t, app)
		ins := make([]int, jobs)
		for i := range ins {
			ins[i] = i
		}
		enqueued, err := task.EnqueueMany(t.Context(), app, ins)
		if err != nil {
			t.Fatal(err)
		}
		for _, job := range enqueued {
			_, err := app.Wait(t.Context(), job.ID)
			var ended *offload.EndedError
			if err != nil && !errors.As(err, &ended) {
				t.Fatal(err)
			}
			if n := len(logOf(t, app, job.ID)); n != lines {
				t.Errorf("%d lines are kept of a job that has ended; want %d", n, lines)
			}
		}
	})
}

func TestLogsFollowsAJobUntilItHasEnded(t *testing.T) {
	onStoresWithNotes(t, func(t *testing.T, address string) {
		next := make(chan int)
		task := offload.NewTask("t", func(ctx context.Context, _ int) error {
			for i := range next {
				offload.Logger(ctx).Info("step", "i", i)
			}
			return nil
		})
		worker, reader := open(t, address, task), open(t, address)
		if address == "memory:" { // a store of each app's own
			reader = worker
		}
		begun(t, worker)
		job, err := task.Enqueue(t.Context(), reader, 1)
		if err != nil {
			t.Fatal(err)
		}

		go func() { next <- 0 }()
		seen := 0
		for line, err := range reader.Logs(t.Context(), job.ID, true) {
			if err != nil {
				t.Fatal(err)
			}
			if want := fmt.Sprintf(`{"i":%d}`, seen); string(line.Attrs) != want {
				t.Fatalf("line %d is %+v; want %s", seen, line, want)
			}
			if seen++; seen == 3 {
				close(next)
				continue
			}
			next <- seen // it comes although nothing has ended
		}
		if seen != 3 {
			t.Errorf("%d lines were seen; want 3", seen)
		}
		if job := read(t, reader, job.ID); job.State != offload.Completed {
			t.Errorf("following has ended before the job, which is %s", job.State)
		}
	})
}

// A job that completes in a transaction of its own has no lease any more when its handler goes on.
func TestWhatIsLoggedAroundCompleteIsKept(t *testing.T) {
	t.Parallel()
	var app *offloadtest.App
	task := offload.NewTask("t", func(ctx context.Context, _ int) error {
		offload.Logger(ctx).Info("before")
		tx := app.Begin()
		if err := app.Tx(tx).Complete(ctx); err != nil {
			return err
		}
		if err := tx.Commit(); err != nil {
			return err
		}
		offload.Logger(ctx).Info("after")
		return nil
	})
	app = offloadtest.New(task, quiet)
	defer app.Close()
	job, err := task.Enqueue(t.Context(), app, 1)
	if err != nil {
		t.Fatal(err)
	}
	app.Drain()
	if lines := logOf(t, app.App, job.ID); len(lines) != 2 {
		t.Errorf("the log is %v; want both lines", lines)
	}
}

func TestLinesAreCutToWhatIsKept(t *testing.T) {
	t.Parallel()
	task := offload.NewTask("t", func(ctx context.Context, _ int) error {
		log := offload.Logger(ctx)
		log.Info(strings.Repeat("x", 10<<20))
		log.Info("large", "text", strings.Repeat("x", 10<<20))
		log.Info("not text: \xff\x00", "key \xff", "value \x00\xff")
		log.Info("no JSON", "f", func() {})
		return nil
	})
	app := offloadtest.New(task, quiet)
	defer app.Close()
	job, err := task.Enqueue(t.Context(), app, 1)
	if err != nil {
		t.Fatal(err)
	}
	app.Drain()

	lines := logOf(t, app.App, job.ID)
	if len(lines) != 4 {
		t.Fatalf("%d lines are kept; want 4", len(lines))
	}
	if n := len(lines[0].Text); n != 16<<10 {
		t.Errorf("a line of 10 MiB has %d bytes; want 16 KiB", n)
	}
	if !strings.Contains(string(lines[1].Attrs), "bytes; at most 16384 are kept") {
		t.Errorf("attributes of 10 MiB are %.100s; want a word about what is missing", lines[1].Attrs)
	}
	if want := "not text: \uFFFD\uFFFD"; lines[2].Text != want {
		t.Errorf("a text that is none is %q; want %q", lines[2].Text, want)
	}
	for _, l := range lines[1:] {
		var attrs map[string]any
		if err := json.Unmarshal(l.Attrs, &attrs); err != nil || len(attrs) != 1 {
			t.Errorf("attributes of %q are %.100s, %v; want an object with one", l.Text, l.Attrs, err)
		}
	}
}

func TestLogsSaysWhyThereAreNone(t *testing.T) {
	t.Parallel()
	task := offload.Declare[int]("t")
	app := offloadtest.New(task)
	defer app.Close()
	job, err := task.Enqueue(t.Context(), app, 1)
	if err != nil {
		t.Fatal(err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	var none *offload.App
	for _, test := range []struct {
		name   string
		app    *offload.App
		ctx    context.Context
		id     offload.ID
		follow bool
		want   error
	}{
		{"a job that is not there", app.App, t.Context(), offload.NewID(), false, offload.ErrNotFound},
		{"a job that is not there, followed", app.App, t.Context(), offload.NewID(), true, offload.ErrNotFound},
		{"a context that has ended", app.App, over, job.ID, true, context.Canceled},
		{"no app", none, t.Context(), job.ID, true, offload.ErrClosed},
		{"a job without lines", app.App, t.Context(), job.ID, false, nil},
	} {
		var got error
		for _, err := range test.app.Logs(test.ctx, test.id, test.follow) {
			got = err
		}
		if !errors.Is(got, test.want) {
			t.Errorf("%s: %v; want %v", test.name, got, test.want)
		}
	}
}
