package offload_test

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"net"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/offloadhq/offload/store"
	"github.com/offloadhq/offload/store/postgres"
	"github.com/offloadhq/offload/store/sqlite"
)

// A till is a program's own database, which holds effects of its handlers, and the store in it.
type till struct {
	store func(context.Context) (store.Store, error)

	// transact commits what f does in a transaction.
	transact func(ctx context.Context, c *crash, f func(tx any, exec func(query string) error) error) error
	exec     func(ctx context.Context, query string) error
	count    func(ctx context.Context, query string) (int, error)
	close    func()
}

// openTill opens the database at an address, on connections that tell c of commits.
func openTill(ctx context.Context, address string, c *crash) (*till, error) {
	if strings.HasPrefix(address, "postgres:") {
		return openPostgresTill(ctx, address, c)
	}
	return openSQLiteTill(address, c)
}

func openSQLiteTill(path string, c *crash) (*till, error) {
	name := "file:" + path + "?_pragma=busy_timeout(5000)&_txlock=immediate"
	db, err := sql.Open("sqlite", name)
	if err != nil {
		return nil, err
	}
	library := db.Driver()
	if err := db.Close(); err != nil {
		return nil, err
	}
	db = sql.OpenDB(&crashConnector{library: library, name: name, c: c})
	return &till{
		store: func(ctx context.Context) (store.Store, error) { return sqlite.New(ctx, db) },
		transact: func(ctx context.Context, c *crash, f func(any, func(string) error) error) error {
			tx, err := db.BeginTx(ctx, nil)
			if err != nil {
				return err
			}
			defer tx.Rollback()
			if err := f(tx, func(query string) error { _, err := tx.ExecContext(ctx, query); return err }); err != nil {
				return err
			}
			return c.around("the handler's transaction", tx.Commit)
		},
		exec: func(ctx context.Context, query string) error { _, err := db.ExecContext(ctx, query); return err },
		count: func(ctx context.Context, query string) (n int, err error) {
			return n, db.QueryRowContext(ctx, query).Scan(&n)
		},
		close: func() { _ = db.Close() },
	}, nil
}

// A crashConnector opens connections of the SQLite library that tell of commits.
type crashConnector struct {
	library driver.Driver
	name    string
	c       *crash
}

// Driver is that of driver.Connector.
func (o *crashConnector) Driver() driver.Driver { return o.library }

// Connect is that of driver.Connector.
func (o *crashConnector) Connect(context.Context) (driver.Conn, error) {
	conn, err := o.library.Open(o.name)
	if err != nil {
		return nil, err
	}
	return &crashConn{Conn: conn, c: o.c}, nil
}

type crashConn struct {
	driver.Conn
	c      *crash
	writes bool // the transaction, if one was begun, is one that writes
}

func (o *crashConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	tx, err := o.Conn.(driver.ConnBeginTx).BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	return &crashDriverTx{tx, o.c}, nil
}

func (o *crashConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	s, err := o.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return &crashStmt{s, o, query}, nil
}

func (o *crashConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return o.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
}

type crashStmt struct {
	driver.Stmt
	conn  *crashConn
	query string
}

func (s *crashStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	commits := s.query == "COMMIT" && s.conn.writes
	switch {
	case commits:
		s.conn.c.commit("before")
	case strings.HasPrefix(s.query, "BEGIN"):
		s.conn.writes = s.query != "BEGIN"
	}
	result, err := s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
	if commits && err == nil {
		s.conn.c.commit("after")
	}
	return result, err
}

func (s *crashStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
}

type crashDriverTx struct {
	driver.Tx
	c *crash
}

func (t *crashDriverTx) Commit() error {
	t.c.commit("before")
	err := t.Tx.Commit()
	if err == nil {
		t.c.commit("after")
	}
	return err
}

func openPostgresTill(ctx context.Context, address string, c *crash) (*till, error) {
	config, err := pgxpool.ParseConfig(address)
	if err != nil {
		return nil, err
	}
	dial := config.ConnConfig.DialFunc // the engine's own connections are made by it too
	config.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &crashWire{Conn: conn, c: c, idle: true}, nil
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	return &till{
		store: func(ctx context.Context) (store.Store, error) { return postgres.New(ctx, pool, "") },
		transact: func(ctx context.Context, c *crash, f func(any, func(string) error) error) error {
			tx, err := pool.Begin(ctx)
			if err != nil {
				return err
			}
			defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
			if err := f(tx, func(query string) error { _, err := tx.Exec(ctx, query); return err }); err != nil {
				return err
			}
			return c.around("the handler's transaction", func() error { return tx.Commit(ctx) })
		},
		exec: func(ctx context.Context, query string) error { _, err := pool.Exec(ctx, query); return err },
		count: func(ctx context.Context, query string) (n int, err error) {
			return n, pool.QueryRow(ctx, query, pgx.QueryExecModeExec).Scan(&n)
		},
		close: pool.Close,
	}, nil
}

// A crashWire is a connection to PostgreSQL that tells of commits: of a COMMIT, and of the end
// of statements outside of a transaction, which the server commits by itself.
type crashWire struct {
	net.Conn
	c *crash

	mu      sync.Mutex // of what follows: pgx may read while it writes
	idle    bool       // no transaction was begun
	pending bool       // the server was asked to commit
	last    []byte     // what was read last
}

// Write is that of net.Conn. pgx writes whole messages.
func (w *crashWire) Write(b []byte) (int, error) {
	w.mu.Lock()
	if w.commits(b) {
		w.c.commit("before")
		w.pending = true
	}
	w.mu.Unlock()
	return w.Conn.Write(b)
}

// commits reports whether messages make the server commit.
func (w *crashWire) commits(b []byte) bool {
	runs, begins, commits := false, false, false
	for len(b) >= 5 && b[0] != 0 { // the first message has no type
		size := int(binary.BigEndian.Uint32(b[1:5])) + 1
		if size > len(b) {
			break
		}
		body := bytes.ToUpper(b[5:size])
		switch b[0] {
		case 'Q', 'P':
			begins = begins || bytes.HasPrefix(bytes.TrimLeft(body, "\x00"), []byte("BEGIN"))
			commits = commits || bytes.Contains(body, []byte("COMMIT\x00"))
			runs = runs || b[0] == 'Q'
		case 'E':
			runs = true
		}
		b = b[size:]
	}
	return runs && (commits || w.idle && !begins)
}

// ready is what the server says when it is done with what it was asked, but for its last byte:
// whether a transaction is open.
var ready = []byte{'Z', 0, 0, 0, 5}

// Read is that of net.Conn.
func (w *crashWire) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = append(w.last, b[:n]...)
	w.last = w.last[max(0, len(w.last)-len(ready)-1):]
	if state, ok := bytes.CutPrefix(w.last, ready); ok {
		w.idle = state[0] == 'I'
		if w.idle && w.pending {
			w.pending = false
			w.c.commit("after")
		}
	}
	return n, err
}
