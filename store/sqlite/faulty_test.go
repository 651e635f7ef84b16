package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"io"
	"sync"
	"testing"

	"github.com/offloadhq/offload/store"
	"github.com/offloadhq/offload/store/storetest"
)

// A breaker makes a statement fail, or lose its answer.
type breaker struct {
	mu    sync.Mutex
	left  int // statements until the fault; 0 is disarmed
	fault storetest.Fault
	met   bool
}

func (b *breaker) arm(n int, f storetest.Fault) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left, b.fault, b.met = n, f, false
}

func (b *breaker) disarm() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left = 0
	return b.met
}

// next reports whether the next statement meets a fault, and which.
func (b *breaker) next() (storetest.Fault, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.left == 0 {
		return 0, false
	}
	b.left--
	b.met = b.left == 0
	return b.fault, b.met
}

// errBroken is what SQLite says of a disk that fails.
type errBroken struct{}

func (errBroken) Error() string { return "disk I/O error" }
func (errBroken) Code() int     { return codeIO }

// openFaulty opens a store on a pool whose connections break on command.
func openFaulty(t *testing.T, path string) (store.Store, storetest.Faults) {
	t.Helper()
	b := &breaker{}
	own, err := connectTo(path, nil)
	must(t, err)
	must(t, own.Close())
	c := &faultyConnector{connector{library: own.Driver(), name: "file:" + path}, b}
	pool := sql.OpenDB(c)
	s, err := New(t.Context(), pool)
	must(t, err)
	t.Cleanup(func() {
		must(t, s.Close())
		must(t, pool.Close())
	})
	return s, storetest.Faults{Arm: b.arm, Disarm: b.disarm}
}

type faultyConnector struct {
	connector
	b *breaker
}

func (c *faultyConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.connector.Connect(ctx)
	return &faultyConn{conn, c.b}, err
}

type faultyConn struct {
	driver.Conn
	b *breaker
}

func (c *faultyConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	s, err := c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return &faultyStmt{s, c.b}, nil
}

func (c *faultyConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return breakExec(c.b, func() (driver.Result, error) {
		return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
	})
}

type faultyStmt struct {
	driver.Stmt
	b *breaker
}

func (s *faultyStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return breakExec(s.b, func() (driver.Result, error) {
		return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
	})
}

func (s *faultyStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	fault, met := s.b.next()
	if met && fault == storetest.Fail {
		return nil, errBroken{}
	}
	rows, err := s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
	if !met || err != nil {
		return rows, err
	}
	into := make([]driver.Value, len(rows.Columns()))
	for err == nil {
		err = rows.Next(into)
	}
	if closed := rows.Close(); err == io.EOF && closed == nil {
		err = errBroken{}
	}
	return nil, err
}

func breakExec(b *breaker, run func() (driver.Result, error)) (driver.Result, error) {
	fault, met := b.next()
	if met && fault == storetest.Fail {
		return nil, errBroken{}
	}
	result, err := run()
	if met && err == nil {
		return nil, errBroken{}
	}
	return result, err
}
