package push_test

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/testpush"
	"github.com/offloadhq/offload/kit/push"
	"github.com/offloadhq/offload/offloadtest"
	_ "github.com/offloadhq/offload/store/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const device = "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0"

func subscription(t *testing.T) *push.Subscription {
	t.Helper()
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	return &push.Subscription{
		Endpoint: "https://push.example/send/secret-of-the-endpoint",
		Keys:     push.SubscriptionKeys{P256dh: encode(key.PublicKey().Bytes()), Auth: encode([]byte("0123456789abcdef"))},
	}
}

func TestBadInputIsRefusedWithItsField(t *testing.T) {
	app := testpush.New(t, push.Via(push.Keep{}))
	web := func(spoil func(s *push.Subscription)) push.Target {
		s := subscription(t)
		spoil(s)
		return push.Target{Web: s}
	}
	phone := push.Target{APNs: &push.Device{Token: device}}
	android := push.Target{FCM: &push.Registration{Token: "abc:def"}}
	browser := web(func(*push.Subscription) {})
	minus := -1
	for _, test := range []struct {
		name  string
		field string
		m     push.Message
	}{
		{"no target", "to", push.Message{Title: "x"}},
		{"two targets", "to", push.Message{Title: "x", To: push.Target{APNs: phone.APNs, FCM: android.FCM}}},
		{"http", "to.web.endpoint", push.Message{Title: "x", To: web(func(s *push.Subscription) { s.Endpoint = "http://push.example/x" })}},
		{"no host", "to.web.endpoint", push.Message{Title: "x", To: web(func(s *push.Subscription) { s.Endpoint = "https:///x" })}},
		{"a user", "to.web.endpoint", push.Message{Title: "x", To: web(func(s *push.Subscription) { s.Endpoint = "https://a:b@push.example/x" })}},
		{"line breaks", "to.web.endpoint", push.Message{Title: "x", To: web(func(s *push.Subscription) { s.Endpoint += "\r\nHost: other" })}},
		{"long", "to.web.endpoint", push.Message{Title: "x", To: web(func(s *push.Subscription) { s.Endpoint += strings.Repeat("x", 3000) })}},
		{"garbage", "to.web.keys.p256dh", push.Message{Title: "x", To: web(func(s *push.Subscription) { s.Keys.P256dh = "garbage!" })}},
		{"not on the curve", "to.web.keys.p256dh", push.Message{Title: "x", To: web(func(s *push.Subscription) {
			s.Keys.P256dh = base64.RawURLEncoding.EncodeToString(append([]byte{4}, make([]byte, 64)...))
		})}},
		{"a key in lines", "to.web.keys.p256dh", push.Message{Title: "x", To: web(func(s *push.Subscription) { s.Keys.P256dh += "\r\n" })}},
		{"short", "to.web.keys.auth", push.Message{Title: "x", To: web(func(s *push.Subscription) { s.Keys.Auth = "AAAA" })}},
		{"no time", "to.web.expirationTime", push.Message{Title: "x", To: web(func(s *push.Subscription) { end := 1e300; s.ExpirationTime = &end })}},
		{"no token", "to.apns.token", push.Message{Title: "x", To: push.Target{APNs: &push.Device{}}}},
		{"a path", "to.apns.token", push.Message{Title: "x", To: push.Target{APNs: &push.Device{Token: "../../" + device[6:]}}}},
		{"line breaks in topic", "to.apns.topic", push.Message{Title: "x", To: push.Target{APNs: &push.Device{Token: device, Topic: "a\r\nb: c"}}}},
		{"line breaks in token", "to.fcm.token", push.Message{Title: "x", To: push.Target{FCM: &push.Registration{Token: "abc\r\ndef"}}}},
		{"nothing", "title", push.Message{To: phone}},
		{"no title", "title", push.Message{To: phone, Body: "x"}},
		{"two lines", "title", push.Message{To: phone, Title: "x\r\ny"}},
		{"no text", "body", push.Message{To: phone, Title: "x", Body: "\xff"}},
		{"controls", "body", push.Message{To: phone, Title: "x", Body: "a\x00"}},
		{"line breaks in tag", "tag", push.Message{To: phone, Title: "x", Tag: "a\nb"}},
		{"long tag", "tag", push.Message{To: phone, Title: "x", Tag: strings.Repeat("x", 65)}},
		{"badge", "badge", push.Message{To: phone, Title: "x", Badge: &minus}},
		{"ttl", "ttl", push.Message{To: phone, Title: "x", TTL: 2419201}},
		{"ttl below", "ttl", push.Message{To: phone, Title: "x", TTL: -2}},
		{"urgency", "urgency", push.Message{To: phone, Title: "x", Urgency: "now"}},
		{"script", "url", push.Message{To: browser, Title: "x", URL: "javascript:alert(1)"}},
		{"relative", "url", push.Message{To: browser, Title: "x", URL: "/orders/7"}},
		{"plain", "url", push.Message{To: browser, Title: "x", URL: "http://shop.example/"}},
		{"icon", "icon", push.Message{To: browser, Title: "x", Icon: "data:image/png;base64,AAAA"}},
		{"aps", `data["aps"]`, push.Message{To: phone, Title: "x", Data: map[string]string{"aps": "{}"}}},
		{"from", `data["from"]`, push.Message{To: android, Title: "x", Data: map[string]string{"from": "me"}}},
		{"google", `data["google.x"]`, push.Message{To: android, Title: "x", Data: map[string]string{"google.x": "me"}}},
		{"url twice", `data["url"]`, push.Message{To: phone, Title: "x", URL: "shop://7", Data: map[string]string{"url": "me"}}},
		{"no text in data", `data["a"]`, push.Message{To: phone, Title: "x", Data: map[string]string{"a": "\xff"}}},
		{"too large", "body", push.Message{To: phone, Title: "x", Body: strings.Repeat("x", 4090)}},
		{"too large, of quotes", "body", push.Message{To: browser, Title: "x", Body: strings.Repeat("\"", 2100)}},
		{"too much data", "data", push.Message{To: android, Title: "x", Data: map[string]string{"a": strings.Repeat("x", 2500), "b": strings.Repeat("x", 2500)}}},
	} {
		_, err := push.Send.Enqueue(t.Context(), app, test.m)
		var wrong *offload.InputError
		if !errors.As(err, &wrong) || wrong.Field != test.field || wrong.Task != "push" || strings.Contains(err.Error(), "secret-of") {
			t.Errorf("%s: %v; want %s named", test.name, err, test.field)
		}
	}
	input, err := json.Marshal(push.Message{To: push.Target{APNs: &push.Device{Token: "no"}}, Title: "x"})
	if err != nil {
		t.Fatal(err)
	}
	jobs, err := app.Enqueue(t.Context(), offload.NewCall("push", input)) // by name, from elsewhere
	if err == nil {
		app.Drain()
		testpush.WantState(t, app, jobs[0].ID, offload.Discarded, "to.apns.token")
	} else if !strings.Contains(err.Error(), "to.apns.token") {
		t.Error(err)
	}
}

