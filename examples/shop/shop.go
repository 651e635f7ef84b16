// Package shop is the example that people copy from: a small shop for prints of photos that
// does everything slow in the background.
//
// A [Shop] keeps its own tables and offload's in one SQLite file, so that an order and its
// jobs are stored in one transaction: neither is ever there without the other. What it does in
// the background, one task each, is listed in tasks.go; every handler is a method of Shop that
// can be called in a test as it is.
//
// [Demo] starts a shop with all it needs around it: a mail server, a payment service that
// fails one call in three, photos of 12 megapixels. `offload demo` calls it.
package shop

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/image"
	"github.com/offloadhq/offload/store"
	"github.com/offloadhq/offload/store/sqlite"
)

// Settings are what a shop needs to know of the world around it.
type Settings struct {
	Dir     string // absolute; holds shop.db, photos/, mail/, thumbnails/ and exports/
	Mail    string // "host:port" of the SMTP server
	Payment string // base address of the payment service
	Log     *slog.Logger
}

// A Shop takes orders, and works them in the background while Run runs.
type Shop struct {
	Settings
	db   *sql.DB
	jobs store.Store
	app  *offload.App
	web  *http.Client // to the payment service
}

//go:embed schema.sql
var schema string

// Open opens the shop that lies in a directory, or makes one there. It starts nothing.
func Open(ctx context.Context, settings Settings) (*Shop, error) {
	s := &Shop{Settings: settings, web: &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open the shop in %s: %w", settings.Dir, err), s.Close())
	}
	return s, nil
}

func (s *Shop) open(ctx context.Context) (err error) {
	for _, dir := range []string{thumbnailDir, exportDir} {
		if err := os.MkdirAll(filepath.Join(s.Dir, dir), 0o755); err != nil {
			return err
		}
	}
	if s.db, err = sql.Open("sqlite", address(s.Path("shop.db"))); err != nil {
		return err
	}
	s.db.SetMaxOpenConns(maxConns)
	if _, err := s.db.ExecContext(ctx, schema); err != nil {
		return err
	}
	if err := s.stockUp(ctx); err != nil {
		return err
	}
	jobs, err := sqlite.New(ctx, s.db)
	if err != nil {
		return err
	}
	s.jobs = jobs
	pictures, err := image.New(s.Dir)
	if err != nil {
		return err
	}
	s.app, err = offload.New(ctx, jobs,
		Confirm.Handle(s.confirm),
		pictures,
		Charge.Handle(s.charge),
		Reserve.Handle(s.reserve),
		Export.Handle(s.export),
		MailExport.Handle(s.mailExport),
		offload.LogTo(s.Log),
	)
	return err
}

// maxConns is room for offload, which wants three, and for handlers with a transaction.
const maxConns = 16

// address is how the driver wants to be told: every transaction is a writing one from its
// beginning, since one that reads first cannot always be made a writing one later.
func address(path string) string {
	query := url.Values{"_txlock": {"immediate"}, "_pragma": {
		"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)",
	}}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}).String()
}

// Run works the shop's jobs until ctx ends, and returns when the last handler has ended.
func (s *Shop) Run(ctx context.Context) error { return s.app.Run(ctx) }

// Close closes the shop. Run must have returned.
func (s *Shop) Close() error {
	errs := []error{s.app.Close()}
	s.web.CloseIdleConnections()
	if s.jobs != nil {
		errs = append(errs, s.jobs.Close())
	}
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	return errors.Join(errs...)
}

// Path returns the path of a file of the shop.
func (s *Shop) Path(elem ...string) string {
	return filepath.Join(append([]string{s.Dir}, elem...)...)
}

// inTx runs f in a transaction, and commits it unless f fails.
func (s *Shop) inTx(ctx context.Context, f func(tx *sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}
