package postgres

import (
	"context"
	"encoding/json"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/store"
)

// Join is that of store.Member. Joining again, after an error that leaves doubt, is joining.
func (s *Store) Join(ctx context.Context, p store.Process) error {
	args, err := processArgs(&p)
	if err != nil {
		return err
	}
	most := store.MaxErrorText
	args = append(args, *text(p.Name, most), *text(p.Host, most), int64(p.PID), *text(p.Version, most), *text(p.String(), most))
	return s.onEngine(ctx, "join", func(ctx context.Context, conn *pgx.Conn) error {
		return s.engineTrip(ctx, conn, step{sql: s.sql.join, args: args})
	})
}

// processArgs are what a beat says of its process.
func processArgs(p *store.Process) ([]any, error) {
	queues, err := json.Marshal(p.Queues)
	if err != nil {
		return nil, err
	}
	return []any{[16]byte(p.ID), string(queues), p.Running, int64(min(p.Memory, 1<<63-1)), idsOf(p.Stuck)}, nil
}

// Beat is that of store.Member.
func (s *Store) Beat(ctx context.Context, p store.Process) (beats store.Beats, err error) {
	args, err := processArgs(&p)
	if err != nil {
		return beats, err
	}
	err = s.onEngine(ctx, "beat", func(ctx context.Context, conn *pgx.Conn) error {
		beats = store.Beats{Lost: true}
		return s.engineTrip(ctx, conn,
			step{sql: s.sql.beat, args: args, rows: func(rows pgx.Rows) error {
				for rows.Next() {
					beats.Lost = false
				}
				return rows.Err()
			}},
			step{sql: s.sql.peers, args: []any{[16]byte(p.ID), store.ObservedPeers}, rows: readPeers(&beats)},
		)
	})
	if beats.Lost {
		beats.Peers = nil
	}
	return beats, err
}

func readPeers(beats *store.Beats) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		var id [16]byte
		var count int64
		for rows.Next() {
			if err := rows.Scan(&id, &count); err != nil {
				return err
			}
			beats.Peers = append(beats.Peers, store.Peer{ID: id, Count: count})
		}
		return rows.Err()
	}
}

// Sleep is that of store.Member.
func (s *Store) Sleep(ctx context.Context, process store.ID, asleep bool) error {
	return s.onEngine(ctx, "sleep", func(ctx context.Context, conn *pgx.Conn) error {
		return s.engineTrip(ctx, conn, step{sql: s.sql.sleep, args: []any{[16]byte(process), asleep}})
	})
}

// Processes is that of store.Reader.
func (s *Store) Processes(ctx context.Context) (all []store.Process, err error) {
	err = s.ask(ctx, "read processes", s.sql.processes, []any{}, func(rows pgx.Rows) error {
		all = nil
		for rows.Next() {
			var p store.Process
			var id [16]byte
			var queues []byte
			var memory, pid int64
			var stuck [][16]byte
			err := rows.Scan(&id, &p.Name, &p.Host, &pid, &p.Version, &queues, &p.Running, &memory, &stuck,
				&p.Started, &p.Beat, &p.Count, &p.Quiet, &p.Stop, &p.Lost)
			if err != nil {
				return err
			}
			if err := json.Unmarshal(queues, &p.Queues); err != nil {
				return err
			}
			p.ID, p.PID, p.Memory = id, int(pid), uint64(memory)
			for _, id := range stuck {
				p.Stuck = append(p.Stuck, id)
			}
			all = append(all, p)
		}
		return rows.Err()
	})
	return all, err
}
