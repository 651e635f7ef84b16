package stats_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"go.uber.org/goleak"
	_ "modernc.org/sqlite"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/testpg"
	"github.com/offloadhq/offload/kit/stats"
	_ "github.com/offloadhq/offload/store/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A database is one in which a test's statistics are, behind a driver that can be told to misbehave.
type database struct {
	*testing.T
	db   *sql.DB
	away atomic.Bool  // no transaction begins
	lose atomic.Int32 // so many commits take effect, and their answers get lost
}

// onBoth calls f with both databases.
func onBoth(t *testing.T, f func(d *database)) {
	t.Run("sqlite", func(t *testing.T) {
		f(openDatabase(t, "sqlite", "file:"+filepath.Join(t.TempDir(), "stats.db")+"?_pragma=busy_timeout(20000)&_txlock=immediate"))
	})
	t.Run("postgres", func(t *testing.T) { f(openDatabase(t, "pgx", testpg.URL(t))) })
}

func openDatabase(t *testing.T, name, dsn string) *database {
	t.Helper()
	plain, err := sql.Open(name, dsn)
	must(t, err)
	d := &database{T: t}
	d.db = sql.OpenDB(connector{d, plain.Driver(), dsn})
	must(t, plain.Close())
	t.Cleanup(func() { d.db.Close() })
	return d
}

type connector struct {
	*database
	driver driver.Driver
	dsn    string
}

func (c connector) Driver() driver.Driver { return c.driver }

func (c connector) Connect(context.Context) (driver.Conn, error) {
	conn, err := c.driver.Open(c.dsn)
	return wire{conn, c.database}, err
}

// A wire is a connection whose transactions can get lost.
type wire struct {
	driver.Conn
	of *database
}

func (w wire) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if w.of.away.Load() {
		return nil, errors.New("the database is away")
	}
	tx, err := w.Conn.(driver.ConnBeginTx).BeginTx(ctx, opts)
	return lossy{tx, w.of}, err
}

type lossy struct {
	driver.Tx
	of *database
}

