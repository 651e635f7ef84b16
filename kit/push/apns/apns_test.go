package apns_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/testpush"
	"github.com/offloadhq/offload/kit/push"
	"github.com/offloadhq/offload/kit/push/apns"
	"github.com/offloadhq/offload/offloadtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func wantState(t *testing.T, app *offloadtest.App, id offload.ID, want offload.State, text string) *offload.Job {
	t.Helper()
	return testpush.WantState(t, app, id, want, text, device)
}

func TestAppleTakesWhatIsSent(t *testing.T) {
	a := newApple(t)
	app := testpush.New(t, push.Via(a.service(t)))
	badge := 0
	m := message()
	m.Badge, m.Sound, m.Data, m.TTL = &badge, "default", map[string]string{"order": "7"}, -1
	id := testpush.Enqueue(t, app, m)
	app.Drain()
	job := wantState(t, app, id, offload.Completed, "")
	var receipt push.Receipt
	if err := json.Unmarshal(job.Result, &receipt); err != nil || receipt != (push.Receipt{Service: "apns", ID: id.String()}) {
		t.Errorf("the receipt is %s, %v", job.Result, err)
	}
	all := a.all()
	if len(all) != 1 {
		t.Fatalf("%d pushes", len(all))
	}
	const want = `{"aps":{"alert":{"title":"Your order","body":"It is on its way."},"badge":0,"sound":"default"},"order":"7","url":"shop://orders/7"}`
	if all[0].payload != want || all[0].path != "/3/device/"+device {
		t.Errorf("%s got\n%s\nwant\n%s", all[0].path, all[0].payload, want)
	}
	for name, want := range map[string]string{
		"apns-id": id.String(), "apns-collapse-id": id.String(), "apns-topic": "example.shop", "apns-push-type": "alert", "apns-priority": "10",
		"apns-expiration": "0",
	} {
		if got := all[0].header.Get(name); got != want {
			t.Errorf("%s is %q; want %q", name, got, want)
		}
	}
}

func TestSilentPush(t *testing.T) {
	a := newApple(t)
	app := testpush.New(t, push.Via(a.service(t)))
	m := push.Message{To: push.Target{APNs: &push.Device{Token: device, Topic: "example.other"}}, Data: map[string]string{"sync": "orders"}, Tag: "sync"}
	id := testpush.Enqueue(t, app, m)
	app.Drain()
	wantState(t, app, id, offload.Completed, "")
	all := a.all()
	if len(all) != 1 || all[0].payload != `{"aps":{"content-available":1},"sync":"orders"}` {
		t.Fatalf("got %+v", all)
	}
	h := all[0].header
	at, err := strconv.ParseInt(h.Get("apns-expiration"), 10, 64)
	if left := time.Until(time.Unix(at, 0)); err != nil || left < 23*time.Hour || left > 25*time.Hour {
		t.Errorf("it expires in %v, %v; want a day", left, err)
	}
	if h.Get("apns-push-type") != "background" || h.Get("apns-priority") != "5" || h.Get("apns-topic") != "example.other" || h.Get("apns-collapse-id") != "sync" {
		t.Errorf("the headers are %v", h)
	}
}

func TestReasonDecides(t *testing.T) {
	for _, test := range []struct {
		status int
		reason string
		want   offload.State
		kind   string
	}{
		{400, "BadDeviceToken", offload.Discarded, "*push.GoneError"},
		{410, "Unregistered", offload.Discarded, "*push.GoneError"},
		{410, "ExpiredToken", offload.Discarded, "*push.GoneError"},
		{400, "DeviceTokenNotForTopic", offload.Discarded, "*push.AnswerError"},
		{400, "BadTopic", offload.Discarded, "*push.AnswerError"},
		{400, "", offload.Discarded, "*push.AnswerError"},
		{413, "PayloadTooLarge", offload.Discarded, "*push.AnswerError"},
		{403, "InvalidProviderToken", offload.Retryable, "*push.AnswerError"},
		{403, "ExpiredProviderToken", offload.Retryable, "*push.AnswerError"},
		{429, "TooManyRequests", offload.Retryable, "*push.AnswerError"},
		{429, "TooManyProviderTokenUpdates", offload.Retryable, "*push.AnswerError"},
		{500, "InternalServerError", offload.Retryable, "*push.AnswerError"},
		{503, "Shutdown", offload.Retryable, "*push.AnswerError"},
		{502, "<html>", offload.Retryable, "*push.AnswerError"},
	} {
		t.Run(fmt.Sprint(test.status, test.reason), func(t *testing.T) {
			a := newApple(t)
			a.answers(func(w http.ResponseWriter, _ int) { say(w, test.status, test.reason) })
			app := testpush.New(t, push.Via(a.service(t)))
			id := testpush.Enqueue(t, app, message())
			app.Drain()
			wantState(t, app, id, test.want, test.reason)
			failures, err := app.Failures(t.Context(), id)
			if err != nil || len(failures) != 1 || failures[0].Kind != test.kind {
				t.Errorf("failures %+v, %v; want one %s", failures, err, test.kind)
			}
		})
	}
}

