package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/store"
)

// A querier is a transaction of some kind. Parameters are texts, numbers, bytes, times and nil,
// which every driver takes.
type querier interface {
	query(ctx context.Context, sql string, args ...any) (rows, error)
}

// rows are rows of some kind.
type rows interface {
	Next() bool
	Scan(...any) error
	Err() error
	Close() error
}

type pgxTx struct{ tx pgx.Tx }

func (t pgxTx) query(ctx context.Context, sql string, args ...any) (rows, error) {
	r, err := t.tx.Query(ctx, sql, args...)
	return pgxRows{r}, err
}

// An ownTx is a transaction of ours on the user's pool. Its statements are planned each time
// with their parameters, and none is kept prepared, whatever is in between.
type ownTx struct{ tx pgx.Tx }

func (t ownTx) query(ctx context.Context, sql string, args ...any) (rows, error) {
	return pgxTx(t).query(ctx, sql, append([]any{pgx.QueryExecModeCacheDescribe}, args...)...)
}

// exec runs a statement that returns nothing of interest.
func (t ownTx) exec(ctx context.Context, sql string, args ...any) error {
	return each(ctx, t, sql, args, nil)
}

// pgxRows are pgx.Rows that close as those of database/sql do.
type pgxRows struct{ pgx.Rows }

func (r pgxRows) Close() error {
	r.Rows.Close()
	return r.Rows.Err()
}

type sqlTx struct{ tx *sql.Tx }

func (t sqlTx) query(ctx context.Context, query string, args ...any) (rows, error) {
	return t.tx.QueryContext(ctx, query, args...)
}

// each runs a statement and calls f for each row.
func each(ctx context.Context, tx querier, sql string, args []any, f func(scan func(...any) error) error) error {
	r, err := tx.query(ctx, sql, args...)
	if err != nil {
		return err
	}
	for err == nil && r.Next() {
		if f != nil {
			err = f(r.Scan)
		}
	}
	if said := errors.Join(r.Err(), r.Close()); said != nil {
		return said
	}
	return err
}

// Within is that of store.Store: tx is a pgx.Tx, a *sql.Tx of whatever driver of PostgreSQL, or
// a struct that embeds a *sql.Tx, as those of sqlx and bun do.
func (s *Store) Within(tx any) (store.TxWriter, error) {
	q, err := querierOf(tx)
	if err != nil {
		return nil, err
	}
	return &txWriter{s: s, tx: q}, nil
}

func querierOf(tx any) (querier, error) {
	v := reflect.ValueOf(tx)
	if !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return nil, fmt.Errorf("%w: got a nil %T, want a pgx.Tx or *sql.Tx", store.ErrTx, tx)
	}
	switch tx := tx.(type) {
	case pgx.Tx:
		return pgxTx{tx}, nil
	case *sql.Tx:
		return sqlTx{tx}, nil
	}
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if v.Kind() == reflect.Struct {
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.Anonymous && f.IsExported() && f.Type == reflect.TypeFor[*sql.Tx]() && !v.Field(i).IsNil() {
				return sqlTx{v.Field(i).Interface().(*sql.Tx)}, nil
			}
		}
	}
	return nil, fmt.Errorf("%w: got %T, want a pgx.Tx, a *sql.Tx, or a struct that embeds one", store.ErrTx, tx)
}

// A txWriter writes within somebody's transaction, who commits it.
type txWriter struct {
	s  *Store
	tx querier
}

