package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A step is one statement of a trip.
type step struct {
	sql  string
	args []any
	rows func(rows pgx.Rows) error // reads what it returns; nil reads nothing
	once bool                      // it is planned for these very arguments, and not prepared
}

// A trip is one round trip: the steps, as one transaction unless one was begun before; then
// those after it, as a transaction of their own whose failure is no error.
//
// Rows of a step are on their way before its transaction has committed. What rows functions
// keep must not be handed on before the trip has ended without error.
type trip struct {
	conn  *pgx.Conn
	steps []step
	after []step
}

// run makes a trip on a connection.
func (s *Store) run(ctx context.Context, conn *pgx.Conn, steps ...step) error {
	return s.travel(ctx, &trip{conn: conn, steps: steps})
}

// raw are statements that take and return nothing of interest: they need no description.
func (st *step) raw() bool { return st.args == nil && st.rows == nil }

func (s *Store) travel(ctx context.Context, t *trip) error {
	if s.pooled && len(t.after) > 0 { // between two transactions the pooler may change the connection
		err := s.travel(ctx, &trip{conn: t.conn, steps: t.steps})
		if err == nil {
			_ = s.travel(ctx, &trip{conn: t.conn, steps: t.after})
		}
		return err
	}
	all := append(t.steps[:len(t.steps):len(t.steps)], t.after...)
	kept := !s.pooled && t.conn.Config().DefaultQueryExecMode == pgx.QueryExecModeCacheStatement
	described, err := s.describe(ctx, t.conn, all, kept)
	if err != nil {
		return err
	}
	built := make([]pgx.ExtendedQueryBuilder, len(all))
	for i := range all {
		if sd := described[i]; sd != nil {
			if err := built[i].Build(t.conn.TypeMap(), sd, all[i].args); err != nil {
				return badCall{err}
			}
		}
	}
	p := t.conn.PgConn().StartPipeline(ctx)
	for i, sd := range described {
		if i == len(t.steps) {
			p.SendPipelineSync()
		}
		b := &built[i]
		switch {
		case sd == nil:
			p.SendQueryParams(all[i].sql, nil, nil, nil, nil)
		case kept && !all[i].once:
			p.SendQueryPrepared(sd.Name, b.ParamValues, b.ParamFormats, b.ResultFormats)
		default:
			p.SendQueryParams(all[i].sql, b.ParamValues, sd.ParamOIDs, b.ParamFormats, b.ResultFormats)
		}
	}
	if err := p.Sync(); err != nil {
		return errors.Join(err, p.Close())
	}
	return t.read(p)
}

// read reads all answers. What the server says after the first error is dropped.
func (t *trip) read(p *pgconn.Pipeline) error {
	err := t.readSteps(p, t.steps)
	if err == nil {
		err = readSync(p)
	}
	if err == nil && len(t.after) > 0 {
		// Committed. Should what comes after fail, the pool sees whether the connection has.
		_ = t.readSteps(p, t.after)
		_ = p.Close()
		return nil
	}
	closing := p.Close()
	if err == nil {
		err = closing
	}
	return err
}

func (t *trip) readSteps(p *pgconn.Pipeline, steps []step) error {
	for i := range steps {
		result, err := p.GetResults()
		if err != nil {
			return err
		}
		reader, ok := result.(*pgconn.ResultReader)
		if !ok {
			return fmt.Errorf("store/postgres: got %T in place of a statement's answer", result)
		}
		rows := pgx.RowsFromResultReader(t.conn.TypeMap(), reader)
		if steps[i].rows != nil {
			err = steps[i].rows(rows)
		}
		rows.Close()
		if rows.Err() != nil { // the server's word counts more than what was made of it
			return rows.Err()
		}
		if err != nil {
			return badCall{err}
		}
	}
	return nil
}

