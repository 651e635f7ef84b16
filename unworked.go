package offload

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/offloadhq/offload/store"
)

// unworked says once in the log when jobs that this app has enqueued wait in a queue that no
// process works: the commonest mistake with a job system. The zero value is ready.
type unworked struct {
	mu      sync.Mutex
	looked  map[string]bool // queues that were looked after
	timers  []*time.Timer
	stopped bool
	looking sync.WaitGroup
}

// unworkedAfter is how long a job may wait before somebody looks why.
const unworkedAfter = 10 * time.Second

// note has the queues of new jobs looked after, each once.
func (u *unworked) note(a *App, news []store.NewJob) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for i := range news {
		queue := news[i].Queue
		if u.looked[queue] || u.stopped || queue == store.SystemQueue {
			continue
		}
		if u.looked == nil {
			u.looked = map[string]bool{}
		}
		u.looked[queue] = true
		u.looking.Add(1)
		u.timers = append(u.timers, time.AfterFunc(unworkedAfter+time.Second, func() {
			defer u.looking.Done()
			u.look(a, queue)
		}))
	}
}

// look warns if the queue has a job that is due for long, and no process works it.
func (u *unworked) look(a *App, queue string) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	processes, err := a.store.Processes(ctx)
	if err != nil || slices.ContainsFunc(processes, func(p store.Process) bool { return p.Queues[queue] > 0 }) {
		return
	}
	queues, err := a.store.Queues(ctx, 1)
	if err != nil {
		return
	}
	now, err := a.store.Now(ctx)
	if err != nil {
		return
	}
	for _, q := range queues {
		if q.Name == queue && !q.Paused && !q.Oldest.IsZero() && now.Sub(q.Oldest) >= unworkedAfter {
			a.log.Warn(fmt.Sprintf("offload: jobs wait in queue %q, and no process works it: call app.Run, or start `offload work`", queue))
		}
	}
}

// stop ends what has not looked yet, and waits for what is looking.
func (u *unworked) stop() {
	u.mu.Lock()
	u.stopped = true
	for _, t := range u.timers {
		if t.Stop() {
			u.looking.Done()
		}
	}
	u.mu.Unlock()
	u.looking.Wait()
}
