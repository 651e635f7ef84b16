package webpush_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/testpush"
	"github.com/offloadhq/offload/kit/push"
	"github.com/offloadhq/offload/kit/push/webpush"
	"github.com/offloadhq/offload/offloadtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A pushService takes pushes for a browser, checks them, and answers as answer says; nil answers 201.
type pushService struct {
	*httptest.Server
	browser *browser
	keys    webpush.Keys

	mu     sync.Mutex
	answer func(w http.ResponseWriter, n int) // to the nth request
	got    []got
}

// A got is a push as it arrived.
type got struct {
	header  http.Header
	payload string
	size    int
}

func newPushService(t *testing.T) *pushService { return newPushServiceOf(t, true) }

func newPushServiceOf(t *testing.T, http2 bool) *pushService {
	t.Helper()
	keys, err := webpush.NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	s := &pushService{browser: newBrowser(t), keys: keys}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(s.take))
	s.EnableHTTP2 = http2
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func (s *pushService) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if err := checkVAPID(r, s.keys.Public); err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	text, err := s.browser.decrypt(body)
	if err != nil || r.Header.Get("Content-Encoding") != "aes128gcm" || r.Header.Get("TTL") == "" || r.Method != "POST" {
		http.Error(w, fmt.Sprint("unreadable: ", err), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	s.got = append(s.got, got{r.Header.Clone(), string(text), len(body)})
	n, answer := len(s.got), s.answer
	s.mu.Unlock()
	if answer != nil {
		answer(w, n)
		return
	}
	w.Header().Set("Location", "https://"+r.Host+"/message/"+strconv.Itoa(n))
	w.WriteHeader(http.StatusCreated)
}

func (s *pushService) all() []got {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]got(nil), s.got...)
}

func (s *pushService) answers(f func(w http.ResponseWriter, n int)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = f
}

// service is one that may reach the test's server, which is on this machine.
func (s *pushService) service(t *testing.T) webpush.Service {
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return webpush.Service{
		Keys: s.keys, Contact: "mailto:ops@shop.example", Ports: []uint16{uint16(port)},
		AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, TLS: &tls.Config{RootCAs: roots},
	}
}

func (s *pushService) message(t *testing.T) push.Message {
	return push.Message{
		To: push.Target{Web: s.browser.subscription(t, s.URL+"/send/secret-of-the-endpoint-7")}, Title: "Your order", Body: "It is <on> its way.",
		URL: "https://shop.example/orders/7",
	}
}

func wantState(t *testing.T, app *offloadtest.App, id offload.ID, want offload.State, text string) *offload.Job {
	t.Helper()
	return testpush.WantState(t, app, id, want, text, "secret-of")
}

func TestTheBrowserReadsWhatIsSent(t *testing.T) {
	s := newPushService(t)
	app := testpush.New(t, push.Via(s.service(t)))
	badge := 3
	m := s.message(t)
	m.Tag, m.TTL, m.Urgency, m.Badge, m.Data = "order-7", 60, push.High, &badge, map[string]string{"order": "7"}
	id := testpush.Enqueue(t, app, m)
	app.Drain()
	job := wantState(t, app, id, offload.Completed, "")
	var receipt push.Receipt
	if err := json.Unmarshal(job.Result, &receipt); err != nil || receipt.Service != "web" || receipt.ID != s.URL+"/message/1" {
		t.Errorf("the receipt is %s, %v", job.Result, err)
	}
	all := s.all()
	if len(all) != 1 {
		t.Fatalf("%d pushes", len(all))
	}
	const want = `{"web_push":8030,"notification":{"title":"Your order","body":"It is <on> its way.","navigate":"https://shop.example/orders/7",` +
		`"tag":"order-7","data":{"order":"7"}},"app_badge":3}`
	if all[0].payload != want {
		t.Errorf("the browser read\n%s\nwant\n%s", all[0].payload, want)
	}
	h := all[0].header
	if topic := h.Get("Topic"); h.Get("TTL") != "60" || h.Get("Urgency") != "high" || len(topic) != 32 || strings.Contains(topic, "order") {
		t.Errorf("the headers are %v", h)
	}
}

func TestTokenIsUsedAgain(t *testing.T) {
	s := newPushService(t)
	app := testpush.New(t, push.Via(s.service(t)))
	for range 2 {
		testpush.Enqueue(t, app, s.message(t))
	}
	app.Drain()
	if all := s.all(); len(all) != 2 || all[0].header.Get("Authorization") != all[1].header.Get("Authorization") {
		t.Errorf("%d pushes; want 2 with one token", len(all))
	}
}

