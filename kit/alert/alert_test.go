package alert_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/alert"
	"github.com/offloadhq/offload/kit/mail"
	"github.com/offloadhq/offload/kit/webhook"
	"github.com/offloadhq/offload/offloadtest"
	_ "github.com/offloadhq/offload/store/postgres"
	_ "github.com/offloadhq/offload/store/sqlite"
)

func TestMain(m *testing.M) {
	if address := os.Getenv("ALERT_CHILD"); address != "" {
		child(address)
		return
	}
	goleak.VerifyTestMain(m)
}

// A desk is a server that takes alerts, and answers as told.
type desk struct {
	*httptest.Server
	mu     sync.Mutex
	got    []string // bodies
	header []http.Header
	answer http.HandlerFunc
}

func openDesk(t *testing.T, answer http.HandlerFunc) *desk {
	d := &desk{answer: answer}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		d.mu.Lock()
		d.got, d.header = append(d.got, string(body)), append(d.header, r.Header)
		answer := d.answer
		d.mu.Unlock()
		if answer != nil {
			answer(w, r)
		}
	}))
	t.Cleanup(d.Close)
	return d
}

func (d *desk) say(answer http.HandlerFunc) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.answer = answer
}

// all returns what has come since the last call.
func (d *desk) all() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	got := d.got
	d.got, d.header = nil, nil
	return got
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// A house is an app in memory with a kit, whose clock the test moves.
type house struct {
	*testing.T
	*offloadtest.App
	alerts *alert.Alerts
	told   []alert.Notice // by the channel "me"
	fail   error          // of that channel
}

func build(t *testing.T, parts []offload.Part, opts ...alert.Option) *house {
	t.Helper()
	h := &house{T: t}
	me := alert.Func("me", func(_ context.Context, n alert.Notice) error {
		if h.fail != nil {
			return h.fail
		}
		h.told = append(h.told, n)
		return nil
	})
	kit, err := alert.New(append(opts, me)...)
	if err != nil {
		t.Fatal(err)
	}
	h.App = offloadtest.New(append(parts, kit, unable, offload.LogTo(slog.New(slog.DiscardHandler)))...)
	t.Cleanup(func() { h.Close() })
	h.alerts = kit.For(h.App.App)
	if err := h.operator().PauseQueue(t.Context(), "slow"); err != nil {
		t.Fatal(err)
	}
	return h
}

// look looks, runs the kit's own jobs, and returns what was told.
func (h *house) look() []string {
	h.Helper()
	if _, err := h.store().GroupErrors(h.Context(), 1000); err != nil { // as an app does by itself while it runs
		h.Error(err)
	}
	if err := h.alerts.Look(h.Context()); err != nil {
		h.Error(err)
	}
	h.Drain()
	var said []string
	for _, n := range h.told {
		said = append(said, string(n.Do)+": "+n.Title)
	}
	h.told = nil
	return said
}

// want looks, and compares what was told.
func (h *house) want(step string, want ...string) {
	h.Helper()
	if got := h.look(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		h.Errorf("%s: told %q, want %q", step, got, want)
	}
}

// unable is a task whose queue is paused, so that its jobs wait.
var unable = offload.NewTask("unable", func(context.Context, int) error { return nil }, offload.Queue("slow"))

func put(t *testing.T, app *offloadtest.App, n int, opts ...offload.EnqueueOption) []*offload.Job {
	t.Helper()
	jobs, err := unable.EnqueueMany(t.Context(), app, make([]int, n), opts...)
	if err != nil {
		t.Fatal(err)
	}
	return jobs
}

