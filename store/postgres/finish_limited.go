package postgres

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/internal/gate"
	"github.com/offloadhq/offload/store"
)

// finishLimited is Finish for attempts of jobs under limits. The first round trip locks the gates
// that they hold, moves them, takes back what they hold, and looks at who waits; the second lets
// these through.
func (s *Store) finishLimited(ctx context.Context, process store.ID, ended []store.Ended) (lost []store.Fence, err error) {
	var wakes []store.Wake
	var marked bool
	err = s.onEngine(ctx, "finish attempts", func(ctx context.Context, conn *pgx.Conn) error {
		lost = nil
		exact, slow := false, false
		for range tries {
			f := &finishing{s: s, process: process, g: newGates(s), exact: exact, slow: slow}
			err = s.transactEngine(ctx, conn, func(w *work) error { return f.run(ctx, w, ended) })
			lost, wakes, marked = f.lost, f.g.wakes, f.marked
			switch codeOf(err) {
			case codeDivision:
				exact = true
				continue
			case codeDuplicate:
				slow = true
				continue
			}
			break
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	s.ears.hear(wakes)
	s.settleSoon(ctx, marked)
	return lost, nil
}

// A finishing is a transaction of finishLimited.
type finishing struct {
	s       *Store
	process store.ID
	g       *gates
	exact   bool // leases are locked first, and looked at
	slow    bool // nothing is handed over without a look
	lost    []store.Fence
	marked  bool // others wait for one of the jobs
}

func (f *finishing) run(ctx context.Context, w *work, ended []store.Ended) error {
	held, pauses := f.gatesOf(ended)
	paused := slices.Sorted(maps.Keys(pauses))
	sql := f.s.sql
	var steps []step
	if len(paused) > 0 {
		steps = append(steps, step{sql: sql.gatesMake, args: []any{paused}})
	}
	steps = append(steps, step{sql: sql.gatesLock, args: []any{distinct(append(held, paused...))}, rows: f.g.readLocked})
	ours, gone := ended, []store.Fence(nil)
	if f.exact {
		var err error
		if ours, gone, err = w.lockLeases(ctx, f.process, ended, steps...); err != nil {
			return err
		}
		steps = nil
	}
	steps = append(steps, f.s.finishing(f.process, ours, true, &f.marked)...)
	steps = append(steps, f.s.finished(gone, ours, &f.lost)...)
	held = slices.DeleteFunc(held, func(id string) bool { _, is := pauses[id]; return is })
	names := make([]string, len(held))
	for i, id := range held {
		names[i], _ = gate.Parse(id)
	}
	look := paused
	if f.slow {
		look, held = append(look, held...), nil
	}
	steps = append(steps, query{sql: sql.handOver, args: []any{held, names}, row: func(scan func(...any) error) error {
		var wake store.Wake
		var more *string
		if err := scan(&wake.Queue, &wake.Priority, &more); err != nil {
			return err
		}
		if more != nil {
			look = append(look, *more)
		} else {
			f.g.wakes = append(f.g.wakes, wake)
		}
		return nil
	}}.step())
	if err := w.send(ctx, steps...); err != nil {
		return err
	}
	return f.admit(ctx, w, look, pauses)
}

// gatesOf are the gates that attempts hold, and those that are paused, with how long.
func (f *finishing) gatesOf(ended []store.Ended) (held []string, pauses map[string]time.Duration) {
	pauses = map[string]time.Duration{}
	for i := range ended {
		e := &ended[i]
		for _, u := range usesOfTerms(e.Terms) {
			id := gate.IDOf(u)
			if f.s.atOnce(u) {
				held = append(held, id)
			}
			if e.Outcome == store.OutcomeSnooze && e.Pause == u.Limit {
				pauses[id] = max(pauses[id], e.RunIn)
			}
		}
	}
	return distinct(held), pauses
}

// admit looks at gates that were not simply handed over, lets through who waits there, and commits.
func (f *finishing) admit(ctx context.Context, w *work, look []string, pauses map[string]time.Duration) error {
	g := f.g
	var steps []step
	if len(look) > 0 {
		if err := w.send(ctx, g.look(look, admitAtATime)); err != nil {
			return err
		}
		paused := slices.Sorted(maps.Keys(pauses))
		for _, id := range paused {
			l := g.all[id]
			if l == nil || l.Gate == nil {
				return errAgain // it was removed before it was locked
			}
			if until := g.now.Add(pauses[id]); until.After(l.Paused) {
				l.Paused = until
			}
		}
		out, err := w.pauseOut(ctx, g, paused)
		if err != nil {
			return err
		}
		if err := g.complete(ctx, w, admitAtATime); err != nil {
			return err
		}
		g.settle(admitAtATime)
		steps = append(stepsOf(out.queries(f.s.sql)), g.steps(g.moved)...)
	}
	return w.commitAnd(ctx, []step{f.s.notify(g.wakes)}, steps...)
}
