package webhook_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"go.uber.org/goleak"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/inside"
	"github.com/offloadhq/offload/internal/testpg"
	"github.com/offloadhq/offload/kit/webhook"
	"github.com/offloadhq/offload/offloadtest"
	_ "github.com/offloadhq/offload/store/postgres"
	_ "github.com/offloadhq/offload/store/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// local lets endpoints be where tests have their servers.
func local(opts ...webhook.Option) *webhook.Kit {
	return webhook.New(append([]webhook.Option{webhook.AllowPrivate(), webhook.Ports()}, opts...)...)
}

func newApp(t *testing.T, k *webhook.Kit, parts ...offload.Part) (*offloadtest.App, *webhook.Hooks) {
	t.Helper()
	app := offloadtest.New(append(parts, k, offload.LogTo(slog.New(slog.DiscardHandler)))...)
	t.Cleanup(func() { app.Close() })
	return app, k.For(app.App)
}

// An opener opens an app as newApp does, on some store.
type opener func(t *testing.T, k *webhook.Kit, parts ...offload.Part) (*offloadtest.App, *webhook.Hooks)

// everywhere runs a test on a store of each kind.
func everywhere(t *testing.T, test func(t *testing.T, newApp opener)) {
	at := func(address func(t *testing.T) string) func(t *testing.T) {
		return func(t *testing.T) {
			test(t, func(t *testing.T, k *webhook.Kit, parts ...offload.Part) (*offloadtest.App, *webhook.Hooks) {
				app := offloadtest.Open(t, address(t), append(parts, k, offload.LogTo(slog.New(slog.DiscardHandler)))...)
				return app, k.For(app.App)
			})
		}
	}
	t.Run("memory", func(t *testing.T) { test(t, newApp) })
	t.Run("sqlite", at(func(t *testing.T) string { return filepath.Join(t.TempDir(), "offload.db") }))
	t.Run("postgres", at(func(t *testing.T) string { return testpg.URL(t) }))
}

// A request is one that a subscriber got.
type request struct {
	id, timestamp, signature, body string
	header                         http.Header
}

// A subscriber keeps what it gets, and answers as told.
type subscriber struct {
	*httptest.Server
	mu     sync.Mutex
	got    []request
	answer http.HandlerFunc
}