// TestLargestIsTaken sends what just fits, whose tag is still to be filled in.
func TestLargestIsTaken(t *testing.T) {
	app := testpush.New(t, push.Via(push.Keep{}))
	for most, to := range map[int]push.Target{3993: {Web: subscription(t)}, 4096: {APNs: &push.Device{Token: device}}} {
		fits := func(n int) bool {
			return push.Message{To: to, Title: "x", Body: strings.Repeat("x", n)}.Validate() == nil
		}
		n := 3800
		for fits(n + 1) {
			n++
		}
		id := testpush.Enqueue(t, app, push.Message{To: to, Title: "x", Body: strings.Repeat("x", n)})
		app.Drain()
		testpush.WantState(t, app, id, offload.Completed, "")
		page := get(t, push.Inbox(app.App), "/p/"+id.String()+"/").Body.String()
		if n < most-150 || !strings.Contains(page, strings.Repeat("x", n)) {
			t.Errorf("%s: %d bytes of text fit in %d", to.Service(), n, most)
		}
	}
}

func get(t *testing.T, h http.Handler, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
	return w
}

func TestInboxShowsWhatIsKept(t *testing.T) {
	app := testpush.New(t, push.Via(push.Keep{}))
	h := push.Inbox(app.App)
	if page := get(t, h, "/").Body.String(); !strings.Contains(page, "No push has been kept") {
		t.Errorf("the empty list is\n%s", page)
	}
	badge := 2
	m := push.Message{
		To: push.Target{Web: subscription(t)}, Title: "<script>alert(1)</script> für Ada", Body: "<b>It is on its way.</b>", URL: "https://shop.example/7",
		Badge: &badge, Data: map[string]string{"a": "</code><script>"},
	}
	id := testpush.Enqueue(t, app, m)
	app.Drain()
	testpush.WantState(t, app, id, offload.Completed, "")
	at := "/p/" + id.String() + "/"
	list := get(t, h, "/").Body.String()
	if !strings.Contains(list, `href="`+at[1:]+`"`) || strings.Contains(list, "<script") || !strings.Contains(list, "für Ada") || strings.Contains(list, "secret-of") {
		t.Errorf("the list is\n%s", list)
	}
	page := get(t, h, at).Body.String()
	if strings.Contains(page, "<script") || strings.Contains(page, "<b>") || !strings.Contains(page, "web_push") || strings.Contains(page, m.To.Web.Keys.Auth) {
		t.Errorf("the page is\n%s", page)
	}
	for _, path := range []string{"/p/" + offload.NewID().String() + "/", "/p/../", "/p/x/", "/other"} {
		if code := get(t, h, path).Code; code == http.StatusOK {
			t.Errorf("%s is there", path)
		}
	}
	offloadtest.Twice(t, app, push.Send.Call(m), func() any {
		return strings.Count(get(t, h, "/").Body.String(), "<tr>")
	})
}

