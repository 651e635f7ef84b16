package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/store"
)

// A birthplace is what a database is known by. It is kept in row 0 of migration.
//
// The identifier of the server tells one from another, and a replica has that of its primary;
// the oids of database and table tell a database, or a schema, that was restored beside the
// one it was dumped from. An upgrade by pg_upgrade makes a new identifier, and some roles may not
// read it: then the transaction that wrote the row decides, which every dump loses.
type birthplace struct {
	System   string `json:"system"` // "" if it may not be read
	Database int64  `json:"database"`
	Table    int64  `json:"table"`
	Row      string `json:"row"`    // number of the transaction that wrote it
	Server   int    `json:"server"` // version
	Named    string `json:"named"`  // the database, for people

	Move *store.Move `json:"move,omitempty"` // that the store is part of
}

// is reports whether a database that was made so is the one that is here now.
func (b *birthplace) is(now *birthplace) bool {
	same := b.Row == now.Row
	switch {
	case b.Move != nil:
		return false
	case b.Database != now.Database || b.Table != now.Table:
		return false
	case b.System == "" || now.System == "":
		return same
	case b.System == now.System:
		return true // whoever repacks a table writes its rows again
	}
	return same && now.Server/10000 > b.Server/10000
}

func (b *birthplace) String() string {
	if b.System == "" {
		return fmt.Sprintf("database %s (%d)", b.Named, b.Database)
	}
	return fmt.Sprintf("database %s (%d) of server %s", b.Named, b.Database, b.System)
}

// An origin is where the store was made, and where it is.
type origin struct {
	made *birthplace // nil if that was not kept
	here birthplace
}

func (o *origin) away() bool { return o.made != nil && !o.made.is(&o.here) }

// standing is what is known of whether the store is a copy.
const (
	standsUnknown = iota
	standsHome
	standsAway
)

// originStep reads where the store was made, and keeps whether it is away.
func (s *Store) originStep(into *origin) step {
	sql := s.sql.origin
	if s.plain.Load() {
		sql = s.sql.originPlain
	}
	return step{sql: sql, args: []any{}, rows: func(rows pgx.Rows) error {
		for rows.Next() {
			var made string
			*into = origin{}
			at := &into.here
			if err := rows.Scan(&made, &at.Row, &at.Table, &at.Database, &at.Server, &at.Named, &at.System); err != nil {
				return err
			}
			if made == "" {
				continue
			}
			if err := json.Unmarshal([]byte(made), &into.made); err != nil {
				return fmt.Errorf("where the database was made can't be read: %w", err)
			}
		}
		return rows.Err()
	}}
}

// keepStanding keeps what a look at the origin has shown.
func (s *Store) keepStanding(o *origin) {
	stands := int32(standsHome)
	if o.away() {
		stands = standsAway
	}
	s.stands.Store(stands)
}

// readOrigin looks where the store was made.
func (s *Store) readOrigin(ctx context.Context) (o origin, err error) {
	err = s.onEngine(ctx, "read where the database was made", func(ctx context.Context, conn *pgx.Conn) error {
		return s.engineTrip(ctx, conn, s.originStep(&o))
	})
	if err == nil {
		s.keepStanding(&o)
	}
	return o, err
}

// away reports whether the store is a copy. Each look at the store says so anew: connections may
// lead to another server some day.
func (s *Store) away(ctx context.Context) (bool, error) {
	if s.stands.Load() == standsHome {
		return false, nil
	}
	o, err := s.readOrigin(ctx)
	return o.away(), err
}

// keepOrigin writes down where the store is, unless it is known where it was made. A role that
// may not leaves it to one that may.
func (s *Store) keepOrigin(ctx context.Context) error {
	if o, err := s.readOrigin(ctx); err != nil || o.made != nil {
		return err
	}
	err := s.onPool(ctx, "write down where the database was made", func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, s.sql.originKeep, pgx.QueryExecModeExec)
		return err
	})
	if code := codeOf(err); code == codeNoRight || code == codeReadOnly || unmigrated(code) {
		return nil
	}
	return err
}

// Origin is that of store.Origins.
func (s *Store) Origin(ctx context.Context) (store.Origin, error) {
	o, err := s.readOrigin(ctx)
	if err != nil {
		return store.Origin{}, err
	}
	all := store.Origin{Here: o.here.String(), Away: o.away()}
	if o.made != nil {
		all.Made, all.Move = o.made.String(), o.made.Move
	}
	return all, nil
}

// Adopt is that of store.Origins.
func (s *Store) Adopt(ctx context.Context) error {
	o, err := s.readOrigin(ctx)
	if err != nil || !o.away() {
		return err
	}
	return s.settle(ctx, "adopt the database", nil)
}

// SetMove is that of store.Copies.
func (s *Store) SetMove(ctx context.Context, m store.Move) error {
	return s.settle(ctx, "keep that the database is moved", &m)
}

// settle writes down anew where the store is, and what move it is part of.
func (s *Store) settle(ctx context.Context, doing string, m *store.Move) error {
	err := s.onPool(ctx, doing, func(ctx context.Context, conn *pgx.Conn) error {
		return pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.ReadCommitted}, func(tx pgx.Tx) error {
			for _, sql := range []string{s.sql.durable, s.sql.originForget, s.sql.originKeep} {
				if _, err := tx.Exec(ctx, sql, pgx.QueryExecModeExec); err != nil {
					return err
				}
			}
			if m == nil {
				_, err := tx.Exec(ctx, s.sql.adoptFlows, pgx.QueryExecModeExec)
				return err
			}
			text, err := json.Marshal(m)
			if err != nil {
				return err
			}
			_, err = tx.Exec(ctx, s.sql.originMove, pgx.QueryExecModeCacheDescribe, string(text))
			return err
		})
	})
	if codeOf(err) == codeNoRight {
		err = errors.Join(err, fmt.Errorf("%w: the owner of the tables adopts a database", store.ErrRefused))
	}
	if err != nil {
		return err
	}
	_, err = s.readOrigin(ctx)
	s.settleSoon(ctx, m == nil)
	s.wake(ctx, []store.Wake{anything})
	return err
}

func (s *Store) originFinding(ctx context.Context, conn *pgx.Conn) (store.Finding, error) {
	f := store.Finding{Name: "origin", Level: store.Fine, Text: "made here, or adopted"}
	var o origin
	if err := s.run(ctx, conn, s.originStep(&o)); err != nil {
		return f, err
	}
	switch {
	case o.away():
		f.Level, f.Text = store.Bad, "a copy, made of "+o.made.String()+": nothing of it is run"
		f.Advice = "is it the one to work on? `offload adopt`; for a test `offload adopt --discard-waiting`"
	case o.made == nil:
		f.Text = "where it was made is not written down: a copy can't be told from the original"
		f.Advice = "offload migrate, as the owner of the tables"
	}
	return f, nil
}
