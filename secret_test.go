package offload_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
)

// awkward is a secret that is written otherwise in JSON, in Go and in an address.
const awkward = canary + `"\ü&<`

type login struct {
	User   string              `json:"user"`
	Secret string              `json:"password" offload:"secret"`
	PIN    int                 `json:"pin" offload:"secret"`
	More   []map[string]string `json:"more,omitempty" offload:"secret"`
}

func (l login) String() string { return "login of " + l.User + " with " + l.Secret }

type token struct {
	Token string `json:"token" offload:"secret"`
	For   string `json:"for"`
}

var theLogin = login{User: "ada", Secret: awkward, PIN: 98761234, More: []map[string]string{{"k": canary + "-inner"}}}

// outputs collects whatever anybody is shown.
type outputs struct {
	t    *testing.T
	mu   sync.Mutex // guards text
	text strings.Builder
}

func (o *outputs) add(what string, shown ...any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	fmt.Fprintf(&o.text, "== %s\n", what)
	for _, s := range shown {
		encoded, _ := json.Marshal(s)
		fmt.Fprintf(&o.text, "%s\n%+v\n", encoded, s)
		if err, ok := s.(error); ok {
			fmt.Fprintf(&o.text, "%v\n", err)
		}
	}
}

// wantNoSecrets wants nothing that was shown to have a secret in it, however written.
func (o *outputs) wantNoSecrets(log *bytes.Buffer) {
	o.t.Helper()
	o.text.WriteString("== log\n" + log.String())
	for at, line := range strings.Split(o.text.String(), "\n") {
		for _, word := range []string{"canary", "98761234"} {
			if strings.Contains(line, word) {
				o.t.Errorf("line %d has %q: %.500s", at, word, line)
			}
		}
	}
	if !strings.Contains(o.text.String(), "•••") {
		o.t.Error("nothing is masked: the test looks at the wrong texts")
	}
}

// A secret that is enqueued, fails in every way, is logged, retried, listed, edited and waited for
// is in nothing that anybody but the handler is shown.
func TestSecretsAreShownToNobody(t *testing.T) {
	onStoresWithNotes(t, func(t *testing.T, address string) {
		var log bytes.Buffer
		seen := &outputs{t: t}
		task := offload.NewFunc("login", func(ctx context.Context, l login) (token, error) {
			if l.Secret != awkward || l.PIN != theLogin.PIN || l.More[0]["k"] != canary+"-inner" {
				t.Errorf("the handler has %+v", l)
			}
			logger := offload.Logger(ctx).With("with", l, "pin", l.PIN)
			logger.Info(fmt.Sprint(l), "input", l, "json", offload.JobOf(ctx).Input, "err", errors.New(l.Secret), slog.Group("g", "s", l.Secret))
			logger.WithGroup("g").Warn(fmt.Sprintf("%q %v %s", l.Secret, l.More, url.QueryEscape(l.Secret)), "pin", l.PIN)
			offload.Progress(ctx, 1, 2, "with "+l.Secret)
			switch offload.JobOf(ctx).Failures {
			case 0:
				return token{}, offload.RetryIn(0, fmt.Errorf("refused %v: %w", l, errors.New(l.Secret)))
			case 1:
				panic("with " + l.Secret)
			case 2:
				return token{}, offload.Discard(fmt.Errorf("for good: %q, pin %d", l.Secret, l.PIN))
			}
			return token{Token: "canary-token", For: l.User}, nil
		}, offload.Backoff(func(int, error) time.Duration { return 0 }))
		events := offload.OnEvent(func(_ context.Context, e offload.Event) { seen.add("event", e) })
		app := openLogged(t, address, &log, task, events, offload.Schedule{Name: "s", Cron: "0 3 1 1 *", Call: task.Call(theLogin)})
		job, err := task.Enqueue(t.Context(), app, theLogin)
		if err != nil {
			t.Fatal(err)
		}
		seen.add("Enqueue", job)
		again, err := app.Enqueue(t.Context(), task.Call(theLogin, offload.WithID(job.ID)))
		seen.add("Enqueue again", again[0], err)
		other := app
		if address != "memory:" {
			other = open(t, address) // by the rules that the task was registered with
		}
		look := func(what string) {
			t.Helper()
			for name, app := range map[string]*offload.App{"own": app, "other": other} {
				one, err := app.Job(t.Context(), job.ID)
				seen.add(what+": Job by "+name, one, err)
				if err == nil && !strings.Contains(string(one.Input), `"password":"•••"`) {
					t.Errorf("%s: by %s the input reads %s", what, name, one.Input)
				}
				all, err := app.Jobs(t.Context(), offload.Filter{})
				seen.add("Jobs", len(all), err)
				for _, j := range all {
					seen.add("of Jobs", j)
				}
				failures, err := app.Failures(t.Context(), job.ID)
				seen.add("Failures", failures, err)
				seen.add("Logs", logOf(t, app, job.ID))
				why, err := app.Why(t.Context(), job.ID)
				seen.add("Why", why, err)
				op := operate.As(app, "ada")
				schedules, err := op.Schedules(t.Context())
				seen.add("Schedules", err)
				for _, s := range schedules {
					seen.add("Schedule", string(s.Call.Input()), s.Name)
				}
				records, err := op.Acts(t.Context(), time.Time{})
				seen.add("Records", records, err)
			}
		}
		look("waits")
		_, err = app.Enqueue(t.Context(), offload.NewCall("login", json.RawMessage(`{"password":"canary`)))
		seen.add("no JSON", err)
		_, err = app.Enqueue(t.Context(), offload.NewCall("login", json.RawMessage(`{"password":98761234.5}`)))
		seen.add("a number", err)
		_, err = app.Enqueue(t.Context(), offload.NewCall("login", json.RawMessage(`{"pin":"canary"}`)))
		seen.add("a string", err)

		drained(t, app)
		look("discarded")
		ended, err := app.Wait(t.Context(), job.ID)
		seen.add("Wait", ended, err)
		if err := operate.As(app, "ada").Edit(t.Context(), job.ID, operate.Edit{Input: json.RawMessage(`{"user":"bob","password":"•••","pin":null,"more":null}`)}); err != nil {
			t.Error(err)
		}
		look("edited")
		s := storeOf(t, app)
		inputs, err := s.Inputs(t.Context(), []offload.ID{job.ID})
		var kept login
		if err != nil || json.Unmarshal(inputs[job.ID], &kept) != nil || kept.User != "bob" || kept.Secret != awkward || kept.PIN != theLogin.PIN || len(kept.More) != 1 {
			t.Errorf("an edit with masks has made %s, %v of the input; want the secrets kept", inputs[job.ID], err)
		}
		// A result is typed for the program that waits for it, and masked for others.
		quick := offload.NewFunc("token", func(_ context.Context, who string) (token, error) { return token{Token: "canary-token", For: who}, nil })
		if address == "memory:" { // an app has a store of its own
			if err := app.Close(); err != nil { // no more events
				t.Error(err)
			}
			seen.wantNoSecrets(&log)
			return
		}
		second := openLogged(t, address, &log, quick)
		id := enqueue(t, second, quick.Task, "ada")
		drained(t, second)
		out, err := quick.Wait(t.Context(), second, id)
		if out.Token != "canary-token" || err != nil {
			t.Errorf("Wait = %+v, %v; want the token", out, err)
		}
		for _, app := range []*offload.App{second, other} {
			j := read(t, app, id)
			seen.add("result", j)
			if string(j.Result) != `{"token":"•••","for":"ada"}` {
				t.Errorf("the result reads %s", j.Result)
			}
		}
		if err := app.Close(); err != nil { // no more events
			t.Error(err)
		}
		seen.wantNoSecrets(&log)
	})
}