// fail says what was being done. The server has been reached through the caller's own
// connection, so what it says of a table that is not there is about the transaction.
func (t *txWriter) fail(doing string, err error) error {
	switch code := codeOf(err); {
	case err == nil:
		return nil
	case code == codeLockTimeout:
		return store.Unavailable(doing, err)
	case code == codeLeaseLost:
		return fmt.Errorf("%s: %w: %w", doing, store.ErrLeaseLost, err)
	case unmigrated(code):
		return fmt.Errorf("%s: %w: there is no schema %q, or an older one, in the database of the transaction: %w", doing, store.ErrTx, t.s.schema, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// Insert is that of store.Writer. The notification is part of the transaction, always: whether
// somebody sleeps when it commits cannot be known now.
func (t *txWriter) Insert(ctx context.Context, jobs []store.NewJob) ([]store.Inserted, error) {
	if len(jobs) == 0 {
		return nil, nil
	}
	b, err := newBatch(jobs)
	if err != nil {
		return nil, err
	}
	if b.keyed {
		inserted, err := t.enter(ctx, b)
		return inserted, t.fail("insert jobs in a transaction", err)
	}
	stored := make(map[store.ID]bool, len(b.once))
	err = t.insertAll(ctx, b, t.s.sql.insertWithin, b.once, stored)
	if err == nil {
		err = t.notify(ctx, b.wakes)
	}
	if err != nil {
		return nil, t.fail("insert jobs in a transaction", err)
	}
	return b.answers(stored), nil
}

// insertAll inserts jobs by a statement, some at a time.
func (t *txWriter) insertAll(ctx context.Context, b *batch, sql string, jobs []store.NewJob, stored map[store.ID]bool) error {
	for rest := jobs; len(rest) > 0; {
		n := chunk(len(rest))
		if err := t.insert(ctx, b, sql, rest[:n], stored); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

// notify tells processes when the transaction commits.
func (t *txWriter) notify(ctx context.Context, wakes []store.Wake) error {
	told := make([]string, len(wakes))
	for i, w := range wakes {
		told[i] = encodeWake(w)
	}
	return each(ctx, t.tx, t.s.sql.notifyWithin, []any{t.s.channel, strings.Join(told, "\n")}, nil)
}

// chunk returns how many of n rows one statement takes: a power of two, so that drivers which
// keep statements prepared have few of them to keep.
func chunk(n int) int {
	size := 1
	for size*2 <= min(n, 256) {
		size *= 2
	}
	return size
}

// insert inserts some jobs by a list of rows of scalars: arrays are not the same in all drivers.
func (t *txWriter) insert(ctx context.Context, b *batch, sql string, jobs []store.NewJob, stored map[store.ID]bool) error {
	const columns = 14
	types := [columns]string{
		"uuid", "text", "text", "smallint", "bytea", "jsonb", "int", "bigint", "bigint", "bigint", "timestamptz", "bigint", "smallint", "jsonb",
	}
	var list strings.Builder
	args := make([]any, 0, columns*len(jobs))
	for i := range jobs {
		row, err := b.rowWithin(&jobs[i])
		if err != nil {
			return badCall{err}
		}
		for c, arg := range row {
			switch {
			case c > 0:
				list.WriteString(", ")
			case i > 0:
				list.WriteString("), (")
			}
			args = append(args, portable(arg))
			list.WriteString("$" + strconv.Itoa(len(args)) + "::" + types[c])
		}
	}
	query := strings.Replace(sql, "(NULL)", "("+list.String()+")", 1)
	return each(ctx, t.tx, query, args, func(scan func(...any) error) error {
		var id string
		if err := scan(&id); err != nil {
			return err
		}
		parsed, err := store.ParseID(id)
		stored[parsed] = true
		return err
	})
}

// rowWithin are the parameters of a job that is stored within somebody's transaction. Its limits
// and its turn are decided by the claim that comes upon it: no gate is locked for so long.
func (b *batch) rowWithin(n *store.NewJob) ([]any, error) {
	row := b.scalars(n)
	uses := usesOf(n)
	if n.Terms.Gated() && !follows(n) {
		uses |= usesOpen | usesFresh
	}
	if b.flow[n.ID] {
		uses |= usesFlow
	}
	row[len(row)-1] = uses
	text, err := encodeTerms(n.Terms)
	if err != nil || text == nil {
		return append(row, nil), err
	}
	return append(row, string(text)), nil
}

// portable is a parameter as all drivers take it.
func portable(arg any) any {
	switch arg := arg.(type) {
	case [16]byte:
		return store.ID(arg).String()
	case int16:
		return int64(arg)
	case int:
		return int64(arg)
	case []string:
		return textList(arg)
	case [][16]byte:
		return idList(arg)
	case []int16, []int32, []int64, []bool:
		return numberList(arg)
	case []*int64:
		return nullableList(arg, formatInt)
	case []*time.Time:
		return nullableList(arg, func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) })
	case []time.Time:
		all := make([]string, len(arg))
		for i, t := range arg {
			all[i] = t.UTC().Format(time.RFC3339Nano)
		}
		return textList(all)
	}
	return arg
}

// Act is that of store.TxWriter.
func (t *txWriter) Act(ctx context.Context, act store.Act) ([]store.Acted, error) {
	if act.Verb != store.Cancel {
		return nil, fmt.Errorf("act: %q cannot be done within a transaction, only %q", act.Verb, store.Cancel)
	}
	acted, err := (&actor{s: t.s, tx: t.tx, act: act, users: true, left: &leaving{}}).do(ctx)
	if err == nil && slices.ContainsFunc(acted, signalled) {
		err = t.notify(ctx, []store.Wake{anything})
	}
	return acted, t.fail("cancel in a transaction", err)
}

// Complete is that of store.TxWriter. Its figures are a part of their own, so that nobody waits
// for the caller's transaction.
func (t *txWriter) Complete(ctx context.Context, process store.ID, ended store.Ended) error {
	doing := fmt.Sprintf("complete job %s in a transaction", ended.ID)
	var uses int16
	var result any
	if ended.Result != nil {
		uses, result = usesResult, ended.Result
	}
	err := each(ctx, t.tx, t.s.sql.complete, []any{
		ended.ID.String(), process.String(), int64(ended.Attempt),
		keepFor(ended.Retain, store.RetainDone).Microseconds(), int64(uses), result,
	}, nil)
	if err != nil {
		return t.fail(doing, err)
	}
	ended.Outcome = store.OutcomeCompleted
	var left leaving
	left.finish(&ended, nil)
	left.freeEnded(&ended)
	if err := runAll(ctx, t.tx, left.queries(t.s.sql)); err != nil {
		return t.fail(doing, err)
	}
	for _, st := range t.s.count(ended.ID, []store.Ended{ended}) {
		if err := (query{sql: st.sql, args: st.args}).on(ctx, t.tx); err != nil {
			return t.fail(doing, err)
		}
	}
	return nil
}