func subscribe(t *testing.T, answer http.HandlerFunc) *subscriber {
	s := &subscriber{answer: answer}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.got = append(s.got, request{
			r.Header.Get("webhook-id"), r.Header.Get("webhook-timestamp"), r.Header.Get("webhook-signature"), string(body), r.Header,
		})
		answer := s.answer
		s.mu.Unlock()
		if answer != nil {
			answer(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *subscriber) say(answer http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

func (s *subscriber) all() []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]request(nil), s.got...)
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func add(t *testing.T, h *webhook.Hooks, e webhook.Endpoint) webhook.Endpoint {
	t.Helper()
	e, err := h.Add(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func publish(t *testing.T, h *webhook.Hooks, to offload.Enqueuer, e webhook.Event) []*offload.Job {
	t.Helper()
	if e.Type == "" {
		e.Type = "order.paid"
	}
	if e.Data == nil {
		e.Data = json.RawMessage(`{"id":7}`)
	}
	jobs, err := h.Publish(t.Context(), to, e)
	if err != nil {
		t.Fatal(err)
	}
	return jobs
}

func state(t *testing.T, app *offloadtest.App, id offload.ID) *offload.Job {
	t.Helper()
	job, err := app.Job(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return job
}

func TestPublishReachesThoseWhoWantIt(t *testing.T) {
	everywhere(t, func(t *testing.T, newApp opener) {
		app, h := newApp(t, local())
		s := subscribe(t, nil)
		for path, e := range map[string]webhook.Endpoint{
			"/all":     {},
			"/paid":    {Types: []string{"order.paid"}},
			"/orders":  {Types: []string{"user.*", "order.*"}},
			"/star":    {Types: []string{"*"}},
			"/users":   {Types: []string{"user.*"}},
			"/or":      {Types: []string{"order"}},
			"/theirs":  {Owner: "globex"},
			"/ours":    {Owner: "acme"},
			"/deeper":  {Types: []string{"order.paid.twice"}},
			"/another": {Types: []string{"orders.*"}},
		} {
			e.URL = s.URL + path
			add(t, h, e)
		}
		if got := len(publish(t, h, app, webhook.Event{})); got != 4 {
			t.Errorf("%d deliveries; want 4: all, paid, orders, star", got)
		}
		if got := len(publish(t, h, app, webhook.Event{Owner: "acme"})); got != 1 {
			t.Errorf("%d deliveries to acme; want 1", got)
		}
		if got := len(publish(t, h, app, webhook.Event{Owner: "nobody"})); got != 0 {
			t.Errorf("%d deliveries to nobody; want none", got)
		}
		app.Drain()
		if got := len(s.all()); got != 5 {
			t.Errorf("%d requests; want 5", got)
		}
	})
}

func TestRequestAndAnswer(t *testing.T) {
	everywhere(t, func(t *testing.T, newApp opener) {
		app, h := newApp(t, local())
		s := subscribe(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "thank you") })
		e := add(t, h, webhook.Endpoint{URL: s.URL + "/hook?token=hidden"})
		at := time.Date(2026, 11, 27, 1, 2, 3, 0, time.UTC)
		job := publish(t, h, app, webhook.Event{Data: json.RawMessage(`{ "name": "a<b" }`), Time: at, ID: "evt_1"})[0]
		app.Drain()
		got := s.all()[0]
		if want := `{"type":"order.paid","timestamp":"2026-11-27T01:02:03Z","data":{"name":"a\u003cb"}}`; got.body != want || got.id != "evt_1" {
			t.Errorf("%s: %s; want evt_1: %s", got.id, got.body, want)
		}
		if err := webhook.Verify([]byte(got.body), got.header, string(e.Keys[0].Secret)); err != nil {
			t.Error(err)
		}
		answer, err := webhook.Deliver.Wait(t.Context(), app.App, job.ID)
		if err != nil || answer.Status != 200 || answer.Body != "thank you" || answer.URL != s.URL+"/hook" {
			t.Errorf("%+v, %v; want what was answered", answer, err)
		}
		offloadtest.WantLogged(t, app, job.ID, "answered", "status", 200, "webhook-id", "evt_1", "url", s.URL+"/hook")
	})
}

func TestEveryFailureIsTriedAgain(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"400": status(400), "401": status(401), "404": status(404), "429": status(429), "500": status(500), "503": status(503),
		"redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
		"no location": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "http://%zz/")
			w.WriteHeader(307)
		},
		"not modified": status(304),
		"cut off":      func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"no HTTP": func(w http.ResponseWriter, _ *http.Request) {
			conn, _, _ := w.(http.Hijacker).Hijack()
			io.WriteString(conn, "220 smtp.example ready\r\n")
			conn.Close()
		},
		"cut in headers": func(w http.ResponseWriter, _ *http.Request) {
			conn, _, _ := w.(http.Hijacker).Hijack()
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-")
			conn.Close()
		},
		"endless headers": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Long", strings.Repeat("x", 1<<20)) },
	} {
		t.Run(name, func(t *testing.T) {
			app, h := newApp(t, local())
			s := subscribe(t, answer)
			e := add(t, h, webhook.Endpoint{URL: s.URL + "/?token=hidden"})
			job := publish(t, h, app, webhook.Event{})[0]
			app.Drain()
			job = state(t, app, job.ID)
			if job.State != offload.Retryable || job.Failures != 1 {
				t.Errorf("%+v; want it retried", job)
			}
			if strings.Contains(job.Error, "hidden") || strings.Contains(job.Error, string(e.Keys[0].Secret)) {
				t.Errorf("the error shows a secret: %s", job.Error)
			}
			s.say(nil)
			app.Advance(6 * time.Second)
			app.Drain()
			if job = state(t, app, job.ID); job.State != offload.Completed {
				t.Errorf("%+v; want it completed by the second attempt", job)
			}
			got := s.all()
			if first, last := got[0], got[len(got)-1]; first.id != last.id || first.body != last.body || len(got) != 2 {
				t.Errorf("%+v; want two requests, the same id and body in both", got)
			}
		})
	}
}

