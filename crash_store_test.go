package offload_test

import (
	"context"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/offloadhq/offload/store"
)

// crashed is the exit code of a process that died at its crash point.
const crashed = 137

// A crash is the point at which this process dies, and what it needs to find that point.
type crash struct {
	point string
	verb  string // of point, if that is at a COMMIT

	mu  sync.Mutex
	now map[string]int // calls under way, by verb
}

func newCrash(point string) *crash {
	c := &crash{point: point, now: map[string]int{}}
	if _, verb, ok := strings.Cut(point, " COMMIT of "); ok {
		c.verb = verb
	}
	return c
}

// die ends the process, with no defers, if this is its point.
func (c *crash) die(point string) {
	if point == c.point {
		os.Exit(crashed)
	}
}

// around makes a call that has crash points before and after it, and at the commits within.
func (c *crash) around(verb string, call func() error) error {
	c.die("before " + verb)
	c.under(verb, 1)
	err := call()
	c.under(verb, -1)
	if err == nil {
		c.die("after " + verb) // it has happened, and its caller does not know
	}
	return err
}

func (c *crash) under(verb string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now[verb] += n
}

// commit is called before and after each commit of this process. It is one of the named verb's,
// or one that was made while that was under way.
func (c *crash) commit(when string) {
	c.mu.Lock()
	under := c.now[c.verb] > 0
	c.mu.Unlock()
	if under {
		c.die(when + " COMMIT of " + c.verb)
	}
}

// Verbs that have crash points. What only reads has none at a COMMIT.
var (
	crashWrites = []string{
		"Migrate", "RegisterTasks", "Insert", "Insert of many", "Insert of a bulk", "Start", "Claim", "ClaimParked", "Finish", "Finish after Complete",
		"Release", "Park", "WriteProgress", "Join", "Beat", "Leave", "Reap", "Sleep", "Act", "Control", "TakeDuty", "Prune",
		"CountEnqueued", "the handler's transaction",
	}
	crashReads = []string{"Look", "Inputs", "Insert within a transaction", "Act within a transaction", "Complete within a transaction"}
)

// crashPoints are all points at which a process is made to die.
func crashPoints() (points []string) {
	for _, verb := range crashWrites {
		points = append(points, "before "+verb, "before COMMIT of "+verb, "after COMMIT of "+verb, "after "+verb)
	}
	for _, verb := range crashReads {
		points = append(points, "before "+verb, "after "+verb)
	}
	return points
}

// A crashStore is a store whose callers may die at each call.
type crashStore struct {
	store.Store
	c *crash
}

// crashGet is crash.around for a call with an answer.
func crashGet[T any](c *crash, verb string, call func() (T, error)) (answer T, err error) {
	err = c.around(verb, func() (err error) {
		answer, err = call()
		return err
	})
	return answer, err
}

func (s *crashStore) Migrate(ctx context.Context, to int) error {
	return s.c.around("Migrate", func() error { return s.Store.Migrate(ctx, to) })
}

func (s *crashStore) RegisterTasks(ctx context.Context, tasks []store.Task) error {
	return s.c.around("RegisterTasks", func() error { return s.Store.RegisterTasks(ctx, tasks) })
}

func (s *crashStore) Insert(ctx context.Context, jobs []store.NewJob) ([]store.Inserted, error) {
	verb := "Insert"
	if len(jobs) >= crashBulk {
		verb = "Insert of a bulk"
	} else if len(jobs) > 1 {
		verb = "Insert of many"
	}
	return crashGet(s.c, verb, func() ([]store.Inserted, error) { return s.Store.Insert(ctx, jobs) })
}

func (s *crashStore) Start(ctx context.Context, process store.ID, job store.NewJob) (inserted store.Inserted, claimed *store.Claimed, err error) {
	err = s.c.around("Start", func() (err error) {
		inserted, claimed, err = s.Store.Start(ctx, process, job)
		return err
	})
	return inserted, claimed, err
}

func (s *crashStore) Claim(ctx context.Context, req store.ClaimRequest) ([]store.Claimed, error) {
	return crashGet(s.c, "Claim", func() ([]store.Claimed, error) { return s.Store.Claim(ctx, req) })
}

func (s *crashStore) ClaimParked(ctx context.Context, req store.ParkedRequest) ([]store.Claimed, error) {
	return crashGet(s.c, "ClaimParked", func() ([]store.Claimed, error) { return s.Store.ClaimParked(ctx, req) })
}