func TestWaitingIsToldOnceAndCleared(t *testing.T) {
	h := build(t, nil, alert.Rule{Name: "slow", When: alert.Waiting, Over: 5 * time.Minute, For: 2 * time.Minute, Clear: time.Minute, To: []string{"me"}})
	jobs := put(t, h.App, 3)
	h.want("at first")
	h.Advance(4 * time.Minute)
	h.want("not long enough")
	h.Advance(2 * time.Minute)
	h.want("seen")
	h.Advance(time.Minute)
	h.want("seen for a minute")
	h.Advance(time.Minute)
	h.want("seen for two", "alert: Jobs of queue slow wait longer than 5m")
	for range 5 {
		h.Advance(time.Hour)
		h.want("still so")
	}
	if err := h.Cancel(h.Context(), jobs[0].ID, jobs[1].ID, jobs[2].ID); err != nil {
		t.Fatal(err)
	}
	h.want("well at once")
	put(t, h.App, 1)
	h.Advance(30 * time.Second)
	h.want("well for half a minute")
	h.Advance(30 * time.Second)
	h.want("well for a minute", "clear: Jobs of queue slow wait longer than 5m")
	open, ended, err := h.alerts.Incidents(h.Context())
	if err != nil || len(open) != 0 || len(ended) != 1 || len(ended[0].Told) != 2 || ended[0].Ended.Sub(ended[0].Opened) < 5*time.Hour {
		t.Errorf("open %+v, ended %+v, %v", open, ended, err)
	}
	h.Advance(2 * time.Hour)
	h.want("again: seen")
	h.Advance(2 * time.Hour)
	h.want("again: told", "alert: Jobs of queue slow wait longer than 5m")
}

// What is so for a moment only, and what is well for a moment only, is not told.
func TestMomentsAreNotTold(t *testing.T) {
	h := build(t, nil, alert.Rule{Name: "slow", When: alert.Waiting, Queue: "slow", Over: time.Minute, For: 5 * time.Minute, Clear: 5 * time.Minute, To: []string{"me"}})
	for range 5 {
		jobs := put(t, h.App, 1)
		h.Advance(4 * time.Minute)
		h.want("for a moment")
		if err := h.Cancel(h.Context(), jobs[0].ID); err != nil {
			t.Fatal(err)
		}
		h.want("well")
	}
	for i := range 10 {
		jobs := put(t, h.App, 1)
		h.Advance(2 * time.Minute)
		h.want("seen")
		h.Advance(6 * time.Minute)
		if want := []string{"alert: Jobs of queue slow wait longer than 1m"}; i == 0 {
			h.want("told", want...)
		} else {
			h.want("it flaps")
		}
		if err := h.Cancel(h.Context(), jobs[0].ID); err != nil {
			t.Fatal(err)
		}
		h.want("well for a moment")
	}
}

var sometimes = offload.Declare[bool]("sometimes", offload.MaxAttempts(1), offload.Queue("work"))

func handled() offload.Part {
	return sometimes.Handle(func(_ context.Context, good bool) error {
		if !good {
			return errors.New("no luck")
		}
		return nil
	})
}

func run(h *house, good, bad int) {
	h.Helper()
	for i := range good + bad {
		if _, err := sometimes.Enqueue(h.Context(), h, i < good); err != nil {
			h.Fatal(err)
		}
	}
	h.Drain()
}

func TestFailing(t *testing.T) {
	h := build(t, []offload.Part{handled()},
		alert.Rule{Name: "task", When: alert.Failing, Task: "sometimes", Percent: 50, Within: 10 * time.Minute, To: []string{"me"}},
		alert.Rule{Name: "queue", When: alert.Failing, Queue: "work", Percent: 60, Least: 20, To: []string{"me"}},
		alert.Rule{Name: "other", When: alert.Failing, Queue: "elsewhere", Percent: 1, Least: 1, To: []string{"me"}},
	)
	run(h, 0, 9)
	h.want("too few")
	run(h, 11, 1)
	h.want("half of twenty-one, nearly")
	run(h, 0, 1)
	h.want("half of twenty-two", "alert: 50 % of the attempts of task sometimes fail")
	run(h, 0, 6)
	h.want("17 of 28: both", "alert: 60.7 % of the attempts of queue work fail")
	h.Advance(15 * time.Minute)
	h.want("the window is empty")
	h.Advance(time.Minute)
	if got := h.look(); len(got) != 2 {
		t.Errorf("told %q; want both over", got)
	}
}

