package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"time"

	"github.com/offloadhq/offload/store"
)

// A database runs statements: our own connection, or a transaction of the user's.
type database interface {
	exec(query string, args ...any) (changed int64, err error)
	query(query string, args ...any) (*sql.Rows, error)
}

// A session is a connection that is held, with its prepared statements. It is for one
// goroutine at a time.
//
// Its statements run with a context that does not end: one that is interrupted takes the
// whole transaction with it, and others share it.
type session struct {
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
}

// hold takes a connection of a pool and brings it into shape.
func hold(ctx context.Context, pool *sql.DB, pragmas []pragma) (*session, error) {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	c := &session{conn: conn, stmts: map[string]*sql.Stmt{}}
	for _, p := range pragmas {
		if err := p.apply(c); err != nil {
			c.drop()
			return nil, err
		}
	}
	return c, nil
}

// drop ends the connection, not only our hold of it: its settings and whatever transaction
// may be open on it must not reach the next user of the pool.
func (c *session) drop() {
	for _, s := range c.stmts {
		_ = s.Close() // the connection ends anyway
	}
	_ = c.conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = c.conn.Close()
}

func (c *session) prepared(query string) (*sql.Stmt, error) {
	if s := c.stmts[query]; s != nil {
		return s, nil
	}
	s, err := c.conn.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, err
	}
	c.stmts[query] = s
	return s, nil
}

func (c *session) exec(query string, args ...any) (int64, error) {
	s, err := c.prepared(query)
	if err != nil {
		return 0, err
	}
	result, err := s.ExecContext(context.Background(), args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (c *session) query(query string, args ...any) (*sql.Rows, error) {
	s, err := c.prepared(query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(context.Background(), args...)
}

// script runs statements that are needed once.
func (c *session) script(text string) error {
	_, err := c.conn.ExecContext(context.Background(), text)
	return err
}

// each calls f for each row of an answer.
func each(db database, f func(*sql.Rows) error, query string, args ...any) error {
	rows, err := db.query(query, args...)
	if err != nil {
		return err
	}
	for rows.Next() {
		if err := f(rows); err != nil {
			return errors.Join(err, rows.Close())
		}
	}
	return errors.Join(rows.Err(), rows.Close())
}

// one scans the only row of an answer, and reports whether there is one.
func one(db database, into []any, query string, args ...any) (found bool, err error) {
	err = each(db, func(rows *sql.Rows) error {
		found = true
		return rows.Scan(into...)
	}, query, args...)
	return found, err
}

// texts returns the only column of an answer.
func texts(db database, query string, args ...any) (all []string, err error) {
	err = each(db, func(rows *sql.Rows) error {
		var text string
		if err := rows.Scan(&text); err != nil {
			return err
		}
		all = append(all, text)
		return nil
	}, query, args...)
	return all, err
}

// idInto scans a column into an id; NULL is the zero id.
type idInto struct{ id *store.ID }

// Scan is that of sql.Scanner.
func (i idInto) Scan(value any) error {
	*i.id = store.ID{}
	switch b := value.(type) {
	case nil:
		return nil
	case []byte:
		if copy(i.id[:], b) == len(i.id) {
			return nil
		}
	}
	return errors.New("a column that should hold an id of 16 bytes does not")
}

// timeInto scans a column of microseconds into a time; NULL is the zero time.
type timeInto struct{ t *time.Time }

// Scan is that of sql.Scanner.
func (i timeInto) Scan(value any) error {
	*i.t = time.Time{}
	switch n := value.(type) {
	case nil:
		return nil
	case int64:
		*i.t = timeOf(n)
		return nil
	}
	return errors.New("a column that should hold a time in microseconds does not")
}

// spanInto scans a column of microseconds into a duration.
type spanInto struct{ d *time.Duration }

// Scan is that of sql.Scanner.
func (i spanInto) Scan(value any) error {
	n, ok := value.(int64)
	if !ok {
		return errors.New("a column that should hold a duration in microseconds does not")
	}
	*i.d = time.Duration(n) * time.Microsecond
	return nil
}

func timeOf(micros int64) time.Time { return time.UnixMicro(micros).UTC() }

// micros returns a duration in microseconds, rounded up: what is short is not none.
func micros(d time.Duration) int64 {
	n := int64(d / time.Microsecond)
	if d%time.Microsecond > 0 {
		n++
	}
	return n
}

// orNull returns nil for a slice that is nil, which database/sql would bind as an empty blob
// with some drivers.
func orNull(b []byte) any {
	if b == nil {
		return nil
	}
	return b
}

// joined returns ids one behind the other, as the statements with unpack want them.
func joined(ids []store.ID) []byte {
	all := make([]byte, 0, len(ids)*16)
	for _, id := range ids {
		all = append(all, id[:]...)
	}
	return all
}