// TestRefusedTokenIsNotUsedAgain is a service for which the token has expired, whatever the clock here says.
func TestRefusedTokenIsNotUsedAgain(t *testing.T) {
	s := newPushService(t)
	s.answers(func(w http.ResponseWriter, n int) {
		if n == 1 {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.WriteHeader(http.StatusCreated)
	})
	app := testpush.New(t, push.Via(s.service(t)))
	id := testpush.Enqueue(t, app, s.message(t))
	app.Drain()
	app.Advance(time.Hour)
	app.Drain()
	wantState(t, app, id, offload.Completed, "")
	if all := s.all(); len(all) != 2 || all[0].header.Get("Authorization") == all[1].header.Get("Authorization") {
		t.Errorf("%d pushes; want 2 with another token each", len(all))
	}
}

func TestStatusDecides(t *testing.T) {
	for _, test := range []struct {
		status int
		want   offload.State
		kind   string
		text   string
	}{
		{200, offload.Completed, "", ""},
		{202, offload.Completed, "", ""},
		{302, offload.Discarded, "*push.AnswerError", "302"},
		{400, offload.Discarded, "*push.AnswerError", "400 Bad Request: so it is"},
		{401, offload.Retryable, "*push.AnswerError", "401"},
		{403, offload.Discarded, "*push.AnswerError", "403"},
		{404, offload.Discarded, "*push.GoneError", "the target is no more: status 404"},
		{410, offload.Discarded, "*push.GoneError", "the target is no more: status 410"},
		{413, offload.Discarded, "*push.AnswerError", "413"},
		{429, offload.Retryable, "*push.AnswerError", "429"},
		{500, offload.Retryable, "*push.AnswerError", "500"},
		{503, offload.Retryable, "*push.AnswerError", "503"},
	} {
		t.Run(strconv.Itoa(test.status), func(t *testing.T) {
			s := newPushService(t)
			s.answers(func(w http.ResponseWriter, _ int) {
				w.Header().Set("Location", "https://elsewhere.example/")
				w.WriteHeader(test.status)
				fmt.Fprint(w, "so\r\nit \x1bis")
			})
			app := testpush.New(t, push.Via(s.service(t)))
			id := testpush.Enqueue(t, app, s.message(t))
			app.Drain()
			wantState(t, app, id, test.want, test.text)
			failures, err := app.Failures(t.Context(), id)
			if test.kind != "" && (err != nil || len(failures) != 1 || failures[0].Kind != test.kind) {
				t.Errorf("failures %+v, %v; want one %s", failures, err, test.kind)
			}
			if n := len(s.all()); n != 1 {
				t.Errorf("%d requests; want 1", n)
			}
		})
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	s := newPushService(t)
	s.answers(func(w http.ResponseWriter, n int) {
		if n == 1 {
			w.Header().Set("Retry-After", "7200")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		w.WriteHeader(http.StatusCreated)
	})
	app := testpush.New(t, push.Via(s.service(t)))
	id := testpush.Enqueue(t, app, s.message(t))
	app.Drain()
	app.Advance(2*time.Hour - time.Second)
	if app.Drain(); len(s.all()) != 1 {
		t.Errorf("%d requests before the time; want 1", len(s.all()))
	}
	app.Advance(13 * time.Minute)
	app.Drain()
	wantState(t, app, id, offload.Completed, "429")
}

// TestLostAnswer is a push that was taken, whose answer got lost: it comes again, and the browser shows it in place of the first.
func TestLostAnswer(t *testing.T) {
	for _, http2 := range []bool{true, false} {
		lostAnswer(t, newPushServiceOf(t, http2))
	}
}

func lostAnswer(t *testing.T, s *pushService) {
	t.Helper()
	s.answers(func(w http.ResponseWriter, n int) {
		if n == 1 {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(http.StatusCreated)
	})
	app := testpush.New(t, push.Via(s.service(t)))
	id := testpush.Enqueue(t, app, s.message(t))
	app.Drain()
	wantState(t, app, id, offload.Retryable, "web: 127.0.0.1:")
	app.Advance(time.Hour)
	app.Drain()
	wantState(t, app, id, offload.Completed, "")
	all := s.all()
	if len(all) != 2 || all[0].payload != all[1].payload || !strings.Contains(all[0].payload, `"tag":"`+id.String()+`"`) {
		t.Errorf("sent %+v; want two alike, with the job's id as tag", all)
	}
}

// TestCutAnswer is a push that was taken, whose answer ends in the middle: what was said counts.
func TestCutAnswer(t *testing.T) {
	s := newPushService(t)
	s.answers(func(w http.ResponseWriter, _ int) {
		w.Header().Set("Content-Length", "1000")
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, "taken")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	app := testpush.New(t, push.Via(s.service(t)))
	id := testpush.Enqueue(t, app, s.message(t))
	app.Drain()
	wantState(t, app, id, offload.Completed, "")
}

func TestTwiceIsOnce(t *testing.T) {
	s := newPushService(t)
	app := testpush.New(t, push.Via(s.service(t)))
	offloadtest.Twice(t, app, push.Send.Call(s.message(t)), func() any { return len(s.all()) })
}

// TestSlowService ends with its context, not with the service.
func TestSlowService(t *testing.T) {
	s := newPushService(t)
	arrived, end := make(chan struct{}), make(chan struct{})
	s.answers(func(http.ResponseWriter, int) { close(arrived); <-end })
	defer close(end)
	carrier, err := s.service(t).Open()
	if err != nil {
		t.Fatal(err)
	}
	defer carrier.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the program stops")
	go func() { <-arrived; cancel(why) }()
	_, err = carrier.Carry(ctx, &push.Letter{Message: s.message(t), ID: offload.NewID(), Payload: []byte("{}"), Headers: map[string]string{"TTL": "60"}})
	if !errors.Is(err, why) || strings.Contains(err.Error(), "secret-of") {
		t.Errorf("%v; want why the context ended", err)
	}
}

func TestGoneIsTold(t *testing.T) {
	s := newPushService(t)
	s.answers(func(w http.ResponseWriter, _ int) { w.WriteHeader(http.StatusGone) })
	var told []*push.GoneError
	app := testpush.New(t, push.Via(s.service(t)), push.OnGone(func(_ context.Context, gone *push.GoneError) error {
		if told = append(told, gone); len(told) == 1 {
			return errors.New("the table is locked")
		}
		return nil
	}))
	m := s.message(t)
	id := testpush.Enqueue(t, app, m)
	app.Drain()
	wantState(t, app, id, offload.Retryable, "the table is locked")
	app.Advance(time.Hour)
	app.Drain()
	wantState(t, app, id, offload.Discarded, "the target is no more")
	if len(told) != 2 || told[1].Target.Address() != m.To.Web.Endpoint || told[1].Target.Web.Keys.Auth == "" {
		t.Errorf("told %+v; want the whole target, twice", told)
	}
}

func TestPrivateAddressesAreRefused(t *testing.T) {
	s := newPushService(t)
	service := s.service(t)
	service.AllowPrivate = nil
	app := testpush.New(t, push.Via(service))
	port := s.URL[strings.LastIndex(s.URL, ":"):]
	for _, endpoint := range []string{"https://127.0.0.1", "https://localhost", "https://[::1]", "https://[::ffff:127.0.0.1]", "https://169.254.169.254", "https://10.0.0.1"} {
		m := s.message(t)
		m.To.Web.Endpoint = endpoint + port + "/x"
		id := testpush.Enqueue(t, app, m)
		app.Drain()
		wantState(t, app, id, offload.Discarded, "want one that is reached on the public internet")
	}
	m := s.message(t)
	m.To.Web.Endpoint = "https://127.0.0.1:22/x"
	id := testpush.Enqueue(t, app, m)
	app.Drain()
	wantState(t, app, id, offload.Discarded, "the port 22")
	if n := len(s.all()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestServiceSaysWhatIsWrongWithIt(t *testing.T) {
	keys, err := webpush.NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	other, err := webpush.NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	good := "mailto:ops@shop.example"
	for _, test := range []struct {
		service webpush.Service
		field   string
	}{
		{webpush.Service{Contact: good}, "Keys.Private"},
		{webpush.Service{Contact: good, Keys: webpush.Keys{Private: strings.Repeat("A", 43)}}, "Keys.Private"},
		{webpush.Service{Contact: good, Keys: webpush.Keys{Private: strings.Repeat("_", 42) + "8"}}, "Keys.Private"},
		{webpush.Service{Contact: good, Keys: webpush.Keys{Public: other.Public, Private: keys.Private}}, "Keys.Public"},
		{webpush.Service{Keys: keys}, "Contact"},
		{webpush.Service{Keys: keys, Contact: "ops@shop.example"}, "Contact"},
		{webpush.Service{Keys: keys, Contact: "http://shop.example"}, "Contact"},
	} {
		_, err := push.New(push.Via(test.service))
		var wrong *offload.InputError
		if !errors.As(err, &wrong) || wrong.Field != test.field || strings.Contains(err.Error(), keys.Private) {
			t.Errorf("%v: %v; want %s named", test.service, err, test.field)
		}
	}
	if text := fmt.Sprintf("%v %+v %#v", webpush.Service{Keys: keys}, keys, keys); strings.Contains(text, keys.Private) {
		t.Errorf("%s shows the private key", text)
	}
	padded := webpush.Keys{Private: keys.Private + "=\n"}
	kit, err := push.New(push.Via(webpush.Service{Keys: padded, Contact: "https://shop.example/contact"}))
	if err != nil || kit == nil {
		t.Error(err)
	}
}
