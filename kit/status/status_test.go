package status_test

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"go.uber.org/goleak"
	_ "modernc.org/sqlite"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/testpg"
	"github.com/offloadhq/offload/kit/status"
	"github.com/offloadhq/offload/operate"
	_ "github.com/offloadhq/offload/store/postgres"
	_ "github.com/offloadhq/offload/store/sqlite"
)

func TestMain(m *testing.M) {
	if address := os.Getenv("STATUS_CHILD"); address != "" {
		child(address)
		return
	}
	goleak.VerifyTestMain(m)
}

type order struct {
	ID int `json:"id"`
}

// works is what the handler of an order does: it is told over channels.
type works struct {
	began chan context.Context
	goOn  chan error
}

var charge = offload.Declare[order]("charge", offload.Backoff(func(int, error) time.Duration { return time.Hour }), offload.MaxAttempts(3))

// A shop is an app with a table of orders beside its jobs.
type shop struct {
	*testing.T
	app      *offload.App
	ada      *operate.Operator
	db       *sql.DB
	payments *status.Tracker
	works    works
	next     int
}

func onBoth(t *testing.T, f func(s *shop)) {
	t.Run("sqlite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "shop.db")
		f(openShop(t, path, "sqlite", "file:"+path+"?_pragma=busy_timeout(5000)&_txlock=immediate"))
	})
	t.Run("postgres", func(t *testing.T) {
		address := testpg.URL(t)
		f(openShop(t, address, "pgx", address))
	})
}

func openShop(t *testing.T, address, driver, dsn string) *shop {
	t.Helper()
	s := &shop{T: t, works: works{make(chan context.Context), make(chan error)}}
	var err error
	if s.db, err = sql.Open(driver, dsn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.db.Close() })
	if _, err := s.db.ExecContext(t.Context(), "CREATE TABLE orders (id bigint PRIMARY KEY, payment_status text NOT NULL)"); err != nil {
		t.Fatal(err)
	}
	if s.payments, err = status.Column(t.Context(), s.db, "orders", "payment_status", "id"); err != nil {
		t.Fatal(err)
	}
	handle := charge.Handle(func(ctx context.Context, _ order) error {
		s.works.began <- ctx
		return <-s.works.goOn
	})
	s.app, err = offload.Open(t.Context(), address, handle, s.payments, offload.LogTo(slog.New(slog.DiscardHandler)), offload.Grace(0))
	if err != nil {
		t.Fatal(err)
	}
	s.ada = operate.As(s.app, "ada")
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := s.app.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		stop()
		running.Wait()
		if err := s.app.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// place stores an order and its job in what tx is.
func (s *shop) place(opts ...offload.EnqueueOption) (int, *offload.Job) {
	s.Helper()
	s.next++
	id := s.next
	if _, err := s.db.ExecContext(s.Context(), "INSERT INTO orders (id, payment_status) VALUES ($1, '')", id); err != nil {
		s.Fatal(err)
	}
	job, err := charge.Enqueue(s.Context(), s.app, order{id}, opts...)
	if err != nil {
		s.Fatal(err)
	}
	if err := s.payments.Track(s.Context(), s.db, id, job); err != nil {
		s.Fatal(err)
	}
	return id, job
}

func (s *shop) text(id int) (text string) {
	s.Helper()
	if err := s.db.QueryRowContext(s.Context(), "SELECT payment_status FROM orders WHERE id = $1", id).Scan(&text); err != nil {
		s.Fatal(err)
	}
	return text
}

