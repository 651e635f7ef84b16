package main

import (
	"time"

	"github.com/offloadhq/offload"
)

func init() {
	register(Trial{
		Name:  "kill-loop",
		About: "one of four workers is killed every 1 to 3 s, and started again, under 500 jobs a second",
		Short: 15 * time.Second, Long: 30 * time.Minute,
		Quiet: true,
		Run:   killLoop,
	})
}

// A kill is a worker that was killed, and the leases that it held then.
type kill struct {
	time time.Time
	held []Lease
}

func killLoop(s *Stage) {
	workers := make([]*Process, 4)
	for i := range workers {
		workers[i] = s.Start(Worker{Slots: 20}.Spec())
	}
	s.Start(Enqueuer{Rate: 500, Tx: 0.5, Mix: []Kind{{Task: "sleep", Most: 200 * time.Millisecond}}}.Spec())
	var kills []kill
	for s.Sleep(s.Between(time.Second, 3*time.Second)) {
		i := s.Rand.IntN(len(workers))
		kills = append(kills, killOne(s, workers[i]))
		workers[i] = s.Start(workers[i].Spec)
	}
	s.Settle(2 * time.Minute)
	reportKills(s, kills)
}

// killOne kills a worker and reads which leases it leaves behind.
func killOne(s *Stage, p *Process) kill {
	p.Kill()
	k := kill{time: p.Ended()}
	var err error
	if k.held, err = s.Database.Leases(s.ctx, p.PID); err != nil {
		s.Fatalf("read the leases of %s: %v", p.Name, err)
	}
	return k
}

// reportKills reports how soon the jobs of killed workers ran again. A job whose process was
// lost twice is a suspect: it is left alone for 15 s on purpose, and reported apart.
func reportKills(s *Stage, kills []kill) {
	l := s.Ledger()
	crashes := map[offload.ID]int{}
	var plain, suspects []time.Duration
	held, never := 0, 0
	for _, k := range kills {
		held += len(k.held)
		for _, lease := range k.held {
			crashes[lease.ID]++
			again, found := restart(l.Job(lease.ID), lease.Attempt)
			switch {
			case !found:
				never++ // Settle has found it done: the finish was under way when the process ended
			case crashes[lease.ID] > 1:
				suspects = append(suspects, again.Sub(k.time))
			default:
				plain = append(plain, again.Sub(k.time))
			}
		}
	}
	s.Figure("kills", float64(len(kills)), "")
	s.Figure("leases held when killed", float64(held), "")
	s.Figure("leases held when killed whose jobs needed no other run", float64(never), "")
	s.Figure("recovery p50", Quantile(plain, 0.5), "s")
	s.Figure("suspects", float64(len(suspects)), "")
	s.Figure("recovery of suspects max", Quantile(suspects, 1), "s")
	s.AtMost("recovery p99", Quantile(plain, 0.99), "s", 20)
	s.AtMost("recovery max", Quantile(plain, 1), "s", 25)
	repeats := 0
	for _, e := range l.Jobs {
		repeats += max(len(e.Runs)-1, 0)
	}
	if repeats > held {
		s.Broken("repeats", "%d starts were repeated, and killed workers held %d leases", repeats, held)
	}
}

// restart is the first start of a job after an attempt.
func restart(e Entry, attempt int) (at time.Time, found bool) {
	for _, r := range e.Runs {
		if r.Attempt > attempt && (!found || r.Start.Before(at)) {
			at, found = r.Start, true
		}
	}
	return at, found
}
