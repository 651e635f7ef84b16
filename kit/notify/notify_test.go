package notify_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/mail"
	"github.com/offloadhq/offload/kit/notify"
	"github.com/offloadhq/offload/kit/push"
	"github.com/offloadhq/offload/kit/sms"
	"github.com/offloadhq/offload/offloadtest"
)

func TestMain(m *testing.M) {
	if address := os.Getenv("NOTIFY_CHILD"); address != "" {
		child(address)
		return
	}
	goleak.VerifyTestMain(m)
}

var quiet = offload.LogTo(slog.New(slog.DiscardHandler))

// A town has people, and keeps what they get.
type town struct {
	*testing.T
	app *offloadtest.App

	mu     sync.Mutex
	people map[string]notify.Who
	down   error // of the directory
	mails  []mail.Message
	texts  []sms.Message
	pushes []push.Message
	broken map[string]error // by token of a device
}

type order struct {
	ID int `json:"id"`
}

// shipped is a kind as most are.
func shipped(change func(k *notify.Kind)) notify.Kind {
	k := notify.Kind{
		Name: "order.shipped", Channels: []notify.Channel{notify.InApp, notify.Mail},
		Content: notify.Fill(func(_ context.Context, who notify.Who, o order) (notify.Content, error) {
			return notify.Content{Title: fmt.Sprintf("Order %d has shipped", o.ID), Text: "It comes at three.", URL: fmt.Sprintf("https://shop.example/orders/%d", o.ID)}, nil
		}),
	}
	if change != nil {
		change(&k)
	}
	return k
}

// noon is a day on which nothing special is.
var noon = time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC)

func device(token string) push.Target {
	return push.Target{FCM: &push.Registration{Token: token}}
}

func newTown(t *testing.T, kinds []notify.Kind, parts ...offload.Part) *town {
	t.Helper()
	w := &town{T: t, broken: map[string]error{}, people: map[string]notify.Who{
		"ada": {Mail: "ada@example.com", Phone: "+436641234567", Push: []push.Target{device("phone"), device("tablet")}, Zone: "Europe/Vienna"},
	}}
	kit, err := notify.New(w.directory, kinds)
	if err != nil {
		t.Fatal(err)
	}
	w.app = offloadtest.New(append(parts, kit, quiet, offloadtest.StartAt(noon),
		mail.Send.Handle(func(_ context.Context, m mail.Message) (mail.Receipt, error) {
			w.mails = append(w.mails, m)
			return mail.Receipt{}, nil
		}),
		sms.Send.Handle(func(_ context.Context, m sms.Message) (sms.Receipt, error) {
			w.texts = append(w.texts, m)
			return sms.Receipt{}, nil
		}),
		push.Send.Handle(func(_ context.Context, m push.Message) (push.Receipt, error) {
			if err := w.broken[m.To.Address()]; err != nil {
				return push.Receipt{}, err
			}
			w.pushes = append(w.pushes, m)
			return push.Receipt{}, nil
		}))...)
	t.Cleanup(func() { w.app.Close() })
	return w
}

func (w *town) directory(_ context.Context, id string) (notify.Who, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	who, is := w.people[id]
	if w.down != nil {
		return who, w.down
	}
	if !is {
		return who, offload.ErrNotFound
	}
	return who, nil
}

func (w *town) person(change func(who *notify.Who)) {
	who := w.people["ada"]
	change(&who)
	w.people["ada"] = who
}

// tell enqueues a notice and runs what is due.
func (w *town) tell(n notify.Notice) offload.ID {
	w.Helper()
	if n.To == "" {
		n.To = "ada"
	}
	if n.Kind == "" {
		n.Kind = "order.shipped"
	}
	if n.Data == nil {
		n.Data = notify.Data(order{7})
	}
	job, err := notify.Notify.Enqueue(w.Context(), w.app, n)
	if err != nil {
		w.Fatal(err)
	}
	w.app.Drain()
	return job.ID
}

func (w *town) want(mails, texts, pushes int) {
	w.Helper()
	if len(w.mails) != mails || len(w.texts) != texts || len(w.pushes) != pushes {
		w.Errorf("there are %d mails, %d short messages, %d pushes; want %d, %d, %d\n%+v\n%+v\n%+v", len(w.mails), len(w.texts), len(w.pushes), mails, texts, pushes, w.mails, w.texts, w.pushes)
	}
}