// becomes waits until a row says something.
func (s *shop) becomes(id int, want string) {
	s.Helper()
	deadline := time.After(time.Minute)
	for {
		got := s.text(id)
		if ok := got == want || strings.HasSuffix(want, "…") && strings.HasPrefix(got, strings.TrimSuffix(want, "…")); ok {
			return
		}
		select {
		case <-deadline:
			s.Fatalf("order %d says %q, want %q", id, got, want)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestRowsSayWhatBecomesOfTheirJobs(t *testing.T) {
	onBoth(t, func(s *shop) {
		ctx := s.Context()
		id, _ := s.place()
		running := <-s.works.began
		s.becomes(id, "running")
		offload.Progress(running, 2, 5, "asking the bank")
		s.becomes(id, "running (40 %, asking the bank)")
		s.works.goOn <- nil
		s.becomes(id, "done")

		id, job := s.place(offload.MaxAttempts(2))
		<-s.works.began
		s.works.goOn <- errors.New("the bank is closed")
		s.becomes(id, "retrying (2 of 2, next …")
		must(s, s.app.RunNow(ctx, job.ID))
		<-s.works.began
		s.works.goOn <- errors.New("card declined\nmore")
		s.becomes(id, "failed (card declined)")
		must(s, s.app.Retry(ctx, job.ID)) // by a person, after the end
		<-s.works.began
		s.becomes(id, "running")
		s.works.goOn <- nil
		s.becomes(id, "done")

		id, job = s.place(offload.Delay(time.Hour))
		s.becomes(id, "queued")
		must(s, s.app.Cancel(ctx, job.ID))
		s.becomes(id, "cancelled")

		id, job = s.place(offload.Delay(time.Hour))
		must(s, s.app.Delete(ctx, job.ID))
		s.becomes(id, "cancelled (deleted)")

		must(s, s.ada.PauseQueue(ctx, "late"))
		id, _ = s.place(offload.Expire(time.Second), offload.Queue("late"))
		s.becomes(id, "failed (it came too late)")

		must(s, s.ada.PauseTask(ctx, "charge"))
		id, _ = s.place()
		s.becomes(id, "waiting (paused)")
		must(s, s.ada.ResumeTask(ctx, "charge"))
		<-s.works.began
		s.works.goOn <- offload.Cancel(errors.New("not needed"))
		s.becomes(id, "cancelled")
	})
}

// A row that another job is behind now is no more written for the one before.
func TestTheLastJobTrackedCounts(t *testing.T) {
	onBoth(t, func(s *shop) {
		id, first := s.place(offload.Delay(time.Hour))
		second, err := charge.Enqueue(s.Context(), s.app, order{id}, offload.Delay(2*time.Hour))
		must(s, err)
		must(s, s.payments.Track(s.Context(), s.db, id, second))
		must(s, s.app.Cancel(s.Context(), first.ID))
		other, job := s.place(offload.Delay(time.Hour))
		must(s, s.app.Cancel(s.Context(), job.ID))
		s.becomes(other, "cancelled") // a look went by
		if got := s.text(id); got != "queued" {
			s.Errorf("the row says %q of a job that is behind it no more", got)
		}
	})
}

func TestTrackTakesEffectWithItsTransaction(t *testing.T) {
	onBoth(t, func(s *shop) {
		ctx := s.Context()
		id, job := s.place(offload.Delay(time.Hour))
		must(s, s.app.Cancel(ctx, job.ID))
		s.becomes(id, "cancelled")
		tx, err := s.db.BeginTx(ctx, nil)
		must(s, err)
		again, err := charge.Enqueue(ctx, s.app.Tx(tx), order{id}, offload.Delay(time.Hour))
		must(s, err)
		must(s, s.payments.Track(ctx, tx, id, again))
		must(s, tx.Rollback())
		if got := s.text(id); got != "cancelled" {
			s.Errorf("after a rollback the row says %q", got)
		}
		var wrong *offload.InputError
		if err := s.payments.Track(ctx, s.db, 4711, again); !errors.As(err, &wrong) || wrong.Field != "row" {
			s.Errorf("a row that is not there: %v", err)
		}
		if err := s.payments.Track(ctx, s.db, id, nil); !errors.As(err, &wrong) || wrong.Field != "job" {
			s.Errorf("no job: %v", err)
		}
		for _, names := range [][3]string{{"orders; DROP", "a", "b"}, {"orders", `a"`, "b"}, {"orders", "a", "x.b"}} {
			if _, err := status.Column(ctx, s.db, names[0], names[1], names[2]); !errors.As(err, &wrong) {
				s.Errorf("%q: %v", names, err)
			}
		}
		for _, names := range [][3]string{{"invoices", "payment_status", "id"}, {"orders", "paid", "id"}, {"orders", "payment_status", "nr"}} {
			if _, err := status.Column(ctx, s.db, names[0], names[1], names[2]); err == nil || !strings.Contains(err.Error(), "in table "+names[0]) {
				s.Errorf("%q, which is not there: %v", names, err)
			}
		}
	})
}

// child is a process that holds a job until it is killed.
func child(address string) {
	handle := charge.Handle(func(ctx context.Context, _ order) error {
		fmt.Println("holds")
		<-ctx.Done()
		return context.Cause(ctx)
	})
	app, err := offload.Open(context.Background(), address, handle)
	if err == nil {
		err = app.Run(context.Background())
	}
	fmt.Println(err)
}

// A process that is killed says nothing more of its rows. Others do.
func TestRowsOfAKilledProcessAreKeptTrue(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shop.db")
	s := openShop(t, path, "sqlite", "file:"+path+"?_pragma=busy_timeout(5000)&_txlock=immediate")
	must(t, s.ada.PauseQueue(t.Context(), "default"))
	exe, err := os.Executable()
	must(t, err)
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), "STATUS_CHILD="+path)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	processes, err := s.ada.Processes(t.Context())
	must(t, err)
	for len(processes) < 2 {
		<-time.After(20 * time.Millisecond)
		processes, err = s.ada.Processes(t.Context())
		must(t, err)
	}
	for _, p := range processes {
		if p.PID == os.Getpid() {
			must(t, s.ada.QuietProcess(t.Context(), p.ID)) // the other shall run it
		}
	}
	id, _ := s.place(offload.MaxAttempts(1))
	must(t, s.ada.ResumeQueue(t.Context(), "default"))
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "holds\n" {
		t.Fatalf("the child says %q, %v", line, err)
	}
	s.becomes(id, "running")
	must(t, cmd.Process.Kill())
	_ = cmd.Wait()
	deadline := time.After(time.Minute)
	for s.text(id) == "running" {
		select {
		case <-deadline:
			t.Fatal("the row says running of a job whose process was killed")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func TestHandler(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shop.db")
	s := openShop(t, path, "sqlite", "file:"+path+"?_pragma=busy_timeout(5000)&_txlock=immediate")
	old, current := []byte("an old key of 24 bytes.."), []byte("the key of 24 bytes.....")
	before, err := status.NewHandler(s.app, "/status/", old)
	must(t, err)
	h, err := status.NewHandler(s.app, "/status/", current, old)
	must(t, err)
	server := httptest.NewServer(h)
	defer server.Close()
	_, job := s.place()
	running := <-s.works.began
	get := func(path, accept string) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+path, nil)
		must(t, err)
		r.Header.Set("Accept", accept)
		answer, err := server.Client().Do(r)
		must(t, err)
		return answer
	}
	token := h.Token(job.ID, time.Hour)
	for name, path := range map[string]string{
		"forged": "/status/" + token[:len(token)-2] + "AA", "another's": "/status/" + token[2:], "expired": h.URL(job.ID, -time.Second), "none": "/status/x",
		"another kit's": "/status/" + func() string {
			other, err := status.NewHandler(s.app, "/status/", []byte("quite another key, as long"))
			must(t, err)
			return other.Token(job.ID, time.Hour)
		}(),
	} {
		answer := get(path, "application/json")
		answer.Body.Close()
		if answer.StatusCode != http.StatusNotFound {
			t.Errorf("a token that is %s: %d", name, answer.StatusCode)
		}
	}
	for _, url := range []string{h.URL(job.ID, time.Hour), before.URL(job.ID, time.Hour)} {
		answer := get(url, "application/json")
		var got struct {
			State, Text string
			Ended       bool
		}
		must(t, json.NewDecoder(answer.Body).Decode(&got))
		answer.Body.Close()
		if got.State != "running" || got.Text != "running" || got.Ended || answer.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("the status is %+v, %v", got, answer.Header)
		}
	}
	answer := get(h.URL(job.ID, time.Hour), "text/event-stream")
	defer answer.Body.Close()
	events := bufio.NewScanner(answer.Body)
	wait := func(want string) {
		t.Helper()
		for events.Scan() {
			if strings.HasPrefix(events.Text(), "data: ") && strings.Contains(events.Text(), want) {
				return
			}
		}
		t.Fatalf("the stream ended before %s: %v", want, events.Err())
	}
	wait(`"text":"running"`)
	offload.Progress(running, 1, 4, "")
	wait(`"percent":25`)
	s.works.goOn <- nil
	wait(`"state":"done"`)
	if events.Scan(); events.Scan() {
		t.Errorf("after the end it says %q", events.Text())
	}
	html, err := h.Piece(t.Context(), job.ID, time.Hour)
	must(t, err)
	for _, want := range []string{`data-state="done"`, "<progress", `value="100"`, ">done<", `src="/status/piece/piece.js"`} {
		if !strings.Contains(string(html), want) {
			t.Errorf("the piece has no %s:\n%s", want, html)
		}
	}
	for _, name := range []string{"piece.js", "piece.css"} {
		answer := get("/status/piece/"+name, "*/*")
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != 200 || len(text) < 100 {
			t.Errorf("%s: %d, %d bytes, %v", name, answer.StatusCode, len(text), err)
		}
	}
	for _, make := range []func() (*status.Handler, error){
		func() (*status.Handler, error) { return status.NewHandler(nil, "/status/", old) },
		func() (*status.Handler, error) { return status.NewHandler(s.app, "status", old) },
		func() (*status.Handler, error) { return status.NewHandler(s.app, "/status/") },
		func() (*status.Handler, error) { return status.NewHandler(s.app, "/status/", []byte("short")) },
	} {
		if _, err := make(); err == nil {
			t.Error("a handler that can't be was made")
		}
	}
}
