package fcm_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/oauth2"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/testpush"
	"github.com/offloadhq/offload/kit/push"
	"github.com/offloadhq/offload/kit/push/fcm"
	"github.com/offloadhq/offload/offloadtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func wantState(t *testing.T, app *offloadtest.App, id offload.ID, want offload.State, text string) *offload.Job {
	t.Helper()
	return testpush.WantState(t, app, id, want, text, "secret-of", "ya29")
}

func TestFirebaseTakesWhatIsSent(t *testing.T) {
	g := newGoogle(t)
	app := testpush.New(t, push.Via(g.service(t)))
	m := message()
	m.Sound, m.Tag, m.TTL, m.Urgency, m.Data = "default", "order-7", 60, push.High, map[string]string{"order": "7"}
	id := testpush.Enqueue(t, app, m)
	app.Drain()
	job := wantState(t, app, id, offload.Completed, "")
	var receipt push.Receipt
	if err := json.Unmarshal(job.Result, &receipt); err != nil || receipt != (push.Receipt{Service: "fcm", ID: "projects/shop-4711/messages/1"}) {
		t.Errorf("the receipt is %s, %v", job.Result, err)
	}
	var sent struct {
		Message struct {
			Token        string
			Notification struct{ Title, Body string }
			Data         map[string]string
			Android      struct {
				CollapseKey  string `json:"collapse_key"`
				Priority     string
				TTL          string
				Notification struct{ Tag, Sound string }
			}
			APNs struct {
				Headers map[string]string
				Payload struct{ APS struct{ Sound string } }
			}
			WebPush struct {
				Headers map[string]string
				Options struct{ Link string } `json:"fcm_options"`
			}
		}
	}
	all := g.all()
	if len(all) != 1 {
		t.Fatalf("%d pushes", len(all))
	}
	if err := json.Unmarshal([]byte(all[0]), &sent); err != nil {
		t.Fatal(err)
	}
	got := sent.Message
	for _, test := range []struct{ what, got, want string }{
		{"token", got.Token, registration},
		{"notification", fmt.Sprint(got.Notification), "{Your order It is on its way.}"},
		{"data", fmt.Sprint(got.Data), "map[order:7 url:https://shop.example/orders/7]"},
		{"android", fmt.Sprint(got.Android), "{order-7 HIGH 60s {order-7 default}}"},
		{"apns collapse id", got.APNs.Headers["apns-collapse-id"] + got.APNs.Payload.APS.Sound, "order-7default"},
		{"web", fmt.Sprint(got.WebPush), "{map[TTL:60 Urgency:high] {https://shop.example/orders/7}}"},
	} {
		if test.got != test.want {
			t.Errorf("%s is %s; want %s", test.what, test.got, test.want)
		}
	}
}

