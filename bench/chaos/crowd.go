package main

import (
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

func init() {
	register(Trial{
		Name:   "crowd",
		About:  "eight processes enqueue into and work one file, as fast as they can",
		Stores: []string{"sqlite"},
		Short:  4 * time.Second, Long: 5 * time.Minute,
		Quiet: true,
		Roles: bothRole,
		Run:   crowd,
	})
}

const crowdSize = 8

func crowd(s *Stage) {
	until := time.Now().Add(s.For)
	for range crowdSize {
		// Two callers each that do not rest, and one commit a call: nothing is shared but the file.
		s.Start(Both{Worker{Slots: 20}, Enqueuer{Callers: 2, Tx: 0.05}, until}.Spec())
	}
	worst := int64(0)
	for s.Sleep(100 * time.Millisecond) {
		worst = max(worst, logSize(s.Database.Address))
	}
	s.Settle(time.Minute)

	l := s.Ledger()
	acked, ran := map[string]float64{}, map[string]float64{}
	var waits []time.Duration
	for _, e := range l.Jobs {
		if !e.Acked.IsZero() {
			acked[e.By]++
			waits = append(waits, e.Acked.Sub(e.Tried))
		}
		for _, r := range e.Runs {
			ran[r.Process]++
			if isBusy(r.How) {
				s.Broken("busy", "a handler's own transaction: %s", r.How)
			}
		}
		if e.Refused != "" {
			s.Broken("busy", "an enqueue was refused: %s", e.Refused)
		}
	}
	s.Figure("enqueued", float64(len(waits))/s.For.Seconds(), "jobs/s")
	s.Figure("enqueue p99", Quantile(waits, 0.99), "s")
	s.Figure("enqueue max", Quantile(waits, 1), "s")
	s.Figure("largest log", float64(worst)/(1<<20), "MiB")
	s.AtMost("most by least jobs that a process enqueued", unevenness(acked), "", 3)
	s.AtMost("most by least jobs that a process ran", unevenness(ran), "", 3)
}

// isBusy reports whether an error is that of SQLite for a file that somebody else holds.
func isBusy(text string) bool {
	return strings.Contains(text, "SQLITE_BUSY") || strings.Contains(text, "is locked") || strings.Contains(text, "holds the database")
}

// unevenness is the most by the least of what processes did.
func unevenness(did map[string]float64) float64 {
	if len(did) < crowdSize {
		return float64(crowdSize) // somebody did nothing: worse than any bar
	}
	all := slices.Sorted(maps.Values(did))
	return all[len(all)-1] / all[0]
}

// logSize is the size of the log beside a SQLite file, 0 if there is none.
func logSize(path string) int64 {
	info, err := os.Stat(path + "-wal")
	if err != nil {
		return 0
	}
	return info.Size()
}
