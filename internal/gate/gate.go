// Package gate decides which jobs limits let through: the arithmetic that all stores share.
//
// A gate is one key of a limit. The package keeps nothing and asks nobody: a store reads gates
// under its lock, asks, and writes down what has changed.
package gate

import (
	"strings"
	"time"

	"github.com/offloadhq/offload/store"
)

// ID names a gate in one column: no limit's name has the character between the two.
func ID(limit, key string) string { return limit + "\x1f" + key }

// IDOf is the gate that a job goes through by a use.
func IDOf(u store.Use) string { return ID(u.Limit, u.Key) }

// Parse takes an ID apart.
func Parse(id string) (limit, key string) {
	limit, key, _ = strings.Cut(id, "\x1f")
	return limit, key
}

// A Gate is one key of a limit as it is at a moment.
type Gate struct {
	Limit  store.Limit // as it holds
	Held   int         // weights of the jobs let through that have not ended, or with Per, not started
	Full   time.Time   // with Per: when all of the burst is there again; see Room
	Paused time.Time   // until then no job starts
	Stops  store.ID    // Strict: the job that was discarded, and only may go on; zero if none
}

// burst is how many starts may come at once.
func (g *Gate) burst() int {
	if g.Limit.Burst > 0 {
		return g.Limit.Burst
	}
	return g.Limit.Max
}

// step is the time that one start takes from the rate, rounded up: never too many starts.
func (g *Gate) step() time.Duration {
	n := time.Duration(max(g.Limit.Max, 1))
	return (g.Limit.Per + n - 1) / n
}

// weight is what a use takes of the gate. One that the limit can never have room for, since it
// was made smaller, takes all of it.
func (g *Gate) weight(u store.Use) int {
	if g.Limit.Per == 0 {
		return 1
	}
	return min(u.Weight(), g.burst())
}

// Room reports whether the job may go through now.
//
// With Per it is the generic cell rate algorithm as virtual scheduling (ITU-T I.371, annex A;
// ATM Forum TM 4.0, 4.4.2): a start conforms unless it would move Full further than the burst
// ahead of the clock. Jobs that were let through and have not started count as if they had, so
// that each finds its room when it starts, however much later that is.
func (g *Gate) Room(now time.Time, id store.ID, u store.Use) bool {
	if now.Before(g.Paused) || !g.Stops.IsZero() && g.Stops != id {
		return false
	}
	if g.Limit.Per == 0 {
		return g.Held < g.Limit.Max
	}
	free := g.free(u)
	return free >= 0 && !g.opens(free).After(now)
}

// free is how many starts of the burst a job would leave when all of it is there.
func (g *Gate) free(u store.Use) int { return g.burst() - g.Held - g.weight(u) }

// opens is when the rate has room for a job that leaves free starts of the burst.
func (g *Gate) opens(free int) time.Time { return g.Full.Add(-time.Duration(free) * g.step()) }

// Opens is when the gate has room for a job if nothing happens meanwhile; the zero time is
// never: something must end, or with Per start.
func (g *Gate) Opens(now time.Time, u store.Use) time.Time {
	at := now
	switch {
	case !g.Stops.IsZero():
		return time.Time{}
	case g.Limit.Per > 0:
		free := g.free(u)
		if free < 0 {
			return time.Time{}
		}
		at = later(at, g.opens(free))
	case g.Held >= g.Limit.Max:
		return time.Time{}
	}
	return later(at, g.Paused)
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// Take lets a job through.
func (g *Gate) Take(u store.Use) { g.Held += g.weight(u) }

// Leave takes back what a job holds.
func (g *Gate) Leave(u store.Use) { g.Held = max(0, g.Held-g.weight(u)) }

// Start counts the start of a job that holds the gate. Without Per it goes on to hold it.
func (g *Gate) Start(now time.Time, u store.Use) {
	if g.Limit.Per == 0 {
		return
	}
	g.Leave(u)
	g.Full = later(g.Full, now).Add(time.Duration(g.weight(u)) * g.step())
}

// A Set is the gates that a store has locked, by ID.
type Set map[string]*Gate

// At returns the first gate of the uses that has no room for the job, and "" if all have. All
// of them must be in the set.
func (s Set) At(now time.Time, id store.ID, uses []store.Use) (at string, u store.Use) {
	for _, u := range uses {
		if at := IDOf(u); !s[at].Room(now, id, u) {
			return at, u
		}
	}
	return "", store.Use{}
}

// Lacks returns the gates of the uses that are not in the set.
func (s Set) Lacks(uses []store.Use) (ids []string) {
	for _, u := range uses {
		if id := IDOf(u); s[id] == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// Take lets a job through all its gates.
func (s Set) Take(uses []store.Use) {
	for _, u := range uses {
		s[IDOf(u)].Take(u)
	}
}