func TestMaskedInputsAreNotEnqueued(t *testing.T) {
	task := offload.NewTask("login", func(context.Context, login) error { return nil })
	app := open(t, "memory:", task)
	_, err := app.Enqueue(t.Context(), offload.NewCall("login", json.RawMessage(`{"user":"ada","password":"•••"}`)))
	var refused *offload.InputError
	if !errors.As(err, &refused) || refused.Field != "input" {
		t.Errorf("Enqueue of a masked input: %v, want an InputError", err)
	}
	if _, err := task.Enqueue(t.Context(), app, login{User: "•••"}); err != nil {
		t.Errorf("Enqueue of a mask that is no secret: %v", err)
	}
}

func TestWrongSecretsAreRefused(t *testing.T) {
	type hidden struct {
		token string `offload:"secret"`
	}
	_ = hidden{}.token
	type misspelt struct {
		Token string `offload:"secrets"`
	}
	for _, test := range []struct {
		name string
		part offload.Part
		want string
	}{
		{"not exported", offload.NewTask("t", func(context.Context, hidden) error { return nil }), "not exported"},
		{"misspelt", offload.NewTask("t", func(context.Context, misspelt) error { return nil }), "misspelt.Token"},
		{"in a result", offload.NewFunc("t", func(context.Context, int) (misspelt, error) { return misspelt{}, nil }), "result misspelt.Token"},
		{"a key", offload.NewTask("t", func(context.Context, login) error { return nil }, offload.Unique{By: "password"}), "not secret"},
		{"a key of all", offload.NewTask("t", func(context.Context, login) error { return nil }, offload.Fair{By: "."}), "not secret"},
		{"a key of a limit", offload.NewTask("t", func(context.Context, login) error { return nil }, offload.Limit{Max: 1, By: "user, pin"}), "not secret"},
	} {
		_, err := offload.Open(t.Context(), "memory:", test.part)
		var refused *offload.InputError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: Open = %v, want an InputError with %q", test.name, err, test.want)
		}
	}
}
