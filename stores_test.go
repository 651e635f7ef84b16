package offload_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/testpg"
	_ "github.com/offloadhq/offload/store/memory"
	_ "github.com/offloadhq/offload/store/postgres"
	_ "github.com/offloadhq/offload/store/sqlite"
)

// onEachStore runs a test on an empty database of each kind that processes can share.
func onEachStore(t *testing.T, test func(t *testing.T, address string)) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, filepath.Join(t.TempDir(), "offload.db"))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, testpg.URL(t))
	})
}

// onStoresWithNotes is onEachStore, and in memory.
func onStoresWithNotes(t *testing.T, test func(t *testing.T, address string)) {
	onEachStore(t, test)
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		test(t, "memory:")
	})
}

// open opens an app, which is closed when the test ends.
func open(t *testing.T, address string, parts ...offload.Part) *offload.App {
	t.Helper()
	app, err := offload.Open(t.Context(), address, append(parts, quiet)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := app.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return app
}

// begun runs an app until stop is called or the test ends.
func begun(t *testing.T, app *offload.App, queues ...string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx, queues...) }()
	stopped := false
	stop = func() {
		t.Helper()
		cancel()
		if stopped {
			return
		}
		stopped = true
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// until waits until done reports true, and fails the test if it never does.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("the test ended before %s", what)
		case <-patience(t):
			t.Fatalf("it never came that %s", what)
		}
	}
}

// patience ends shortly before the test binary does, so that what is missing is named.
func patience(t *testing.T) <-chan time.Time {
	end, ok := t.Deadline()
	if !ok {
		return nil
	}
	return time.After(time.Until(end) - 5*time.Second)
}

// read returns a job as it is now.
func read(t *testing.T, app *offload.App, id offload.ID) *offload.Job {
	t.Helper()
	job, err := app.Job(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return job
}
