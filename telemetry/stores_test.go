package telemetry_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/testpg"
	_ "github.com/offloadhq/offload/store/postgres"
	_ "github.com/offloadhq/offload/store/sqlite"
	"github.com/offloadhq/offload/telemetry"
)

// What one process enqueues and another one runs is seen by a third.
func TestCollectOnStoresOfSeveralProcesses(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]func(t *testing.T) string{
		"sqlite":   func(t *testing.T) string { return filepath.Join(t.TempDir(), "offload.db") },
		"postgres": func(t *testing.T) string { return testpg.URL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := address(t)
			task := offload.Declare[int]("t", offload.Queue("mail"))
			open := func(parts ...offload.Part) *offload.App {
				app, err := offload.Open(t.Context(), at, append(parts, quiet)...)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { app.Close() })
				return app
			}
			web, watcher := open(task), open()
			release := make(chan struct{})
			worker := open(offload.Workers("mail", 7), task.Handle(func(context.Context, int) error { <-release; return nil }))
			c := telemetry.NewCollector(watcher, 0)
			read := func(done func(r *telemetry.Reading) bool) {
				t.Helper()
				var last *telemetry.Reading
				for end := time.Now().Add(time.Minute); time.Now().Before(end); {
					telemetry.Forget(c)
					r, err := c.Collect(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					if last = r; done(r) {
						return
					}
					<-time.After(50 * time.Millisecond)
				}
				t.Fatalf("it never came; the last reading is %+v", last)
			}
			read(func(r *telemetry.Reading) bool { return r.Processes.Working == 0 })
			if _, err := task.EnqueueMany(t.Context(), web, make([]int, 9)); err != nil {
				t.Fatal(err)
			}
			read(func(r *telemetry.Reading) bool {
				return len(r.Queues) == 1 && r.Queues[0].Jobs[offload.Available] == 9 && r.Queues[0].Need.Processes == 1 && r.Queues[0].Need.Slots == 100
			})
			ctx, cancel := context.WithCancel(context.Background())
			ended := make(chan error, 1)
			go func() { ended <- worker.Run(ctx) }()
			read(func(r *telemetry.Reading) bool {
				q := r.Queues[0]
				return r.Processes.Working == 1 && q.Workers == 7 && q.Need.Slots == 7 && q.Jobs[offload.Running] >= 7
			})
			close(release)
			read(func(r *telemetry.Reading) bool { return total(r, "completed") == 9 })
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
}
