package engine

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offloadhq/offload/store"
)

// logs is a handler that logs n lines and then goes on as after says.
func logs(n int, then handler) handler {
	return func(ctx context.Context, job *store.Claimed) error {
		keep, _ := Log(ctx)
		for i := range n {
			keep(store.LogLine{At: time.Now(), Level: "INFO", Text: strconv.Itoa(i)})
		}
		return then(ctx, job)
	}
}

// logged returns the texts of a job's log.
func (r *rig) logged(id store.ID) (texts []string) {
	r.t.Helper()
	lines, err := r.store.Store.Logs(r.t.Context(), id, 0, 2*store.MaxLogLines)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, l := range lines {
		texts = append(texts, l.Text)
	}
	return texts
}

func TestLinesAreWrittenTogetherWhileTheHandlerRuns(t *testing.T) {
	inBubble(t, map[string]handler{"t": logs(400, lasting(time.Hour)), "quiet": lasting(time.Minute)}, func(r *rig) {
		r.insert("quiet", 1, nil)
		after(2 * time.Minute)
		if n := r.store.count("WriteLogs"); n != 0 {
			t.Errorf("a job that logs nothing costs %d calls", n)
		}
		ids := r.insert("t", 2, nil)
		after(time.Second)
		for _, id := range ids {
			if n := len(r.logged(id)); n != 400 {
				t.Errorf("%d of 400 lines are there after a second", n)
			}
		}
		if n := r.store.count("WriteLogs"); n > 2 {
			t.Errorf("800 lines at once cost %d calls; want 2 at most", n)
		}
	})
}

// While the store is away a job that logged cannot be finished; when it is back, the log is there
// before the end is.
func TestAnOutageLosesNoLine(t *testing.T) {
	inBubble(t, map[string]handler{"t": logs(100, lasting(time.Second))}, func(r *rig) {
		ids := r.insert("t", 3, nil)
		synctest.Wait()
		r.store.set(func() { r.store.away[""] = true })
		after(5 * time.Second)
		r.want(store.Running, ids...)
		r.store.set(func() { r.store.away[""] = false })
		after(10 * time.Second)
		r.want(store.Completed, ids...)
		for _, id := range ids {
			if n := len(r.logged(id)); n != 100 {
				t.Errorf("%d of 100 lines are there", n)
			}
		}
	})
}

// A table of logs that is locked, full or broken holds up no job for long.
func TestJobsEndThoughTheirLogsCannotBeKept(t *testing.T) {
	for how, misbehave := range map[string]func(*misbehaving){
		"away":    func(s *misbehaving) { s.away["WriteLogs"] = true },
		"hanging": func(s *misbehaving) { s.hang["WriteLogs"] = true },
		"refused": func(s *misbehaving) { s.refuse = errBad },
	} {
		t.Run(how, func(t *testing.T) {
			inBubble(t, map[string]handler{"t": logs(10, nothing)}, func(r *rig) {
				r.store.set(func() { misbehave(r.store) })
				ids := r.insert("t", 5, nil)
				after(2 * time.Minute)
				r.want(store.Completed, ids...)
				if n := r.log.count("write what jobs log failed"); n != 1 {
					t.Errorf("that lines cannot be written is said %d times", n)
				}
				r.store.set(func() {
					clear(r.store.away)
					clear(r.store.hang)
					r.store.refuse = nil
				})
				ids = r.insert("t", 1, nil)
				after(10 * time.Second)
				r.want(store.Completed, ids...)
				if n := len(r.logged(ids[0])); n != 10 {
					t.Errorf("%d of 10 lines are there when it works again", n)
				}
			})
		})
	}
}

// What comes faster than it can be written is dropped and counted, and the handler does not wait.
func TestLinesThatAreTooManyAreCounted(t *testing.T) {
	const most = maxJournalOf
	inBubble(t, map[string]handler{"t": func(ctx context.Context, job *store.Claimed) error {
		began := time.Now()
		err := logs(most-100, nothing)(ctx, job)
		time.Sleep(time.Second)
		_ = logs(200, nothing)(ctx, job)
		if took := time.Since(began); took > time.Second {
			t.Errorf("the handler waited for %v", took-time.Second)
		}
		return err
	}}, func(r *rig) {
		r.store.set(func() { r.store.away["WriteLogs"] = true })
		ids := r.insert("t", 2, nil)
		after(500 * time.Millisecond)
		if n := len(r.logged(ids[0])); n != 0 {
			t.Errorf("%d lines are there", n)
		}
		after(600 * time.Millisecond)
		r.store.set(func() { r.store.away["WriteLogs"] = false })
		after(10 * time.Second)
		r.want(store.Completed, ids...)
		for _, id := range ids {
			texts := r.logged(id)
			if n := len(texts); n != most+1 || !strings.HasPrefix(texts[n-1], "100 lines are left out here") {
				t.Errorf("%d lines are there, the last %q; want %d, and then how many are not", n, texts[n-1], most)
			}
		}
		if n := r.log.count("were left out"); n == 0 {
			t.Error("the process does not say that lines were left out")
		}
	})
}

// A handler that logs without end fills neither memory nor the store.
func TestNoMoreIsTakenOfAnAttemptThanIsKept(t *testing.T) {
	inBubble(t, map[string]handler{"t": func(ctx context.Context, job *store.Claimed) error {
		for range 1000 {
			_ = logs(100, nothing)(ctx, job)
			time.Sleep(time.Second)
		}
		return nil
	}}, func(r *rig) {
		id := r.insert("t", 1, nil)[0]
		after(time.Hour)
		r.want(store.Completed, id)
		texts := r.logged(id)
		if n := len(texts); n != store.MaxLogLines+1 || texts[n-1] != store.LogFull {
			t.Errorf("%d lines are there, the last %q", n, texts[n-1])
		}
		if n := r.store.count("WriteLogs"); n > 150 {
			t.Errorf("a log that is full costs %d calls", n)
		}
	})
}

// What is logged without a lease is no part of the job.
func TestLinesOfALostLeaseAreNotKept(t *testing.T) {
	inBubble(t, map[string]handler{"t": func(ctx context.Context, job *store.Claimed) error {
		if job.Attempt > 1 {
			return nil
		}
		<-ctx.Done()
		return logs(3, nothing)(ctx, job)
	}}, func(r *rig) {
		id := r.insert("t", 1, nil)[0]
		after(time.Second)
		if _, err := r.store.Store.Reap(t.Context(), []store.Beaten{{ID: r.process().ID, Count: r.process().Count}}); err != nil {
			t.Fatal(err)
		}
		after(time.Minute)
		r.want(store.Completed, id)
		if texts := r.logged(id); len(texts) != 0 {
			t.Errorf("the log is %q; want nothing", texts)
		}
	})
}

// A handler that is left behind when the process stops has logged what it has logged.
func TestLinesOfHandlersLeftBehindAreKept(t *testing.T) {
	inBubble(t, map[string]handler{"t": func(ctx context.Context, job *store.Claimed) error {
		<-ctx.Done()
		_ = logs(3, nothing)(ctx, job)
		time.Sleep(time.Hour)
		return logs(3, nothing)(ctx, job)
	}}, func(r *rig) {
		id := r.insert("t", 1, nil)[0]
		after(time.Second)
		r.stop()
		r.want(store.Available, id)
		if texts := r.logged(id); len(texts) != 3 {
			t.Errorf("the log is %q; want 3 lines", texts)
		}
		after(2 * time.Hour)
	})
}
