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
	err = s.onEngine(ctx, "finish attempts", func(ctx context.Context, conn *pgx.Conn) error {
		lost = nil
		exact := false
		for range tries {
			f := &finishing{s: s, process: process, g: newGates(s), exact: exact}
			err = s.transactEngine(ctx, conn, func(w *work) error { return f.run(ctx, w, ended) })
			lost, wakes = f.lost, f.g.wakes
			if codeOf(err) != codeDivision {
				break
			}
			exact = true
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	s.ears.hear(wakes)
	return lost, nil
}

// A finishing is a transaction of finishLimited.
type finishing struct {
	s       *Store
	process store.ID
	g       *gates
	exact   bool // leases are locked first, and looked at
	lost    []store.Fence
}

func (f *finishing) run(ctx context.Context, w *work, ended []store.Ended) error {
	sql := f.s.sql
	pauses := map[string]time.Duration{}
	held := holdings{}
	for i := range ended {
		e := &ended[i]
		held.add(e.ID, e.Terms, nil)
		if e.Outcome == store.OutcomeSnooze && e.Pause != "" {
			for _, u := range usesOfTerms(e.Terms) {
				if id := gate.IDOf(u); u.Limit == e.Pause {
					pauses[id] = max(pauses[id], e.RunIn)
				}
			}
		}
	}
	paused := slices.AppendSeq([]string{}, maps.Keys(pauses))
	slices.Sort(paused)
	var steps []step
	if len(paused) > 0 {
		steps = append(steps, step{sql: sql.gatesMake, args: []any{paused}})
	}
	steps = append(steps, step{sql: sql.gatesHeld, args: []any{held.gates, held.ids, paused}, rows: f.g.readLocked})
	ours, gone := ended, []store.Fence(nil)
	if f.exact {
		var err error
		if ours, gone, err = w.lockLeases(ctx, f.process, ended, steps...); err != nil {
			return err
		}
		steps = nil
	}
	steps = append(steps, f.s.finishing(f.process, ours, true)...)
	steps = append(steps, f.s.finished(gone, ours, &f.lost)...)
	if len(ours) > 0 {
		steps = append(steps, f.g.look(distinct(held.gates), admitAtATime, false))
	}
	if err := w.send(ctx, steps...); err != nil {
		return err
	}
	return f.admit(ctx, w, ours, pauses)
}

// admit lets through who has waited for the attempts that have ended, and commits.
func (f *finishing) admit(ctx context.Context, w *work, ours []store.Ended, pauses map[string]time.Duration) error {
	g := f.g
	var paused []string
	for _, id := range slices.Sorted(maps.Keys(pauses)) {
		l := g.all[id]
		if l == nil || l.Gate == nil {
			return errAgain // it was removed before it was locked
		}
		if until := g.now.Add(pauses[id]); until.After(l.Paused) {
			l.Paused = until
		}
		paused = append(paused, id)
	}
	out, err := w.pauseOut(ctx, g, paused)
	if err != nil {
		return err
	}
	if err := g.complete(ctx, w, admitAtATime); err != nil {
		return err
	}
	g.settle()
	steps := append(stepsOf(out.queries(f.s.sql)), g.steps(g.moved)...)
	return w.commitAnd(ctx, []step{f.s.notify(g.wakes)}, steps...)
}
