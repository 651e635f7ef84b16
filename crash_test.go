package offload_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/testpg"
	"github.com/offloadhq/offload/store"
)

var everyPoint = flag.Bool("everypoint", false, "let a process die at each point on each database, not at every second")

// A process may die before or after any call of its store, and before or after any commit:
// another finishes its work, every acknowledged job is done, and effects happen once.
func TestProcessMayDieAtAnyPoint(t *testing.T) {
	onEachStore(t, func(t *testing.T, address string) {
		points := crashPoints()
		hit, began := 0, time.Now()
		every, first := 2, 0 // each database has its turn
		if strings.HasPrefix(address, "postgres:") {
			first = 1
		}
		switch {
		case *everyPoint:
			every, first = 1, 0
		case testing.Short():
			every = 16
		}
		for i, point := range points {
			if i%every != first {
				continue
			}
			t.Run(point, func(t *testing.T) {
				if survive(t, freshAddress(t, address), point) {
					hit++
				}
			})
		}
		t.Logf("%d of %d crash points hit in %v", hit, len(points), time.Since(began).Round(time.Millisecond))
	})
}

// freshAddress is that of an empty database of the same kind.
func freshAddress(t *testing.T, like string) string {
	t.Helper()
	if strings.HasPrefix(like, "postgres:") {
		return testpg.URL(t)
	}
	return filepath.Join(t.TempDir(), "shop.db")
}

// survive has a process die at a point on an empty database, finishes its work, looks for
// what it may have left, and reports whether the point was hit.
func survive(t *testing.T, address, point string) bool {
	database, err := openTill(t.Context(), address, newCrash(""))
	if err != nil {
		t.Fatal(err)
	}
	defer database.close()
	if err := database.exec(t.Context(), "create table effect (job text not null)"); err != nil {
		t.Fatal(err)
	}
	said, hit := dieAt(t, address, point)
	if !hit {
		return false
	}
	s, err := database.store(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	after := &aftermath{till: database, store: s, said: said}
	after.finish(t)
	after.check(t)
	return true
}

// dieAt runs a process that dies at a point, and returns what it has said.
func dieAt(t *testing.T, address, point string) (said []string, hit bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), crashVariable+"="+point, crashStoreVariable+"="+address,
		"GORACE=atexit_sleep_ms=0") // the race detector would let it live on for a second
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if code := cmd.ProcessState.ExitCode(); code != crashed {
		t.Errorf("the process has not come to its point: exit code %d, %v; it said\n%s%s", code, err, out, &errs)
		return nil, false
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n"), true
}

// An aftermath is the database that a dead process has left.
type aftermath struct {
	*till
	store store.Store
	app   *offload.App

	mu   sync.Mutex
	said []string // by the process that died, and by the one that finishes its work
}