func (w *town) wantUnread(n int) notify.List {
	w.Helper()
	list, err := notify.Inbox(w.Context(), w.app.App, "ada")
	if err != nil || list.Unread != n {
		w.Errorf("the list is %+v, %v; want %d unread", list, err, n)
	}
	return list
}

func (w *town) wantJob(id offload.ID, state offload.State, says string) *offload.Job {
	w.Helper()
	job, err := w.app.Job(w.Context(), id)
	if err != nil {
		w.Fatal(err)
	}
	if job.State != state || !strings.Contains(job.Error, says) {
		w.Errorf("the job is %s (%s), want %s (%s)", job.State, job.Error, state, says)
	}
	return job
}

func (w *town) wantJobs(task string, n int) []*offload.Job {
	w.Helper()
	jobs, err := w.app.Jobs(w.Context(), offload.Filter{Tasks: []string{task}})
	if err != nil || len(jobs) != n {
		w.Errorf("there are %d jobs %s, %v; want %d", len(jobs), task, err, n)
	}
	return jobs
}

func all(k *notify.Kind) {
	k.Channels = []notify.Channel{notify.InApp, notify.Mail, notify.Push, notify.SMS}
}

func TestNoticeGoesByEachChannel(t *testing.T) {
	w := newTown(t, []notify.Kind{shipped(all)})
	id := w.tell(notify.Notice{})
	w.want(1, 1, 2)
	if m := w.mails[0]; !slices.Equal(m.To, []string{"ada@example.com"}) || m.Subject != "Order 7 has shipped" || !strings.Contains(m.Text, "It comes at three.\n\nhttps://shop.example/orders/7") || m.Domain != "example.com" {
		t.Errorf("the mail is %+v", m)
	}
	if m := w.texts[0]; m.To != "+436641234567" || m.Text != "Order 7 has shipped\nIt comes at three.\nhttps://shop.example/orders/7" {
		t.Errorf("the short message is %+v", m)
	}
	if m := w.pushes[0]; m.Title != "Order 7 has shipped" || m.URL != "https://shop.example/orders/7" || m.Data["notice"] != id.String() {
		t.Errorf("the push is %+v", m)
	}
	item := w.wantUnread(1).Items[0]
	if item.ID != id || item.Kind != "order.shipped" || item.Title != "Order 7 has shipped" || !item.At.Equal(noon) {
		t.Errorf("the list has %+v", item)
	}
	got, err := notify.Notify.Wait(t.Context(), w.app.App, id)
	if err != nil || len(got.Jobs) != 4 || !slices.Equal(got.Channels, []notify.Channel{notify.InApp, notify.Mail, notify.Push, notify.SMS}) || got.Skipped != nil {
		t.Errorf("the result is %+v, %v", got, err)
	}
	jobs, err := w.app.Jobs(t.Context(), offload.Filter{Tag: "notice=" + id.String()})
	if err != nil || len(jobs) != 4 {
		t.Errorf("%d jobs have its tag, %v", len(jobs), err)
	}
}

func TestTwiceIsOnce(t *testing.T) {
	w := newTown(t, []notify.Kind{shipped(all)})
	offloadtest.Twice(t, w.app, notify.Notify.Call(notify.Notice{To: "ada", Kind: "order.shipped", Key: "7"}), func() any {
		return []int{len(w.mails), len(w.texts), len(w.pushes), w.wantUnread(1).Unread}
	})
	w.want(1, 1, 2)
}

func TestTwiceIsFollowedOnce(t *testing.T) {
	w := newTown(t, []notify.Kind{shipped(pushThenSMS(""))})
	offloadtest.Twice(t, w.app, notify.Notify.Call(notify.Notice{To: "ada", Kind: "order.shipped"}), func() any { return len(w.pushes) })
	w.wantJobs("notify.otherwise", 1)
	w.app.Advance(10 * time.Minute)
	w.app.Drain()
	w.want(0, 1, 2)
}

