package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/offloadhq/offload/internal/cutwire"
	"github.com/offloadhq/offload/internal/testpg"
)

func init() {
	register(Trial{
		Name:   "lost-answer",
		About:  "the server does what it was asked, and the connection breaks before its answer, several times a second and at each kind of statement",
		Stores: []string{"postgres"},
		Short:  9 * time.Second, Long: 10 * time.Minute,
		Roles: map[string]Role{"chores": chores},
		Tasks: []Task{{Name: choreTask, Run: sleepTask.Run, Options: sleepTask.Options}},
		Run:   loseAnswers,
	})
}

// An answer is what a kind of statements gets, found by their text. Those that run within one
// round trip as a transaction are committed when they have been answered.
type answer struct {
	name string
	to   func(query string) bool
}

var answerKinds = []answer{
	{"claim", mentions("SKIP LOCKED", `"offload".due`)},
	{"insert", mentions(`INSERT INTO "offload".job`)},
	{"finish, retry or give back", mentions(`DELETE FROM "offload".lease`)},
	{"complete in a transaction", mentions(`"offload".refuse_lost`)},
	{"copy", mentions(`COPY "offload"`)},
	{"COMMIT of several round trips", func(query string) bool { return query == "COMMIT" }},
	{"commit of an act, or of the program", func(query string) bool { return query == "commit" }},
	{"anything", func(string) bool { return true }},
}

// mentions returns whether a text has all of some parts.
func mentions(parts ...string) func(string) bool {
	return func(query string) bool {
		for _, part := range parts {
			if !strings.Contains(query, part) {
				return false
			}
		}
		return true
	}
}

func loseAnswers(s *Stage) {
	proxy := cutwire.New(s, testpg.Host(s, s.Database.Address))
	through := testpg.WithHost(s, s.Database.Address, proxy.Addr())
	start := func(spec Spec) *Process {
		spec.Address = through
		return s.Start(spec)
	}
	workers := []*Process{start(Worker{Slots: 10}.Spec()), start(Worker{Slots: 10, Grace: -1}.Spec())}
	mix := []Kind{{Task: "sleep", Most: 20 * time.Millisecond}}
	start(Enqueuer{Rate: 150, Tx: 0.3, Callers: 8, Resend: true, Mix: mix}.Spec())
	start(Enqueuer{Rate: 20, Callers: 1, Resend: true, Mix: mix}.Spec())
	start(Enqueuer{Rate: 600, Many: 600, Callers: 1, Resend: true, Mix: mix}.Spec())
	chore := start(Spec{Role: "chores"})

	met := map[string]int{}
	renewed := time.Now()
	for n := 0; s.Sleep(s.Between(30*time.Millisecond, 150*time.Millisecond)); n++ {
		kind := answerKinds[n%len(answerKinds)]
		proxy.ArmWhen(cutwire.LoseAnswer, func(q cutwire.Statement) bool { return kind.to(q.Query) })
		s.Comes(2*time.Second, func() bool { return proxy.Met() > 0 })
		if proxy.Disarm() {
			met[kind.name]++
		}
		if time.Since(renewed) > 3*time.Second { // a stop gives leases back
			if _, ok := workers[1].Stop(30 * time.Second); !ok {
				s.Broken("process", "%s did not end when it was told to", workers[1].Name)
			}
			workers[1], renewed = start(workers[1].Spec), time.Now()
		}
	}
	if _, ok := chore.Stop(30 * time.Second); !ok {
		s.Broken("process", "%s did not end when it was told to", chore.Name)
	}
	s.Settle(time.Minute)
	reportAnswers(s, met)
}

func reportAnswers(s *Stage, met map[string]int) {
	for _, kind := range answerKinds {
		s.Figure("answers lost to "+kind.name, float64(met[kind.name]), "")
		if met[kind.name] == 0 {
			s.Broken("coverage", "no answer was lost to %s: is its statement still found by what it says?", kind.name)
		}
	}
	noneRefused(s)
	noneDiscarded(s)
	noneDoubled(s)
	choresDone(s)
	var waits []time.Duration
	for _, e := range s.Ledger().Jobs {
		if e.Task != choreTask && len(e.Runs) > 0 && !e.Acked.IsZero() {
			waits = append(waits, firstStart(e).Sub(e.Acked))
		}
	}
	s.Figure("enqueue to start p99", Quantile(waits, 0.99), "s")
	s.AtMost("enqueue to start of the slowest, whose claim's answer was lost", Quantile(waits, 1), "s", 20)
}

func firstStart(e *Entry) time.Time {
	at := e.Runs[0].Start
	for _, r := range e.Runs {
		if r.Start.Before(at) {
			at = r.Start
		}
	}
	return at
}

// noneDoubled reports jobs that ran again although an attempt of theirs was completed.
func noneDoubled(s *Stage) {
	s.Helper()
	for id, e := range byID(s.Ledger().Jobs) {
		for _, r := range e.Runs {
			if again, found := restart(*e, r.Attempt); found && r.How == "" && !r.End.IsZero() && again.After(r.End) {
				s.Broken("doubled", "attempt %d of job %s was completed, and it was started again: %s", r.Attempt, id, e.runs())
			}
		}
	}
}

// choresDone checks that each chore has had its effect, and had it once.
func choresDone(s *Stage) {
	s.Helper()
	l := s.Ledger()
	v, err := s.Database.survey(s.ctx, s.Since, nil)
	if err != nil {
		s.Fatalf("survey: %v", err)
	}
	wants := l.NotesOf(wantNote)
	for _, want := range wants {
		outcome, runs := Outcome(strings.TrimPrefix(want.Words, wantNote)), 0
		if outcome == Completed {
			runs = 1
		}
		stored, e := v.Jobs[want.Job], l.Job(want.Job)
		if stored.Outcome != outcome || len(e.Runs) != runs {
			s.Broken("chores", "job %s is %s after %d starts, want %s after %d: %s", want.Job, stored.Outcome, len(e.Runs), outcome, runs, e.runs())
		}
	}
	again := map[string]int{}
	for _, n := range l.NotesOf(againNote) {
		again[strings.TrimPrefix(n.Words, againNote)]++
	}
	s.Figure("chores", float64(len(wants)), "")
	for name, n := range again {
		s.Figure(fmt.Sprintf("calls of %s made again", name), float64(n), "")
	}
}