// What came before the body counts: a subscriber that took the event and then broke off has it.
func TestTakenThoughTheAnswerIsCut(t *testing.T) {
	everywhere(t, func(t *testing.T, newApp opener) {
		app, h := newApp(t, local())
		s := subscribe(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, "half\x00\xff")
		})
		add(t, h, webhook.Endpoint{URL: s.URL})
		job := publish(t, h, app, webhook.Event{})[0]
		app.Drain()
		if job = state(t, app, job.ID); job.State != offload.Completed {
			t.Errorf("%+v; want it completed", job)
		}
		s.say(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, strings.Repeat("long ", 1<<20)) })
		job = publish(t, h, app, webhook.Event{})[0]
		app.Drain()
		if job = state(t, app, job.ID); job.State != offload.Completed || len(job.Result) > 4<<10 {
			t.Errorf("%d bytes kept of a long answer, %s", len(job.Result), job.State)
		}
	})
}

// In memory alone: no test moves the clock of a database.
func TestScheduleIsThreeDaysAndThenItEnds(t *testing.T) {
	app, h := newApp(t, local())
	s := subscribe(t, status(500))
	add(t, h, webhook.Endpoint{URL: s.URL})
	job := publish(t, h, app, webhook.Event{})[0]
	for attempt, wait := range []time.Duration{
		0, 5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
	} {
		if wait > 0 {
			if next := state(t, app, job.ID); next.State != offload.Retryable {
				t.Fatalf("attempt %d: %s", attempt, next.State)
			}
			app.Advance(wait - time.Second)
			if app.Drain(); len(s.all()) != attempt {
				t.Errorf("attempt %d came before %s", attempt+1, wait)
			}
			app.Advance(wait/10 + 2*time.Second)
		}
		if app.Drain(); len(s.all()) != attempt+1 {
			t.Fatalf("%d requests; want %d", len(s.all()), attempt+1)
		}
	}
	if job = state(t, app, job.ID); job.State != offload.Discarded {
		t.Errorf("%s after the last attempt; want it discarded", job.State)
	}
	if _, err := h.SendAgain(t.Context(), job.ID); err != nil {
		t.Fatal(err)
	}
	s.say(nil)
	app.Drain()
	if got := s.all(); len(got) != 11 || got[10].id != got[0].id {
		t.Errorf("%d requests; want an eleventh with the webhook-id of the first", len(got))
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	everywhere(t, func(t *testing.T, newApp opener) {
		app, h := newApp(t, local())
		s := subscribe(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusServiceUnavailable)
		})
		add(t, h, webhook.Endpoint{URL: s.URL})
		publish(t, h, app, webhook.Event{})
		app.Drain()
		app.Advance(time.Hour - time.Second)
		if app.Drain(); len(s.all()) != 1 {
			t.Errorf("%d requests before the time", len(s.all()))
		}
		app.Advance(2 * time.Second)
		if app.Drain(); len(s.all()) != 2 {
			t.Errorf("%d requests after the time; want 2", len(s.all()))
		}
	})
}

func TestTwiceIsOneWebhookID(t *testing.T) {
	everywhere(t, func(t *testing.T, newApp opener) {
		app, h := newApp(t, local())
		s := subscribe(t, nil)
		e := add(t, h, webhook.Endpoint{URL: s.URL})
		call := webhook.Deliver.Call(webhook.Delivery{Endpoint: e.ID, Event: "evt_1", Body: json.RawMessage(`{}`)})
		offloadtest.Twice(t, app, call, func() any {
			ids := map[string]bool{}
			for _, r := range s.all() {
				ids[r.id] = true
			}
			return ids
		})
	})
}

func TestPublishedTwiceGoesOutOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, newApp opener) {
		app, h := newApp(t, local())
		s := subscribe(t, nil)
		add(t, h, webhook.Endpoint{URL: s.URL})
		first := publish(t, h, app, webhook.Event{ID: "evt_1"})[0]
		app.Drain()
		second := publish(t, h, app, webhook.Event{ID: "evt_1"})[0]
		app.Drain()
		if second.ID != first.ID || len(s.all()) != 1 {
			t.Errorf("%d requests of jobs %s and %s; want one", len(s.all()), first.ID, second.ID)
		}
		offloadtest.Twice(t, app, webhook.Publish.Call(webhook.Event{Type: "order.paid", Data: json.RawMessage("7")}), func() any { return len(s.all()) })
		if got := s.all(); len(got) != 2 || got[1].id == "evt_1" {
			t.Errorf("%d requests; want a second one", len(got))
		}
	})
}

func TestGoneDisables(t *testing.T) {
	everywhere(t, func(t *testing.T, newApp opener) {
		var told []webhook.Endpoint
		app, h := newApp(t, local(webhook.OnDisabled(func(_ context.Context, e webhook.Endpoint) error {
			if told = append(told, e); len(told) == 1 {
				return errors.New("mail server is down")
			}
			return nil
		})))
		s := subscribe(t, status(http.StatusGone))
		e := add(t, h, webhook.Endpoint{URL: s.URL})
		first, second := publish(t, h, app, webhook.Event{})[0], publish(t, h, app, webhook.Event{})[0]
		app.Drain()
		app.Advance(time.Minute)
		app.Drain()
		if job := state(t, app, first.ID); job.State != offload.Discarded && job.State != offload.Cancelled {
			t.Errorf("%+v; want no retry", job)
		}
		if job := state(t, app, second.ID); job.State != offload.Discarded && job.State != offload.Cancelled {
			t.Errorf("%+v; want no retry", job)
		}
		e, err := h.Get(t.Context(), e.ID)
		if err != nil || e.Disabled != "it answered 410 Gone" || len(told) != 2 || told[1].Disabled != e.Disabled {
			t.Errorf("%+v, %v, told %+v; want it disabled, and the owner told until that worked", e, err, told)
		}
		if jobs := publish(t, h, app, webhook.Event{}); len(jobs) != 0 {
			t.Errorf("%d deliveries to a disabled endpoint", len(jobs))
		}
		if _, err := h.SendAgain(t.Context(), first.ID); err == nil {
			t.Error("sent again to a disabled endpoint")
		}
		s.say(nil)
		if err := h.Enable(t.Context(), e.ID); err != nil {
			t.Fatal(err)
		}
		again, err := h.SendAgain(t.Context(), first.ID)
		if err != nil {
			t.Fatal(err)
		}
		app.Drain()
		if job := state(t, app, again.ID); job.State != offload.Completed {
			t.Errorf("%+v; want it delivered", job)
		}
	})
}

func TestFiveDaysWithoutSuccessDisable(t *testing.T) {
	told := 0
	app, h := newApp(t, local(webhook.OnDisabled(func(context.Context, webhook.Endpoint) error { told++; return nil })))
	s := subscribe(t, status(500))
	e := add(t, h, webhook.Endpoint{URL: s.URL})
	for day := range 6 {
		publish(t, h, app, webhook.Event{})
		app.Drain()
		e, err := h.Get(t.Context(), e.ID)
		if err != nil || (e.Disabled != "") != (day == 5) {
			t.Fatalf("day %d: disabled %q, %v", day, e.Disabled, err)
		}
		app.Advance(24 * time.Hour)
	}
	if app.Drain(); told != 1 {
		t.Errorf("told %d times; want once", told)
	}
}