func TestDiscarding(t *testing.T) {
	h := build(t, []offload.Part{handled()},
		alert.Rule{Name: "any", When: alert.Discarding, Task: "sometimes", Within: 5 * time.Minute, To: []string{"me"}},
		alert.Rule{Name: "each", When: alert.Discarding, Least: 3, To: []string{"me"}},
	)
	run(h, 3, 0)
	h.want("all well")
	run(h, 0, 1)
	h.want("one", "alert: Jobs of task sometimes were discarded")
	h.Advance(4 * time.Minute)
	run(h, 0, 1)
	h.want("a second: told already")
	run(h, 0, 1)
	h.want("a third", "alert: Jobs of queue work were discarded")
	h.Advance(5 * time.Minute)
	h.want("soon over")
	h.Advance(2 * time.Minute)
	h.want("over for a while")
	h.Advance(time.Minute)
	h.want("over", "clear: Jobs of task sometimes were discarded", "clear: Jobs of queue work were discarded") // 2 of 3 are within ten minutes
}

func TestNewError(t *testing.T) {
	var say error
	task := offload.NewTask("pay", func(context.Context, int) error { return say }, offload.MaxAttempts(1))
	h := build(t, []offload.Part{task}, alert.Rule{Name: "news", When: alert.NewError, To: []string{"me"}})
	fail := func(text string) {
		t.Helper()
		say = errors.New(text)
		if _, err := task.Enqueue(t.Context(), h, 1); err != nil {
			t.Fatal(err)
		}
		h.Drain()
	}
	h.want("none")
	fail("card 12 was refused")
	h.want("the first", "alert: A new error of task pay: card <n> was refused")
	fail("card 13 was refused")
	h.want("the same")
	fail("no route to bank")
	h.want("another", "alert: A new error of task pay: no route to bank")
	h.Advance(59 * time.Minute)
	fail("card 14 was refused")
	h.want("one goes on")
	h.Advance(2 * time.Minute)
	h.want("well for an hour")
	h.Advance(time.Minute)
	h.want("the other is over", "clear: A new error of task pay: no route to bank")
	fail("no route to bank")
	h.want("it is not new any more")

	group := h.group("card")
	if err := h.operator().ResolveError(t.Context(), group); err != nil {
		t.Fatal(err)
	}
	h.want("resolved")
	h.Advance(time.Minute)
	h.want("over since it is resolved", "clear: A new error of task pay: card <n> was refused")
	h.Advance(time.Minute)
	fail("card 15 was refused")
	h.want("back", "alert: An error of task pay is back: card <n> was refused")
	if err := h.operator().MuteError(t.Context(), group); err != nil {
		t.Fatal(err)
	}
	h.want("muted")
	h.Advance(time.Minute)
	h.want("over since it is muted", "clear: An error of task pay is back: card <n> was refused")
	fail("card 16 was refused")
	h.want("muted is muted")
}

func TestMissing(t *testing.T) {
	h := build(t, nil, alert.Rule{Name: "late", When: alert.Missing, Over: 2 * time.Minute, To: []string{"me"}})
	schedule := offload.Schedule{Name: "nightly", Every: time.Hour, Call: unable.Call(1)}
	if err := h.SetSchedule(t.Context(), schedule); err != nil {
		t.Fatal(err)
	}
	seen := func(step string, want int) {
		t.Helper()
		if err := h.alerts.Look(t.Context()); err != nil { // without Drain, which would take the tick
			t.Fatal(err)
		}
		if open, _, err := h.alerts.Incidents(t.Context()); err != nil || len(open) != want {
			t.Errorf("%s: %+v, %v; want %d", step, open, err, want)
		}
	}
	seen("in time", 0)
	h.still(h.next("nightly").Add(time.Minute))
	seen("hardly late", 0)
	h.still(h.Now().Add(2 * time.Minute))
	seen("missed", 1)
	h.want("told", "alert: Schedule nightly was missed") // and a process is there, which takes the tick
	h.want("well")
	h.Advance(2 * time.Minute)
	h.want("over", "clear: Schedule nightly was missed")
	if err := h.operator().PauseSchedule(t.Context(), "nightly"); err != nil {
		t.Fatal(err)
	}
	h.still(h.Now().Add(5 * time.Hour))
	seen("paused", 0)
}