// finish gives the leases of the dead away at once, which the engine does after a while, and
// works everything off.
func (a *aftermath) finish(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	shop := newShop(a.till, newCrash(""), func(what string, id offload.ID, attempt int) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.said = append(a.said, fmt.Sprintln(what, id, attempt))
	})
	app, err := offload.New(ctx, a.store, shop.parts(true)...)
	if err != nil {
		t.Fatal(err)
	}
	a.app = app
	t.Cleanup(func() { app.Close() })
	processes, err := a.store.Processes(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var dead []store.Beaten
	for _, p := range processes {
		dead = append(dead, store.Beaten{ID: p.ID, Count: -1})
	}
	if _, err := a.store.Reap(ctx, dead); err != nil {
		t.Fatal(err)
	}
	for _, job := range a.jobs(t) {
		if job.Task == "hurried" && !job.State.Ended() {
			if err := app.RunNow(ctx, job.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	stop := begun(t, app)
	until(t, "all is done", func() bool {
		for _, job := range a.jobs(t) {
			if !job.State.Ended() && !isWaiting(job.Task) {
				return false
			}
		}
		return true
	})
	stop()
}

func (a *aftermath) jobs(t *testing.T) []*offload.Job {
	t.Helper()
	jobs, err := a.app.Jobs(t.Context(), offload.Filter{Max: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	return jobs
}

// check looks for what a death must not do.
func (a *aftermath) check(t *testing.T) {
	t.Helper()
	jobs := map[offload.ID]*offload.Job{}
	follow := map[string]int{} // jobs that follow a payment
	many := 0
	for _, job := range a.jobs(t) {
		jobs[job.ID] = job
		follow[job.Tags["after"]]++
		if job.Task == "many" {
			many++
		}
		if want := offload.Completed; job.State != want && !isWaiting(job.Task) {
			t.Errorf("the job of %s is %+v; want it %s", job.Task, job, want)
		}
	}
	if many != 0 && many != crashMany && many != crashBulk {
		t.Errorf("%d jobs of one call are stored: neither all nor none", many)
	}
	a.checkSaid(t, jobs)
	a.checkEffects(t, jobs, follow)
	a.checkRest(t, len(jobs))
}

// checkSaid compares the jobs with what processes have said of them.
func (a *aftermath) checkSaid(t *testing.T, jobs map[offload.ID]*offload.Job) {
	t.Helper()
	attempts := map[string]int{}
	for _, line := range a.said {
		var what, text string
		var attempt int
		if line == "" {
			continue
		}
		if _, err := fmt.Sscan(line, &what, &text, &attempt); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		id, err := offload.ParseID(text)
		if err != nil {
			t.Fatal(err)
		}
		job := jobs[id]
		switch {
		case job == nil:
			t.Errorf("%q was said of a job that is not stored", line)
		case what == "cancelled" && job.State != offload.Cancelled:
			t.Errorf("job %s was cancelled, and is %s", id, job.State)
		case what == "start" && attempt <= attempts[text]:
			t.Errorf("job %s began its attempt %d after its attempt %d", id, attempt, attempts[text])
		case what == "start" && attempt > job.Attempt:
			t.Errorf("job %s began its attempt %d, and has had %d", id, attempt, job.Attempt)
		}
		if what == "start" {
			attempts[text] = attempt
		}
	}
	for id, job := range jobs {
		if job.State == offload.Completed && attempts[id.String()] == 0 {
			t.Errorf("job %s of %s is completed, and was never started", id, job.Task)
		}
	}
}

// checkEffects checks that payments have happened once, with all that belongs to them.
func (a *aftermath) checkEffects(t *testing.T, jobs map[offload.ID]*offload.Job, follow map[string]int) {
	t.Helper()
	paid := 0
	for id, job := range jobs {
		if job.Task != "pay" {
			continue
		}
		paid++
		n, err := a.count(t.Context(), "select count(*) from effect where job = '"+id.String()+"'")
		if err != nil || n != 1 {
			t.Errorf("%d effects of job %s, %v; want one", n, id, err)
		}
		if n := follow[id.String()]; n != 1 {
			t.Errorf("%d jobs follow job %s; want one", n, id)
		}
		victim, err := offload.ParseID(strings.Trim(string(job.Input), `"`))
		if err != nil {
			t.Fatal(err)
		}
		if jobs[victim] == nil || jobs[victim].State != offload.Cancelled {
			t.Errorf("with job %s its victim was to be cancelled: %+v", id, jobs[victim])
		}
	}
	if n, err := a.count(t.Context(), "select count(*) from effect"); err != nil || n != paid {
		t.Errorf("%d effects of %d jobs, %v", n, paid, err)
	}
}

// checkRest checks that each job is in one place, and that nothing of a process is left.
func (a *aftermath) checkRest(t *testing.T, jobs int) {
	t.Helper()
	counts, err := a.store.Counts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, count := range counts {
		n += count
	}
	if n != jobs {
		t.Errorf("%d jobs are in %d places: %v", jobs, n, counts)
	}
	if counts[store.Running] != 0 {
		t.Errorf("%d leases are left", counts[store.Running])
	}
	processes, err := a.store.Processes(t.Context())
	if err != nil || len(processes) != 0 {
		t.Errorf("processes %v are left, %v", processes, err)
	}
}
