package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/store"
)

// Start is that of store.Worker. Nobody is told of a job that starts: who sleeps need not know.
func (s *Store) Start(ctx context.Context, process store.ID, n store.NewJob) (store.Inserted, *store.Claimed, error) {
	if away, err := s.away(ctx); err != nil {
		return store.Inserted{}, nil, err
	} else if away {
		all, err := s.Insert(ctx, []store.NewJob{n})
		if err != nil {
			return store.Inserted{}, nil, err
		}
		return all[0], nil, nil
	}
	b, err := newBatch([]store.NewJob{n})
	if err != nil {
		return store.Inserted{}, nil, err
	}
	var (
		added, leased bool
		now           time.Time
	)
	err = s.onPool(ctx, "start a job", func(ctx context.Context, conn *pgx.Conn) error {
		return s.run(ctx, conn, step{sql: s.sql.durable, args: []any{}}, step{
			sql: s.sql.start, args: b.startArgs(process),
			rows: func(rows pgx.Rows) error {
				for rows.Next() {
					if err := rows.Scan(&added, &leased, &now); err != nil {
						return err
					}
				}
				return rows.Err()
			},
		})
	})
	inserted := store.Inserted{ID: n.ID, Existing: !added}
	switch {
	case err != nil:
		return store.Inserted{}, nil, err
	case !added:
		return inserted, nil, nil
	case !leased:
		s.wake(ctx, b.wakes)
		return inserted, nil, nil
	}
	return inserted, n.Started(now), nil
}

// startArgs are the parameters of start.sql.
func (b *batch) startArgs(process store.ID) []any {
	n := &b.once[0]
	scalars := b.scalars(n)
	const common = 10 // up to retain
	return append(scalars[:common:common], usesOf(n), [16]byte(process))
}