func TestDisabledByHandTellsNobodyAndCancels(t *testing.T) {
	everywhere(t, func(t *testing.T, newApp opener) {
		app, h := newApp(t, local(webhook.OnDisabled(func(context.Context, webhook.Endpoint) error { t.Error("told"); return nil })))
		s := subscribe(t, nil)
		off, gone := add(t, h, webhook.Endpoint{URL: s.URL}), add(t, h, webhook.Endpoint{URL: s.URL})
		jobs := publish(t, h, app, webhook.Event{})
		if err := errors.Join(h.Disable(t.Context(), off.ID, ""), h.Remove(t.Context(), gone.ID)); err != nil {
			t.Fatal(err)
		}
		app.Drain()
		for _, job := range jobs {
			if job = state(t, app, job.ID); job.State != offload.Cancelled {
				t.Errorf("%+v; want it cancelled", job)
			}
		}
		if len(s.all()) != 0 {
			t.Error("something was sent")
		}
	})
}

func TestOrder(t *testing.T) {
	everywhere(t, func(t *testing.T, newApp opener) {
		app, h := newApp(t, local())
		s := subscribe(t, status(500))
		e := add(t, h, webhook.Endpoint{URL: s.URL, Ordered: true})
		var jobs []*offload.Job
		for i := range 5 {
			jobs = append(jobs, publish(t, h, app, webhook.Event{ID: fmt.Sprint("evt_", i)})...)
		}
		app.Drain()
		if got := s.all(); len(got) != 1 {
			t.Fatalf("%d requests; want those behind to wait for the retry", len(got))
		}
		s.say(nil)
		app.Advance(6 * time.Second)
		app.Drain()
		ids := ""
		for _, r := range s.all() {
			ids += r.id + " "
		}
		if ids != "evt_0 evt_0 evt_1 evt_2 evt_3 evt_4 " {
			t.Errorf("order %s", ids)
		}

		// One that is given up stops the endpoint, until it is sent again in its place.
		s.say(status(http.StatusGone))
		first, second := publish(t, h, app, webhook.Event{ID: "a"})[0], publish(t, h, app, webhook.Event{ID: "b"})[0]
		app.Drain()
		s.say(nil)
		if got, err := h.Get(t.Context(), e.ID); err != nil || got.Disabled == "" {
			t.Errorf("%+v, %v; want it disabled", got, err)
		}
		if err := h.Enable(t.Context(), e.ID); err != nil {
			t.Fatal(err)
		}
		if job := state(t, app, second.ID); job.State != offload.Blocked {
			t.Errorf("%s; want it blocked behind the discarded one", job.State)
		}
		again, err := h.SendAgain(t.Context(), first.ID)
		if err != nil || again.ID != first.ID {
			t.Fatalf("%+v, %v; want the same job", again, err)
		}
		app.Drain()
		got := s.all()
		if tail := got[len(got)-2].id + got[len(got)-1].id; tail != "ab" {
			t.Errorf("sent %q last; want ab", tail)
		}
		_ = jobs
	})
}

func TestRotationLosesNothing(t *testing.T) {
	everywhere(t, func(t *testing.T, newApp opener) {
		app, h := newApp(t, local())
		s := subscribe(t, nil)
		e := add(t, h, webhook.Endpoint{URL: s.URL})
		old, shared, private := string(e.Keys[0].Secret), webhook.NewSecret(), webhook.NewPrivateKey()
		verify := func(step string, n int, keys map[string]bool) {
			t.Helper()
			publish(t, h, app, webhook.Event{})
			app.Drain()
			got := s.all()
			last := got[len(got)-1]
			if signatures := strings.Fields(last.signature); len(signatures) != n {
				t.Errorf("%s: %d signatures, want %d", step, len(signatures), n)
			}
			for key, want := range keys {
				if err := webhook.Verify([]byte(last.body), last.header, key); (err == nil) != want {
					t.Errorf("%s: %v with a key that should be good: %v", step, err, want)
				}
			}
		}
		if _, err := h.Rotate(t.Context(), e.ID, private, time.Hour); err != nil {
			t.Fatal(err)
		}
		verify("rotating", 2, map[string]bool{old: true, private.Public(): true, string(shared): false})
		if _, err := h.Rotate(t.Context(), e.ID, shared, 0); err != nil {
			t.Fatal(err)
		}
		verify("rotated", 1, map[string]bool{old: false, private.Public(): false, string(shared): true})
	})
}

