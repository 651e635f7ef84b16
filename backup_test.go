package offload_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/inside"
	"github.com/offloadhq/offload/operate"
	_ "github.com/offloadhq/offload/store/sqlite"
)

// A tally counts how often each job was run.
type tally struct {
	mu   sync.Mutex
	runs map[int]int
}

func (c *tally) run(_ context.Context, n int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.runs == nil {
		c.runs = map[int]int{}
	}
	c.runs[n]++
	return nil
}

// TestBackupWhileJobsRun takes a backup of a database that is enqueued into and worked all the
// time, goes back to it, and works it off: all that was enqueued before is there, and what had
// ended before is not run again.
func TestBackupWhileJobsRun(t *testing.T) {
	dir := t.TempDir()
	var before tally
	count := offload.NewTask("count", before.run)
	app, err := offload.Open(t.Context(), filepath.Join(dir, "offload.db"), count, offload.LogTo(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { app.Close() })
	stop := begun(t, app)
	var acknowledged atomic.Int64 // all below it are stored
	enqueue := func(ctx context.Context, n int) error {
		calls := make([]*offload.Call, 50)
		for i := range calls {
			calls[i] = count.Call(n + i)
		}
		_, err := app.Enqueue(ctx, calls...)
		return err
	}
	const first = 2000
	for n := 0; n < first; n += 50 {
		if err := enqueue(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	acknowledged.Store(first)
	ctx, cancel := context.WithCancel(t.Context())
	var others sync.WaitGroup
	others.Go(func() {
		for n := first; ctx.Err() == nil; n += 50 {
			if err := enqueue(ctx, n); err == nil {
				acknowledged.Store(int64(n + 50))
			}
		}
	})
	file := filepath.Join(dir, "copy.db")
	known := int(acknowledged.Load())
	// While the pages of the backup are copied, another 1,000 jobs go in, at least.
	waited := false
	err = storeOf(t, app).Backup(t.Context(), file, func(done, total int) {
		if done < total {
			waited = true
			until(t, "jobs go in while the backup is taken", func() bool { return int(acknowledged.Load()) >= known+1000 })
		}
	})
	cancel()
	others.Wait()
	stop()
	if err != nil || !waited {
		t.Fatalf("Backup: %v; in several steps: %t", err, waited)
	}

	restored := openCopy(t, file)
	had := map[int]offload.State{}
	for _, job := range restored.jobs(t) {
		var n int
		if err := json.Unmarshal(job.Input, &n); err != nil {
			t.Fatal(err)
		}
		had[n] = job.State
	}
	for n := range known {
		if had[n] == "" {
			t.Fatalf("job %d was enqueued before the backup and is not in it", n)
		}
	}
	restored.work(t)
	for n, state := range had {
		runs, want := restored.counted.runs[n], 1
		if state.Ended() {
			want = 0
		}
		if runs != want {
			t.Errorf("job %d, %s in the backup, was run %d times from it, want %d", n, state, runs, want)
		}
	}
}

// A restoredApp is an app on a copy.
type restoredApp struct {
	*offload.App
	counted tally
}

// openCopy opens a backup, sees that nothing of it is run, and adopts it.
func openCopy(t *testing.T, file string) *restoredApp {
	t.Helper()
	r := &restoredApp{}
	app, err := offload.Open(t.Context(), file, offload.NewTask("count", r.counted.run), offload.LogTo(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { app.Close() })
	r.App = app
	s := storeOf(t, app)
	if o, err := s.Origin(t.Context()); err != nil || !o.Away {
		t.Fatalf("Origin of a backup = %+v, %v; want it away", o, err)
	}
	if _, err := inside.Drain(t.Context(), app); err != nil || len(r.counted.runs) > 0 {
		t.Fatalf("%d jobs of the copy were run, %v", len(r.counted.runs), err)
	}
	if adopted, err := operate.As(app, "ada").Adopt(t.Context()); err != nil || !adopted {
		t.Fatalf("Adopt = %t, %v", adopted, err)
	}
	return r
}

// jobs returns all jobs.
func (r *restoredApp) jobs(t *testing.T) (all []*offload.Job) {
	t.Helper()
	f := offload.Filter{Max: 1000}
	for {
		page, err := r.Jobs(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page...)
		if len(page) < f.Max {
			return all
		}
		f.Before = page[len(page)-1].ID
	}
}

// work works everything off, what processes of the original held too.
func (r *restoredApp) work(t *testing.T) {
	t.Helper()
	stop := begun(t, r.App)
	defer stop()
	until(t, "all jobs of the copy have ended", func() bool {
		return !slices.ContainsFunc(r.jobs(t), func(j *offload.Job) bool { return !j.State.Ended() })
	})
}

func TestBackupRefusesAFileThatIsThere(t *testing.T) {
	dir := t.TempDir()
	app, err := offload.Open(t.Context(), filepath.Join(dir, "offload.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { app.Close() })
	taken := filepath.Join(dir, "taken")
	if err := os.WriteFile(taken, []byte("a letter"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{taken, filepath.Join(dir, "offload.db"), filepath.Join(dir, "none", "copy.db")} {
		if err := storeOf(t, app).Backup(t.Context(), file, nil); !errors.Is(err, offload.ErrRefused) {
			t.Errorf("Backup into %s: %v, want an ErrRefused", file, err)
		}
	}
	if text, err := os.ReadFile(taken); err != nil || string(text) != "a letter" {
		t.Errorf("the file that was there is %q now, %v", text, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := storeOf(t, app).Backup(ctx, filepath.Join(dir, "copy.db"), nil); err == nil {
		t.Error("a backup whose context has ended was taken")
	}
	left, err := filepath.Glob(filepath.Join(dir, "copy.db*"))
	if err != nil || len(left) > 0 {
		t.Errorf("a backup that was broken off leaves %v, %v", left, err)
	}
}