func TestKeyLetsTheFirstThrough(t *testing.T) {
	w := newTown(t, []notify.Kind{shipped(nil), shipped(func(k *notify.Kind) { k.Name = "order.paid" })})
	w.people["bob"] = notify.Who{Mail: "bob@example.com"}
	w.tell(notify.Notice{Key: "7"})
	again := w.tell(notify.Notice{Key: "7"})
	w.want(1, 0, 0)
	w.wantUnread(1)
	if got, err := notify.Notify.Wait(t.Context(), w.app.App, again); err != nil || !got.Repeated {
		t.Errorf("the second is %+v, %v", got, err)
	}
	w.tell(notify.Notice{Key: "8"})
	w.tell(notify.Notice{Key: "7", To: "bob"})
	w.tell(notify.Notice{Key: "7", Kind: "order.paid"})
	w.want(4, 0, 0)
	w.app.Advance(8 * 24 * time.Hour)
	w.tell(notify.Notice{Key: "7"})
	w.want(5, 0, 0)
}

func TestNightIsQuiet(t *testing.T) {
	w := newTown(t, []notify.Kind{shipped(all)})
	w.person(func(who *notify.Who) { who.Quiet = notify.Quiet{From: "22:00", To: "07:00"} })
	w.app.AdvanceTo(time.Date(2026, 3, 28, 22, 0, 0, 0, time.UTC)) // 23:00 in Vienna, in the night in which clocks are put forward
	id := w.tell(notify.Notice{})
	w.want(0, 0, 0)
	w.wantUnread(1) // it makes no noise
	end := time.Date(2026, 3, 29, 5, 0, 0, 0, time.UTC)
	if job := w.wantJob(id, offload.Scheduled, ""); !job.RunAt.Equal(end) {
		t.Errorf("it is put off until %v, want %v", job.RunAt, end)
	}
	w.tell(notify.Notice{Urgent: true})
	w.want(1, 1, 2)
	w.app.AdvanceTo(end.Add(-time.Minute))
	w.app.Drain()
	w.want(1, 1, 2)
	w.app.AdvanceTo(end)
	w.app.Drain()
	w.want(2, 2, 4)
	w.wantUnread(2)
}

func TestWhoWantsNothingGetsNothing(t *testing.T) {
	w := newTown(t, []notify.Kind{shipped(all)})
	w.person(func(who *notify.Who) { who.Prefs = map[string][]notify.Channel{"*": {}} })
	id := w.tell(notify.Notice{})
	w.want(0, 0, 0)
	w.wantUnread(0)
	w.wantJob(id, offload.Completed, "")
}

func TestWhatIsMissingIsSkipped(t *testing.T) {
	w := newTown(t, []notify.Kind{shipped(all), shipped(func(k *notify.Kind) { k.Name, k.Channels = "order.code", []notify.Channel{notify.SMS} })})
	w.person(func(who *notify.Who) { who.Phone, who.Push = "0664 1234567", nil })
	id := w.tell(notify.Notice{})
	w.want(1, 0, 0)
	got, err := notify.Notify.Wait(t.Context(), w.app.App, id)
	if err != nil || !strings.Contains(got.Skipped[notify.SMS], "0664 1234567") || got.Skipped[notify.Push] != "no device" || len(got.Skipped) != 2 {
		t.Errorf("the result is %+v, %v", got, err)
	}
	w.wantJob(w.tell(notify.Notice{Kind: "order.code", Key: "7"}), offload.Discarded, "0664 1234567")
	w.person(func(who *notify.Who) { who.Phone = "+436641234567" })
	w.tell(notify.Notice{Kind: "order.code", Key: "7"}) // the first has left the key to it
	w.want(1, 1, 0)
}

func TestOneBadDeviceKeepsNoOtherFromIt(t *testing.T) {
	w := newTown(t, []notify.Kind{shipped(all)})
	w.person(func(who *notify.Who) { who.Push = []push.Target{device("phone"), device("no token"), device("phone")} })
	id := w.tell(notify.Notice{})
	w.want(1, 1, 1)
	if got, err := notify.Notify.Wait(t.Context(), w.app.App, id); err != nil || !strings.Contains(got.Skipped[notify.Push], "to.fcm.token") || len(got.Channels) != 4 {
		t.Errorf("the result is %+v, %v", got, err)
	}
}

