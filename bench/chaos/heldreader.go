package main

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/offloadhq/offload/store"
)

func init() {
	register(Trial{
		Name:   "held-reader",
		About:  "a transaction that reads stays open on the file, while 2,000 jobs a second are enqueued and run",
		Stores: []string{"sqlite"},
		Short:  8 * time.Second, Long: 13*time.Minute + 20*time.Second,
		Quiet: true,
		Run:   heldReader,
	})
}

const (
	heldRate = 2000
	cutTo    = 64 << 20 // what is left of the log when the reader has gone
	warnFrom = 128 << 20
)

func heldReader(s *Stage) {
	worker := s.Start(Worker{Slots: 50}.Spec())
	s.Start(Enqueuer{Rate: heldRate, Callers: 8}.Spec())
	s.Blind(func() { // the checks of each second would read for long, too
		s.Wait(s.For / 4)
		began := time.Now()
		free := Span{began.Add(-s.For / 6), began}
		db, err := s.Database.open()
		if err != nil {
			s.Fatalf("open the file to read: %v", err)
		}
		defer db.Close()
		tx, err := db.BeginTx(s.ctx, nil)
		if err != nil {
			s.Fatalf("begin to read: %v", err)
		}
		defer tx.Rollback() //nolint:errcheck // for a trial that ends early
		var n int
		if err := tx.QueryRowContext(s.ctx, "SELECT count(*) FROM offload_meta").Scan(&n); err != nil {
			s.Fatalf("read: %v", err)
		}
		s.Wait(s.For * 3 / 4)
		// On a slow machine the log needs longer to become worth a word.
		s.Comes(time.Minute, func() bool { return logSize(s.Database.Address) > warnFrom*5/4 })
		held := Span{began, time.Now()}
		largest := logSize(s.Database.Address)
		if largest > warnFrom {
			s.wantWarning(worker)
		}
		ended := time.Now()
		if err := tx.Rollback(); err != nil {
			s.Fatalf("end the reading: %v", err)
		}
		if !s.Comes(time.Minute, func() bool { return logSize(s.Database.Address) < cutTo }) {
			s.Broken("log", "a minute after its reader has gone the log has %d MiB", logSize(s.Database.Address)>>20)
		}
		s.Figure("largest log", float64(largest)/(1<<20), "MiB")
		s.AtMost("log back under 64 MiB", time.Since(ended).Seconds(), "s", 10)
		before, during := s.ended(free), s.ended(held)
		s.Figure("jobs ended before", before, "jobs/s")
		s.Figure("jobs ended while a reader held the log", during, "jobs/s")
		s.AtLeast("of the rate before", during/before, "", 0.7)
		s.reportWaits("enqueue while held", held)
		s.reportWaits("enqueue after", Span{ended, time.Now()})
	})
	s.Settle(time.Minute)
}

// wantWarning wants a large log to be told: by those who work, and to who asks.
func (s *Stage) wantWarning(worker *Process) {
	s.Helper()
	const words = "log of the database grows"
	if !s.Comes(2*store.BeatEvery, func() bool { return strings.Contains(s.logOf(worker), words) }) {
		s.Broken("warning", "a worker says nothing of a log of %d MiB", logSize(s.Database.Address)>>20)
	}
	db, err := store.Open(s.ctx, s.Database.Address)
	if err != nil {
		s.Fatalf("open the store: %v", err)
	}
	defer db.Close()
	findings, err := db.Examine(s.ctx)
	if err != nil {
		s.Fatalf("examine: %v", err)
	}
	for _, f := range findings {
		if f.Name == "log" && f.Level == store.Fine {
			s.Broken("warning", "Examine finds nothing wrong with the log: %+v", f)
		}
	}
}

// logOf is what a process has said on standard error.
func (s *Stage) logOf(p *Process) string {
	text, err := os.ReadFile(filepath.Join(s.logs, p.Name+".log"))
	if err != nil {
		s.Errorf("%v", err)
	}
	return string(text)
}

// A Span is a stretch of time.
type Span struct{ From, To time.Time }

func (a Span) has(t time.Time) bool { return !t.Before(a.From) && t.Before(a.To) }

// ended returns how many handlers ended each second of a span.
func (s *Stage) ended(a Span) float64 {
	s.Helper()
	n := 0
	for _, e := range s.Ledger().Jobs {
		for _, r := range e.Runs {
			if a.has(r.End) {
				n++
			}
		}
	}
	return float64(n) / a.To.Sub(a.From).Seconds()
}

// reportWaits reports how long enqueues of a span took.
func (s *Stage) reportWaits(what string, a Span) {
	s.Helper()
	var waits []time.Duration
	for _, e := range s.Ledger().Jobs {
		if a.has(e.Acked) {
			waits = append(waits, e.Acked.Sub(e.Tried))
		}
	}
	s.Figure(what+" p99", Quantile(waits, 0.99), "s")
	s.Figure(what+" max", Quantile(waits, 1), "s")
}
