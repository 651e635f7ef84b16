package audit_test

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib"
	"go.uber.org/goleak"
	_ "modernc.org/sqlite"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/testpg"
	"github.com/offloadhq/offload/kit/audit"
	"github.com/offloadhq/offload/kit/blob"
	"github.com/offloadhq/offload/kit/export"
	_ "github.com/offloadhq/offload/store/postgres"
	_ "github.com/offloadhq/offload/store/sqlite"
)

func TestMain(m *testing.M) {
	if driver := os.Getenv("AUDIT_CHILD"); driver != "" {
		child(driver, os.Getenv("AUDIT_DSN"))
		return
	}
	slog.SetDefault(slog.New(slog.DiscardHandler))
	goleak.VerifyTestMain(m)
}

// A shop is a database with orders and a log.
type shop struct {
	*testing.T
	driver, dsn, address string
	db                   *sql.DB
	trail                *audit.Log
}

func onBoth(t *testing.T, f func(s *shop), opts ...audit.Option) {
	t.Helper()
	open := func(t *testing.T, address, driver, dsn string) {
		db, err := sql.Open(driver, dsn)
		must(t, err)
		t.Cleanup(func() { db.Close() })
		_, err = db.ExecContext(t.Context(), "CREATE TABLE orders (id bigint PRIMARY KEY, state text NOT NULL)")
		must(t, err)
		trail, err := audit.Open(t.Context(), db, opts...)
		must(t, err)
		f(&shop{t, driver, dsn, address, db, trail})
	}
	t.Run("sqlite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "shop.db")
		open(t, path, "sqlite", "file:"+path+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(wal)&_txlock=immediate")
	})
	t.Run("postgres", func(t *testing.T) {
		address := testpg.URL(t)
		open(t, address, "pgx", address)
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *shop) exec(statement string, args ...any) {
	s.Helper()
	_, err := s.db.ExecContext(s.Context(), statement, args...)
	must(s, err)
}

func (s *shop) verify(heads ...audit.Head) *audit.Report {
	s.Helper()
	report, err := audit.Verify(s.Context(), s.db, heads...)
	must(s, err)
	return report
}

// fill writes and chains n entries.
func (s *shop) fill(n int) {
	s.Helper()
	for i := range n {
		must(s, s.trail.Write(s.Context(), s.db, audit.Entry{
			Actor: "ada", Action: "order.change", Entity: audit.Entity{Type: "order", ID: fmt.Sprint(i % 3)}, Before: map[string]int{"n": i}, After: map[string]int{"n": i + 1},
		}))
	}
	must(s, s.trail.Chain(s.Context()))
}

// withApp runs an app with the log until f returns.
func (s *shop) withApp(f func(app *offload.App)) {
	s.Helper()
	app, err := offload.Open(s.Context(), s.address, s.trail, offload.LogTo(slog.New(slog.DiscardHandler)))
	must(s, err)
	ctx, stop := context.WithCancel(s.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := app.Run(ctx); err != nil {
			s.Error(err)
		}
	})
	f(app)
	stop()
	running.Wait()
	must(s, app.Close())
}

// until waits until something is so.
func (s *shop) until(what string, so func() bool) {
	s.Helper()
	deadline := time.After(time.Minute)
	for !so() {
		select {
		case <-deadline:
			s.Fatalf("it never came that %s", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

type order struct {
	ID       int    `json:"id"`
	State    string `json:"state"`
	Card     string `json:"card" offload:"secret"`
	Password string `json:"password"`
	Lines    []line `json:"lines"`
}

type line struct {
	SKU   string `json:"sku"`
	Token string `json:"api_token"`
	Note  string `json:"note" offload:"secret"`
}

func TestAnEntryIsThereIfItsTransactionIs(t *testing.T) {
	onBoth(t, func(s *shop) {
		ctx := s.Context()
		for i, commit := range []bool{true, false, true} {
			tx, err := s.db.BeginTx(ctx, nil)
			must(s, err)
			_, err = tx.ExecContext(ctx, "INSERT INTO orders VALUES ($1, 'new')", i)
			must(s, err)
			must(s, s.trail.Write(audit.As(ctx, "ada"), tx, audit.Entry{Action: "order.place", Entity: audit.Entity{Type: "order", ID: fmt.Sprint(i)}}))
			if commit {
				must(s, tx.Commit())
			} else {
				must(s, tx.Rollback())
			}
		}
		rows, err := s.trail.Search(ctx, audit.Query{Type: "order"})
		must(s, err)
		if len(rows) != 2 || rows[0].Entity.ID != "2" || rows[1].Entity.ID != "0" || rows[0].Actor != "ada" || rows[0].Seq != 0 {
			s.Errorf("the log has %+v", rows)
		}
		must(s, s.trail.Chain(ctx))
		rows, err = s.trail.Search(ctx, audit.Query{Type: "order"})
		must(s, err)
		if len(rows) != 2 || rows[0].Seq != 2 || rows[1].Seq != 1 || len(rows[0].Hash) != 64 {
			s.Errorf("chained, the log has %+v", rows)
		}
		if r := s.verify(); !r.OK() || r.Rows != 2 || r.Waiting != 0 || r.Head.Hash != rows[0].Hash {
			s.Errorf("it says %+v", r)
		}
	})
}

func TestAnEntryInATransactionOfPgx(t *testing.T) {
	address := testpg.URL(t)
	db, err := sql.Open("pgx", address)
	must(t, err)
	defer db.Close()
	trail, err := audit.Open(t.Context(), db)
	must(t, err)
	conn, err := pgx.Connect(t.Context(), address)
	must(t, err)
	defer conn.Close(context.WithoutCancel(t.Context()))
	for _, end := range []func(pgx.Tx) error{
		func(tx pgx.Tx) error { return tx.Commit(t.Context()) }, func(tx pgx.Tx) error { return tx.Rollback(t.Context()) },
	} {
		tx, err := conn.Begin(t.Context())
		must(t, err)
		must(t, trail.Write(t.Context(), tx, audit.Entry{Actor: "ada", Action: "look", Entity: audit.Entity{Type: "order", ID: "7"}}))
		must(t, end(tx))
	}
	if rows, err := trail.Search(t.Context(), audit.Query{}); err != nil || len(rows) != 1 {
		t.Errorf("the log has %+v, %v", rows, err)
	}
}

func TestSecretsAreNeverWritten(t *testing.T) {
	onBoth(t, func(s *shop) {
		before := order{ID: 7, State: "new", Card: "4242", Password: "hunter2", Lines: []line{{"a", "tok-1", "for Bob"}}}
		after := order{ID: 7, State: "paid", Card: "4242", Password: "hunter3", Lines: []line{{"a", "tok-1", "for Eve"}, {"b", "tok-2", "for Eve"}}}
		must(s, s.trail.Write(s.Context(), s.db, audit.Entry{
			Actor: "ada", Action: "order.pay", Entity: audit.Entity{Type: "order", ID: "7"}, Before: &before, After: after,
		}, audit.Entry{
			Actor: "ada", Action: "note", Entity: audit.Entity{Type: "order", ID: "8"}, After: json.RawMessage(`{"a":{"IBAN-No":"DE12"},"pass\u0077ord":"hunter2"}`),
		}))
		rows, err := s.trail.Search(s.Context(), audit.Query{Type: "order"})
		must(s, err)
		text := fmt.Sprintf("%s%s%s%s", rows[0].Before, rows[0].After, rows[1].Before, rows[1].After)
		for _, secret := range []string{"4242", "hunter", "tok-", "Bob", "Eve", "DE12"} {
			if strings.Contains(text, secret) {
				s.Errorf("%q is in %s", secret, text)
			}
		}
		var changed []string
		for _, c := range rows[1].Changes() {
			changed = append(changed, c.Field+"="+string(c.After))
		}
		want := []string{
			`lines[0].note="••• (changed)"`, `lines[1]={"api_token":"•••","note":"•••","sku":"b"}`, `password="••• (changed)"`, `state="paid"`,
		}
		if !slices.Equal(changed, want) {
			s.Errorf("changed is %q", changed)
		}
	}, audit.Hide("iban_no"))
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	onBoth(t, func(s *shop) {
		type badTag struct {
			Card string `json:"-" offload:"secret"`
		}
		good := audit.Entry{Actor: "ada", Action: "x", Entity: audit.Entity{Type: "order", ID: "7"}}
		with := func(f func(e *audit.Entry)) audit.Entry { e := good; f(&e); return e }
		for field, e := range map[string]audit.Entry{
			"Actor": with(func(e *audit.Entry) { e.Actor = "" }), "Action": with(func(e *audit.Entry) { e.Action = "" }),
			"Entity.ID": with(func(e *audit.Entry) { e.Entity.ID = "a\x00" }), "Entity.Type": with(func(e *audit.Entry) { e.Entity.Type = strings.Repeat("a", 201) }),
			"After": with(func(e *audit.Entry) { e.After = make(chan int) }), "audit_test.badTag": with(func(e *audit.Entry) { e.Before = badTag{} }),
			"Before": with(func(e *audit.Entry) { e.Before = strings.Repeat("a", 1<<20) }),
			"Meta":   with(func(e *audit.Entry) { e.Meta = map[string]string{"a": "\xff"} }),
		} {
			var wrong *offload.InputError
			if err := s.trail.Write(s.Context(), s.db, e); !errors.As(err, &wrong) || wrong.Field != field {
				s.Errorf("%s: %v", field, err)
			}
		}
		for _, tx := range []any{nil, 7, (*sql.Tx)(nil)} {
			var wrong *offload.InputError
			if err := s.trail.Write(s.Context(), tx, good); !errors.As(err, &wrong) || wrong.Field != "tx" {
				s.Errorf("a transaction that is %T: %v", tx, err)
			}
		}
	})
}

func TestTamperingIsFoundAndNamed(t *testing.T) {
	for _, test := range []struct {
		name string
		do   []string
		want string // in a problem
		seq  int64
		all  int // problems
	}{
		{"a changed row", []string{"UPDATE offload_audit SET actor = 'eve' WHERE seq = 4"}, "row 4 (", 4, 1},
		{"a changed time", []string{"UPDATE offload_audit SET at = '2020-01-01T00:00:00.000000Z' WHERE seq = 10"}, "row 10 (", 10, 1},
		{"a changed hash", []string{"UPDATE offload_audit SET hash = '' WHERE seq = 4"}, "row 4 (", 4, 2},
		{"two rows in each other's place", []string{"UPDATE offload_audit SET seq = 99 WHERE seq = 4", "UPDATE offload_audit SET seq = 4 WHERE seq = 5", "UPDATE offload_audit SET seq = 5 WHERE seq = 99"}, "row 4 (", 4, 3},
		{"removed rows", []string{"DELETE FROM offload_audit WHERE seq IN (4, 5)"}, "rows 4 to 5 are missing", 4, 1},
		{"the first removed", []string{"DELETE FROM offload_audit WHERE seq = 1"}, "row 1 is missing", 1, 1},
		{"the last removed", []string{"DELETE FROM offload_audit WHERE seq > 8"}, "rows 9 to 10 are missing", 9, 1},
		{"the last removed, and the head put back", []string{
			"UPDATE offload_audit_head SET seq = 8, hash = (SELECT hash FROM offload_audit WHERE seq = 8)", "DELETE FROM offload_audit WHERE seq > 8",
		}, "rows 9 to 10 are missing", 9, 1},
		{"a row put in at the end", []string{
			"INSERT INTO offload_audit SELECT 11, 'x', at, actor, action, entity_type, entity_id, before, after, meta, hash FROM offload_audit WHERE seq = 10",
		}, "row 11 (x)", 11, 2},
		{"a row put in, and those behind it moved", []string{
			"UPDATE offload_audit SET seq = -seq - 1 WHERE seq > 4", "UPDATE offload_audit SET seq = -seq WHERE seq < 0",
			"INSERT INTO offload_audit SELECT 5, 'x', at, actor, action, entity_type, entity_id, before, after, meta, hash FROM offload_audit WHERE seq = 4",
		}, "row 5 (x)", 5, 9},
		{"the first rows let go by hand", []string{
			"UPDATE offload_audit_head SET base_seq = 3, base_hash = (SELECT hash FROM offload_audit WHERE seq = 3)", "DELETE FROM offload_audit WHERE seq <= 3",
		}, "no entry of the chain says", 3, 1},
		{"another log", []string{"UPDATE offload_audit_head SET log = 'x'"}, "of another log", 0, 1},
		{"a row that says by itself that rows were let go", []string{
			"UPDATE offload_audit SET action = 'audit.prune', actor = 'offload', after = '{\"through\":3}' WHERE seq = 9",
		}, "row 9 (", 9, 1},
		{"no head", []string{"DELETE FROM offload_audit_head"}, "offload_audit_head was removed", 0, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			onBoth(t, func(s *shop) {
				s.fill(10)
				head := s.verify().Head
				if r := s.verify(head); !r.OK() {
					s.Fatalf("before, it says %+v", r)
				}
				for _, statement := range test.do {
					s.exec(statement)
				}
				r := s.verify(head)
				if len(r.Problems) != test.all || !slices.ContainsFunc(r.Problems, func(p audit.Problem) bool {
					return p.Seq == test.seq && strings.Contains(p.Text, test.want)
				}) {
					s.Errorf("it says %+v", r.Problems)
				}
			})
		})
	}
}

// Who makes another chain from some row on is found by a head that was kept.
func TestAnotherChainIsFoundByAHead(t *testing.T) {
	onBoth(t, func(s *shop) {
		s.fill(3)
		head, err := audit.ParseHead(s.verify().Head.String()) // as it was printed
		must(s, err)
		s.exec("DELETE FROM offload_audit")
		s.exec("UPDATE offload_audit_head SET seq = 0, hash = ''")
		s.fill(5)
		if r := s.verify(); !r.OK() {
			s.Errorf("without a head, it says %+v", r)
		}
		if r := s.verify(head); len(r.Problems) != 1 || !strings.Contains(r.Problems[0].Text, "row 3 (") {
			s.Errorf("with a head, it says %+v", r)
		}
		for _, text := range []string{"", "3", "0:" + head.Hash, "3:zz", head.String() + "00"} {
			if h, err := audit.ParseHead(text); err == nil {
				s.Errorf("%q is %+v", text, h)
			}
		}
	})
}

// Nobody but the log says that rows were let go.
func TestAForgedPrune(t *testing.T) {
	onBoth(t, func(s *shop) {
		prune := audit.Entry{Actor: "offload", Action: "audit.prune", Entity: audit.Entity{Type: "audit", ID: "x"}}
		if err := s.trail.Write(s.Context(), s.db, prune); err == nil {
			s.Error("it is written")
		}
		s.fill(3)
		var hash string
		must(s, s.db.QueryRowContext(s.Context(), "SELECT hash FROM offload_audit WHERE seq = 2").Scan(&hash))
		s.exec("INSERT INTO offload_audit_new (id, at, actor, action, entity_type, entity_id, before, after, meta) VALUES ($1, $2, 'offload', 'audit.prune', 'audit', 'x', '', $3, '')",
			offload.NewID().String(), "2026-05-01T03:00:00.000000Z", `{"through":2,"hash":"`+hash+`"}`)
		must(s, s.trail.Chain(s.Context()))
		s.exec("DELETE FROM offload_audit WHERE seq <= 2")
		s.exec("UPDATE offload_audit_head SET base_seq = 2, base_hash = $1", hash)
		if r := s.verify(); r.OK() {
			s.Error("the rows are not missed")
		}
	})
}

// child writes and chains until it is killed, and says what it has committed.
func child(driver, dsn string) {
	ctx := context.Background()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		panic(err)
	}
	trail, err := audit.Open(ctx, db)
	if err != nil {
		panic(err)
	}
	go func() {
		for {
			if err := trail.Chain(ctx); err != nil {
				fmt.Println("error", err)
			}
		}
	}()
	for i := 0; ; i++ {
		id := fmt.Sprintf("%d-%d", os.Getpid(), i)
		if err := trail.Write(ctx, db, audit.Entry{Actor: "ada", Action: "count", Entity: audit.Entity{Type: "n", ID: id}}); err != nil {
			fmt.Println("error", err)
			continue
		}
		fmt.Println(id)
	}
}

// Processes that write and chain at once, and are killed at whatever line they are, lose nothing, and leave one chain.
func TestKilledProcesses(t *testing.T) {
	onBoth(t, func(s *shop) {
		exe, err := os.Executable()
		must(s, err)
		var committed sync.Map
		var killing sync.WaitGroup
		for k := range 2 {
			killing.Go(func() {
				for i := range 4 {
					cmd := exec.CommandContext(s.Context(), exe)
					cmd.Env = append(os.Environ(), "AUDIT_CHILD="+s.driver, "AUDIT_DSN="+s.dsn)
					out, err := cmd.StdoutPipe()
					if err == nil {
						err = cmd.Start()
					}
					if err != nil {
						s.Error(err)
						return
					}
					lines := bufio.NewScanner(out)
					for n := 0; n < 50*(i+k+1) && lines.Scan(); n++ {
						if strings.HasPrefix(lines.Text(), "error") {
							s.Error(lines.Text())
						}
						committed.Store(lines.Text(), true)
					}
					_ = cmd.Process.Kill()
					_ = cmd.Wait()
				}
			})
		}
		killing.Wait()
		must(s, s.trail.Chain(s.Context()))
		if r := s.verify(); !r.OK() || r.Waiting != 0 {
			s.Errorf("it says %+v", r)
		}
		there := map[string]int{}
		for l, err := range s.trail.Lines(s.Context(), audit.Query{}, 0) {
			must(s, err)
			there[l.EntityID]++
		}
		committed.Range(func(id, _ any) bool {
			if there[id.(string)] != 1 {
				s.Errorf("%s is there %d times", id, there[id.(string)])
			}
			return true
		})
	})
}

// Many write at once, in transactions that end in another order than they began, while several chain.
func TestTheChainIsOneWhoeverWritesAndChains(t *testing.T) {
	onBoth(t, func(s *shop) {
		second, err := audit.Open(s.Context(), s.db) // another process has its own
		must(s, err)
		const writers, each = 8, 40
		var writing, chaining sync.WaitGroup
		stop := make(chan bool)
		for _, l := range []*audit.Log{s.trail, second} {
			chaining.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						if err := l.Chain(s.Context()); err != nil {
							s.Error(err)
						}
					}
				}
			})
		}
		for w := range writers {
			writing.Go(func() {
				for i := range each {
					tx, err := s.db.BeginTx(s.Context(), nil)
					if err != nil {
						s.Error(err)
						return
					}
					err = s.trail.Write(s.Context(), tx, audit.Entry{
						Actor: fmt.Sprint("w", w), Action: "count", Entity: audit.Entity{Type: "counter", ID: fmt.Sprint(w)}, After: i,
					})
					if err != nil {
						s.Error(err)
					}
					if i%7 == 6 {
						err = tx.Rollback()
					} else {
						err = tx.Commit()
					}
					if err != nil {
						s.Error(err)
					}
				}
			})
		}
		writing.Wait()
		close(stop)
		chaining.Wait()
		must(s, s.trail.Chain(s.Context()))
		want := int64(writers * (each - each/7))
		if r := s.verify(); !r.OK() || r.Rows != want || r.Waiting != 0 {
			s.Errorf("of %d rows it says %+v", want, r)
		}
		last := map[string]string{} // what one did after another is behind it
		for l, err := range s.trail.Lines(s.Context(), audit.Query{}, 0) {
			must(s, err)
			if fmt.Sprintf("%3s", l.After) <= last[l.EntityID] {
				s.Errorf("of %s %s comes behind %s", l.EntityID, l.After, last[l.EntityID])
			}
			last[l.EntityID] = fmt.Sprintf("%3s", l.After)
		}
	})
}

