package postgres

import (
	"context"

	"github.com/offloadhq/offload/internal/gate"
	"github.com/offloadhq/offload/store"
)

// This file is about jobs that wait and hold a gate meanwhile, whose limit is Kept: one that was tried
// and waits for another limit, or was let through and met a pause.

// kept looks for what those that wait hold of the gates that are known.
func (g *gates) kept(ctx context.Context, w *work) error {
	var ids []string
	var jobs [][16]byte
	waiting := map[store.ID]*candidate{}
	for _, l := range g.all {
		for _, c := range l.line {
			for _, u := range usesOfTerms(c.terms) {
				id := gate.IDOf(u)
				at := g.set[id]
				if _, asked := c.holds[id]; asked || at == nil || at.Held == 0 || !at.Limit.Kept() {
					continue
				}
				if c.holds == nil {
					c.holds = map[string]bool{}
				}
				c.holds[id], waiting[c.id] = false, c
				ids, jobs = append(ids, id), append(jobs, c.id)
			}
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return w.send(ctx, g.heldOf(ids, jobs, waiting))
}

// room reports whether a gate has room for a candidate. What it holds it need not wait for, unless
// nothing of that key may start.
func (g *gates) room(l *lockedGate, c *candidate, u store.Use) bool {
	if c.holds[l.id] {
		return !g.now.Before(l.Paused) && (l.Stops.IsZero() || l.Stops == c.id)
	}
	return l.Room(g.now, c.id, u)
}