func TestUnworked(t *testing.T) {
	h := build(t, nil, alert.Rule{Name: "nobody", When: alert.Unworked, For: time.Minute, Clear: time.Second, To: []string{"me"}})
	put(t, h.App, 1, offload.Delay(time.Hour))
	h.want("not due")
	h.Advance(time.Hour)
	h.want("seen")
	h.Advance(time.Minute)
	h.want("told", "alert: No process works queue slow")
	h.join("slow")
	h.want("somebody works it")
	h.Advance(time.Second)
	h.want("over", "clear: No process works queue slow")
}

// Deliveries that fail are no news: neither to rules of everything, nor of the same incident.
func TestAlertsOfAlertsHaveAnEnd(t *testing.T) {
	h := build(t, []offload.Part{handled()},
		alert.Rule{Name: "discarded", When: alert.Discarding, Within: time.Minute, To: []string{"me"}},
		alert.Rule{Name: "failing", When: alert.Failing, Percent: 1, Least: 1, Within: time.Minute, To: []string{"me"}},
		alert.Rule{Name: "news", When: alert.NewError, To: []string{"me"}},
		alert.Rule{Name: "waiting", When: alert.Waiting, Over: time.Second, To: []string{"me"}},
		alert.Rule{Name: "unworked", When: alert.Unworked, To: []string{"me"}},
	)
	h.fail = errors.New("the channel is down")
	run(h, 0, 1)
	made := map[offload.ID]bool{}
	for range 500 {
		h.look()
		h.Advance(5 * time.Minute)
		jobs, err := h.Jobs(t.Context(), offload.Filter{Queues: []string{alert.Queue}, Max: 100})
		if err != nil {
			t.Fatal(err)
		}
		for _, job := range jobs {
			made[job.ID] = true
		}
	}
	if len(made) != 6 {
		t.Errorf("%d deliveries of three incidents; want a notice and an all-clear of each", len(made))
	}
	for _, r := range []alert.Rule{
		{Name: "r", When: alert.Waiting, Over: 1, Queue: alert.Queue, To: []string{"me"}},
		{Name: "r", When: alert.Discarding, Task: "alert.deliver", To: []string{"me"}},
		{Name: "r", When: alert.NewError, Task: "alert.mail", To: []string{"me"}},
	} {
		var wrong *offload.InputError
		if err := h.alerts.Set(t.Context(), r); !errors.As(err, &wrong) {
			t.Errorf("%+v: %v; want it refused", r, err)
		}
	}
}

func TestSlack(t *testing.T) {
	d := openDesk(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Content-Type") != "application/json" {
			w.WriteHeader(400)
		}
		io.WriteString(w, "ok")
	})
	h := build(t, []offload.Part{handled()},
		alert.Slack("ops", d.URL+"/services/T0/B0/s3cret"), alert.Link("https://jobs.example/?a=1&b=2"),
		alert.Rule{Name: "a<b>&c", When: alert.Discarding, Task: "sometimes", Within: time.Minute, Severity: "warning", To: []string{"ops"}})
	run(h, 0, 1)
	d.say(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "60")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	h.look()
	if got := d.all(); len(got) != 1 {
		t.Fatalf("%q; want one attempt", got)
	}
	h.Advance(50 * time.Second)
	h.Drain()
	if got := d.all(); len(got) != 0 {
		t.Errorf("%q before the time that was asked for", got)
	}
	d.say(status(200))
	h.Advance(11 * time.Second)
	h.Drain()
	var message struct{ Text string }
	got := d.all()
	if len(got) != 1 || json.Unmarshal([]byte(got[0]), &message) != nil {
		t.Fatalf("%q; want a message", got)
	}
	for _, want := range []string{"🔴 *Jobs of task sometimes were discarded*", `"a&lt;b&gt;&amp;c", warning, since 2`, "https://jobs.example/?a=1&amp;b=2"} {
		if !strings.Contains(message.Text, want) {
			t.Errorf("%q lacks %q", message.Text, want)
		}
	}
	h.Advance(5 * time.Minute)
	h.look()
	h.Advance(5 * time.Minute)
	h.look()
	if got := d.all(); len(got) != 1 || !strings.Contains(got[0], "🟢 *Over: Jobs of task") {
		t.Errorf("%q; want the all-clear", got)
	}
}

// A pager is what takes PagerDuty's events: it has incidents by their key.
type pager struct {
	mu        sync.Mutex
	down      bool
	open      map[string]int // and how many triggers there were
	resolved  int
	forbidden []string
}

