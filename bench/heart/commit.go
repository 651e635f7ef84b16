package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/offloadhq/offload/bench/contender"
)

// askCommit measures one goroutine that enqueues jobs one after the other, and one that
// commits a row of the same size in a table with nothing but a key, in turn.
func askCommit(ctx context.Context, l *lab) (err error) {
	commit, closeRaw, err := l.rawCommit(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeRaw()) }()
	app, err := l.open(ctx, bulk)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, app.Close()) }()
	enqueue := func(i int) error {
		_, err := bulk.Enqueue(ctx, app, contender.InputOf(i))
		return err
	}
	var raw, ours, ratios []float64
	n := 0
	for range 15 {
		r, err := perSecond(commit, &n)
		if err != nil {
			return err
		}
		o, err := perSecond(enqueue, &n)
		if err != nil {
			return err
		}
		raw, ours, ratios = append(raw, r), append(ours, o), append(ratios, o/r)
	}
	l.tell(figure{
		Name: "enqueue, against a raw commit", Value: median(ratios), Unit: "×", Least: 0.9,
		Of: fmt.Sprintf("%.0f/s against %.0f/s", median(ours), median(raw)),
	})
	return nil
}

// perSecond calls f for a while, with a new number each time.
func perSecond(f func(int) error, n *int) (float64, error) {
	began, count := time.Now(), 0
	for time.Since(began) < 400*time.Millisecond {
		*n++
		if err := f(*n); err != nil {
			return 0, err
		}
		count++
	}
	return rate(count, time.Since(began)), nil
}

// rawCommit returns what inserts a row and commits, as durable as offload is.
func (l *lab) rawCommit(ctx context.Context) (commit func(int) error, closeRaw func() error, err error) {
	input := `{"number":1,"to":"ada.lovelace@example.com","subject":"Your order is on its way","letter":"shipped"}`
	if l.conn != nil {
		if _, err := l.conn.Exec(ctx, "CREATE TABLE raw (id bigint PRIMARY KEY, input bytea)"); err != nil {
			return nil, nil, err
		}
		return func(n int) error {
			_, err := l.conn.Exec(ctx, "INSERT INTO raw VALUES ($1, $2)", n, []byte(input))
			return err
		}, func() error { return nil }, nil
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(l.dir, "raw.db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=wal_autocheckpoint(4000)&_txlock=immediate")
	if err != nil {
		return nil, nil, err
	}
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, "CREATE TABLE raw (id INTEGER PRIMARY KEY, input BLOB)"); err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	insert, err := db.PrepareContext(ctx, "INSERT INTO raw VALUES (?, ?)")
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return func(n int) error {
		_, err := insert.ExecContext(ctx, n, []byte(input))
		return err
	}, db.Close, nil
}