func TestPagesByCursorMissNothing(t *testing.T) {
	onBoth(t, func(s *shop) {
		s.fill(25)
		must(s, s.trail.Write(s.Context(), s.db, audit.Entry{Actor: "bob", Action: "order.look", Entity: audit.Entity{Type: "order", ID: "1"}}))
		count := func(q audit.Query) (n int) {
			seen := map[string]bool{}
			for q.Max = 4; ; {
				page, err := s.trail.Search(s.Context(), q)
				must(s, err)
				if len(page) == 0 {
					return len(seen)
				}
				for i := range page {
					if seen[page[i].ID] {
						s.Errorf("%s comes twice", page[i].ID)
					}
					seen[page[i].ID] = true
					q.Before = page[i].Cursor()
				}
			}
		}
		for _, test := range []struct {
			q    audit.Query
			want int
		}{
			{audit.Query{}, 26},
			{audit.Query{Actor: "ada"}, 25},
			{audit.Query{Type: "order", ID: "1"}, 9},
			{audit.Query{Action: "order.*"}, 26},
			{audit.Query{Action: "order.look"}, 1},
			{audit.Query{Action: "order"}, 0},
			{audit.Query{Until: time.Now().Add(-time.Hour)}, 0},
			{audit.Query{Since: time.Now().Add(-time.Hour)}, 26},
		} {
			if got := count(test.q); got != test.want {
				s.Errorf("%+v finds %d, want %d", test.q, got, test.want)
			}
		}
		for _, q := range []audit.Query{{ID: "7"}, {Before: "x"}} {
			if _, err := s.trail.Search(s.Context(), q); err == nil {
				s.Errorf("%+v is no error", q)
			}
		}
	})
}

