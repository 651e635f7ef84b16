package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/internal/gate"
	"github.com/offloadhq/offload/store"
)

// Numbers of Place.
const (
	countAhead  = 10_000 // jobs that are counted
	finishedFor = 5 * time.Minute
)

// Place is that of store.Gates. It takes several statements: the job may move between them.
func (s *Store) Place(ctx context.Context, id store.ID) (p store.Place, err error) {
	found, err := s.Find(ctx, store.Filter{IDs: []store.ID{id}})
	if err != nil {
		return p, err
	}
	if len(found) == 0 {
		return p, fmt.Errorf("job %s: %w", id, store.ErrNotFound)
	}
	p.Job = found[0]
	if p.Job.InputSize > store.InlineInput {
		p.Job.Input = nil
	}
	var at *string
	var unbegun bool
	var finished int64
	err = s.ask(ctx, "look for a job's place", s.sql.place, []any{[16]byte(id), countAhead}, func(rows pgx.Rows) error {
		for rows.Next() {
			if err := rows.Scan(&p.QueuePaused, &p.TaskPaused, &at, &p.Line, &p.Ahead, &unbegun, &finished); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	if err != nil {
		return p, err
	}
	p.Finished = float64(finished) / finishedFor.Seconds()
	if unbegun {
		p.ExpiresAt = expiresAt(p.Job.Terms, p.Job.RunAt)
	}
	if at == nil || *at == "" || *at == gateAfter || *at == gateHeld {
		return p, nil
	}
	name, _ := gate.Parse(*at)
	p.Limit = &store.LimitState{Limit: store.Limit{Name: name}}
	err = s.ask(ctx, "read limits", s.sql.limits, []any{[]string{name}}, func(rows pgx.Rows) error {
		for rows.Next() {
			l, err := readLimit(rows.Scan, new(time.Time))
			if err != nil {
				return err
			}
			p.Limit = &l
		}
		return rows.Err()
	})
	if err != nil {
		return p, err
	}
	p.Limit.Keys, err = s.limitKeys(ctx, p.Limit.Limit, *at)
	return p, err
}
