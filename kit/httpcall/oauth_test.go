package httpcall_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/httpcall"
	"github.com/offloadhq/offload/offloadtest"
	"github.com/offloadhq/offload/store/memory"
)

// An issuer gives tokens: the latest is good.
type issuer struct {
	*httptest.Server
	mu     sync.Mutex
	given  int
	forms  []url.Values
	answer func(w http.ResponseWriter) // instead
}

func newIssuer(t *testing.T) *issuer {
	i := &issuer{}
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		defer i.mu.Unlock()
		r.ParseForm()
		i.forms = append(i.forms, r.PostForm)
		id, secret, _ := r.BasicAuth()
		switch {
		case i.answer != nil:
			i.answer(w)
		case id != "me" || secret != "hidden":
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(401)
			fmt.Fprint(w, `{"error":"invalid_client","error_description":"hidden"}`)
		default:
			i.given++
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"access_token":"hidden-%d","token_type":"Bearer","expires_in":3600}`, i.given)
		}
	}))
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) count() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.given
}

func TestOAuth2(t *testing.T) {
	tokens := newIssuer(t)
	var mu sync.Mutex
	good, got := "Bearer hidden-1", []string{}
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if got = append(got, r.Header.Get("Authorization")); r.Header.Get("Authorization") != good {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer api.Close()
	host := strings.TrimPrefix(api.URL, "http://")
	app := newApp(t,
		httpcall.OAuth2("crm", httpcall.Credentials{TokenURL: tokens.URL, ID: "me", Secret: "hidden", Scopes: []string{"a", "b"}, Hosts: []string{host}, Params: url.Values{"audience": {"x"}}}),
		httpcall.OAuth2("wrong", httpcall.Credentials{TokenURL: tokens.URL + "?q=hidden", ID: "you", Secret: "hidden", Hosts: []string{host}}),
		httpcall.OAuth2("elsewhere", httpcall.Credentials{TokenURL: tokens.URL, ID: "me", Secret: "hidden", Hosts: []string{"api.example.com"}}),
	)
	run := func(auth string) *offload.Job {
		t.Helper()
		job, err := httpcall.Call.Enqueue(t.Context(), app, httpcall.Input{Method: "POST", URL: api.URL, Body: "x", Auth: auth})
		if err != nil {
			t.Fatal(err)
		}
		app.Drain()
		job = stateOf(t, app, job.ID)
		if strings.Contains(job.Error, "hidden") {
			t.Errorf("%s shows a secret: %s", auth, job.Error)
		}
		return job
	}
	for range 3 {
		if job := run("crm"); job.State != offload.Completed {
			t.Fatalf("%+v", job)
		}
	}
	if n := tokens.count(); n != 1 {
		t.Errorf("%d tokens for 3 requests; want 1", n)
	}
	if form := tokens.forms[0]; form.Get("grant_type") != "client_credentials" || form.Get("scope") != "a b" || form.Get("audience") != "x" {
		t.Errorf("asked for %v", form)
	}

	mu.Lock()
	good = "Bearer hidden-2"
	mu.Unlock()
	if job := run("crm"); job.State != offload.Completed || tokens.count() != 2 || len(got) != 5 {
		t.Errorf("%+v after %d tokens and %d requests; want a new token and one more request", job, tokens.count(), len(got))
	}
	mu.Lock()
	good = "none"
	mu.Unlock()
	if job := run("crm"); job.State != offload.Discarded || tokens.count() != 3 || len(got) != 7 {
		t.Errorf("%+v after %d tokens and %d requests; want it given up after one new token", job, tokens.count(), len(got))
	}

	before := len(got)
	for auth, want := range map[string]offload.State{"wrong": offload.Retryable, "unknown": offload.Retryable, "elsewhere": offload.Discarded} {
		if job := run(auth); job.State != want || auth == "wrong" && !strings.Contains(job.Error, "invalid_client") {
			t.Errorf("%s: %+v; want it %s", auth, job, want)
		}
	}
	if len(got) != before {
		t.Errorf("%d requests without a token", len(got)-before)
	}
	tokens.answer = func(w http.ResponseWriter) { fmt.Fprint(w, "hidden") }
	if job := run("crm"); job.State != offload.Retryable {
		t.Errorf("no new token: %+v", job)
	}
}

// What can't be got is no job that is tried for days.
func TestCredentialsThatLackSomethingAreRefused(t *testing.T) {
	good := httpcall.Credentials{TokenURL: "https://login.example/token", ID: "shop", Secret: "hidden", Hosts: []string{"crm.example"}}
	for field, change := range map[string]func(c *httpcall.Credentials){
		"TokenURL": func(c *httpcall.Credentials) { c.TokenURL = "login" }, "ID": func(c *httpcall.Credentials) { c.ID = "" },
		"Secret": func(c *httpcall.Credentials) { c.Secret = "" }, "Hosts": func(c *httpcall.Credentials) { c.Hosts = nil },
	} {
		lacking := good
		change(&lacking)
		quiet := offload.LogTo(slog.New(slog.DiscardHandler))
		app := offloadtest.New(httpcall.New(httpcall.OAuth2("crm", lacking), httpcall.OAuth2("fine", good)), quiet)
		defer app.Close()
		_, err := httpcall.Call.Enqueue(t.Context(), app, httpcall.Input{URL: "https://crm.example/", Auth: "crm"})
		var refused *offload.InputError
		if !errors.As(err, &refused) || refused.Field != "auth" || !strings.Contains(err.Error(), field) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("without %s: %v; want it refused and named", field, err)
		}
		if _, err := httpcall.Call.Enqueue(t.Context(), app, httpcall.Input{URL: "https://crm.example/", Auth: "fine"}); err != nil {
			t.Errorf("other credentials: %v", err)
		}
		if job := worked(t, httpcall.Input{URL: "https://crm.example/", Auth: "crm"}, httpcall.New(httpcall.OAuth2("crm", lacking))); job.State != offload.Discarded || !strings.Contains(job.Error, field) {
			t.Errorf("a worker without %s: %+v; want it discarded", field, job)
		}
	}
}

// worked is the end of a job that a program without the kit has enqueued.
func worked(t *testing.T, in httpcall.Input, kit *httpcall.Kit) *offload.Job {
	t.Helper()
	s, quiet := memory.New(), offload.LogTo(slog.New(slog.DiscardHandler))
	client, err := offload.New(t.Context(), s, quiet)
	if err != nil {
		t.Fatal(err)
	}
	job, err := httpcall.Call.Enqueue(t.Context(), client, in)
	if err != nil {
		t.Fatal(err)
	}
	worker, err := offload.New(t.Context(), s, quiet, kit)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- worker.Run(ctx) }()
	_, _ = worker.Wait(t.Context(), job.ID) // its error is how the job ended
	ended, err := worker.Job(t.Context(), job.ID)
	stop()
	if err = errors.Join(err, <-done, worker.Close(), client.Close()); err != nil {
		t.Fatal(err)
	}
	return ended
}

func TestAs(t *testing.T) {
	type lead struct{ Name string }
	if l, err := httpcall.As[lead](httpcall.Output{Body: `{"name":"Ada"}`}); err != nil || l.Name != "Ada" {
		t.Errorf("%+v, %v", l, err)
	}
	for name, out := range map[string]httpcall.Output{
		"no JSON": {Body: "<html>"}, "another type": {Body: `{"name":7}`}, "empty": {}, "cut": {Body: "{}", BodyCut: true}, "no text": {BodyBase64: []byte("{}")},
	} {
		l, err := httpcall.As[lead](out)
		var wrong *offload.InputError
		if !errors.As(err, &wrong) || wrong.Field != "body" || l.Name != "" {
			t.Errorf("%s: %+v, %v; want it refused", name, l, err)
		}
	}
}

func TestRefusedAtEnqueue(t *testing.T) {
	app := newApp(t)
	for field, in := range map[string]httpcall.Input{
		"url":       {URL: "example.com?secret"},
		"method":    {URL: "http://example.com", Method: "no method"},
		"json":      {URL: "http://example.com", JSON: json.RawMessage(" ")},
		"expect[0]": {URL: "http://example.com", Expect: []int{7}},
		"headers.X": {URL: "http://example.com", Headers: map[string]string{"X": "a\r\nsecret: b"}},
		"auth":      {URL: "http://example.com", Headers: map[string]string{"authorization": "secret"}, Auth: "a"},
	} {
		_, err := httpcall.Call.Enqueue(t.Context(), app, in)
		var wrong *offload.InputError
		if !errors.As(err, &wrong) || field != "json" && wrong.Field != field || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v; want it refused", field, err)
		}
	}
}