func (l lossy) Commit() error {
	err := l.Tx.Commit()
	if err == nil && l.of.lose.Add(-1) >= 0 {
		return errors.New("the connection is lost")
	}
	return err
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// open opens a Kept that is closed with the test.
func (d *database) open(set *stats.Set, opts ...stats.Option) *stats.Kept {
	d.Helper()
	kept, err := stats.Open(d.Context(), d.db, set, opts...)
	must(d, err)
	d.Cleanup(func() { must(d, kept.Close()) })
	return kept
}

// total is all of the last two days: enough for a test that runs at midnight.
func total(t *testing.T, kept *stats.Kept, q stats.Query) stats.Point {
	t.Helper()
	switch q.Step {
	case stats.Minute:
		q.From = time.Now().Add(-time.Hour)
	case stats.Day:
		q.From = time.Now().Add(-24 * time.Hour)
	}
	p, err := kept.Total(t.Context(), q)
	must(t, err)
	return p
}

func TestWhatWasCountedIsThereByMinuteHourAndDay(t *testing.T) {
	onBoth(t, func(d *database) {
		set := stats.New()
		orders, seconds, buyers := set.Counter("orders", "shop", "kind"), set.Observer("seconds"), set.Unique("buyers")
		kept := d.open(set)
		for round := range 3 { // several flushes add up
			orders.With("berlin", "book").Add(2)
			orders.With("berlin", "pen").Add(3)
			orders.With("Berlin", "book").Add(10)
			orders.With(`"shop":"berlin"`, "book").Add(100)
			for i := range 100 {
				seconds.Observe(float64(i))
				buyers.See(fmt.Sprint("customer ", i+50*round))
			}
			must(t, kept.Flush(t.Context()))
		}
		for _, step := range []stats.Step{stats.Minute, stats.Hour, stats.Day} {
			for _, test := range []struct {
				labels map[string]string
				want   float64
			}{
				{nil, 345},
				{map[string]string{"shop": "berlin"}, 15},
				{map[string]string{"kind": "book"}, 336},
				{map[string]string{"kind": "pen", "shop": "berlin"}, 9},
				{map[string]string{"shop": "paris"}, 0},
			} {
				if got := total(d.T, kept, stats.Query{Name: "orders", Step: step, Labels: test.labels}); got.Sum != test.want {
					d.Errorf("%v %v: %v, want %v", step, test.labels, got.Sum, test.want)
				}
			}
			s := total(d.T, kept, stats.Query{Name: "seconds", Step: step})
			if s.N != 300 || s.Sum != 3*4950 || s.Min != 0 || s.Max != 99 || s.Mean() != 49.5 {
				d.Errorf("%v of seconds: %+v", step, s)
			}
			if q := s.Quantile(0.9); math.Abs(q-89) > 2 {
				d.Errorf("%v: quantile 0.9 is %v, want 89", step, q)
			}
			if n := total(d.T, kept, stats.Query{Name: "buyers", Step: step}); n.Unique() < 195 || n.Unique() > 205 || n.N != 300 {
				d.Errorf("%v: %d different ones of %d, want 200 of 300", step, n.Unique(), n.N)
			}
		}
		by, err := kept.Query(t.Context(), stats.Query{Name: "orders", By: "shop"})
		must(d, err)
		var got []string
		for i := range by {
			all := by[i].Total()
			got = append(got, fmt.Sprint(by[i].Value, "=", all.Sum, " in ", len(by[i].Points)))
		}
		if want := `["shop":"berlin"=300 in 24 Berlin=30 in 24 berlin=15 in 24]`; fmt.Sprint(got) != want {
			d.Errorf("by shop: %v, want %v", got, want)
		}
	})
}

func TestALostCommitCountsNothingTwice(t *testing.T) {
	onBoth(t, func(d *database) {
		set := stats.New()
		orders, seconds, buyers := set.Counter("orders"), set.Observer("seconds"), set.Unique("buyers")
		kept := d.open(set)
		tell := func() {
			orders.Add(1)
			seconds.Observe(2)
			buyers.See("ada")
		}
		tell()
		d.lose.Store(1)
		if err := kept.Flush(t.Context()); err == nil {
			d.Fatal("Flush does not say that the answer got lost")
		}
		tell() // while nobody knows
		d.away.Store(true)
		if err := kept.Flush(t.Context()); err == nil {
			d.Fatal("Flush does not say that the database is away")
		}
		tell()
		d.away.Store(false)
		must(d, kept.Flush(t.Context()))
		must(d, kept.Flush(t.Context()))
		p := total(d.T, kept, stats.Query{Name: "seconds"})
		if o := total(d.T, kept, stats.Query{Name: "orders"}); o.Sum != 3 || p.N != 3 || p.Sum != 6 {
			d.Errorf("orders %v, seconds %v and %v; want 3, 3 and 6", o.Sum, p.N, p.Sum)
		}
		if n := total(d.T, kept, stats.Query{Name: "buyers"}); n.N != 3 || n.Unique() != 1 {
			d.Errorf("%d calls, %d buyers; want 3 and 1", n.N, n.Unique())
		}
	})
}

func TestProcessesAddToTheSameRows(t *testing.T) {
	onBoth(t, func(d *database) {
		const processes, rounds = 4, 5
		var all sync.WaitGroup
		kepts := make([]*stats.Kept, processes)
		for p := range processes {
			set := stats.New()
			orders, buyers, seconds := set.Counter("orders", "shop"), set.Unique("buyers", "shop"), set.Observer("seconds", "shop")
			kepts[p] = d.open(set)
			all.Go(func() {
				for round := range rounds {
					for shop := range 40 {
						name := fmt.Sprint("shop ", (shop+p*7)%40)
						orders.With(name).Add(1)
						buyers.With(name).See(fmt.Sprint(p, round))
						seconds.With(name).Observe(float64(p + 1))
					}
					for kepts[p].Flush(d.Context()) != nil { // SQLite may be busy for long
						if d.Context().Err() != nil {
							return
						}
					}
				}
			})
		}
		all.Wait()
		if got := total(d.T, kepts[0], stats.Query{Name: "orders"}).Sum; got != processes*rounds*40 {
			d.Errorf("%v orders, want %v", got, processes*rounds*40)
		}
		seen := total(d.T, kepts[0], stats.Query{Name: "seconds", Labels: map[string]string{"shop": "shop 3"}})
		if seen.N != processes*rounds || seen.Sum != 50 || seen.Min != 1 || seen.Max != 4 || math.Abs(seen.Quantile(1)-4) > .1 {
			d.Errorf("seconds of a shop: %+v", seen)
		}
		buyers := total(d.T, kepts[0], stats.Query{Name: "buyers", Labels: map[string]string{"shop": "shop 3"}})
		if buyers.Unique() != processes*rounds {
			d.Errorf("%d buyers of a shop, want %d", buyers.Unique(), processes*rounds)
		}
	})
}

func TestWhatIsNoNumberIsCountedApart(t *testing.T) {
	onBoth(t, func(d *database) {
		set := stats.New()
		seconds, orders := set.Observer("seconds"), set.Counter("orders")
		kept := d.open(set)
		for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, 1e150, -1e150, 0, math.SmallestNonzeroFloat64, -3} {
			seconds.Observe(v)
		}
		orders.Add(math.MinInt64)
		orders.Add(math.MaxInt64)
		orders.Add(-2)
		must(d, kept.Flush(t.Context()))
		p := total(d.T, kept, stats.Query{Name: "seconds"})
		if p.N != 5 || p.Refused != 4 || p.Min != -1e150 || p.Max != 1e150 {
			d.Errorf("%+v", p)
		}
		if p := total(d.T, kept, stats.Query{Name: "orders"}); p.Sum != -2 || p.Refused != 2 {
			d.Errorf("%+v", p)
		}
	})
}