func (p *pager) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var e struct {
		Key     string `json:"routing_key"`
		Action  string `json:"event_action"`
		Dedup   string `json:"dedup_key"`
		Payload *struct {
			Summary, Source, Severity string
		}
	}
	err := json.NewDecoder(r.Body).Decode(&e)
	switch {
	case p.down:
		w.WriteHeader(http.StatusBadGateway)
		return
	case err != nil, r.Method != "POST", e.Key != "r0utingkey", e.Dedup == "" || len(e.Dedup) > 255,
		e.Action == "trigger" && (e.Payload == nil || e.Payload.Summary == "" || e.Payload.Source == "" || e.Payload.Severity != "critical"):
		p.forbidden = append(p.forbidden, fmt.Sprintf("%+v %v", e, err))
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, `{"status":"invalid event","message":"Event object is invalid"}`)
		return
	case e.Action == "trigger":
		p.open[e.Dedup]++
	case e.Action == "resolve":
		if p.open[e.Dedup] == 0 {
			p.forbidden = append(p.forbidden, "resolved before it was triggered: "+e.Dedup)
		}
		delete(p.open, e.Dedup)
		p.resolved++
	}
	w.WriteHeader(http.StatusAccepted)
	io.WriteString(w, `{"status":"success","message":"Event processed"}`)
}

func (p *pager) set(down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = down
}

func (p *pager) state() (open, resolved int, forbidden []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.open), p.resolved, p.forbidden
}

func TestPagerDuty(t *testing.T) {
	p := &pager{open: map[string]int{}}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	h := build(t, []offload.Part{handled()}, alert.PagerDuty("oncall", server.URL+"/v2/enqueue", "r0utingkey"),
		alert.Rule{Name: "lost work", When: alert.Discarding, Task: "sometimes", Within: time.Minute, Severity: "critical", To: []string{"oncall"}})
	want := func(step string, open, resolved int) {
		t.Helper()
		if o, r, forbidden := p.state(); o != open || r != resolved || len(forbidden) > 0 {
			t.Errorf("%s: %d open, %d resolved, refused %q; want %d and %d", step, o, r, forbidden, open, resolved)
		}
	}
	run(h, 0, 1)
	h.look()
	want("triggered", 1, 0)
	h.Advance(3 * time.Minute)
	h.look()
	h.Advance(3 * time.Minute)
	h.look()
	want("resolved", 0, 1)

	// The resolve waits for its trigger, however long that takes.
	p.set(true)
	run(h, 0, 1)
	h.look()
	for range 5 {
		h.Advance(3 * time.Minute)
		h.look()
	}
	want("down", 0, 1)
	p.set(false)
	for range 20 {
		h.Advance(15 * time.Minute)
		h.look()
	}
	want("up again", 0, 2)
}

func TestWrongKeyIsGivenUp(t *testing.T) {
	p := &pager{open: map[string]int{}}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	h := build(t, []offload.Part{handled()}, alert.PagerDuty("oncall", server.URL, "wr0ng-secret"),
		alert.Rule{Name: "r", When: alert.Discarding, Task: "sometimes", Within: time.Minute, Severity: "critical", To: []string{"oncall"}})
	run(h, 0, 1)
	h.look()
	open, _, err := h.alerts.Incidents(t.Context())
	if err != nil || len(open) != 1 {
		t.Fatalf("%+v, %v", open, err)
	}
	job, err := h.Job(t.Context(), open[0].Told[0].Job)
	if err != nil || job.State != offload.Discarded || !strings.Contains(job.Error, "Event object is invalid") {
		t.Errorf("%+v, %v; want it given up with what was answered", job, err)
	}
	if text := fmt.Sprintf("%s %s", job.Input, job.Error); strings.Contains(text, "wr0ng-secret") {
		t.Errorf("%s shows the key", text)
	}
}