func TestWhatCannotBeIsDiscarded(t *testing.T) {
	w := newTown(t, []notify.Kind{
		shipped(nil),
		shipped(func(k *notify.Kind) {
			k.Name = "bad.link"
			k.Content = notify.Fill(func(context.Context, notify.Who, order) (notify.Content, error) {
				return notify.Content{Title: "x", URL: "javascript:alert(1)"}, nil
			})
		}),
	})
	w.people["eve"] = notify.Who{Mail: "eve@example.com", Zone: "Vienna", Quiet: notify.Quiet{From: "1:00", To: "2:00"}}
	w.wantJob(w.tell(notify.Notice{To: "nobody"}), offload.Discarded, `"nobody"`)
	w.wantJob(w.tell(notify.Notice{To: "eve"}), offload.Discarded, "Who.Zone")
	w.wantJob(w.tell(notify.Notice{Kind: "order.lost"}), offload.Discarded, "order.lost")
	w.wantJob(w.tell(notify.Notice{Kind: "bad.link"}), offload.Discarded, "Content.URL")
	w.wantJob(w.tell(notify.Notice{Data: []byte(`{"id":"seven"}`)}), offload.Discarded, "data")
	w.down = errors.New("the directory is down")
	id := w.tell(notify.Notice{})
	w.wantJob(id, offload.Retryable, "the directory is down")
	w.down = nil
	w.app.Advance(time.Hour)
	w.app.Drain()
	w.want(1, 0, 0)
	w.wantUnread(1)
	for field, n := range map[string]notify.Notice{
		"to": {Kind: "a"}, "kind": {To: "ada", Kind: "a b"}, "input": {To: "ada", Kind: "a", Data: notify.Data(func() {})}, "key": {To: "ada", Kind: "a", Key: strings.Repeat("x", 1001)},
	} {
		var wrong *offload.InputError
		if _, err := notify.Notify.Enqueue(t.Context(), w.app, n); !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("%+v: %v, want an InputError of %q", n, err, field)
		}
	}
}

func TestDigestGathers(t *testing.T) {
	w := newTown(t, []notify.Kind{shipped(func(k *notify.Kind) { k.Digest = time.Hour }), shipped(func(k *notify.Kind) { k.Name = "order.paid"; k.Digest = time.Hour })})
	w.people["bob"] = notify.Who{Mail: "bob@example.com"}
	for i := range 3 {
		w.tell(notify.Notice{Data: notify.Data(order{i + 1})})
		w.app.Advance(10 * time.Minute)
	}
	w.tell(notify.Notice{To: "bob", Data: notify.Data(order{4})})
	w.tell(notify.Notice{Kind: "order.paid", Data: notify.Data(order{5})})
	w.want(0, 0, 0)
	w.wantUnread(4) // the list has them at once
	w.app.Advance(30 * time.Minute)
	w.app.Drain()
	w.want(1, 0, 0)
	m := w.mails[0]
	if m.Subject != "Order 1 has shipped (and 2 more)" || strings.Count(m.Text, "It comes at three.") != 3 || strings.Index(m.Text, "Order 1") > strings.Index(m.Text, "Order 3") {
		t.Errorf("the mail is %+v", m)
	}
	w.tell(notify.Notice{Data: notify.Data(order{6})}) // a new window
	w.app.Advance(30 * time.Minute)
	w.app.Drain()
	w.want(3, 0, 0) // those of bob, and of the other kind
	w.app.Advance(time.Hour)
	w.app.Drain()
	w.want(4, 0, 0)
	if m := w.mails[3]; m.Subject != "Order 6 has shipped" {
		t.Errorf("the mail of one notice is %+v", m)
	}
	w.tell(notify.Notice{Urgent: true})
	w.want(5, 0, 0)
}

func TestDigestWaitsForTheMorning(t *testing.T) {
	w := newTown(t, []notify.Kind{shipped(func(k *notify.Kind) { k.Digest = time.Hour })})
	w.person(func(who *notify.Who) { who.Quiet = notify.Quiet{From: "22:00", To: "07:00"} })
	w.app.AdvanceTo(time.Date(2026, 3, 28, 20, 30, 0, 0, time.UTC)) // 21:30
	w.tell(notify.Notice{})
	w.app.Advance(2 * time.Hour)
	w.tell(notify.Notice{Data: notify.Data(order{8})})
	w.want(0, 0, 0)
	w.wantJobs("notify.digest", 1) // several would share the notices between them
	w.app.AdvanceTo(time.Date(2026, 3, 29, 5, 0, 0, 0, time.UTC))
	w.app.Drain()
	w.want(1, 0, 0)
}

// answerLost makes the next enqueue of a task succeed and say that it has not.
type answerLost struct{ task string }

