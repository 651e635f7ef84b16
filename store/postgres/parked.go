package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/store"
)

// decideParked claims parked jobs under limits, as far as these allow it now. Others wait for
// their limit, and suspects, which are to be run alone, until it may open.
func (s *Store) decideParked(ctx context.Context, req store.ParkedRequest, terms map[store.ID]*store.Terms) (claimed []drawn, err error) {
	var view claimView
	var wakes []store.Wake
	err = s.onEngine(ctx, "decide limits of parked jobs", func(ctx context.Context, conn *pgx.Conn) error {
		view, claimed, wakes = claimView{}, nil, nil
		return s.transactEngine(ctx, conn, func(w *work) error {
			g := newGates(s)
			candidates, err := w.candidates(ctx, g, terms, nil)
			if err != nil {
				return err
			}
			g.settle(admitAtATime)
			var lets admission
			var stay []*candidate
			var offIDs [][16]byte
			var offUntil []time.Time
			for _, c := range candidates {
				switch at := g.bars(c, ""); {
				case at == "":
					g.let(c)
					lets.add(c)
				case c.suspect:
					until := g.all[at].opens(g.now, c)
					if !until.After(g.now) {
						until = g.now.Add(passedOver)
					}
					offIDs, offUntil = append(offIDs, c.id), append(offUntil, until)
				default:
					c.at = at
					stay = append(stay, c)
				}
			}
			if err := w.turns(ctx, stay); err != nil {
				return err
			}
			var left leaving
			for _, c := range stay {
				g.wait(c, c.at)
				left.wait(c.id, c.terms)
			}
			var steps []step
			if len(lets.ids) > 0 {
				steps = append(steps, step{
					sql: s.sql.claimThese, args: []any{[16]byte(req.Process), lets.ids},
					rows: func(rows pgx.Rows) (err error) {
						claimed, err = readClaimed(rows, req.Queue, &view, claimed)
						return err
					},
				})
			}
			if len(lets.gates) > 0 {
				steps = append(steps, step{sql: s.sql.hold, args: []any{lets.gates, lets.holders, lets.weights}})
			}
			if len(offIDs) > 0 {
				steps = append(steps, step{sql: s.sql.holdOff, args: []any{offIDs, offUntil}})
			}
			steps = append(steps, stepsOf(left.queries(s.sql))...)
			wakes = g.wakes
			return w.commit(ctx, append(steps, g.steps(append(stay, g.moved...))...)...)
		})
	})
	if codeOf(err) == codeDivision {
		return nil, errLost("claim parked jobs", req.Process)
	}
	if err != nil {
		return nil, err
	}
	for i := range claimed {
		claimed[i].uses |= usesRate // whether a limit counts it is found when it begins
	}
	s.wake(ctx, wakes)
	return claimed, nil
}
