// Package beside enqueues in transactions, and beside them.
package beside

import (
	"context"
	"database/sql"

	"github.com/jackc/pgx/v5"
	"github.com/offloadhq/offload"
)

var Confirm = offload.NewTask("confirm", func(context.Context, int) error { return nil })

type shop struct {
	db  *sql.DB
	app *offload.App
}

func (s *shop) begun(ctx context.Context) error {
	Confirm.Enqueue(ctx, s.app, 1)
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := Confirm.Enqueue(ctx, s.app, 2); err != nil { // want `the job is enqueued beside the transaction tx: it runs even if that is rolled back, and maybe before it is committed; enqueue by s.app.Tx\(tx\)`
		return err
	}
	Confirm.Enqueue(ctx, s.app.Tx(tx), 3)
	s.app.Enqueue(ctx, Confirm.Call(4)) // want `enqueue by s.app.Tx\(tx\)`
	if err := tx.Commit(); err != nil {
		return err
	}
	_, err = Confirm.Enqueue(ctx, s.app, 5)
	return err
}

func given(ctx context.Context, tx *sql.Tx, app *offload.App) {
	Confirm.Enqueue(ctx, app, 1) // want `enqueue by app.Tx\(tx\)`
	publish(ctx, app)            // want `enqueue by app.Tx\(tx\)`
}

func publish(ctx context.Context, to offload.Enqueuer) {
	Confirm.Enqueue(ctx, to, 1)
}

func within(ctx context.Context, c *pgx.Conn, app *offload.App) error {
	return pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
		_, err := Confirm.Enqueue(ctx, app, 1) // want `enqueue by app.Tx\(tx\)`
		return err
	})
}

func scoped(ctx context.Context, db *sql.DB, app *offload.App) {
	{
		tx, _ := db.Begin()
		tx.Rollback()
	}
	Confirm.Enqueue(ctx, app, 1)
}

func deferred(ctx context.Context, db *sql.DB, app *offload.App) (err error) {
	tx, _ := db.Begin()
	defer func() {
		if err == nil {
			err = tx.Commit()
		}
	}()
	Confirm.Enqueue(ctx, app, 1) // want `enqueue by app.Tx\(tx\)`
	return nil
}

func two(ctx context.Context, here, there *sql.Tx, app *offload.App) {
	Confirm.Enqueue(ctx, app, 1) // want `enqueue by app.Tx\(there\)`
}

func meant(ctx context.Context, tx *sql.Tx, app *offload.App) {
	Confirm.Enqueue(ctx, app, 1) //offload:inline it shall run even if the order is not kept
}