func TestAnswerDecides(t *testing.T) {
	for _, test := range []struct {
		status        int
		name, details string
		want          offload.State
		kind          string
	}{
		{404, "NOT_FOUND", fcmError("UNREGISTERED"), offload.Discarded, "*push.GoneError"},
		{400, "INVALID_ARGUMENT", violation("message.token") + "," + fcmError("INVALID_ARGUMENT"), offload.Discarded, "*push.GoneError"},
		{404, "NOT_FOUND", "", offload.Discarded, "*push.AnswerError"}, // a project that is none
		{400, "INVALID_ARGUMENT", fcmError("INVALID_ARGUMENT"), offload.Discarded, "*push.AnswerError"},
		{400, "INVALID_ARGUMENT", violation("message.data"), offload.Discarded, "*push.AnswerError"},
		{403, "PERMISSION_DENIED", fcmError("SENDER_ID_MISMATCH"), offload.Discarded, "*push.AnswerError"},
		{401, "UNAUTHENTICATED", fcmError("THIRD_PARTY_AUTH_ERROR"), offload.Retryable, "*push.AnswerError"},
		{429, "RESOURCE_EXHAUSTED", fcmError("QUOTA_EXCEEDED"), offload.Retryable, "*push.AnswerError"},
		{500, "INTERNAL", "", offload.Retryable, "*push.AnswerError"},
		{503, "UNAVAILABLE", fcmError("UNREGISTERED"), offload.Retryable, "*push.AnswerError"}, // the status counts
		{502, "UNAVAILABLE", "<html>", offload.Retryable, "*push.AnswerError"},
	} {
		t.Run(fmt.Sprint(test.status, test.name), func(t *testing.T) {
			g := newGoogle(t)
			g.answer = func(w http.ResponseWriter, _ int) { say(w, test.status, test.name, test.details) }
			app := testpush.New(t, push.Via(g.service(t)))
			id := testpush.Enqueue(t, app, message())
			app.Drain()
			wantState(t, app, id, test.want, fmt.Sprint(test.status))
			failures, err := app.Failures(t.Context(), id)
			if err != nil || len(failures) != 1 || failures[0].Kind != test.kind {
				t.Errorf("failures %+v, %v; want one %s", failures, err, test.kind)
			}
		})
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	for _, test := range []struct {
		said   string
		before time.Duration // it is too soon
	}{{"1800", 30*time.Minute - time.Second}, {"", 59 * time.Second}} {
		g := newGoogle(t)
		g.answer = func(w http.ResponseWriter, n int) {
			if n == 1 {
				w.Header().Set("Retry-After", test.said)
				say(w, http.StatusTooManyRequests, "RESOURCE_EXHAUSTED", fcmError("QUOTA_EXCEEDED"))
				return
			}
			fmt.Fprint(w, `{}`)
		}
		app := testpush.New(t, push.Via(g.service(t)))
		id := testpush.Enqueue(t, app, message())
		app.Drain()
		app.Advance(test.before)
		if app.Drain(); len(g.all()) != 1 {
			t.Errorf("Retry-After %q: %d requests after %v; want 1", test.said, len(g.all()), test.before)
		}
		app.Advance(5 * time.Minute)
		app.Drain()
		wantState(t, app, id, offload.Completed, "")
	}
}

func TestTokenIsKeptAndRenewed(t *testing.T) {
	g := newGoogle(t)
	app := testpush.New(t, push.Via(g.service(t)))
	for range 3 {
		testpush.Enqueue(t, app, message())
	}
	app.Drain()
	if n := g.given(); n != 1 || len(g.all()) != 3 {
		t.Errorf("%d tokens for %d pushes; want one for 3", n, len(g.all()))
	}
	g.set(func() { g.good = "another" }) // as if it was revoked
	id := testpush.Enqueue(t, app, message())
	app.Drain()
	wantState(t, app, id, offload.Completed, "")
	if n := g.given(); n != 2 {
		t.Errorf("%d tokens; want a second, got at once", n)
	}
	g.set(func() { g.lasts, g.good = 30, "another" }) // what lasts as short as that is not used again
	for range 2 {
		testpush.Enqueue(t, app, message())
	}
	app.Drain()
	if n := g.given(); n != 4 {
		t.Errorf("%d tokens; want 4", n)
	}
}

func TestOneTokenForAllWhoAsk(t *testing.T) {
	g := newGoogle(t)
	carrier, err := g.service(t).Open()
	if err != nil {
		t.Fatal(err)
	}
	defer carrier.Close()
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := carrier.Carry(t.Context(), &push.Letter{Message: message(), ID: offload.NewID(), Payload: []byte("{}")}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := g.given(); n != 1 {
		t.Errorf("%d tokens; want 1", n)
	}
}

func TestNoTokenIsRetried(t *testing.T) {
	for name, answer := range map[string]func(w http.ResponseWriter) bool{
		"refused": func(w http.ResponseWriter) bool {
			http.Error(w, "ya29 you sent me this", http.StatusUnauthorized)
			return true
		},
		"down":      func(w http.ResponseWriter) bool { w.WriteHeader(503); return true },
		"no JSON":   func(w http.ResponseWriter) bool { fmt.Fprint(w, "<html>"); return true },
		"empty":     func(w http.ResponseWriter) bool { fmt.Fprint(w, `{"access_token":""}`); return true },
		"two lines": func(w http.ResponseWriter) bool { fmt.Fprint(w, `{"access_token":"a\r\nb: c"}`); return true },
		"cut":       func(http.ResponseWriter) bool { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			g := newGoogle(t)
			g.tokenAnswer = answer
			app := testpush.New(t, push.Via(g.service(t)))
			id := testpush.Enqueue(t, app, message())
			app.Drain()
			wantState(t, app, id, offload.Retryable, "fcm: get a token: ")
			g.set(func() { g.tokenAnswer = nil })
			app.Advance(time.Hour)
			app.Drain()
			wantState(t, app, id, offload.Completed, "")
		})
	}
}

func TestCutConnection(t *testing.T) {
	g := newGoogle(t)
	g.answer = func(w http.ResponseWriter, n int) {
		if n == 1 {
			panic(http.ErrAbortHandler)
		}
		fmt.Fprint(w, `{"name":"projects/shop-4711/messages/2"}`)
	}
	app := testpush.New(t, push.Via(g.service(t)))
	id := testpush.Enqueue(t, app, message())
	app.Drain()
	wantState(t, app, id, offload.Retryable, "fcm: 127.0.0.1:")
	app.Advance(time.Hour)
	app.Drain()
	wantState(t, app, id, offload.Completed, "")
	all := g.all()
	tag := `"tag":"` + id.String() + `"`
	if len(all) != 2 || !strings.Contains(all[0], tag) || !strings.Contains(all[1], tag) || strings.Contains(all[0], "collapse_key") {
		t.Errorf("sent %v; want two with the job's id as tag, and no key that pushes out others", all)
	}
}

func TestTwiceIsOnce(t *testing.T) {
	g := newGoogle(t)
	app := testpush.New(t, push.Via(g.service(t)))
	offloadtest.Twice(t, app, push.Send.Call(message()), func() any { return len(g.all()) })
}

func TestSlowService(t *testing.T) {
	for _, where := range []string{"token", "send"} {
		g := newGoogle(t)
		arrived, end := make(chan struct{}), make(chan struct{})
		if where == "token" {
			g.tokenAnswer = func(http.ResponseWriter) bool { close(arrived); <-end; return true }
		} else {
			g.answer = func(http.ResponseWriter, int) { close(arrived); <-end }
		}
		carrier, err := g.service(t).Open()
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("the program stops")
		go func() { <-arrived; cancel(why) }()
		_, err = carrier.Carry(ctx, &push.Letter{Message: message(), ID: offload.NewID(), Payload: []byte("{}")})
		if !errors.Is(err, why) {
			t.Errorf("%s: %v; want why the context ended", where, err)
		}
		close(end)
		if err := carrier.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestOwnClient trusts what the machine trusts, and so not the test's Google.
func TestOwnClient(t *testing.T) {
	g := newGoogle(t)
	service := g.service(t)
	service.Client = nil
	app := testpush.New(t, push.Via(service))
	id := testpush.Enqueue(t, app, message())
	app.Drain()
	wantState(t, app, id, offload.Retryable, "certificate")
	if n := g.given(); n != 0 {
		t.Errorf("%d tokens came from somebody who can't show who they are", n)
	}
}

func TestTokensOfTheMachine(t *testing.T) {
	g := newGoogle(t)
	g.good = "of-the-machine"
	service := g.service(t)
	service.Account, service.Project = nil, "shop-4711"
	service.Tokens = oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "of-the-machine"})
	app := testpush.New(t, push.Via(service))
	id := testpush.Enqueue(t, app, message())
	app.Drain()
	wantState(t, app, id, offload.Completed, "")
}

func TestServiceSaysWhatIsWrongWithIt(t *testing.T) {
	good := newGoogle(t).service(t)
	for _, test := range []struct {
		field string
		spoil func(s *fcm.Service)
	}{
		{"Account", func(s *fcm.Service) { s.Account = nil }},
		{"Account", func(s *fcm.Service) { s.Account = []byte(`{"type":"authorized_user"}`) }},
		{"Account", func(s *fcm.Service) {
			s.Account = []byte(strings.Replace(string(s.Account), "PRIVATE KEY", "PUBLIC KEY", 2)[:200] + "}")
		}},
		{"Account", func(s *fcm.Service) { s.Account = []byte(strings.ReplaceAll(string(s.Account), "https://", "http://")) }},
		{"Account", func(s *fcm.Service) { s.Account = []byte(strings.ReplaceAll(string(s.Account), "MII", "AAA")) }},
		{"Tokens", func(s *fcm.Service) { s.Tokens = oauth2.StaticTokenSource(nil) }},
		{"Project", func(s *fcm.Service) { s.Project = "../../other" }},
		{"URL", func(s *fcm.Service) { s.URL = "http://127.0.0.1" }},
	} {
		s := good
		test.spoil(&s)
		_, err := push.New(push.Via(s))
		var wrong *offload.InputError
		if !errors.As(err, &wrong) || wrong.Field != test.field || strings.Contains(err.Error(), "MII") {
			t.Errorf("%v; want %s named", err, test.field)
		}
	}
	if text := fmt.Sprintf("%v %+v %#v", good, good, good); strings.Contains(text, "PRIVATE") {
		t.Errorf("it prints as %s", text)
	}
}