func (l *answerLost) part() offload.Part {
	return offload.AroundEnqueue(func(ctx context.Context, calls []*offload.Call, next func(context.Context, []*offload.Call) ([]*offload.Job, error)) ([]*offload.Job, error) {
		jobs, err := next(ctx, calls)
		if err == nil && calls[0].Task() == l.task {
			l.task = ""
			return nil, errors.New("the answer is lost")
		}
		return jobs, err
	})
}

func TestLateAttemptGathersNothingAgain(t *testing.T) {
	lost := &answerLost{"notify.digest"}
	w := newTown(t, []notify.Kind{shipped(func(k *notify.Kind) { k.Digest = time.Second })}, lost.part())
	id := w.tell(notify.Notice{})
	w.wantJob(id, offload.Retryable, "the answer is lost")
	w.app.Advance(time.Second)
	w.app.Drain()
	w.want(1, 0, 0)
	w.app.Advance(time.Hour)
	w.app.Drain()
	w.wantJob(id, offload.Completed, "")
	w.app.Advance(time.Hour)
	w.app.Drain()
	w.want(1, 0, 0)
}

// TestDigestLosesNothing breaks the enqueue of the mail, while more comes: each notice is in one mail.
func TestDigestLosesNothing(t *testing.T) {
	lost := &answerLost{"mail"}
	w := newTown(t, []notify.Kind{shipped(func(k *notify.Kind) { k.Digest = time.Hour })}, lost.part())
	w.tell(notify.Notice{Data: notify.Data(order{1})})
	w.tell(notify.Notice{Data: notify.Data(order{2})})
	w.app.Advance(time.Hour)
	w.app.Drain()
	w.tell(notify.Notice{Data: notify.Data(order{3})})
	for range 4 {
		w.app.Advance(time.Hour)
		w.app.Drain()
	}
	w.want(2, 0, 0)
	text := w.mails[0].Text + w.mails[1].Subject
	for i := 1; i <= 3; i++ {
		if strings.Count(text, fmt.Sprintf("Order %d", i)) != 1 {
			t.Errorf("order %d is not once in\n%s", i, text)
		}
	}
}

func pushThenSMS(until notify.Arrived) func(k *notify.Kind) {
	return func(k *notify.Kind) {
		k.Channels = []notify.Channel{notify.InApp, notify.Push, notify.SMS}
		k.Otherwise = notify.Otherwise{From: notify.Push, To: notify.SMS, After: 10 * time.Minute, Until: until}
	}
}

func TestOtherwise(t *testing.T) {
	later := func(w *town) {
		w.app.Advance(9 * time.Minute)
		w.app.Drain()
		w.want(0, 0, len(w.pushes))
		w.app.Advance(time.Minute)
		w.app.Drain()
	}
	for name, test := range map[string]struct {
		until notify.Arrived
		do    func(w *town)
		meet  func(w *town, id offload.ID)
		texts int
	}{
		"nobody has looked": {notify.Seen, nil, nil, 1},
		"it was opened": {notify.Seen, nil, func(w *town, id offload.ID) {
			if err := notify.MarkSeen(w.Context(), w.app.App, "ada", id); err != nil {
				w.Error(err)
			}
		}, 0},
		"it was read in the list": {notify.Seen, nil, func(w *town, id offload.ID) {
			if err := notify.MarkRead(w.Context(), w.app.App, "ada"); err != nil {
				w.Error(err)
			}
		}, 0},
		"another was opened": {notify.Seen, nil, func(w *town, id offload.ID) {
			if err := notify.MarkSeen(w.Context(), w.app.App, "ada", offload.NewID()); err != nil {
				w.Error(err)
			}
		}, 1},
		"one device has taken it": {notify.Taken, func(w *town) { w.broken["phone"] = offload.Discard(errors.New("gone")) }, nil, 0},
		"no device has taken it": {notify.Taken, func(w *town) {
			w.broken["phone"], w.broken["tablet"] = offload.Discard(errors.New("gone")), errors.New("down")
		}, nil, 1},
		"it is not wanted": {notify.Seen, func(w *town) {
			w.person(func(who *notify.Who) {
				who.Prefs = map[string][]notify.Channel{"*": {notify.Push, notify.Mail}}
				who.Mail = ""
			})
		}, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTown(t, []notify.Kind{shipped(pushThenSMS(test.until))})
			if test.do != nil {
				test.do(w)
			}
			id := w.tell(notify.Notice{})
			if test.meet != nil {
				test.meet(w, id)
			}
			later(w)
			w.want(0, test.texts, len(w.pushes))
			w.app.Advance(24 * time.Hour)
			w.app.Drain()
			w.want(0, test.texts, len(w.pushes))
		})
	}
	t.Run("those that were taken are not kept any more", func(t *testing.T) {
		w := newTown(t, []notify.Kind{shipped(pushThenSMS(notify.Taken))})
		w.tell(notify.Notice{})
		for _, job := range w.wantJobs("push", 2) {
			if err := w.app.Delete(t.Context(), job.ID); err != nil {
				t.Error(err)
			}
		}
		later(w)
		w.want(0, 0, 2)
	})
	t.Run("there is no device", func(t *testing.T) {
		w := newTown(t, []notify.Kind{shipped(pushThenSMS(""))})
		w.person(func(who *notify.Who) { who.Push = nil })
		w.tell(notify.Notice{})
		w.want(0, 1, 0)
		w.app.Advance(time.Hour)
		w.app.Drain()
		w.want(0, 1, 0)
	})
	t.Run("it is night by then", func(t *testing.T) {
		w := newTown(t, []notify.Kind{shipped(pushThenSMS(""))})
		w.person(func(who *notify.Who) { who.Quiet = notify.Quiet{From: "13:05", To: "14:00"} })
		w.tell(notify.Notice{}) // at 13:00 in Vienna
		w.app.Advance(10 * time.Minute)
		w.app.Drain()
		w.want(0, 0, 2)
		w.app.Advance(50 * time.Minute)
		w.app.Drain()
		w.want(0, 1, 2)
	})
}

