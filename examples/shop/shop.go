// Package shop is the example that people copy from: a small shop for prints of photos that
// does everything slow in the background.
//
// A [Shop] keeps its own tables and offload's in one database, SQLite or PostgreSQL, so that
// an order and its jobs are stored in one transaction: neither is ever there without the other.
// What it does in the background, one task each, is listed in tasks.go; every handler is a
// method of Shop that can be called in a test as it is.
//
// Package demo starts a shop with all it needs around it, and `offload demo` calls that.
// Package before has the same order with everything done while the customer waits.
package shop

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/alert"
	"github.com/offloadhq/offload/kit/audit"
	"github.com/offloadhq/offload/kit/derive"
	"github.com/offloadhq/offload/kit/image"
	"github.com/offloadhq/offload/kit/mail"
	"github.com/offloadhq/offload/kit/notify"
	"github.com/offloadhq/offload/kit/push"
	"github.com/offloadhq/offload/kit/sms"
	"github.com/offloadhq/offload/kit/status"
	"github.com/offloadhq/offload/kit/webhook"
	_ "github.com/offloadhq/offload/store/postgres"
	_ "github.com/offloadhq/offload/store/sqlite"
)

// Settings are what a shop needs to know of the world around it.
type Settings struct {
	Dir      string         // absolute; holds photos/, thumbnails/, exports/ and, unless Database is set, shop.db
	Database string         // "postgres://…"; a SQLite file in Dir if ""
	Address  string         // where its pages are, "https://shop.example": links in mails begin so
	Key      []byte         // signs those links; 16 bytes or more, the same in all processes
	Mail     mail.Transport // takes its mails
	Payment  string         // base address of the payment service
	Hooks    *webhook.Kit   // tells suppliers
	Push     push.Transport // takes its pushes
	SMS      sms.Provider   // and its short messages
	Log      *slog.Logger
}

// A Shop takes orders, and works them in the background while Run runs.
type Shop struct {
	Settings
	DB       *sql.DB
	begins   *sql.DB // DB, for transactions: see begin
	App      *offload.App
	Orders   *Exports       // of orders, as files
	Trail    *audit.Log     // who did what
	Events   *derive.Events // what has happened, and what follows from it
	Alerts   *alert.Kit     // says when jobs go wrong
	Texts    *sms.Kit       // short messages
	payments *status.Tracker
	waiting  *status.Handler // bars
	bell     *notify.Handler // what customers were told
	figures
	web *http.Client // to the payment service
}

//go:embed schema/sqlite.sql
var sqliteSchema string

//go:embed schema/postgres.sql
var postgresSchema string

// Open opens a shop, and makes what is not there yet. It starts nothing. Parts are what else
// its app shall have.
func Open(ctx context.Context, settings Settings, parts ...offload.Part) (*Shop, error) {
	s := &Shop{Settings: settings, web: &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}}
	if err := s.open(ctx, parts); err != nil {
		return nil, errors.Join(fmt.Errorf("open the shop in %s: %w", settings.Dir, err), s.Close())
	}
	return s, nil
}

func (s *Shop) open(ctx context.Context, parts []offload.Part) (err error) {
	if err := s.openTables(ctx); err != nil {
		return err
	}
	pictures, err := image.New(s.Dir)
	if err != nil {
		return err
	}
	if s.Orders, err = s.exports(); err != nil {
		return err
	}
	letters, err := s.letters()
	if err != nil {
		return err
	}
	notices, err := s.notices()
	if err != nil {
		return err
	}
	if s.payments, err = status.Column(ctx, s.DB, "orders", "payment", "id"); err != nil {
		return err
	}
	if s.Trail, err = audit.Open(ctx, s.DB); err != nil {
		return err
	}
	if s.Events, err = s.follow(ctx); err != nil {
		return err
	}
	if s.Alerts, err = s.alerts(); err != nil {
		return err
	}
	if err := s.openFigures(ctx); err != nil {
		return err
	}
	s.App, err = offload.Open(ctx, s.Database, append(parts,
		letters,                         // mails: confirm.go
		notices,                         // pushes, short messages and a list: customers.go
		pictures,                        // thumbnails.go
		s.Hooks,                         // what suppliers are told: supplier.go
		s.Orders,                        // exports.go
		s.payments,                      // keeps orders.payment true
		s.Trail,                         // who did what
		s.Events,                        // what follows from an order: follow.go
		s.kept,                          // statistics: figures.go
		s.Alerts,                        // alerts.go
		Charge.Handle(s.charge),         // payment.go
		Reserve.Handle(s.reserve),       // orders.go
		ImportPast.Handle(s.importPast), // past.go
		Report.Handle(s.report),         // nightly.go
		nightly,
		offload.LogTo(s.Log),
	)...)
	if err != nil {
		return err
	}
	if s.waiting, err = status.NewHandler(s.App, "/status/", s.Key); err != nil {
		return err
	}
	s.bell, err = notify.NewHandler(s.App, "/notices/", s.customerOf)
	return err
}