func TestThePruned(t *testing.T) {
	onBoth(t, func(s *shop) {
		s.fill(5)
		old := s.verify().Head
		early := time.Now().Add(-48 * time.Hour).UTC().Format("2006-01-02T15:04:05.000000Z")
		// Rows of two days ago: they are written so, and chained.
		for range 2500 {
			s.exec("INSERT INTO offload_audit_new (id, at, actor, action, entity_type, entity_id, before, after, meta) VALUES ($1, $2, 'ada', 'old', 'order', '1', '', '', '')",
				offload.NewID().String(), early)
		}
		must(s, s.trail.Chain(s.Context()))
		must(s, s.trail.Prune(s.Context()))
		if r := s.verify(old); !r.OK() || r.Pruned != 0 {
			s.Errorf("young rows before old ones were let go: %+v", r)
		}
		s.exec("UPDATE offload_audit_head SET seq = 0, hash = ''")
		s.exec("DELETE FROM offload_audit")
		for range 2500 {
			s.exec("INSERT INTO offload_audit_new (id, at, actor, action, entity_type, entity_id, before, after, meta) VALUES ($1, $2, 'ada', 'old', 'order', '1', '', '', '')",
				offload.NewID().String(), early)
		}
		must(s, s.trail.Chain(s.Context()))
		old = s.verify().Head
		s.fill(3)
		must(s, s.trail.Prune(s.Context()))
		r := s.verify(old)
		if !r.OK() || r.Pruned != 2500 || r.Rows != 5 { // in two steps, of which each left an entry
			s.Errorf("it says %+v", r)
		}
		must(s, s.trail.Prune(s.Context()))
		if again := s.verify(old, r.Head); !again.OK() || again.Rows != 5 {
			s.Errorf("once more, it says %+v", again)
		}
		s.exec("UPDATE offload_audit_head SET base_seq = base_seq + 1, base_hash = (SELECT hash FROM offload_audit WHERE seq = base_seq + 1)")
		s.exec("DELETE FROM offload_audit WHERE seq = 2501")
		if r := s.verify(); r.OK() {
			s.Error("a row that was let go by hand is not missed")
		}
	}, audit.Keep(24*time.Hour))
}

