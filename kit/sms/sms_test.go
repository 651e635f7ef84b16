package sms_test

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/testpg"
	"github.com/offloadhq/offload/kit/sms"
	"github.com/offloadhq/offload/kit/sms/twilio"
	"github.com/offloadhq/offload/offloadtest"
	_ "github.com/offloadhq/offload/store/postgres"
	_ "github.com/offloadhq/offload/store/sqlite"
)

var quiet = offload.LogTo(slog.New(slog.DiscardHandler))

func newKit(t *testing.T, via sms.Provider, opts ...sms.Option) *sms.Kit {
	t.Helper()
	kit, err := sms.New(via, append([]sms.Option{sms.From("+15005550006"), withReceipts()}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return kit
}

func newApp(t *testing.T, kit *sms.Kit) *offloadtest.App {
	t.Helper()
	app := offloadtest.New(kit, quiet)
	t.Cleanup(func() { app.Close() })
	return app
}

var hello = sms.Message{To: "+436641234567", Text: "Your parcel comes at three."}

func enqueued(t *testing.T, app *offloadtest.App, m sms.Message) offload.ID {
	t.Helper()
	job, err := sms.Send.Enqueue(t.Context(), app, m)
	if err != nil {
		t.Fatal(err)
	}
	return job.ID
}

func wantJob(t *testing.T, app *offloadtest.App, id offload.ID, state offload.State, says string) *offload.Job {
	t.Helper()
	job, err := app.Job(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if job.State != state || !strings.Contains(job.Error, says) {
		t.Errorf("the job is %s (%s), want %s (%s)", job.State, job.Error, state, says)
	}
	return job
}

func wantDelivery(t *testing.T, app *offloadtest.App, id offload.ID, want sms.State) sms.Delivery {
	t.Helper()
	d, err := sms.DeliveryOf(t.Context(), app.App, id)
	if err != nil || d.State != want {
		t.Errorf("the delivery is %+v, %v; want %s", d, err, want)
	}
	return d
}

func wantMessages(t *testing.T, s *phoneServer, n int) []texted {
	t.Helper()
	all := s.messages()
	if len(all) != n {
		t.Errorf("the provider has %d messages, want %d: %+v", len(all), n, all)
	}
	return all
}

func TestMessageIsTakenAndDelivered(t *testing.T) {
	server := newPhoneServer(t)
	kit := newKit(t, server.provider())
	app := newApp(t, kit)
	id := enqueued(t, app, hello)
	if _, err := sms.DeliveryOf(t.Context(), app.App, id); !errors.Is(err, offload.ErrNotFound) {
		t.Errorf("before the first attempt: %v, want ErrNotFound", err)
	}
	app.Drain()
	wantJob(t, app, id, offload.Completed, "")
	m := wantMessages(t, server, 1)[0]
	if m.to != hello.To || m.body != hello.Text || m.from != "+15005550006" {
		t.Errorf("the provider has %+v", m)
	}
	got, err := sms.Send.Wait(t.Context(), app.App, id)
	if want := (sms.Receipt{ID: m.sid, Via: "twilio", Segments: 1}); err != nil || got != want {
		t.Errorf("the receipt is %+v, %v; want %+v", got, err, want)
	}
	wantDelivery(t, app, id, sms.Queued)
	h := kit.Handler(app.App)
	for _, status := range []string{"sent", "delivered", "sent", "queued", "undelivered", "failed", "a word of tomorrow"} {
		if code := give(h, receipt(m, status, nil)); code != http.StatusNoContent {
			t.Errorf("the receipt %q is answered %d", status, code)
		}
	}
	if d := wantDelivery(t, app, id, sms.Delivered); d.Reason != "" || d.ID != m.sid || d.At.IsZero() {
		t.Errorf("the delivery is %+v", d)
	}
}

func TestReceiptsInAnyOrder(t *testing.T) {
	for name, address := range map[string]func() string{
		"sqlite":   func() string { return filepath.Join(t.TempDir(), "sms.db") },
		"postgres": func() string { return testpg.URL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			server := newPhoneServer(t)
			kit := newKit(t, server.provider())
			app := offloadtest.Open(t, address(), kit, quiet)
			id := enqueued(t, app, hello)
			h := kit.Handler(app.App)
			app.Drain()
			m := wantMessages(t, server, 1)[0]
			words := []string{"queued", "sending", "sent", "sent", "undelivered", "delivered", "queued", "delivered"}
			rand.Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
			var all sync.WaitGroup
			for _, word := range words {
				all.Go(func() {
					for range 3 {
						if code := give(h, receipt(m, word, url.Values{"ErrorCode": {"30003"}})); code != http.StatusNoContent {
							t.Errorf("the receipt %q is answered %d", word, code)
						}
					}
				})
			}
			all.Wait()
			wantDelivery(t, app, id, sms.Delivered)
		})
	}
}

func TestForgedReceiptsAreRefused(t *testing.T) {
	server := newPhoneServer(t)
	kit := newKit(t, server.provider())
	app := newApp(t, kit)
	id := enqueued(t, app, hello)
	app.Drain()
	m := wantMessages(t, server, 1)[0]
	h := kit.Handler(app.App)
	for name, test := range map[string]struct {
		change func(r *http.Request)
		want   int
	}{
		"no signature":      {func(r *http.Request) { r.Header.Del("X-Twilio-Signature") }, 403},
		"another signature": {func(r *http.Request) { r.Header.Set("X-Twilio-Signature", "AAAA") }, 403},
		"a query":           {func(r *http.Request) { r.URL.RawQuery = "MessageStatus=delivered" }, 403},
		"another provider":  {func(r *http.Request) { r.URL.Path = strings.Replace(r.URL.Path, "twilio", "other", 1) }, 404},
		"another token":     {func(r *http.Request) { r.URL.Path = r.URL.Path[:len(r.URL.Path)-2] + "AA" }, 404},
		"a PUT":             {func(r *http.Request) { r.Method = "PUT" }, 405},
	} {
		r := receipt(m, "delivered", nil)
		test.change(r)
		if code := give(h, r); code != test.want {
			t.Errorf("%s: answered %d, want %d", name, code, test.want)
		}
	}
	if code := give(h, receipt(m, "delivered", url.Values{"AccountSid": {"ACother"}})); code != 403 {
		t.Errorf("of another account: answered %d", code)
	}
	wantDelivery(t, app, id, sms.Queued)
}

func TestWhatIsTriedAgain(t *testing.T) {
	for name, test := range map[string]struct {
		bad   misdeed
		after time.Duration
		says  string
	}{
		"too many":       {misdeed{status: 429, code: 20429, retryAfter: "30"}, 30 * time.Second, "error 20429"},
		"busy":           {misdeed{status: 503, retryAfter: "7"}, 7 * time.Second, "status 503"},
		"signed out":     {misdeed{status: 401, code: 20003}, time.Hour, "error 20003"},
		"in doubt":       {misdeed{status: 500, code: 20500}, 2 * time.Minute, "status 500"},
		"a broken proxy": {misdeed{status: 502, body: "<html>"}, 2 * time.Minute, "status 502"},
		"cut":            {misdeed{cut: true}, 2 * time.Minute, "may have the message"},
	} {
		t.Run(name, func(t *testing.T) {
			server := newPhoneServer(t)
			app := newApp(t, newKit(t, server.provider()))
			id := enqueued(t, app, hello)
			server.will(test.bad)
			app.Drain()
			wantJob(t, app, id, offload.Retryable, test.says)
			app.Advance(test.after)
			app.Drain()
			wantJob(t, app, id, offload.Completed, "")
			wantMessages(t, server, 1)
			wantDelivery(t, app, id, sms.Queued)
		})
	}
}

func TestWhatIsRefusedIsDiscarded(t *testing.T) {
	server := newPhoneServer(t)
	app := newApp(t, newKit(t, server.provider(), sms.MaxSegments(1)))
	none := enqueued(t, app, sms.Message{To: "+15005550001", Text: "Hello."})
	long := enqueued(t, app, sms.Message{To: hello.To, Text: strings.Repeat("a", 161)})
	app.Drain()
	wantJob(t, app, none, offload.Discarded, "status 400, error 21211")
	wantJob(t, app, long, offload.Discarded, "2 segments of GSM-7")
	wantMessages(t, server, 0)
	if d := wantDelivery(t, app, none, sms.Failed); d.Code != "21211" {
		t.Errorf("the delivery is %+v", d)
	}
}

func TestInDoubt(t *testing.T) {
	takenAndCut := misdeed{take: true, cut: true}
	t.Run("the receipt says that it was taken", func(t *testing.T) {
		server := newPhoneServer(t)
		server.hidden = true
		kit := newKit(t, server.provider())
		app := newApp(t, kit)
		id := enqueued(t, app, hello)
		server.will(misdeed{take: true, cut: true, before: func(m texted) { give(kit.Handler(app.App), receipt(m, "sent", nil)) }})
		app.Drain()
		wantJob(t, app, id, offload.Retryable, "may have the message")
		app.Advance(2 * time.Minute)
		app.Drain()
		wantJob(t, app, id, offload.Completed, "")
		m := wantMessages(t, server, 1)[0]
		if d := wantDelivery(t, app, id, sms.Sent); d.ID != m.sid {
			t.Errorf("the delivery is %+v", d)
		}
	})
	t.Run("the list says that it was taken", func(t *testing.T) {
		server := newPhoneServer(t)
		app := newApp(t, newKit(t, server.provider()))
		other := enqueued(t, app, hello) // of the same text, and not in doubt
		app.Drain()
		id := enqueued(t, app, hello)
		server.will(takenAndCut)
		app.Drain()
		app.Advance(2 * time.Minute)
		app.Drain()
		all := wantMessages(t, server, 2)
		if a, b := wantDelivery(t, app, other, sms.Queued), wantDelivery(t, app, id, sms.Queued); a.ID != all[0].sid || b.ID != all[1].sid {
			t.Errorf("the deliveries are %+v and %+v", a, b)
		}
		wantJob(t, app, id, offload.Completed, "")
	})
	t.Run("the message of another job is not this one's", func(t *testing.T) {
		server := newPhoneServer(t)
		app := newApp(t, newKit(t, server.provider()))
		enqueued(t, app, hello)
		app.Drain()
		id := enqueued(t, app, hello)
		server.will(misdeed{cut: true})
		app.Drain()
		app.Advance(2 * time.Minute)
		app.Drain()
		wantMessages(t, server, 2)
		wantJob(t, app, id, offload.Completed, "")
	})
	t.Run("never twice", func(t *testing.T) {
		server := newPhoneServer(t)
		server.hidden = true
		app := newApp(t, newKit(t, server.provider(), sms.NeverTwice()))
		id := enqueued(t, app, hello)
		server.will(takenAndCut)
		app.Drain()
		app.Advance(2 * time.Minute)
		app.Drain()
		wantJob(t, app, id, offload.Discarded, "nobody knows")
		wantMessages(t, server, 1)
		wantDelivery(t, app, id, sms.Failed)
		if err := app.Retry(t.Context(), id); err != nil { // by somebody who has looked
			t.Fatal(err)
		}
		app.Drain()
		wantJob(t, app, id, offload.Completed, "")
		wantMessages(t, server, 2)
	})
	t.Run("the process ends while it asks", func(t *testing.T) {
		server := newPhoneServer(t)
		p := &dying{Provider: server.provider()}
		app := newApp(t, newKit(t, p))
		id := enqueued(t, app, hello)
		app.Drain()
		wantDelivery(t, app, id, sms.Sending)
		app.Advance(24 * time.Hour / 2)
		app.Drain()
		wantJob(t, app, id, offload.Completed, "")
		wantMessages(t, server, 1)
	})
}

// dying takes a message and then ends in the worst way, once.
type dying struct {
	twilio.Provider
	died bool
}

func (d *dying) Send(ctx context.Context, m sms.Outgoing) (sms.Report, error) {
	r, err := d.Provider.Send(ctx, m)
	if !d.died {
		d.died = true
		panic("the end")
	}
	return r, err
}

func TestFailOver(t *testing.T) {
	first, second := newPhoneServer(t), newPhoneServer(t)
	app := newApp(t, newKit(t, first.provider(), sms.FailOver(other{second.provider()})))
	id := enqueued(t, app, hello)
	first.will(misdeed{status: 503})
	app.Drain()
	wantJob(t, app, id, offload.Completed, "")
	wantMessages(t, first, 0)
	wantMessages(t, second, 1)
	if d := wantDelivery(t, app, id, sms.Queued); d.Via != "other" {
		t.Errorf("it went by %q", d.Via)
	}
	doubtful := enqueued(t, app, hello)
	first.will(misdeed{take: true, cut: true})
	app.Drain()
	wantJob(t, app, doubtful, offload.Retryable, "may have the message")
	wantMessages(t, second, 1) // it is not asked for what the first may have
	down := newPhoneServer(t)
	down.Close()
	app = newApp(t, newKit(t, down.provider(), sms.FailOver(other{second.provider()})))
	id = enqueued(t, app, hello)
	app.Drain()
	wantJob(t, app, id, offload.Completed, "")
	wantMessages(t, second, 2)
}

type other struct{ twilio.Provider }

func (other) Name() string { return "other" }

func TestTwiceIsOnce(t *testing.T) {
	server := newPhoneServer(t)
	app := newApp(t, newKit(t, server.provider()))
	offloadtest.Twice(t, app, sms.Send.Call(hello), func() any { return server.messages() })
	wantMessages(t, server, 1)
}

func TestWhatCannotBeSentIsRefused(t *testing.T) {
	app := newApp(t, newKit(t, sms.Keep{}))
	for name, test := range map[string]struct {
		m     sms.Message
		field string
	}{
		"nobody":             {sms.Message{Text: "x"}, "to"},
		"a national number":  {sms.Message{To: "06641234567", Text: "x"}, "to"},
		"two zeros":          {sms.Message{To: "00436641234567", Text: "x"}, "to"},
		"with spaces":        {sms.Message{To: "+43 664 1234567", Text: "x"}, "to"},
		"a country of 0":     {sms.Message{To: "+0436641234567", Text: "x"}, "to"},
		"too long":           {sms.Message{To: "+4366412345678901", Text: "x"}, "to"},
		"other digits":       {sms.Message{To: "+٤٣٦٦٤١٢٣٤٥٦٧", Text: "x"}, "to"},
		"a bad sender":       {sms.Message{To: hello.To, From: "+1", Text: "x"}, "from"},
		"a sender of lines":  {sms.Message{To: hello.To, From: "a\nb", Text: "x"}, "from"},
		"no text":            {sms.Message{To: hello.To, Text: " \n"}, "text"},
		"no characters":      {sms.Message{To: hello.To, Text: "\xff"}, "text"},
		"more than can be":   {sms.Message{To: hello.To, Text: strings.Repeat("a", 255*153+1)}, "text"},
		"more than can be 2": {sms.Message{To: hello.To, Text: strings.Repeat("ж", 255*67+1)}, "text"},
	} {
		var wrong *offload.InputError
		if _, err := sms.Send.Enqueue(t.Context(), app, test.m); !errors.As(err, &wrong) || wrong.Field != test.field {
			t.Errorf("%s: %v, want an InputError of %q", name, err, test.field)
		}
	}
}

func TestWhatNoKitCanBeIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		via   sms.Provider
		opt   sms.Option
		field string
	}{
		"no provider":    {nil, nil, "provider"},
		"no account":     {twilio.Provider{AuthToken: "x"}, nil, "AccountSID"},
		"no token":       {twilio.Provider{AccountSID: account}, nil, "AuthToken"},
		"half a key":     {twilio.Provider{AccountSID: account, AuthToken: "x", KeySID: "SK1"}, nil, "KeySID"},
		"no URL":         {twilio.Provider{AccountSID: account, AuthToken: "x", URL: "ftp://x"}, nil, "URL"},
		"no URL of HTTP": {sms.HTTP{}, nil, "URL"},
		"a bad template": {sms.HTTP{URL: "https://x/", Body: "{{.Phone}}"}, nil, "Body"},
		"a bad name":     {sms.HTTP{URL: "https://x/", Label: "a/b"}, nil, "provider"},
		"a state":        {sms.HTTP{URL: "https://x/", States: map[string]sms.State{"OK": "ok"}}, nil, "States"},
		"twice the same": {sms.Keep{}, sms.FailOver(sms.Keep{}), "provider"},
		"a bad sender":   {sms.Keep{}, sms.From("+12"), "From"},
		"no segments":    {sms.Keep{}, sms.MaxSegments(0), "MaxSegments"},
		"no tasks":       {sms.Keep{}, sms.Tasks(), "Tasks"},
		"no folder":      {sms.Keep{}, sms.Receipts("https://shop.example/sms", key), "Receipts"},
		"a short key":    {sms.Keep{}, sms.Receipts("https://shop.example/sms/", []byte("short")), "keys"},
		"kept too short": {sms.Keep{}, sms.KeepFor(time.Hour), "KeepFor"},
	} {
		var wrong *offload.InputError
		if _, err := sms.New(test.via, test.opt); !errors.As(err, &wrong) || wrong.Field != test.field {
			t.Errorf("%s: %v, want an InputError of %q", name, err, test.field)
		}
	}
}