// With keys, what is kept of an endpoint shows neither its secret nor its URL.
func TestEndpointsAreEncrypted(t *testing.T) {
	everywhere(t, func(t *testing.T, newApp opener) {
		app, h := newApp(t, local(), offload.Keys{Current: "k1", ByID: map[string][]byte{"k1": bytes.Repeat([]byte("k"), 32)}})
		s := subscribe(t, nil)
		e := add(t, h, webhook.Endpoint{URL: s.URL + "/t0ken"})
		job := publish(t, h, app, webhook.Event{})[0]
		app.Drain()
		if job = state(t, app, job.ID); job.State != offload.Completed {
			t.Errorf("%+v; want it delivered", job)
		}
		got := s.all()[0]
		if err := webhook.Verify([]byte(got.body), got.header, string(e.Keys[0].Secret)); err != nil {
			t.Error(err)
		}
		backend, err := inside.Store(app.App)
		if err != nil {
			t.Fatal(err)
		}
		kept, err := backend.Documents(t.Context(), "webhook.endpoint", "", 10)
		if err != nil || len(kept) != 1 {
			t.Fatalf("%d records, %v", len(kept), err)
		}
		for _, secret := range []string{string(e.Keys[0].Secret), "t0ken"} {
			if bytes.Contains(kept[0].Value, []byte(secret)) {
				t.Errorf("the record is %s", kept[0].Value)
			}
		}
	})
}

// An event goes out if the transaction that it is published in is committed.
func TestTransaction(t *testing.T) {
	app, h := newApp(t, local())
	s := subscribe(t, nil)
	add(t, h, webhook.Endpoint{URL: s.URL})
	tx := app.Begin()
	publish(t, h, app.Tx(tx), webhook.Event{})
	tx.Rollback()
	if app.Drain(); len(s.all()) != 0 {
		t.Error("sent though it was rolled back")
	}
	tx = app.Begin()
	publish(t, h, app.Tx(tx), webhook.Event{})
	if app.Drain(); len(s.all()) != 0 {
		t.Error("sent before the commit")
	}
	tx.Commit()
	if app.Drain(); len(s.all()) != 1 {
		t.Errorf("%d requests after the commit; want 1", len(s.all()))
	}
}

func TestTransactionOfADatabase(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "offload.db")
		inTransaction(t, "sqlite:"+file, "sqlite", "file:"+file+"?_txlock=immediate")
	})
	t.Run("postgres", func(t *testing.T) {
		address := testpg.URL(t)
		inTransaction(t, address, "pgx", address)
	})
}

func inTransaction(t *testing.T, address, driver, dsn string) {
	k := local()
	app := offloadtest.Open(t, address, k, offload.LogTo(slog.New(slog.DiscardHandler)))
	h := k.For(app.App)
	s := subscribe(t, nil)
	add(t, h, webhook.Endpoint{URL: s.URL})
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for want, end := range []func(*sql.Tx) error{(*sql.Tx).Rollback, (*sql.Tx).Commit} {
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		publish(t, h, app.Tx(tx), webhook.Event{})
		if err := end(tx); err != nil {
			t.Fatal(err)
		}
		if app.Drain(); len(s.all()) != want {
			t.Errorf("%d requests; want %d", len(s.all()), want)
		}
	}
}
