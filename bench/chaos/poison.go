package main

import (
	"context"
	"syscall"
	"time"

	"github.com/offloadhq/offload"
)

func init() {
	register(Trial{
		Name:  "poison",
		About: "among 99 jobs of a second each, one kills its process whenever it runs",
		Short: time.Second, Long: 10 * time.Minute,
		Tasks: []Task{{
			Name: "poison",
			Run: func(ctx context.Context, h *Hand, _ Work) error {
				h.Ledger.Note(offload.JobOf(ctx).ID, offload.JobOf(ctx).Attempt, "kills its process")
				return syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
			},
		}},
		Run: poison,
	})
}

// After so many losses of its process a job is discarded: alone in it, or with others beside it.
const (
	crashLimit     = 3
	crashLimitMost = 5
)

func poison(s *Stage) {
	for range 3 {
		s.Respawn(Worker{Slots: 20}.Spec())
	}
	var poisons []offload.ID
	var slowest time.Duration
	for round := 1; round == 1 || s.Left() > 0; round++ {
		began := time.Now()
		at := s.Rand.IntN(100)
		for i := range 100 {
			if i == at {
				poisons = append(poisons, s.Enqueue(Kind{Task: "poison"}, Work{}))
			} else {
				s.Enqueue(Kind{Task: "sleep"}, Work{Sleep: time.Second, Tx: s.Rand.IntN(2) == 0})
			}
		}
		if !s.rest(3 * time.Minute) {
			break // Settle says what is left
		}
		slowest = max(slowest, time.Since(began))
	}
	s.Settle(time.Second)
	reportPoisons(s, poisons)
	s.Figure("slowest round of 100 jobs, to the discard of the poison", slowest.Seconds(), "s")
}

// reportPoisons checks that poison was discarded, for that alone, and that nobody else was.
func reportPoisons(s *Stage, poisons []offload.ID) {
	l := s.Ledger()
	crashes := len(l.NotesOf("kills its process"))
	isPoison := map[offload.ID]bool{}
	for _, id := range poisons {
		isPoison[id] = true
		job, err := s.App().Job(s.ctx, id)
		if err != nil {
			s.Fatalf("read the poison: %v", err)
		}
		if n := len(l.Job(id).Runs); job.State != offload.Discarded || n < crashLimit || n > crashLimitMost {
			s.Broken("poison", "the poison %s is %s after %d runs; want discarded after %d to %d", id, job.State, n, crashLimit, crashLimitMost)
		}
	}
	discarded, most := 0, 0
	for id, e := range l.Jobs {
		if isPoison[id] {
			continue
		}
		most = max(most, len(e.Runs)-1)
		job, err := s.App().Job(s.ctx, id)
		if err != nil {
			s.Fatalf("read an innocent job: %v", err)
		}
		if job.State != offload.Completed {
			discarded++
			s.Broken("innocents", "the innocent job %s is %s: %s", id, job.State, e.runs())
		}
		if extra := len(e.Runs) - 1; extra > crashes {
			s.Broken("innocents", "the innocent job %s ran %d times more than once, and there were %d crashes: %s", id, extra, crashes, e.runs())
		}
	}
	s.Figure("poisons", float64(len(poisons)), "")
	s.Figure("crashes", float64(crashes), "")
	s.Figure("innocents that did not complete", float64(discarded), "")
	s.Figure("extra runs of an innocent, most", float64(most), "")
}