func TestWebhook(t *testing.T) {
	secret := webhook.NewSecret()
	var mu sync.Mutex
	var ids []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		body, _ := io.ReadAll(r.Body)
		if err := webhook.Verify(body, r.Header, string(secret)); err != nil {
			t.Error(err)
		}
		ids = append(ids, r.Header.Get("webhook-id"))
		var n alert.Notice
		if err := json.Unmarshal(body, &n); err != nil || n.Rule != "r" || n.When != alert.Discarding || n.Began.IsZero() {
			t.Errorf("%s: %v", body, err)
		}
		if len(ids) == 1 {
			panic(http.ErrAbortHandler)
		}
	}))
	t.Cleanup(server.Close)
	h := build(t, []offload.Part{handled()}, alert.Webhook("own", server.URL, secret),
		alert.Rule{Name: "r", When: alert.Discarding, Task: "sometimes", To: []string{"own"}})
	run(h, 0, 1)
	h.look()
	h.Advance(time.Minute)
	h.Drain()
	mu.Lock()
	defer mu.Unlock()
	if len(ids) != 2 || ids[0] != ids[1] {
		t.Errorf("ids %q; want the same one twice", ids)
	}
}

func TestMail(t *testing.T) {
	mails, err := mail.New(mail.Keep{Dir: t.TempDir()}, mail.From("jobs@shop.example"), mail.Tasks(mail.Send, alert.Mails))
	if err != nil {
		t.Fatal(err)
	}
	h := build(t, []offload.Part{handled(), mails}, alert.Mail("people", "ada@shop.example", "bob@shop.example"),
		alert.Rule{Name: "r", When: alert.Discarding, Task: "sometimes", To: []string{"people"}})
	run(h, 0, 1)
	h.look()
	jobs, err := h.Jobs(t.Context(), offload.Filter{Tasks: []string{alert.Mails.Name()}, Max: 10})
	if err != nil || len(jobs) != 2 {
		t.Fatalf("%d mails, %v; want one for each", len(jobs), err)
	}
	for _, job := range jobs {
		m, err := alert.Mails.Input(job)
		if err != nil || job.State != offload.Completed || m.Subject != "Jobs of task sometimes were discarded" || len(m.To) != 1 {
			t.Errorf("%s %s %+v %v", job.State, job.Error, m, err)
		}
	}
	open, _, err := h.alerts.Incidents(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first, err := h.Job(t.Context(), open[0].Told[0].Job)
	if err != nil {
		t.Fatal(err)
	}
	n, err := alert.Deliver.Input(first)
	if err != nil {
		t.Fatal(err)
	}
	offloadtest.Twice(t, h.App, alert.Deliver.Call(n), func() any {
		jobs, _ := h.Jobs(t.Context(), offload.Filter{Tasks: []string{alert.Mails.Name()}, Max: 10})
		return len(jobs)
	})
}

// A redirect, and an answer that says a secret back, lead nowhere.
func TestNoSecretInErrors(t *testing.T) {
	d := openDesk(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) })
	gone := httptest.NewServer(nil)
	gone.Close()
	h := build(t, []offload.Part{handled()}, alert.Slack("ops", d.URL+"/t0ken?key=t0ken"), alert.Slack("gone", gone.URL+"/t0ken"),
		alert.Rule{Name: "r", When: alert.Discarding, Task: "sometimes", To: []string{"ops", "gone"}})
	run(h, 0, 1)
	h.look()
	if got := d.all(); len(got) != 1 {
		t.Errorf("%d requests; want no redirect followed", len(got))
	}
	jobs, err := h.Jobs(t.Context(), offload.Filter{Queues: []string{alert.Queue}, Max: 10})
	if err != nil || len(jobs) != 2 {
		t.Fatalf("%d jobs, %v", len(jobs), err)
	}
	for _, job := range jobs {
		if job.State != offload.Retryable || job.Error == "" || strings.Contains(job.Error+string(job.Input), "t0ken") {
			t.Errorf("%s: %s; want it retried, and nothing shown", job.State, job.Error)
		}
	}
	for _, o := range []alert.Option{alert.Slack("x", "t0ken://x"), alert.Slack("x", "https://%zzt0ken"), alert.Webhook("x", "https://x", "t0ken"), alert.PagerDuty("x", "http:///t0ken", "k")} {
		if _, err := alert.New(o); err == nil || strings.Contains(err.Error(), "t0ken") {
			t.Errorf("%v; want a refusal that shows nothing", err)
		}
	}
}