func TestTheAppKeepsTheChainAndItsHead(t *testing.T) {
	heads := make(chan audit.Head, 10)
	onBoth(t, func(s *shop) {
		var kept []audit.Head
		s.withApp(func(app *offload.App) {
			tx, err := s.db.BeginTx(s.Context(), nil)
			must(s, err)
			job, err := s.trail.Enqueue(s.Context(), app.Tx(tx), audit.Entry{
				Actor: "ada", Action: "order.pay", Entity: audit.Entity{Type: "order", ID: "7"}, After: order{Card: "4242"}, Meta: map[string]string{"ip": "::1"},
			})
			must(s, err)
			must(s, tx.Commit())
			if strings.Contains(string(job.Input), "4242") {
				s.Errorf("a secret is in the job: %s", job.Input)
			}
			done, err := app.Wait(s.Context(), job.ID)
			must(s, err)
			if done.State != offload.Completed {
				s.Fatalf("the job is %s: %s", done.State, done.Error)
			}
			s.until("the row is chained", func() bool { return s.verify().Rows == 1 })
			// A second run of the job, as after a crash between its write and its end.
			rows, err := s.trail.Search(s.Context(), audit.Query{})
			must(s, err)
			s.exec("INSERT INTO offload_audit_new (id, at, actor, action, entity_type, entity_id, before, after, meta) VALUES ($1, '2020-01-01T00:00:00.000000Z', 'ada', 'x', 'a', 'b', '', '', '')", rows[0].ID)
			s.until("nothing waits", func() bool { return s.verify().Waiting == 0 })
			if r := s.verify(); r.Rows != 1 || !r.OK() || rows[0].Meta["ip"] != "::1" || len(rows[0].Meta) != 1 {
				s.Errorf("it says %+v, %+v", r, rows)
			}
		})
		s.withApp(func(app *offload.App) {
			<-heads
			var err error
			kept, err = audit.Heads(s.Context(), app)
			must(s, err)
			if len(kept) != 1 || !s.verify(kept...).OK() {
				s.Errorf("kept are %+v", kept)
			}
		})
		s.fill(3)
		s.exec("DELETE FROM offload_audit WHERE seq = 1")
		s.exec("DELETE FROM offload_audit WHERE seq > 0")
		s.exec("UPDATE offload_audit_head SET seq = 0, hash = ''")
		s.withApp(func(app *offload.App) { // it goes on with the chain that is there, and keeps the head that was
			must(s, s.trail.Write(s.Context(), s.db, audit.Entry{Actor: "eve", Action: "x", Entity: audit.Entity{Type: "a", ID: "b"}}))
			s.until("the row is chained", func() bool { return s.verify().Rows == 1 })
		})
		if r := s.verify(kept...); r.OK() {
			s.Errorf("the cut is not found: %+v", r)
		}
		s.withApp(func(app *offload.App) {
			again, err := audit.Heads(s.Context(), app)
			must(s, err)
			if !slices.Equal(again, kept) {
				s.Errorf("the head that shows the cut was replaced: %+v", again)
			}
		})
	}, audit.OnHead(func(_ context.Context, h audit.Head) { heads <- h }))
}

