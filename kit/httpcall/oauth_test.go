package httpcall_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/httpcall"
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