func TestWhatNoKitCanBeIsRefused(t *testing.T) {
	directory := func(context.Context, string) (notify.Who, error) { return notify.Who{}, nil }
	for name, test := range map[string]struct {
		directory notify.Directory
		change    func(k *notify.Kind)
		opt       notify.Option
		field     string
	}{
		"no directory":       {nil, nil, nil, "directory"},
		"a name":             {directory, func(k *notify.Kind) { k.Name = "order shipped" }, nil, "Kind.Name"},
		"a channel":          {directory, func(k *notify.Kind) { k.Channels = []notify.Channel{"pigeon"} }, nil, "order.shipped.Channels"},
		"a required channel": {directory, func(k *notify.Kind) { k.Required = []notify.Channel{"pigeon"} }, nil, "order.shipped.Required"},
		"no content":         {directory, func(k *notify.Kind) { k.Content = nil }, nil, "order.shipped.Content"},
		"a negative digest":  {directory, func(k *notify.Kind) { k.Digest = -1 }, nil, "order.shipped.Digest"},
		"otherwise to the list": {directory, func(k *notify.Kind) {
			k.Otherwise = notify.Otherwise{From: notify.Push, To: notify.InApp, After: time.Hour}
		}, nil, "order.shipped.Otherwise.To"},
		"otherwise the same": {directory, func(k *notify.Kind) {
			k.Otherwise = notify.Otherwise{From: notify.SMS, To: notify.SMS, After: time.Hour}
		}, nil, "order.shipped.Otherwise.To"},
		"otherwise at once":    {directory, func(k *notify.Kind) { k.Otherwise = notify.Otherwise{From: notify.Push, To: notify.SMS} }, nil, "order.shipped.Otherwise.After"},
		"until what":           {directory, func(k *notify.Kind) { pushThenSMS("heard")(k) }, nil, "order.shipped.Otherwise.Until"},
		"a list takes nothing": {directory, func(k *notify.Kind) { pushThenSMS(notify.Taken)(k); k.Otherwise.From = notify.InApp }, nil, "order.shipped.Otherwise.Until"},
		"a gathered one":       {directory, func(k *notify.Kind) { pushThenSMS("")(k); k.Otherwise.To = notify.Mail; k.Digest = time.Hour }, nil, "order.shipped.Otherwise"},
		"a short memory":       {directory, nil, notify.Remember(0), "Remember"},
		"no task":              {directory, nil, notify.MailBy(nil), "By"},
	} {
		var wrong *offload.InputError
		if _, err := notify.New(test.directory, []notify.Kind{shipped(test.change)}, test.opt); !errors.As(err, &wrong) || wrong.Field != test.field {
			t.Errorf("%s: %v, want an InputError of %q", name, err, test.field)
		}
	}
	if _, err := notify.New(directory, []notify.Kind{shipped(nil), shipped(nil)}); err == nil {
		t.Error("the same name twice is taken")
	}
}
