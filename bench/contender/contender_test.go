package contender_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/offloadhq/offload/bench/contender"
	"github.com/offloadhq/offload/internal/testpg"
)

// Every contender runs what it was given, each job once. The whole comparison rests on it:
// what loses a job, or runs it without its input, is not fast.
func TestEachJobRunsOnce(t *testing.T) {
	for _, c := range contender.All() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			runEachOnce(t, c, placeOf(t, c))
		})
	}
}

func runEachOnce(t *testing.T, c contender.Contender, at contender.Place) {
	const jobs = 100
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	s, err := c.Open(ctx, at)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}()
	many, ok := s.(contender.ManyEnqueuer)
	if ok != (c.Many != "") {
		t.Fatalf("it says that it enqueues many by %q, and that it can is %v", c.Many, ok)
	}
	first := 0
	if ok { // half of them at once, the others from some goroutines
		first = jobs / 2
		if err := many.EnqueueMany(ctx, inputs(first)); err != nil {
			t.Fatalf("enqueue many: %v", err)
		}
	}
	enqueue(ctx, t, s, first, jobs)
	if left, err := s.Left(ctx); err != nil || !left {
		t.Fatalf("before work, Left = %v, %v; want true", left, err)
	}

	started := make(chan int, 2*jobs)
	before := time.Now()
	stop, err := s.Work(ctx, func(number int, at time.Time) {
		if at.Before(before.Add(-time.Millisecond)) || at.After(time.Now().Add(time.Millisecond)) {
			t.Errorf("job %d started at %v; want now", number, at)
		}
		started <- number
	})
	if err != nil {
		t.Fatalf("work: %v", err)
	}
	var ran []int
	for len(ran) < jobs {
		select {
		case n := <-started:
			ran = append(ran, n)
		case <-ctx.Done():
			t.Fatalf("after 2 minutes it ran %d jobs; want %d", len(ran), jobs)
		}
	}
	for left := true; left; {
		if left, err = s.Left(ctx); err != nil {
			t.Fatalf("after work, Left: %v", err)
		}
	}
	if err := stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	close(started)
	for n := range started {
		ran = append(ran, n)
	}
	slices.Sort(ran)
	for i := range ran {
		if ran[i] != i || len(ran) != jobs {
			t.Fatalf("it ran %v; want each of 0 to %d once", ran, jobs-1)
		}
	}
}

func inputs(n int) []contender.Input {
	all := make([]contender.Input, n)
	for i := range all {
		all[i] = contender.InputOf(i)
	}
	return all
}

func enqueue(ctx context.Context, t *testing.T, s contender.System, first, last int) {
	const callers = 4
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			for n := first + i; n < last; n += callers {
				if err := s.Enqueue(ctx, contender.InputOf(n)); err != nil {
					t.Errorf("enqueue: %v", err)
				}
			}
		})
	}
	all.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// placeOf makes what the contender needs. PostgreSQL is needed by tests anyway; Redis and
// Node.js are not, and the comparison itself asks the same of every contender before it measures.
func placeOf(t *testing.T, c contender.Contender) contender.Place {
	at := contender.Place{Dir: t.TempDir()}
	switch {
	case c.System == "graphile-worker":
		need(t, "npm")
		node, err := installNode()
		if err != nil {
			t.Skipf("SKIPPED GROUP graphile-worker: %v", err)
		}
		at.Node = node
		at.Postgres = testpg.URL(t)
	case c.Store == contender.PostgreSQL:
		at.Postgres = testpg.URL(t)
	case c.Store == contender.Redis:
		need(t, "redis-server")
		server, err := contender.StartRedis(t.Context(), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { server.Close() })
		at.Redis = server.Address
	}
	return at
}

func need(t *testing.T, program string) {
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("SKIPPED GROUP %s: there is no %[1]s on the path", program)
	}
}

// npm is asked once for all tests, and its folder removed with the last of them.
var installNode = sync.OnceValues(func() (contender.Node, error) {
	dir, err := os.MkdirTemp("", "contender-node-")
	if err != nil {
		return contender.Node{}, err
	}
	nodeDir = dir
	return contender.InstallNode(context.Background(), dir)
})

var nodeDir string

func TestMain(m *testing.M) {
	code := m.Run()
	if nodeDir != "" {
		if err := os.RemoveAll(nodeDir); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	os.Exit(code)
}