func TestInboxIsOfAllProcesses(t *testing.T) {
	address := "sqlite:" + filepath.Join(t.TempDir(), "offload.db")
	process := func() *offloadtest.App {
		kit, err := push.New(push.Via(push.Keep{}))
		if err != nil {
			t.Fatal(err)
		}
		app := offloadtest.Open(t, address, kit, offload.LogTo(slog.New(slog.DiscardHandler)))
		t.Cleanup(func() { app.Close() })
		return app
	}
	first, second := process(), process()
	testpush.Enqueue(t, first, push.Message{To: push.Target{FCM: &push.Registration{Token: "abc:def"}}, Title: "of the first"})
	first.Drain()
	if list := get(t, push.Inbox(second.App), "/").Body.String(); !strings.Contains(list, "of the first") {
		t.Errorf("the other process shows\n%s", list)
	}
}

// FuzzTarget reads what a stranger calls a subscription.
func FuzzTarget(f *testing.F) {
	f.Add([]byte(stored))
	f.Add([]byte(`{"endpoint":"https://[::1]:x/","expirationTime":1e308,"keys":{"p256dh":"====","auth":null}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var s push.Subscription
		if json.Unmarshal(text, &s) != nil {
			return
		}
		m := push.Message{To: push.Target{Web: &s}, Title: "x"}
		var wrong *offload.InputError
		if err := m.Validate(); err != nil && !errors.As(err, &wrong) {
			t.Errorf("%q: %v; want a field named", text, err)
		}
	})
}

func TestInboxKeepsTheNewest(t *testing.T) {
	app := testpush.New(t, push.Via(push.Keep{}))
	messages := make([]push.Message, 1100)
	for i := range messages {
		messages[i] = push.Message{To: push.Target{APNs: &push.Device{Token: device}}, Title: fmt.Sprint("push ", i)}
	}
	if _, err := push.Send.EnqueueMany(t.Context(), app, messages); err != nil {
		t.Fatal(err)
	}
	app.Drain()
	if page := get(t, push.Inbox(app.App), "/").Body.String(); !strings.Contains(page, "The newest 200 of 1000 pushes") {
		t.Errorf("the list begins %.300s", page)
	}
}

// A carrier that is the test's.
type carrier struct {
	carries func(to push.Target) bool
	carry   func(ctx context.Context, l *push.Letter) (push.Receipt, error)
	closed  int
}

func (c *carrier) Open() (push.Carrier, error) { return c, nil }
func (c *carrier) Carries(to push.Target) bool { return c.carries == nil || c.carries(to) }
func (c *carrier) Close() error                { c.closed++; return nil }
func (c *carrier) Carry(ctx context.Context, l *push.Letter) (push.Receipt, error) {
	return c.carry(ctx, l)
}

func TestAnExpiredSubscriptionIsGone(t *testing.T) {
	var told *push.GoneError
	app := testpush.New(t, push.Via(push.Keep{}), push.OnGone(func(_ context.Context, gone *push.GoneError) error { told = gone; return nil }))
	s := subscription(t)
	past := float64(time.Now().Add(-time.Minute).UnixMilli())
	s.ExpirationTime = &past
	id := testpush.Enqueue(t, app, push.Message{To: push.Target{Web: s}, Title: "x"})
	app.Drain()
	testpush.WantState(t, app, id, offload.Discarded, "expirationTime")
	if told == nil || told.Target.Address() != s.Endpoint {
		t.Errorf("told %+v", told)
	}
	future := float64(time.Now().Add(time.Hour).UnixMilli())
	s.ExpirationTime = &future
	id = testpush.Enqueue(t, app, push.Message{To: push.Target{Web: s}, Title: "x"})
	app.Drain()
	testpush.WantState(t, app, id, offload.Completed, "")
}

func TestAServiceThatAnotherProcessHas(t *testing.T) {
	c := &carrier{carries: func(to push.Target) bool { return to.APNs != nil }}
	app := testpush.New(t, push.Via(c))
	id := testpush.Enqueue(t, app, push.Message{To: push.Target{Web: subscription(t)}, Title: "x"})
	app.Drain()
	testpush.WantState(t, app, id, offload.Retryable, "see Via")
	app.Close()
	if c.closed != 1 {
		t.Errorf("closed %d times; want once", c.closed)
	}
}

func TestAnotherTask(t *testing.T) {
	news := push.Named("newsletter")
	var got []string
	c := &carrier{carry: func(_ context.Context, l *push.Letter) (push.Receipt, error) {
		got = append(got, l.Title)
		return push.Receipt{Service: "test"}, nil
	}}
	app := testpush.New(t, push.Via(c), push.Tasks(push.Send, news))
	m := push.Message{To: push.Target{Web: subscription(t)}, Title: "login"}
	testpush.Enqueue(t, app, m)
	m.Title = "news"
	job, err := news.Enqueue(t.Context(), app, m)
	if err != nil || job.Queue != "newsletter" {
		t.Fatalf("%+v, %v", job, err)
	}
	app.Drain()
	testpush.WantState(t, app, job.ID, offload.Completed, "")
	if len(got) != 2 {
		t.Errorf("sent %v", got)
	}
}

func TestAuthIsASecret(t *testing.T) {
	app := testpush.New(t, push.Via(push.Keep{}))
	s := subscription(t)
	id := testpush.Enqueue(t, app, push.Message{To: push.Target{Web: s}, Title: "x"})
	job := testpush.WantState(t, app, id, offload.Available, "")
	if strings.Contains(string(job.Input), s.Keys.Auth) || !strings.Contains(string(job.Input), s.Keys.P256dh) {
		t.Errorf("the input is seen as %s", job.Input)
	}
}

func TestKitSaysWhatIsWrongWithIt(t *testing.T) {
	for field, opts := range map[string][]push.Option{
		"Via":   {nil},
		"Tasks": {push.Via(push.Keep{}), push.Tasks()},
	} {
		_, err := push.New(opts...)
		var wrong *offload.InputError
		if !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("%v; want %s named", err, field)
		}
	}
	c := &carrier{}
	if _, err := push.New(push.Via(c), push.Via(nil)); err == nil || c.closed != 1 {
		t.Errorf("%v; what was open is closed %d times, want once", err, c.closed)
	}
}
