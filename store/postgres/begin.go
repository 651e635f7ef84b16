package postgres

import (
	"context"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/internal/gate"
	"github.com/offloadhq/offload/store"
)

// begin does what follows from a claim of jobs with terms, which hold their leases already: starts
// are counted by limits with a period, unique keys freed that hold until the start, and expiries
// forgotten. It returns what may be started. Should this process die before, nothing has started.
func (s *Store) begin(ctx context.Context, process store.ID, claimed []drawn) ([]drawn, error) {
	rated := map[store.ID]*store.Terms{}
	for i := range claimed {
		if c := &claimed[i]; c.uses&usesRate != 0 && c.Terms != nil {
			rated[c.ID] = c.Terms
		}
	}
	if len(rated) > 0 {
		back, err := s.starts(ctx, process, claimed, rated)
		if err != nil {
			return nil, err
		}
		claimed = slices.DeleteFunc(claimed, func(d drawn) bool { return back[d.ID] })
	}
	var left leaving
	for i := range claimed {
		left.begin(claimed[i].ID, claimed[i].Task, claimed[i].Terms)
	}
	if queries := left.queries(s.sql); len(queries) > 0 {
		// Whoever wants a key sees that its job runs, and who looks for expired ones that it waits
		// no more: an error does no harm.
		_ = s.onEngine(ctx, "free unique keys", func(ctx context.Context, conn *pgx.Conn) error {
			return s.engineTrip(ctx, conn, stepsOf(queries)...)
		})
	}
	return claimed, nil
}

// starts counts starts, in the order of the claim. It returns the jobs that have to wait again.
func (s *Store) starts(ctx context.Context, process store.ID, claimed []drawn, rated map[store.ID]*store.Terms) (back map[store.ID]bool, err error) {
	var wakes []store.Wake
	err = s.onEngine(ctx, "count starts", func(ctx context.Context, conn *pgx.Conn) error {
		back, wakes = map[store.ID]bool{}, nil
		return s.transactEngine(ctx, conn, func(w *work) error {
			g := newGates(s)
			candidates := map[store.ID]*candidate{}
			var order []*candidate
			for i := range claimed {
				d := &claimed[i]
				if rated[d.ID] != nil {
					c := &candidate{id: d.ID, task: d.Task, queue: d.Queue, priority: d.lane, order: d.order, runAt: d.RunAt, terms: d.Terms}
					candidates[c.id], order = c, append(order, c)
				}
			}
			ids := gatesOf(slices.Collect(maps.Values(rated))...)
			err := w.send(ctx, append(g.lock(ids), g.held(rated, candidates), g.look(ids, admitAtATime))...)
			if err != nil {
				return err
			}
			if err := g.locked(ids); err != nil {
				return err
			}
			if err := g.complete(ctx, w, admitAtATime); err != nil {
				return err
			}
			started := &starting{g: g, left: leaving{locked: true}}
			for _, c := range order {
				if at := g.bars(c, ""); at != "" {
					started.sendBack(c, at)
					back[c.id] = true
				} else {
					started.start(c)
				}
			}
			g.settle(admitAtATime)
			wakes = g.wakes
			return w.commit(ctx, append(started.steps(process), g.steps(g.moved)...)...)
		})
	})
	if err == nil {
		s.wake(ctx, wakes)
	}
	return back, err
}

// A starting is jobs whose starts are counted.
type starting struct {
	g       *gates
	left    leaving
	now     admission // what they hold now
	backIDs [][16]byte
	backAt  []string
}

// start counts a start: a limit with a period is held no more, any other is.
func (s *starting) start(c *candidate) {
	for _, u := range usesOfTerms(c.terms) {
		id := gate.IDOf(u)
		l := s.g.all[id]
		if !c.holds[id] {
			l.Take(u)
		}
		if l.Limit.Per > 0 {
			l.Start(s.g.now, u)
		} else if !c.holds[id] {
			s.now.gates, s.now.holders, s.now.weights = append(s.now.gates, id), append(s.now.holders, c.id), append(s.now.weights, int32(u.Weight()))
		}
	}
	s.left.ended.add(c.id, c.terms, func(u store.Use) bool { return s.g.all[gate.IDOf(u)].Limit.Per > 0 })
}

// sendBack lets a job wait whose start a gate does not allow. It gives back what it holds of others.
func (s *starting) sendBack(c *candidate, at string) {
	for _, u := range usesOfTerms(c.terms) {
		if l := s.g.all[gate.IDOf(u)]; c.holds[l.id] && !l.Limit.Kept() {
			l.Leave(u)
		}
	}
	s.left.wait(c.id, c.terms)
	c.priority, c.order = c.priority%store.FairLane, c.runAt // as after Release
	s.g.wait(c, at)
	s.backIDs, s.backAt = append(s.backIDs, c.id), append(s.backAt, at)
}

func (s *starting) steps(process store.ID) []step {
	sql := s.g.s.sql
	var steps []step
	if len(s.backIDs) > 0 {
		steps = append(steps, step{sql: sql.sendBack, args: []any{[16]byte(process), s.backIDs, s.backAt}})
	}
	steps = append(steps, stepsOf(s.left.queries(sql))...)
	if len(s.now.gates) > 0 {
		steps = append(steps, step{sql: sql.hold, args: []any{s.now.gates, s.now.holders, s.now.weights}})
	}
	return steps
}