func (s *crashStore) Inputs(ctx context.Context, ids []store.ID) (map[store.ID][]byte, error) {
	return crashGet(s.c, "Inputs", func() (map[store.ID][]byte, error) { return s.Store.Inputs(ctx, ids) })
}

func (s *crashStore) Finish(ctx context.Context, process store.ID, ended []store.Ended) ([]store.Fence, error) {
	verb := "Finish"
	if ended[0].InTx {
		verb = "Finish after Complete"
	}
	return crashGet(s.c, verb, func() ([]store.Fence, error) { return s.Store.Finish(ctx, process, ended) })
}

func (s *crashStore) Release(ctx context.Context, process store.ID, fences []store.Fence) error {
	return s.c.around("Release", func() error { return s.Store.Release(ctx, process, fences) })
}

func (s *crashStore) Park(ctx context.Context, process store.ID, suspect bool, fences []store.Fence) error {
	return s.c.around("Park", func() error { return s.Store.Park(ctx, process, suspect, fences) })
}

func (s *crashStore) WriteProgress(ctx context.Context, process store.ID, progress []store.Progress) error {
	return s.c.around("WriteProgress", func() error { return s.Store.WriteProgress(ctx, process, progress) })
}

func (s *crashStore) Join(ctx context.Context, p store.Process) error {
	return s.c.around("Join", func() error { return s.Store.Join(ctx, p) })
}

func (s *crashStore) Beat(ctx context.Context, p store.Process) (store.Beats, error) {
	return crashGet(s.c, "Beat", func() (store.Beats, error) { return s.Store.Beat(ctx, p) })
}

func (s *crashStore) Leave(ctx context.Context, process store.ID) error {
	return s.c.around("Leave", func() error { return s.Store.Leave(ctx, process) })
}

func (s *crashStore) Look(ctx context.Context, process store.ID) (store.View, error) {
	return crashGet(s.c, "Look", func() (store.View, error) { return s.Store.Look(ctx, process) })
}

func (s *crashStore) Reap(ctx context.Context, lost []store.Beaten) (store.Reaped, error) {
	return crashGet(s.c, "Reap", func() (store.Reaped, error) { return s.Store.Reap(ctx, lost) })
}

func (s *crashStore) Sleep(ctx context.Context, process store.ID, asleep bool) error {
	return s.c.around("Sleep", func() error { return s.Store.Sleep(ctx, process, asleep) })
}

func (s *crashStore) Act(ctx context.Context, act store.Act) ([]store.Acted, error) {
	return crashGet(s.c, "Act", func() ([]store.Acted, error) { return s.Store.Act(ctx, act) })
}

func (s *crashStore) Control(ctx context.Context, c store.Control) error {
	return s.c.around("Control", func() error { return s.Store.Control(ctx, c) })
}

func (s *crashStore) TakeDuty(ctx context.Context, name string, every time.Duration) (bool, error) {
	return crashGet(s.c, "TakeDuty", func() (bool, error) { return s.Store.TakeDuty(ctx, name, every) })
}

func (s *crashStore) Prune(ctx context.Context, most int) (int, error) {
	return crashGet(s.c, "Prune", func() (int, error) { return s.Store.Prune(ctx, most) })
}

func (s *crashStore) CountEnqueued(ctx context.Context) error {
	return s.c.around("CountEnqueued", func() error { return s.Store.CountEnqueued(ctx) })
}

func (s *crashStore) Within(tx any) (store.TxWriter, error) {
	w, err := s.Store.Within(tx)
	if err != nil {
		return nil, err
	}
	return &crashTx{w, s.c}, nil
}

// A crashTx is a crashStore's TxWriter. Nothing of it is committed before its transaction is.
type crashTx struct {
	store.TxWriter
	c *crash
}

func (w *crashTx) Insert(ctx context.Context, jobs []store.NewJob) ([]store.Inserted, error) {
	return crashGet(w.c, "Insert within a transaction", func() ([]store.Inserted, error) { return w.TxWriter.Insert(ctx, jobs) })
}

func (w *crashTx) Act(ctx context.Context, act store.Act) ([]store.Acted, error) {
	return crashGet(w.c, "Act within a transaction", func() ([]store.Acted, error) { return w.TxWriter.Act(ctx, act) })
}

func (w *crashTx) Complete(ctx context.Context, process store.ID, ended store.Ended) error {
	return w.c.around("Complete within a transaction", func() error { return w.TxWriter.Complete(ctx, process, ended) })
}
