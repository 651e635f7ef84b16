package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/offloadhq/offload/store"
)

// A userTx is a transaction of the user's. Whoever waits for a commit of ours waits for it,
// too: it should be short.
type userTx struct {
	ctx context.Context
	tx  *sql.Tx
}

func (u userTx) exec(query string, args ...any) (int64, error) {
	result, err := u.tx.ExecContext(u.ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (u userTx) query(query string, args ...any) (*sql.Rows, error) {
	return u.tx.QueryContext(u.ctx, query, args...)
}

// A txWriter is a Store within a transaction of the user's.
type txWriter struct {
	s  *Store
	tx *sql.Tx
}

// Within is that of store.Store. It takes a *sql.Tx, and what embeds one, as sqlx and bun do.
// Whether it is a transaction of this database is found when something is written.
func (s *Store) Within(tx any) (store.TxWriter, error) {
	found := txIn(reflect.ValueOf(tx), 3)
	if found == nil {
		return nil, fmt.Errorf("%w: got %T, want a *sql.Tx that is not nil, or a value that embeds one", store.ErrTx, tx)
	}
	return &txWriter{s, found}, nil
}

// txIn finds the *sql.Tx that a value is, or embeds at most so deep.
func txIn(v reflect.Value, deep int) *sql.Tx {
	if !v.IsValid() {
		return nil
	}
	if v.CanInterface() {
		if tx, ok := v.Interface().(*sql.Tx); ok {
			return tx
		}
	}
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct || deep == 0 {
		return nil
	}
	for i := range v.NumField() {
		if v.Type().Field(i).Anonymous {
			if tx := txIn(v.Field(i), deep-1); tx != nil {
				return tx
			}
		}
	}
	return nil
}

// do runs f within the transaction, if it is one of this database.
func (w *txWriter) do(ctx context.Context, doing string, f func(*txn) error) error {
	t := &txn{database: userTx{ctx, w.tx}, now: time.Now().UnixMicro()}
	if err := w.s.same(ctx, t); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return explain(doing, settled(f)(t))
}

// same refuses a transaction of another database.
func (s *Store) same(ctx context.Context, t *txn) error {
	var theirs []byte
	switch _, err := one(t, []any{&theirs}, nameSQL); {
	case errors.Is(err, sql.ErrTxDone):
		return fmt.Errorf("%w: it has ended: %w", store.ErrTx, err)
	case busy(err):
		return explain("look at the transaction", err)
	case ctx.Err() != nil:
		return store.Unavailable("look at the transaction", ctx.Err())
	case err != nil:
		return fmt.Errorf("%w: it does not see the tables of %s: begin it on a *sql.DB of that file: %w", store.ErrTx, s.path, err)
	}
	if s.name.Load() == string(theirs) {
		return nil
	}
	ours, err := s.readName(ctx)
	if err == nil && ours != string(theirs) {
		err = fmt.Errorf("%w: it is one of another database; begin it on a *sql.DB of %s", store.ErrTx, s.path)
	}
	return err
}

// nameSQL reads what tells a database from every other.
const nameSQL = "SELECT value FROM offload_meta WHERE name = 'database'"

func (s *Store) readName(ctx context.Context) (string, error) {
	var name []byte
	err := s.reader.view(ctx, func(t *txn) (err error) {
		_, err = one(t, []any{&name}, nameSQL)
		return err
	})
	if err != nil {
		return "", explain("look at the schema", err)
	}
	s.name.Store(string(name))
	return string(name), nil
}

// Insert is that of store.Writer. That the jobs are there is seen in the data's version when
// the transaction has been committed.
func (w *txWriter) Insert(ctx context.Context, jobs []store.NewJob) (inserted []store.Inserted, err error) {
	if len(jobs) == 0 {
		return nil, nil
	}
	err = w.do(ctx, "insert jobs", func(t *txn) (err error) {
		inserted, err = t.insert(jobs)
		return err
	})
	return inserted, err
}

// Act is that of store.TxWriter.
func (w *txWriter) Act(ctx context.Context, act store.Act) (acted []store.Acted, err error) {
	if act.Verb != store.Cancel {
		return nil, fmt.Errorf("act: %q cannot be done within a transaction, only %q", act.Verb, store.Cancel)
	}
	err = w.do(ctx, "cancel jobs", func(t *txn) (err error) {
		acted, err = t.act(act)
		return err
	})
	return acted, err
}

// Complete is that of store.TxWriter. SQLite has no way to make a transaction unable to
// commit but to end it.
func (w *txWriter) Complete(ctx context.Context, process store.ID, ended store.Ended) error {
	ended.Outcome, ended.Failure = store.OutcomeCompleted, nil
	err := w.do(ctx, "complete job "+ended.ID.String(), func(t *txn) error {
		number, _, err := t.process(process)
		if err != nil {
			return err
		}
		before, err := t.find(ended.ID)
		if err != nil {
			return err
		}
		if before.at != inLease { // a finish that comes again is no loss, but here it would be done twice
			return store.ErrLeaseLost
		}
		lost, err := t.finish(number, []store.Ended{ended})
		if err == nil && len(lost) > 0 {
			err = store.ErrLeaseLost
		}
		return err
	})
	if err == nil {
		return nil
	}
	if rolled := w.tx.Rollback(); rolled != nil && !errors.Is(rolled, sql.ErrTxDone) {
		return errors.Join(err, rolled)
	}
	return err
}
