package httpcall_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/httpcall"
	"github.com/offloadhq/offload/offloadtest"
)

func newApp(t *testing.T, opts ...httpcall.Option) *offloadtest.App {
	app := offloadtest.New(httpcall.New(opts...), offload.LogTo(slog.New(slog.DiscardHandler)))
	t.Cleanup(func() { app.Close() })
	return app
}

func TestStatusDecides(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, _ := strconv.Atoi(r.URL.Path[1:])
		w.WriteHeader(status)
	}))
	defer server.Close()
	app := newApp(t)
	for _, test := range []struct {
		status string
		expect []int
		want   offload.State
	}{
		{"200", nil, offload.Completed},
		{"204", nil, offload.Completed},
		{"404", []int{200, 404}, offload.Completed},
		{"202", []int{200}, offload.Retryable},
		{"408", nil, offload.Retryable},
		{"425", nil, offload.Retryable},
		{"429", nil, offload.Retryable},
		{"500", nil, offload.Retryable},
		{"503", nil, offload.Retryable},
		{"599", nil, offload.Retryable},
		{"400", nil, offload.Discarded},
		{"401", nil, offload.Discarded},
		{"404", nil, offload.Discarded},
		{"410", nil, offload.Discarded},
		{"304", nil, offload.Discarded},
	} {
		job, err := httpcall.Call.Enqueue(t.Context(), app, httpcall.Input{URL: server.URL + "/" + test.status, Expect: test.expect})
		if err != nil {
			t.Fatal(err)
		}
		app.Drain()
		job, err = app.Job(t.Context(), job.ID)
		if err != nil || job.State != test.want {
			t.Errorf("%s, expected %v: %+v, %v; want it %s", test.status, test.expect, job, err, test.want)
		}
		if test.want == offload.Completed {
			continue
		}
		failures, err := app.Failures(t.Context(), job.ID)
		if err != nil || len(failures) != 1 || failures[0].Kind != "*httpcall.StatusError" {
			t.Errorf("%s: failures %+v, %v; want one *httpcall.StatusError", test.status, failures, err)
		}
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	requests := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if requests++; requests == 1 {
			w.Header().Set("Retry-After", "7200")
			w.WriteHeader(http.StatusTooManyRequests)
		}
	}))
	defer server.Close()
	app := newApp(t)
	job, err := httpcall.Call.Enqueue(t.Context(), app, httpcall.Input{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	app.Drain()
	app.Advance(2*time.Hour - time.Second)
	if app.Drain(); requests != 1 {
		t.Errorf("%d requests before the time; want 1", requests)
	}
	app.Advance(13 * time.Minute)
	app.Drain()
	if job, err = app.Job(t.Context(), job.ID); err != nil || job.State != offload.Completed || requests != 2 {
		t.Errorf("%+v, %v after %d requests; want it completed by the second", job, err, requests)
	}
}

func TestIdempotencyKeyIsTheSameAtEveryAttempt(t *testing.T) {
	var keys []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if keys = append(keys, r.Header.Get("Idempotency-Key")); len(keys) == 1 {
			w.WriteHeader(http.StatusBadGateway)
		}
	}))
	defer server.Close()
	app := newApp(t)
	job, err := httpcall.Call.Enqueue(t.Context(), app, httpcall.Input{Method: "POST", URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	_, err = httpcall.Call.Enqueue(t.Context(), app, httpcall.Input{Method: "POST", URL: server.URL, Headers: map[string]string{"idempotency-key": "mine"}}, offload.Delay(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	app.Drain()
	app.Advance(time.Hour)
	app.Drain()
	if want := job.ID.String(); len(keys) != 3 || keys[0] != want || !(keys[1] == want && keys[2] == "mine" || keys[2] == want && keys[1] == "mine") {
		t.Errorf("keys %q; want %q twice, and the job's own", keys, want)
	}
}

func TestPermanentErrorsAreDiscarded(t *testing.T) {
	loop := httptest.NewServer(http.RedirectHandler("/", http.StatusFound))
	defer loop.Close()
	app := newApp(t, httpcall.PublicOnly())
	open := newApp(t)
	for _, test := range []struct {
		name string
		app  *offloadtest.App
		url  string
		text string
	}{
		{"a private address", app, "http://169.254.169.254/latest?secret", "address 169.254.169.254 is link-local"},
		{"endless redirects", open, loop.URL + "?secret", "more than 5 redirects"},
	} {
		input, err := json.Marshal(map[string]string{"url": test.url})
		if err != nil {
			t.Fatal(err)
		}
		jobs, err := test.app.Enqueue(t.Context(), offload.NewCall("http", input))
		if err != nil {
			t.Fatal(err)
		}
		test.app.Drain()
		job, err := test.app.Job(t.Context(), jobs[0].ID)
		if err != nil || job.State != offload.Discarded || !strings.Contains(job.Error, test.text) || strings.Contains(job.Error, "secret") {
			t.Errorf("%s: %+v, %v; want it discarded, saying %q", test.name, job, err, test.text)
		}
	}
}
