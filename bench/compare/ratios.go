package main

import (
	"fmt"
	"strings"
)

// A ratio is one that offload has to hold, and whether it did.
type ratio struct {
	what string // "PostgreSQL: drain ≥ 3.5 × graphile-worker, tuned"
	got  string // "4.1 ×", or why it is not known
	held verdict
}

type verdict string

const (
	held    verdict = "held"
	notHeld verdict = "NOT HELD"
	unknown verdict = "not measured"
)

// What is compared: larger is better of rates, smaller of latencies.
var (
	drain    = func(c *result) float64 { return c.Drain }
	insert16 = func(c *result) float64 { return c.Insert16 }
	p50      = func(c *result) float64 { return c.P50 }
	restP50  = func(c *result) float64 { return c.RestP50 }
)

// ratios judges a run. Where the figure is beside "River" and River was set in two ways, it is
// the better one.
func (r *run) ratios() []ratio {
	postgres, sqlite := r.of("offload-postgres"), r.of("offload-sqlite")
	on := func(c *result, stores ...string) bool {
		for _, s := range stores {
			if c.Peer && c.Store == s {
				return true
			}
		}
		return false
	}
	return []ratio{
		atLeast("PostgreSQL: drain", 3.5, drain, postgres, r.best(drain, func(c *result) bool { return on(c, "PostgreSQL") && c.Tuned })),
		atLeast("PostgreSQL: drain", 40, drain, postgres, r.of("river-defaults")),
		atLeast("PostgreSQL: enqueue from 16 goroutines", 8, insert16, postgres, r.best(insert16, func(c *result) bool { return on(c, "PostgreSQL") && c.System == "River" })),
		atMost("PostgreSQL: p50", 0.1, p50, postgres, r.of("river-defaults")),
		atMost("PostgreSQL: p50", 1, p50, postgres, r.quickest(p50, func(c *result) bool { return on(c, "PostgreSQL", "Redis") })),
		atMost("PostgreSQL: p50 at rest", 0.1, restP50, postgres, r.of("river-defaults")),
		atMost("PostgreSQL: p50 at rest", 1, restP50, postgres, r.quickest(restP50, func(c *result) bool { return on(c, "PostgreSQL", "Redis") })),
		atLeast("SQLite: drain", 30, drain, sqlite, r.of("river-sqlite-defaults")),
		atLeast("SQLite: drain", 30, drain, sqlite, r.of("river-sqlite-tuned")),
		atMost("SQLite: p50", 1, p50, sqlite, r.quickest(p50, func(c *result) bool { return on(c, "SQLite", "Redis") })),
		atMost("SQLite: p50 at rest", 1, restP50, sqlite, r.quickest(restP50, func(c *result) bool { return on(c, "SQLite", "Redis") })),
	}
}

// best returns the contender with the highest figure, quickest the one with the lowest, nil
// if none was measured.
func (r *run) best(of func(*result) float64, among func(*result) bool) (best *result) {
	for i := range r.Contenders {
		if c := &r.Contenders[i]; among(c) && (best == nil || of(c) > of(best)) {
			best = c
		}
	}
	return best
}

func (r *run) quickest(of func(*result) float64, among func(*result) bool) *result {
	return r.best(func(c *result) float64 { return -of(c) }, among)
}

// atLeast wants a rate of ours to be so many times that of a peer.
func atLeast(what string, times float64, of func(*result) float64, ours, peer *result) ratio {
	return judge(fmt.Sprintf("%s ≥ %g × %s", what, times, who(peer)), of, ours, peer, func(got float64) bool { return got >= times })
}

// atMost wants a time of ours to be at most such a part of a peer's; below it, where that is 1.
func atMost(what string, part float64, of func(*result) float64, ours, peer *result) ratio {
	if part == 1 {
		return judge(fmt.Sprintf("%s < the quickest peer, %s", what, who(peer)), of, ours, peer, func(got float64) bool { return got < 1 })
	}
	return judge(fmt.Sprintf("%s ≤ 1/%g of %s", what, 1/part, who(peer)), of, ours, peer, func(got float64) bool { return got <= part })
}

func judge(what string, of func(*result) float64, ours, peer *result, holds func(float64) bool) ratio {
	if ours == nil || peer == nil || of(peer) == 0 {
		return ratio{what, "–", unknown}
	}
	got := of(ours) / of(peer)
	as := fmt.Sprintf("%.1f ×", got)
	if got < 2 {
		as = fmt.Sprintf("%.2f ×", got)
	}
	if !holds(got) {
		return ratio{what, as, notHeld}
	}
	return ratio{what, as, held}
}

func who(peer *result) string {
	if peer == nil {
		return "a peer"
	}
	return strings.TrimSpace(peer.title()) + " on " + peer.Store
}