// doubtful never says whether it has a message, and remembers how it was asked.
type doubtful struct {
	sms.Keep
	asked []sms.Outgoing
	found []time.Time
}

func (d *doubtful) Send(_ context.Context, m sms.Outgoing) (sms.Report, error) {
	d.asked = append(d.asked, m)
	return sms.Report{}, errors.New("no answer")
}

func (d *doubtful) Find(_ context.Context, m sms.Outgoing) ([]sms.Report, error) {
	d.found = append(d.found, m.Asked)
	return nil, nil
}

func TestFindGoesBackToTheFirstAsk(t *testing.T) {
	p := &doubtful{}
	app := newApp(t, newKit(t, p))
	id := enqueued(t, app, hello)
	for range 3 {
		app.Drain()
		app.Advance(2 * time.Minute)
	}
	if len(p.asked) != 3 || len(p.found) != 2 {
		t.Fatalf("it was asked %d times, and %d times for what it has", len(p.asked), len(p.found))
	}
	for _, at := range p.found {
		if !at.Equal(p.asked[0].Asked) || at.IsZero() {
			t.Errorf("it was asked for messages since %v, want since %v", at, p.asked[0].Asked)
		}
	}
	for _, m := range p.asked {
		if m.ID != id || m.Callback != "" {
			t.Errorf("it was asked for %+v", m)
		}
	}
}

func TestLimitOfANumber(t *testing.T) {
	codes := sms.Named("sms.code", offload.Limit{Name: "sms-number", Max: 2, Per: time.Hour, By: "to"})
	server := newPhoneServer(t)
	app := newApp(t, newKit(t, server.provider(), sms.Tasks(codes)))
	for _, to := range []string{hello.To, hello.To, hello.To, "+436640000000"} {
		if _, err := codes.Enqueue(t.Context(), app, sms.Message{To: to, Text: "Your code is 4711."}); err != nil {
			t.Fatal(err)
		}
	}
	app.Drain()
	wantMessages(t, server, 3)
}