func TestLinesAreWhatAnExportTakes(t *testing.T) {
	onBoth(t, func(s *shop) {
		s.fill(2100)
		files, err := blob.Dir(s.TempDir())
		must(s, err)
		_, err = export.New("export.audit", s.trail.Lines, export.To(files))
		must(s, err)
		for _, test := range []struct {
			q          audit.Query
			skip, want int
		}{{audit.Query{}, 0, 2100}, {audit.Query{}, 1500, 600}, {audit.Query{Type: "order", ID: "0"}, 10, 690}, {audit.Query{}, 2100, 0}} {
			n := 0
			for l, err := range s.trail.Lines(s.Context(), test.q, test.skip) {
				must(s, err)
				if n++; l.Hash == "" {
					s.Error("a line has no hash")
				}
			}
			if n != test.want {
				s.Errorf("%+v behind %d has %d lines, want %d", test.q, test.skip, n, test.want)
			}
		}
	})
}

func TestThePage(t *testing.T) {
	onBoth(t, func(s *shop) {
		s.fill(60)
		must(s, s.trail.Write(s.Context(), s.db, audit.Entry{Actor: "<b>", Action: "order.look", Entity: audit.Entity{Type: "order", ID: "1"}, Meta: map[string]string{"ip": "::1"}}))
		server := httptest.NewServer(s.trail.Page())
		defer server.Close()
		get := func(path string) (int, string) {
			w := httptest.NewRecorder()
			s.trail.Page().ServeHTTP(w, httptest.NewRequestWithContext(s.Context(), http.MethodGet, path, nil))
			return w.Code, w.Body.String()
		}
		code, text := get("/")
		for _, want := range []string{"order.change", "&lt;b&gt;", "::1", ">Older<", "<code>n</code>", "<ins>60</ins>", ">waits<"} {
			if code != 200 || !strings.Contains(text, want) {
				s.Errorf("the page (%d) has no %s", code, want)
			}
		}
		if code, text := get("/?type=order&id=1&action=order.look&since=2020-01-01"); code != 200 || strings.Contains(text, "order.change") || !strings.Contains(text, "order.look") {
			s.Errorf("the search (%d) shows %s", code, text)
		}
		if code, _ := get("/?since=yesterday"); code != http.StatusBadRequest {
			s.Errorf("a day that is none: %d", code)
		}
	})
}