func TestSeriesAreBounded(t *testing.T) {
	onBoth(t, func(d *database) {
		set := stats.New(stats.MaxSeries(10))
		hits := set.Counter("hits", "page")
		kept := d.open(set)
		long := strings.Repeat("x", 5000)
		for i := range 100 {
			hits.With(fmt.Sprint(i, "\x00\xff", long)).Add(1)
		}
		must(d, kept.Flush(t.Context()))
		if h := set.Health(); h.Series > 11 || h.Others != 91 {
			d.Errorf("%+v", h)
		}
		by, err := kept.Query(t.Context(), stats.Query{Name: "hits", By: "page"})
		must(d, err)
		if len(by) != 10 {
			d.Errorf("%d pages, want 10", len(by))
		}
		if p := total(d.T, kept, stats.Query{Name: "hits", Labels: map[string]string{"page": stats.Other}}); p.Sum != 91 {
			d.Errorf("%v of others, want 91", p.Sum)
		}
		if p := total(d.T, kept, stats.Query{Name: "hits"}); p.Sum != 100 {
			d.Errorf("%v in all, want 100", p.Sum)
		}
	})
}

func TestLabelsFitIntoAnIndex(t *testing.T) {
	onBoth(t, func(d *database) {
		set := stats.New()
		var names, values []string
		for i := range 8 {
			names = append(names, fmt.Sprint(strings.Repeat("n", 98), i))
			values = append(values, strings.Repeat(fmt.Sprint("\x01<", i), 40))
		}
		hits := set.Counter(strings.Repeat("h", 100), names...)
		kept := d.open(set)
		hits.With(values...).Add(1)
		hits.With(append(values, "one too many")...).Add(1)
		hits.With("a\x00", "b").Add(1)
		hits.With("a", "b").Add(1)
		must(d, kept.Flush(t.Context()))
		if p := total(d.T, kept, stats.Query{Name: strings.Repeat("h", 100)}); p.Sum != 4 || set.Health().Series != 3 {
			d.Errorf("%v, %+v", p.Sum, set.Health())
		}
	})
}

