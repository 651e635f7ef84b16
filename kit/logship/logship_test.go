package logship_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/slogtest"
	"time"

	"go.uber.org/goleak"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/logship"
	_ "github.com/offloadhq/offload/store/memory"
	_ "github.com/offloadhq/offload/store/sqlite"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("LOGSHIP_CHILD"); dir != "" {
		child(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// A catch is a destination that keeps what it takes, and says what it is told to say.
type catch struct {
	mu    sync.Mutex
	items []logship.Item
	says  func(items []logship.Item) error
}

func (c *catch) Ship(ctx context.Context, items []logship.Item) error {
	if c.says != nil {
		if err := c.says(items); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.items = append(c.items, items...)
	return nil
}

// lines are the records that were taken, decoded.
func (c *catch) lines(t testing.TB) (lines []map[string]any) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, item := range c.items {
		var line map[string]any
		if err := json.Unmarshal(item.Line, &line); err != nil {
			t.Fatalf("%v in %s", err, item.Line)
		}
		lines = append(lines, line)
	}
	return lines
}

func (c *catch) messages(t testing.TB) (all []string) {
	t.Helper()
	for _, line := range c.lines(t) {
		all = append(all, fmt.Sprint(line["msg"]))
	}
	return all
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, to logship.Destination, opts ...logship.Option) *logship.Shipper {
	t.Helper()
	ship, err := logship.New(to, append([]logship.Option{logship.Trouble(func(err error) { t.Log("trouble:", err) })}, opts...)...)
	must(t, err)
	t.Cleanup(func() { _ = ship.Close() })
	return ship
}

func TestTheHandlerKeepsSlogsRules(t *testing.T) {
	for _, mode := range []string{"memory", "spool"} {
		t.Run(mode, func(t *testing.T) {
			var opts []logship.Option
			if mode == "spool" {
				opts = append(opts, logship.Spool(t.TempDir(), false))
			}
			to := &catch{}
			ship := open(t, to, opts...)
			err := slogtest.TestHandler(ship.Handler(), func() []map[string]any {
				must(t, ship.Flush(t.Context()))
				return to.lines(t)
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// A mutable changes after it was logged, as values behind pointers do.
type mutable struct {
	N    int
	More []string
}

type secret string

func (secret) LogValue() slog.Value { return slog.StringValue("***") }

func TestWhatIsLoggedIsWhatItWasAtTheCall(t *testing.T) {
	to := &catch{}
	ship := open(t, to)
	log := slog.New(ship.Handler())
	m := &mutable{N: 1, More: []string{"a"}}
	var nobody *os.PathError
	with := log.With("m", m, "secret", secret("x"))
	log.Info("one", "m", m, "secret", secret("x"), "error", errors.New("no"), "nil", error(nobody), slog.Group("g", "m", m))
	m.N, m.More[0] = 2, "b"
	with.Info("two")
	must(t, ship.Flush(t.Context()))
	line := string(to.items[0].Line)
	if got := string(to.items[1].Line); !strings.Contains(got, `"msg":"two","m":{"N":1,"More":["a"]},"secret":"***"}`) {
		t.Error(got)
	}
	for _, want := range []string{`"m":{"N":1,"More":["a"]}`, `"secret":"***"`, `"error":"no"`, `"g":{"m":{"N":1`, `"nil":`} {
		if !strings.Contains(line, want) {
			t.Errorf("%s has no %s", line, want)
		}
	}
}

// A talker logs while it is written.
type talker struct{ log *slog.Logger }

func (t talker) LogValue() slog.Value {
	t.log.Info("LogValue")
	return slog.AnyValue(talks(t))
}

type talks talker

func (t talks) MarshalJSON() ([]byte, error) {
	t.log.Info("MarshalJSON", "error", errors.New("an error"))
	return []byte(`"said"`), nil
}

func TestValuesMayLogThemselves(t *testing.T) {
	for _, opts := range [][]logship.Option{{}, {logship.Spool(t.TempDir(), false)}, {logship.Redact(func(_ []string, a slog.Attr) slog.Attr { return a })}} {
		to := &catch{}
		ship := open(t, to, opts...)
		log := slog.New(ship.Handler())
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() { log.Info("all", "value", talker{log}) })
		}
		all.Wait()
		must(t, ship.Flush(t.Context()))
		said := map[string]int{}
		for _, m := range to.messages(t) {
			said[m]++
		}
		if said["all"] != 8 || said["LogValue"] != 8 || said["MarshalJSON"] < 8 {
			t.Errorf("%v", said)
		}
	}
}

func TestRedactHidesBeforeAnythingIsWritten(t *testing.T) {
	dir := t.TempDir()
	for _, opts := range [][]logship.Option{{}, {logship.Spool(dir, true)}} {
		to := &catch{}
		ship := open(t, to, append(opts, logship.Redact(func(groups []string, a slog.Attr) slog.Attr {
			if _, ok := a.Value.Any().(*mutable); ok || a.Key == "password" {
				return slog.String(a.Key, "redacted")
			}
			if a.Key == "bad" {
				panic("hunter2")
			}
			return a
		}))...)
		log := slog.New(ship.Handler())
		log.With("password", "hunter2").WithGroup("user").Info("in", "password", "hunter2", "by type", &mutable{N: 22})
		log.Info("hunter2", "bad", "hunter2")
		for _, name := range []string{"0000000000000001"} {
			if b, err := os.ReadFile(filepath.Join(dir, name)); err == nil && bytes.Contains(b, []byte("hunter2")) {
				t.Errorf("the spool has %s", b)
			}
		}
		must(t, ship.Flush(t.Context()))
		for _, item := range to.items {
			if bytes.Contains(item.Line, []byte("hunter2")) || bytes.Contains(item.Line, []byte("22")) && bytes.Contains(item.Line, []byte("by type")) && !bytes.Contains(item.Line, []byte(`"by type":"redacted"`)) {
				t.Errorf("shipped: %s", item.Line)
			}
		}
		if len(to.items) != 2 || !bytes.Contains(to.items[1].Line, []byte("can't be written")) {
			t.Errorf("%d records", len(to.items))
		}
		must(t, ship.Close())
	}
}

func TestALongRecordIsCutAndSaysSo(t *testing.T) {
	for _, mode := range []string{"memory", "spool"} {
		t.Run(mode, func(t *testing.T) {
			var opts []logship.Option
			if mode == "spool" {
				opts = append(opts, logship.Spool(t.TempDir(), false))
			}
			to := &catch{}
			ship := open(t, to, opts...)
			log := slog.New(ship.Handler())
			huge := strings.Repeat("ä\x00", 5<<20)
			log.Info(huge)
			log.Info("an attribute", "a", 1, "huge", huge, "b", 2)
			log.Info("a value", "huge", []string{huge})
			log.With("huge", huge).Info("with")
			log.Info("a group", slog.Group("g", "huge", huge), "b", 2)
			log.Info("short")
			must(t, ship.Flush(t.Context()))
			lines := to.lines(t)
			if len(lines) != 6 || ship.Counts().Cut != 5 {
				t.Fatalf("%d records, %+v", len(lines), ship.Counts())
			}
			for i, line := range lines {
				if cut, is := line["logship_cut"].(float64); is != (i < 5) || is && cut < 10<<20 {
					t.Errorf("record %d: %v", i, line["logship_cut"])
				}
				if n := len(to.items[i].Line); n > 1<<20 {
					t.Errorf("record %d has %d bytes", i, n)
				}
			}
			if lines[1]["msg"] != "an attribute" || lines[1]["a"] != 1.0 {
				t.Errorf("%.100v", lines[1])
			}
		})
	}
}

func TestTooManyAreDroppedCountedAndTold(t *testing.T) {
	to := &catch{}
	ship := open(t, to, logship.Room(100, 1<<20))
	log := slog.New(ship.Handler())
	for i := range 150 {
		log.Info(fmt.Sprint(i))
	}
	must(t, ship.Flush(t.Context()))
	if c := ship.Counts(); c.Logged != 150 || c.Dropped != 50 || c.Waiting != 0 {
		t.Errorf("%+v", c)
	}
	lines := to.lines(t)
	if last := lines[len(lines)-1]; len(lines) != 101 || last["dropped"] != 50.0 {
		t.Errorf("%d records, the last %v", len(lines), last)
	}
	log.Info("big", "x", strings.Repeat("x", 200<<10))
	for range 5 {
		log.Info("big", "x", strings.Repeat("x", 200<<10))
	}
	if c := ship.Counts(); c.Dropped != 51 {
		t.Errorf("6 records of 200 KiB, room for 1 MiB: %+v", c)
	}
}

func TestBlockWaitsForRoom(t *testing.T) {
	to := &catch{}
	ship := open(t, to, logship.Room(10, 1<<20), logship.Block(), logship.Every(time.Millisecond))
	log := slog.New(ship.Handler())
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { ship.Run(ctx) })
	var logging sync.WaitGroup
	for g := range 4 {
		logging.Go(func() {
			for i := range 500 {
				log.Info(fmt.Sprint(g, " ", i))
			}
		})
	}
	logging.Wait()
	stop()
	running.Wait()
	if n := len(to.items); n != 2000 || ship.Counts().Dropped != 0 {
		t.Errorf("%d records, %+v", n, ship.Counts())
	}
	next := map[string]int{}
	for _, m := range to.messages(t) {
		var g string
		var i int
		if _, err := fmt.Sscan(m, &g, &i); err != nil || next[g] != i {
			t.Fatalf("%q comes at %d: out of order", m, next[g])
		}
		next[g]++
	}
	for range 10 {
		log.Info("fills")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	log.InfoContext(ended, "does not wait for ever")
	if ship.Counts().Dropped != 1 {
		t.Errorf("%+v", ship.Counts())
	}
}

func TestAShipmentIsNotShipped(t *testing.T) {
	to := &catch{}
	ship := open(t, to)
	log := slog.New(ship.Handler())
	own := own{to, log}
	ship = open(t, own)
	own.log = slog.New(ship.Handler())
	again := open(t, &own)
	own.log = slog.New(again.Handler())
	own.log.Info("of the program")
	must(t, again.Flush(t.Context()))
	must(t, again.Flush(t.Context()))
	if got := to.messages(t); len(got) != 1 || again.Counts().Own != 1 {
		t.Errorf("%q, %+v", got, again.Counts())
	}
}

// own is a destination whose driver logs.
type own struct {
	*catch
	log *slog.Logger
}

func (o own) Ship(ctx context.Context, items []logship.Item) error {
	o.log.InfoContext(ctx, "a query took a while")
	return o.catch.Ship(ctx, items)
}

func TestAnAppShipsAllAtACleanStop(t *testing.T) {
	to := &catch{}
	ship := open(t, to)
	log := slog.New(ship.Handler())
	log.Info("before")
	ended := make(chan struct{})
	work := offload.NewTask("work", func(context.Context, int) error {
		log.Info("in a job")
		close(ended)
		return nil
	})
	app, err := offload.Open(t.Context(), filepath.Join(t.TempDir(), "jobs.db"), work, ship, offload.LogTo(slog.New(slog.DiscardHandler)))
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
	log.Info("after Run")
	must(t, app.Close())
	log.Info("after Close")
	if got := fmt.Sprint(to.messages(t)); got != "[before in a job after Run]" || ship.Counts().Dropped != 1 {
		t.Errorf("%s, %+v", got, ship.Counts())
	}
}

func TestCloseSaysWhatIsLost(t *testing.T) {
	to := &catch{says: func([]logship.Item) error { return errors.New("away") }}
	ship := open(t, to, logship.Drain(10*time.Millisecond))
	slog.New(ship.Handler()).Info("x")
	if err := ship.Close(); err == nil || !strings.Contains(err.Error(), "1 log records are lost") || ship.Counts().Lost != 1 {
		t.Errorf("Close = %v, %+v", err, ship.Counts())
	}
}

func TestWhatCannotWorkIsRefusedByNew(t *testing.T) {
	to := &catch{}
	for _, test := range []struct {
		field string
		to    logship.Destination
		opts  []logship.Option
	}{
		{"destination", nil, nil},
		{"Room", to, []logship.Option{logship.Room(0, 1)}},
		{"MaxRecord", to, []logship.Option{logship.MaxRecord(1)}},
		{"Every", to, []logship.Option{logship.Every(0)}},
		{"Drain", to, []logship.Option{logship.Drain(-1)}},
		{"Level", to, []logship.Option{logship.Level(nil)}},
		{"address", logship.OTLP("collector:4318", nil), nil},
		{"labels", logship.Loki("http://loki/loki/api/v1/push", nil), nil},
		{"labels", logship.Loki("http://loki/loki/api/v1/push", map[string]string{"my app": "x"}), nil},
		{"db", logship.Table(nil, 0), nil},
		{"path", logship.Files("", logship.Rotate{}), nil},
		{"Rotate.Every", logship.Files("x", logship.Rotate{Every: 1}), nil},
	} {
		_, err := logship.New(test.to, test.opts...)
		var refused *offload.InputError
		if !errors.As(err, &refused) || refused.Field != test.field {
			t.Errorf("New = %v, want an error for %q", err, test.field)
		}
	}
	_, err := logship.New(logship.OTLP("ftp://ada:hunter2@x", nil))
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("New = %v", err)
	}
}

// A server keeps what it takes, and answers as it is told.
type server struct {
	*httptest.Server
	mu     sync.Mutex
	says   []func(w http.ResponseWriter, body []byte) bool // for each request in turn; false: it is taken as well
	bodies [][]byte
	heads  []http.Header
}

func serve(t *testing.T, says ...func(w http.ResponseWriter, body []byte) bool) *server {
	s := &server{says: says}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnsupportedMediaType)
			return
		}
		body, err := io.ReadAll(z)
		if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
			http.Error(w, "what is this", http.StatusBadRequest)
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.says) > 0 {
			say := s.says[0]
			s.says = s.says[1:]
			if say(w, body) {
				return
			}
		}
		s.bodies = append(s.bodies, body)
		s.heads = append(s.heads, r.Header)
	}))
	t.Cleanup(s.Close)
	return s
}

func says(code int, head ...string) func(http.ResponseWriter, []byte) bool {
	return func(w http.ResponseWriter, _ []byte) bool {
		for i := 0; i+1 < len(head); i += 2 {
			w.Header().Set(head[i], head[i+1])
		}
		http.Error(w, "not now", code)
		return true
	}
}

func hangsUp(http.ResponseWriter, []byte) bool { panic(http.ErrAbortHandler) }
