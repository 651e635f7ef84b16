package httpcall_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/httpcall"
	"github.com/offloadhq/offload/offloadtest"
	_ "github.com/offloadhq/offload/store/sqlite"
)

// A host that can be switched off, and counts.
type switched struct {
	*httptest.Server
	requests atomic.Int64
	status   atomic.Int64
}

func newSwitched(t *testing.T) *switched {
	s := &switched{}
	s.status.Store(200)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.requests.Add(1)
		w.WriteHeader(int(s.status.Load()))
	}))
	t.Cleanup(s.Close)
	return s
}

func get(t *testing.T, app *offloadtest.App, url string) offload.ID {
	t.Helper()
	job, err := httpcall.Call.Enqueue(t.Context(), app, httpcall.Input{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	return job.ID
}

func stateOf(t *testing.T, app *offloadtest.App, id offload.ID) *offload.Job {
	t.Helper()
	job, err := app.Job(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return job
}

// breaker opens after three failures.
func breaker() httpcall.Option { return httpcall.Breaker(3, time.Minute, 30*time.Second) }

// wantPutOff wants a job to wait for the circuit, without having used up an attempt, saying why.
func wantPutOff(t *testing.T, app *offloadtest.App, id offload.ID) {
	t.Helper()
	job := stateOf(t, app, id)
	if job.State != offload.Scheduled || job.Failures != 0 || job.Progress == nil || !strings.Contains(job.Progress.Note, "is open") {
		t.Errorf("%+v, progress %+v; want it put off, saying why", job, job.Progress)
	}
}

func TestCircuitIsOfAllProcesses(t *testing.T) {
	address := "sqlite:" + filepath.Join(t.TempDir(), "offload.db")
	process := func() *offloadtest.App {
		app := offloadtest.Open(t, address, httpcall.New(breaker()), offload.LogTo(slog.New(slog.DiscardHandler)))
		t.Cleanup(func() { app.Close() })
		return app
	}
	first := process()
	s, well := newSwitched(t), newSwitched(t)
	s.status.Store(503)
	for range 3 {
		get(t, first, s.URL)
	}
	first.Drain()
	if n := s.requests.Load(); n != 3 {
		t.Fatalf("%d requests; want 3, after which the circuit is open", n)
	}
	second := process()
	late, other := get(t, second, s.URL+"/late"), get(t, second, well.URL)
	second.Drain()
	if wantPutOff(t, second, late); s.requests.Load() != 3 {
		t.Errorf("%d requests while it is open; want 3", s.requests.Load())
	}
	if job := stateOf(t, second, other); job.State != offload.Completed {
		t.Errorf("another host: %+v", job)
	}
}

func TestCircuitClosesWhenOneGotThrough(t *testing.T) {
	app := newApp(t, breaker())
	s := newSwitched(t)
	s.status.Store(503)
	for range 6 {
		get(t, app, s.URL)
	}
	drain := func(want int64, why string) {
		t.Helper()
		if app.Drain(); s.requests.Load() != want {
			t.Errorf("%d requests; want %d: %s", s.requests.Load(), want, why)
		}
	}
	drain(3, "it opens")
	app.Advance(40 * time.Second)
	drain(4, "a single one tries")
	app.Advance(40 * time.Second)
	drain(4, "it is open for a minute now")
	s.status.Store(200)
	app.Advance(time.Minute)
	app.Drain()
	app.Advance(2 * time.Minute) // of those that were put off after the second time
	drain(10, "one got through, and all go")
}

func TestCircuitIsNotOpenedByWhatTheHostMeans(t *testing.T) {
	app := newApp(t, httpcall.Breaker(2, time.Minute, time.Minute))
	s := newSwitched(t)
	for _, status := range []int64{404, 429, 401, 500, 200, 500, 404, 500} {
		s.status.Store(status)
		get(t, app, s.URL)
		app.Drain()
	}
	if n := s.requests.Load(); n != 8 {
		t.Errorf("%d requests; want 8: an answer that is no 5xx says that the host is well", n)
	}
}

func TestCircuitOfAHostThatIsAway(t *testing.T) {
	app := newApp(t, httpcall.Breaker(2, time.Minute, time.Minute))
	gone := httptest.NewServer(nil)
	gone.Close()
	for range 2 {
		get(t, app, gone.URL)
	}
	app.Drain()
	id := get(t, app, gone.URL)
	app.Drain()
	if job := stateOf(t, app, id); job.State != offload.Scheduled || job.Failures != 0 {
		t.Errorf("%+v; want it put off", job)
	}
}

func TestRate(t *testing.T) {
	s, other := newSwitched(t), newSwitched(t)
	app := newApp(t, httpcall.Rate("127.0.0.1:"+s.URL[strings.LastIndex(s.URL, ":")+1:], 6, time.Minute))
	for range 4 {
		get(t, app, s.URL)
		get(t, app, other.URL)
	}
	app.Drain()
	if n, all := s.requests.Load(), other.requests.Load(); n != 1 || all != 4 {
		t.Errorf("%d and %d requests at once; want 1, and all 4 of the host without a rate", n, all)
	}
	app.Advance(10 * time.Second)
	app.Drain()
	if n := s.requests.Load(); n != 2 {
		t.Errorf("%d requests after 10 seconds; want 2", n)
	}
	for range 2 {
		app.Advance(10 * time.Second)
		app.Drain()
	}
	if n := s.requests.Load(); n != 4 {
		t.Errorf("%d requests after 30 seconds; want 4", n)
	}
}