func TestOldFiguresAreDeleted(t *testing.T) {
	onBoth(t, func(d *database) {
		set := stats.New()
		kept := d.open(set, stats.Every(time.Second), stats.Retain(time.Hour, 48*time.Hour, 0))
		old := time.Now().Add(-24 * time.Hour).Unix()
		for period := 1; period <= 3; period++ {
			_, err := d.db.ExecContext(t.Context(), `INSERT INTO offload_stats (name, period, start, labels, kind, n, sum, lowest, highest, refused, version)
VALUES ('old', $1, $2, '{}', 1, 0, 1, 0, 0, 0, 1)`, period, old)
			must(d, err)
		}
		ctx, stop := context.WithCancel(d.Context())
		var running sync.WaitGroup
		running.Go(func() { kept.Run(ctx) })
		defer running.Wait()
		defer stop()
		for deadline := time.After(time.Minute); ; {
			var n, least int
			must(d, d.db.QueryRowContext(ctx, "SELECT count(*), min(period) FROM offload_stats").Scan(&n, &least))
			if n == 2 && least == 2 {
				return
			}
			select {
			case <-deadline:
				d.Fatalf("%d rows are left, from period %d on; want 2 from 2 on", n, least)
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
}

func TestAnAppWritesWhatItsJobsCount(t *testing.T) {
	d := openDatabase(t, "sqlite", "file:"+filepath.Join(t.TempDir(), "stats.db")+"?_pragma=busy_timeout(20000)")
	set := stats.New()
	done := set.Counter("done")
	kept, err := stats.Open(t.Context(), d.db, set)
	must(t, err)
	ended := make(chan struct{})
	work := offload.NewTask("work", func(context.Context, int) error {
		done.Add(1)
		close(ended)
		return nil
	})
	app, err := offload.Open(t.Context(), filepath.Join(t.TempDir(), "jobs.db"), work, kept, offload.LogTo(slog.New(slog.DiscardHandler)))
	must(t, err)
	_, err = work.Enqueue(t.Context(), app, 1)
	must(t, err)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := app.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	<-ended
	stop()
	running.Wait()
	if p := total(t, kept, stats.Query{Name: "done"}); p.Sum != 1 {
		t.Errorf("after Run: %v, want 1", p.Sum)
	}
	done.Add(1) // by what goes on until Close
	must(t, app.Close())
	if p := total(t, kept, stats.Query{Name: "done"}); p.Sum != 2 {
		t.Errorf("after Close: %v, want 2", p.Sum)
	}
	again, err := stats.Open(t.Context(), d.db, set) // the Set is free
	must(t, err)
	must(t, again.Close())
}

func TestCloseSaysWhatIsLost(t *testing.T) {
	d := openDatabase(t, "sqlite", "file:"+filepath.Join(t.TempDir(), "stats.db"))
	set := stats.New()
	kept, err := stats.Open(t.Context(), d.db, set)
	must(t, err)
	set.Counter("orders").Add(1)
	d.away.Store(true)
	if err := kept.Close(); err == nil || !strings.Contains(err.Error(), "lost") {
		t.Errorf("Close = %v", err)
	}
}

func TestWrongDeclarationsAreNamedByOpen(t *testing.T) {
	d := openDatabase(t, "sqlite", "file:"+filepath.Join(t.TempDir(), "stats.db"))
	for _, test := range []struct {
		field   string
		declare func(s *stats.Set)
		opts    []stats.Option
	}{
		{"name of a statistic", func(s *stats.Set) { s.Counter("my orders").Add(1) }, nil},
		{"name of a statistic", func(s *stats.Set) { s.Counter("x"); s.Unique("x").See("y") }, nil},
		{"labels of x", func(s *stats.Set) { s.Observer("x", "a", "a").With("1", "2", "3").Observe(1) }, nil},
		{"Every", func(*stats.Set) {}, []stats.Option{stats.Every(time.Millisecond)}},
		{"Retain", func(*stats.Set) {}, []stats.Option{stats.Retain(1, 0, 0)}},
	} {
		set := stats.New()
		test.declare(set)
		_, err := stats.Open(t.Context(), d.db, set, test.opts...)
		var refused *offload.InputError
		if !errors.As(err, &refused) || refused.Field != test.field {
			t.Errorf("Open = %v, want an error for %q", err, test.field)
		}
	}
	set := stats.New()
	d.open(set)
	if _, err := stats.Open(t.Context(), d.db, set); err == nil {
		t.Error("two may keep one Set")
	}
	if _, err := stats.Open(t.Context(), d.db, stats.New(stats.MaxSeries(0))); err == nil {
		t.Error("MaxSeries(0) is taken")
	}
}

func TestTheHandlerDrawsAndTells(t *testing.T) {
	d := openDatabase(t, "sqlite", "file:"+filepath.Join(t.TempDir(), "stats.db"))
	set := stats.New()
	orders, seconds := set.Counter("orders", "shop"), set.Observer("seconds")
	kept := d.open(set)
	for i := range 9 {
		orders.With(fmt.Sprintf("<shop> & %d", i)).Add(int64(i+1) * 10)
	}
	seconds.Observe(2)
	must(t, kept.Flush(t.Context()))
	server := httptest.NewServer(http.StripPrefix("/stats", stats.NewHandler(kept)))
	defer server.Close()
	get := func(path string) (int, string, string) {
		t.Helper()
		response, err := server.Client().Get(server.URL + path)
		must(t, err)
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		must(t, err)
		return response.StatusCode, response.Header.Get("Content-Type"), string(body)
	}
	for _, query := range []string{"", "?by=shop", "?last=30d&step=day", "?step=minute&last=90m", "?show=p95", "?show=mean&by=shop", "?by=nothing"} {
		code, kind, body := get("/stats/orders.svg" + query)
		if code != 200 || kind != "image/svg+xml" || strings.Contains(body, "NaN") || strings.Contains(body, "Inf") || strings.Contains(body, "<script") {
			t.Errorf("%s: %d %s %s", query, code, kind, body)
		}
		for read := xml.NewDecoder(strings.NewReader(body)); ; {
			if _, err := read.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%s: %v in %s", query, err, body)
			}
		}
	}
	if _, _, body := get("/stats/orders.svg?by=shop"); !strings.Contains(body, "the largest 6 of 9") || !strings.Contains(body, "&lt;shop&gt; &amp; 8: over all 90") {
		t.Error(body)
	}
	code, kind, body := get("/stats/seconds.json?last=48h")
	var answer struct {
		Show   string
		Series []struct {
			Total  *float64
			Points []struct{ Value *float64 }
		}
	}
	must(t, json.Unmarshal([]byte(body), &answer))
	if code != 200 || kind != "application/json" || answer.Show != "mean" || len(answer.Series) != 1 || *answer.Series[0].Total != 2 || len(answer.Series[0].Points) != 48 || answer.Series[0].Points[0].Value != nil {
		t.Errorf("%d %s %s", code, kind, body)
	}
	for _, bad := range []string{"?step=year", "?last=yesterday", "?from=1", "?show=me", "?step=minute&last=9000d"} {
		if code, _, body := get("/stats/orders.json" + bad); code != 400 {
			t.Errorf("%s: %d %s", bad, code, body)
		}
	}
	if code, _, _ := get("/stats/orders"); code != 404 {
		t.Errorf("without an ending: %d", code)
	}
}