// openTables opens the database, and makes the shop's tables.
func (s *Shop) openTables(ctx context.Context) (err error) {
	driver, address, schema := "pgx", s.Database, postgresSchema
	if !strings.HasPrefix(s.Database, "postgres") {
		s.Database = s.Path("shop.db")
		driver, address, schema = "sqlite", sqliteAddress(s.Database, 5*time.Second), sqliteSchema
		if s.begins, err = sql.Open(driver, sqliteAddress(s.Database, 0)); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(s.Path(thumbnailDir), 0o755); err != nil {
		return err
	}
	if s.DB, err = sql.Open(driver, address); err != nil {
		return err
	}
	s.DB.SetMaxOpenConns(16)
	if s.begins == nil {
		s.begins = s.DB
	}
	if _, err := s.DB.ExecContext(ctx, schema); err != nil {
		return fmt.Errorf("make tables: %w", err)
	}
	return s.stockUp(ctx)
}

// sqliteAddress is how the driver wants to be told: every transaction is a writing one from its
// beginning, since one that reads first cannot always be made a writing one later.
func sqliteAddress(path string, patience time.Duration) string {
	query := url.Values{"_txlock": {"immediate"}, "_pragma": {
		fmt.Sprintf("busy_timeout(%d)", patience.Milliseconds()), "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)",
	}}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}).String()
}

// Run works the shop's jobs until ctx ends, and returns when the last handler has ended.
func (s *Shop) Run(ctx context.Context) error { return s.App.Run(ctx) }

// Watch does in a process that serves pages what can't be left to those that work jobs: it writes
// statistics of what was ordered here, keeps rows true, and says so when nobody works. It returns when
// ctx has ended.
func (s *Shop) Watch(ctx context.Context) error { return s.App.Run(ctx, alert.Queue) }

// Close closes the shop. Run must have returned.
func (s *Shop) Close() error {
	errs := []error{s.App.Close()}
	s.web.CloseIdleConnections()
	if s.begins != nil {
		errs = append(errs, s.begins.Close())
	}
	if s.DB != nil {
		errs = append(errs, s.DB.Close()) // again, perhaps: that is no error
	}
	return errors.Join(errs...)
}

// Unended are the states of jobs that something is still to come of.
var Unended = []offload.State{offload.Scheduled, offload.Available, offload.Blocked, offload.Running, offload.Retryable}

// Unfinished is how much is still to be done: jobs, up to 1,000 of them, orders whose row doesn't
// say yet how their payment ended, and events that something is still to follow from.
func (s *Shop) Unfinished(ctx context.Context) (n int, err error) {
	jobs, err := s.App.Jobs(ctx, offload.Filter{Tasks: TaskNames, States: Unended, Max: 1000})
	if err != nil {
		return 0, err
	}
	const underWay = `SELECT count(*) FROM orders WHERE payment <> 'done' AND payment <> 'cancelled' AND payment NOT LIKE 'failed%'`
	if err := s.DB.QueryRowContext(ctx, underWay).Scan(&n); err != nil {
		return 0, err
	}
	handlers, err := s.Events.Handlers(ctx)
	for _, h := range handlers {
		n += int(h.Behind + h.Held)
	}
	return n + len(jobs), err
}

// Path returns the path of a file of the shop.
func (s *Shop) Path(elem ...string) string {
	return filepath.Join(append([]string{s.Dir}, elem...)...)
}

// inTx runs f in a transaction, and commits it unless f fails.
func (s *Shop) inTx(ctx context.Context, f func(tx *sql.Tx) error) error {
	tx, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// begin begins a transaction. While another process writes, SQLite would wait by itself, and sleep longer and
// longer, up to a tenth of a second: where many write, the one who sleeps longest is passed by most. So
// it is asked every millisecond or two instead.
func (s *Shop) begin(ctx context.Context) (*sql.Tx, error) {
	for began := time.Now(); ; {
		tx, err := s.begins.BeginTx(ctx, nil)
		var code interface{ Code() int }
		busy := errors.As(err, &code) && code.Code()&0xff == sqliteBusy
		if !busy || time.Since(began) > lockPatience {
			return tx, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(time.Millisecond + rand.N(time.Millisecond)):
		}
	}
}

const (
	sqliteBusy   = 5               // somebody else writes
	lockPatience = 5 * time.Second // how long one waits for them
)