func TestGoneSaysSinceWhen(t *testing.T) {
	a := newApple(t)
	a.answers(func(w http.ResponseWriter, _ int) {
		w.WriteHeader(http.StatusGone)
		fmt.Fprint(w, `{"reason":"Unregistered","timestamp":1700000000123}`)
	})
	var told *push.GoneError
	app := testpush.New(t, push.Via(a.service(t)), push.OnGone(func(_ context.Context, gone *push.GoneError) error { told = gone; return nil }))
	testpush.Enqueue(t, app, message())
	app.Drain()
	if told == nil || told.Target.Address() != device || !told.Since.Equal(time.UnixMilli(1700000000123)) || told.Reason != "Unregistered" {
		t.Errorf("told %+v", told)
	}
}

// TestCutConnection is a push whose answer got lost: it is sent again under the same ids.
func TestCutConnection(t *testing.T) {
	a := newApple(t)
	a.answers(func(_ http.ResponseWriter, n int) {
		if n == 1 {
			panic(http.ErrAbortHandler)
		}
	})
	app := testpush.New(t, push.Via(a.service(t)))
	id := testpush.Enqueue(t, app, message())
	app.Drain()
	wantState(t, app, id, offload.Retryable, "apns: 127.0.0.1:")
	app.Advance(time.Hour)
	app.Drain()
	wantState(t, app, id, offload.Completed, "")
	all := a.all()
	if len(all) != 2 || all[0].header.Get("apns-id") != all[1].header.Get("apns-id") || all[0].header.Get("apns-collapse-id") != all[1].header.Get("apns-collapse-id") {
		t.Errorf("sent %+v; want two under the same ids", all)
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	a := newApple(t)
	a.answers(func(w http.ResponseWriter, n int) {
		if n == 1 {
			w.Header().Set("Retry-After", "3600")
			say(w, http.StatusServiceUnavailable, "ServiceUnavailable")
		}
	})
	app := testpush.New(t, push.Via(a.service(t)))
	id := testpush.Enqueue(t, app, message())
	app.Drain()
	app.Advance(time.Hour - time.Second)
	if app.Drain(); len(a.all()) != 1 {
		t.Errorf("%d requests before the time; want 1", len(a.all()))
	}
	app.Advance(7 * time.Minute)
	app.Drain()
	wantState(t, app, id, offload.Completed, "")
}

func TestTwiceIsOnce(t *testing.T) {
	a := newApple(t)
	app := testpush.New(t, push.Via(a.service(t)))
	offloadtest.Twice(t, app, push.Send.Call(message()), func() any { return len(a.all()) })
}

func TestSlowService(t *testing.T) {
	a := newApple(t)
	arrived, end := make(chan struct{}), make(chan struct{})
	a.answers(func(http.ResponseWriter, int) { close(arrived); <-end })
	defer close(end)
	carrier, err := a.service(t).Open()
	if err != nil {
		t.Fatal(err)
	}
	defer carrier.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the program stops")
	go func() { <-arrived; cancel(why) }()
	_, err = carrier.Carry(ctx, &push.Letter{Message: message(), ID: offload.NewID(), Payload: []byte("{}")})
	if !errors.Is(err, why) || strings.Contains(err.Error(), device) {
		t.Errorf("%v; want why the context ended", err)
	}
}

// A wire answers without a network, so that time can be made.
type wire func(r *http.Request) (status int, reason string)

func (f wire) RoundTrip(r *http.Request) (*http.Response, error) {
	status, reason := f(r)
	body := fmt.Appendf(nil, `{"reason":%q}`, reason)
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body)), Request: r}, nil
}

func TestTokenIsRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tokens []string
		tooOld := false
		key := newKey(t)
		service := apns.Service{
			Key: p8(t, key), KeyID: "ABC123DEFG", TeamID: "DEF123GHIJ", Topic: "example.shop",
			Client: &http.Client{Transport: wire(func(r *http.Request) (int, string) {
				authorization := r.Header.Get("Authorization")
				if err := checkToken(&key.PublicKey, authorization); err != nil {
					return 403, "InvalidProviderToken"
				}
				tokens = append(tokens, authorization)
				if tooOld && authorization == tokens[0] {
					return 403, "ExpiredProviderToken"
				}
				return 200, ""
			})},
		}
		carrier, err := service.Open()
		if err != nil {
			t.Fatal(err)
		}
		carry := func() error {
			_, err := carrier.Carry(t.Context(), &push.Letter{Message: message(), ID: offload.NewID(), Payload: []byte("{}")})
			return err
		}
		for range 4 { // at 0, 19, 38, 57 minutes
			if err := carry(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(19 * time.Minute)
		}
		if tokens[0] != tokens[1] || tokens[1] != tokens[2] || tokens[2] == tokens[3] {
			t.Error("want one token for 40 minutes, and then another")
		}
		tokens, tooOld = tokens[3:], true
		time.Sleep(2 * time.Minute) // it is 21 minutes old, and Apple's clock goes fast
		if err := carry(); err != nil || len(tokens) != 3 || tokens[1] == tokens[2] {
			t.Errorf("%v after %d requests; want a new token at once", err, len(tokens)-1)
		}
		tokens = tokens[2:]
		var answer *push.AnswerError
		if err := carry(); !errors.As(err, &answer) || answer.Permanent || len(tokens) != 3 || tokens[0] != tokens[2] {
			t.Errorf("%v; want it retried with the same token: Apple refuses those who come with another within 20 minutes", err)
		}
	})
}

// TestOwnClient trusts what the machine trusts, and so not the test's Apple.
func TestOwnClient(t *testing.T) {
	a := newApple(t)
	service := a.service(t)
	service.Client = nil
	app := testpush.New(t, push.Via(service))
	id := testpush.Enqueue(t, app, message())
	app.Drain()
	wantState(t, app, id, offload.Retryable, "certificate")
	if n := len(a.all()); n != 0 {
		t.Errorf("%d pushes went to somebody who can't show who they are", n)
	}
}

func TestSandbox(t *testing.T) {
	var hosts []string
	service := newApple(t).service(t)
	service.URL, service.Client = "", &http.Client{Transport: wire(func(r *http.Request) (int, string) {
		hosts = append(hosts, r.URL.Host)
		return 200, ""
	})}
	app := testpush.New(t, push.Via(service))
	m := message()
	testpush.Enqueue(t, app, m)
	app.Drain()
	m.To.APNs = &push.Device{Token: device, Sandbox: true}
	testpush.Enqueue(t, app, m)
	app.Drain()
	if fmt.Sprint(hosts) != "[api.push.apple.com api.sandbox.push.apple.com]" {
		t.Errorf("sent to %v", hosts)
	}
}

func TestServiceSaysWhatIsWrongWithIt(t *testing.T) {
	good := newApple(t).service(t)
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		field string
		spoil func(s *apns.Service)
	}{
		{"Key", func(s *apns.Service) { s.Key = nil }},
		{"Key", func(s *apns.Service) {
			s.Key = []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
		}},
		{"Key", func(s *apns.Service) { s.Key = p8(t, edKey) }},
		{"KeyID", func(s *apns.Service) { s.KeyID = "short" }},
		{"TeamID", func(s *apns.Service) { s.TeamID = "DEF123GHI\n" }},
		{"Topic", func(s *apns.Service) { s.Topic = "example.shop\r\nx: y" }},
		{"URL", func(s *apns.Service) { s.URL = "http://127.0.0.1" }},
	} {
		s := good
		test.spoil(&s)
		_, err := push.New(push.Via(s))
		var wrong *offload.InputError
		if !errors.As(err, &wrong) || wrong.Field != test.field {
			t.Errorf("%v; want %s named", err, test.field)
		}
	}
	if text := fmt.Sprintf("%v %+v %#v", good, good, good); strings.Contains(text, "PRIVATE") || !strings.Contains(text, "ABC123DEFG") {
		t.Errorf("it prints as %s", text)
	}
	good.Topic = ""
	app := testpush.New(t, push.Via(good))
	id := testpush.Enqueue(t, app, message())
	app.Drain()
	wantState(t, app, id, offload.Discarded, "to.apns.topic")
}