// readSync reads that the transaction has ended. Until then nothing is committed.
func readSync(p *pgconn.Pipeline) error {
	result, err := p.GetResults()
	if err != nil {
		return err
	}
	if _, ok := result.(*pgconn.PipelineSync); !ok {
		return fmt.Errorf("store/postgres: got %T in place of the end of a transaction", result)
	}
	return nil
}

// shapes are the parameters and results of statements, by their text.
type shapes struct{ known sync.Map }

// describe returns the descriptions of statements, nil for raw ones. Where statements are
// kept, they are prepared on the connection now, once each, but for those that are planned each time.
func (s *Store) describe(ctx context.Context, conn *pgx.Conn, steps []step, kept bool) ([]*pgconn.StatementDescription, error) {
	described := make([]*pgconn.StatementDescription, len(steps))
	for i := range steps {
		if steps[i].raw() {
			continue
		}
		sql := steps[i].sql
		name := sql
		keep := kept && !steps[i].once
		if !keep {
			if known, ok := s.shapes.known.Load(sql); ok {
				described[i] = known.(*pgconn.StatementDescription)
				continue
			}
			name = ""
		}
		sd, err := conn.Prepare(ctx, name, sql)
		if err != nil {
			return nil, err
		}
		if described[i] = sd; !keep {
			s.shapes.known.Store(sql, sd)
		}
	}
	return described, nil
}

// engineTrip makes a trip of one transaction on a connection of the engine's. Behind a pooler
// the settings go with it.
func (s *Store) engineTrip(ctx context.Context, conn *pgx.Conn, steps ...step) error {
	if !s.pooled {
		return s.run(ctx, conn, steps...)
	}
	all := append([]step{{sql: beginSQL}, {sql: s.sql.settings, args: []any{true}}}, steps...)
	return settle(ctx, conn, s.run(ctx, conn, append(all, step{sql: "COMMIT"})...))
}

const beginSQL = "BEGIN ISOLATION LEVEL READ COMMITTED"

// settle ends a transaction that an error has left open.
func settle(ctx context.Context, conn *pgx.Conn, err error) error {
	if err != nil && !conn.IsClosed() && conn.PgConn().TxStatus() != 'I' {
		_, rollback := conn.Exec(ctx, "rollback")
		if rollback != nil {
			return errors.Join(err, rollback)
		}
	}
	return err
}

// A work is a transaction of ours that takes more than one round trip. Its begin goes with the
// first, its commit with the last.
type work struct {
	s     *Store
	conn  *pgx.Conn
	first []step // of the first round trip
}

// transact calls f with a transaction on a connection of the user's pool, which f must commit.
// Without that it is rolled back.
func (s *Store) transact(ctx context.Context, conn *pgx.Conn, f func(w *work) error) error {
	w := &work{s: s, conn: conn, first: []step{{sql: beginSQL}, {sql: s.sql.planner}}}
	return settle(ctx, conn, f(w))
}

// transactEngine is transact on a connection of the engine's.
func (s *Store) transactEngine(ctx context.Context, conn *pgx.Conn, f func(w *work) error) error {
	w := &work{s: s, conn: conn, first: []step{{sql: beginSQL}}}
	if s.pooled {
		w.first = append(w.first, step{sql: s.sql.settings, args: []any{true}})
	}
	return settle(ctx, conn, f(w))
}

// send makes a round trip within the transaction.
func (w *work) send(ctx context.Context, steps ...step) error {
	all := append(w.first, steps...)
	w.first = nil
	return w.s.run(ctx, w.conn, all...)
}

// commit makes the last round trip.
func (w *work) commit(ctx context.Context, steps ...step) error {
	return w.send(ctx, append(steps[:len(steps):len(steps)], step{sql: "COMMIT"})...)
}

// commitAnd is commit with steps after it, whose failure is no error.
func (w *work) commitAnd(ctx context.Context, after []step, steps ...step) error {
	all := append(w.first, steps...)
	w.first = nil
	return w.s.travel(ctx, &trip{conn: w.conn, steps: append(all, step{sql: "COMMIT"}), after: after})
}
