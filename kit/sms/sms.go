// Package sms sends short messages as jobs: the task "sms".
//
// A worker with the kit sends them, anybody may enqueue them:
//
//	kit, err := sms.New(twilio.Provider{AccountSID: "AC…", AuthToken: secret}, sms.From("+15005550006"),
//		sms.Receipts("https://shop.example/sms/", key))
//	app, err := offload.Open(ctx, "offload.db", kit)
//	mux.Handle("/sms/", kit.Handler(app))
//
//	job, err := sms.Send.Enqueue(ctx, app, sms.Message{To: "+436641234567", Text: "Your parcel comes at three."})
//	…
//	delivery, err := sms.DeliveryOf(ctx, app, job.ID) // delivery.State is sms.Delivered
//
// Providers are twilio.Provider, for Twilio and those who speak its language, HTTP for the others, and Keep while you develop: messages
// stay here, and Kit.Outbox shows them, on a page of the dashboard.
//
// # How it ends
//
// A message that a provider has taken completes its job; the result is a Receipt. That it has been taken does not say that it has
// arrived: see DeliveryOf. A provider that can't be reached, is too busy or wants another password is no fault of the message: the next
// provider is tried (FailOver), and when none takes it the job is retried, after the time that the provider asks for. A message that is
// refused, such as one to a number that is none, is discarded, with a *SendError. A number that is not written as E.164 wants it
// is refused when the message is enqueued.
//
// A message is tried for 24 hours, unless GiveUpAfter says otherwise. One that is worth nothing later, such as a code, should have Expire
// and GiveUpAfter.
//
// # Once
//
// Providers know no key by which the same message would be sent once, so nobody can promise that. When the answer of a provider is lost, or the
// process dies before it is noted, the message may or may not be on its way. The kit makes a second one unlikely:
//
//   - before it asks a provider it notes that it will; so it knows later where it is in doubt, and two processes never ask at once;
//   - in doubt it looks for the message at the provider, where that can be asked: the text, the number, the time;
//   - if there is none it waits for a minute. The receipt of a message that was taken says so meanwhile: its URL names the job;
//   - then it looks once more, and only if there is nothing does it send again; with NeverTwice, not even then.
//
// What remains: a message that the provider took, has told nothing about within a minute, and does not list. And of two jobs with the
// same text to the same number, in doubt at the same time, one may take the other's message for its own.
//
// # Receipts
//
// Handler takes what the provider tells of a message later, if it is signed. Receipts come late, repeated, and out of order: a state only
// ever goes forward, and nothing overwrites Delivered. Receipts that never come are not asked for. What is known is kept for 30 days, see KeepFor.
//
// # Who may
//
// Whoever can enqueue this task can send messages at your cost, also to numbers that earn by it. Give tasks that strangers can set off a
// limit (Named), and allow at the provider only the countries that you serve.
package sms

import (
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/ticket"
)

// Send is the task. Any program may enqueue it; one with a Kit sends.
var Send = Named("sms")

// Named makes another task for messages, with a queue of its own unless an option says otherwise, such as "sms.news", whose messages shall not stand
// before codes. A limit on the field "to" bounds what one number gets:
//
//	offload.Limit{Name: "sms-number", Max: 5, Per: time.Hour, By: "to"}
//
// A Kit of Tasks sends them.
func Named(name string, opts ...offload.TaskOption) *offload.Func[Message, Receipt] {
	given := []offload.TaskOption{
		offload.Queue(name), offload.GiveUpAfter(24 * time.Hour), offload.Timeout(2 * time.Minute),
	}
	return offload.DeclareFunc[Message, Receipt](name, append(given, opts...)...)
}

// A Kit sends messages.
type Kit struct {
	offload.Part
	sending *sending
}

// New makes a kit that sends messages by a provider. Its error says what of the options can't be.
func New(via Provider, opts ...Option) (*Kit, error) {
	c := config{
		tasks: []*offload.Func[Message, Receipt]{Send}, via: []Provider{via},
		maxSegments: 10, keep: 30 * 24 * time.Hour,
	}
	for _, o := range opts {
		if o != nil {
			o(&c)
		}
	}
	s, err := newSending(&c)
	if err != nil {
		return nil, err
	}
	parts := []offload.Part{offload.OnClose(s.close)}
	for _, task := range c.tasks {
		parts = append(parts, task.Handle(s.send))
	}
	return &Kit{offload.Parts(parts...), s}, nil
}

// An Option changes a kit.
type Option func(*config)

type config struct {
	tasks       []*offload.Func[Message, Receipt]
	via         []Provider
	from        string
	maxSegments int
	keep        time.Duration
	neverTwice  bool
	receipts    string
	keys        [][]byte
	signed      *ticket.Keys
}

// From is the sender of messages that name none: a number, or what else the provider takes.
func From(sender string) Option { return func(c *config) { c.from = sender } }

// FailOver is a provider for messages that those before it can't take just now. It is not asked for a message that one of them may have taken.
func FailOver(via Provider) Option { return func(c *config) { c.via = append(c.via, via) } }

// Tasks are those that the kit works, in place of Send alone.
func Tasks(tasks ...*offload.Func[Message, Receipt]) Option {
	return func(c *config) { c.tasks = tasks }
}

// MaxSegments is how many segments a message may have, each of which is paid for: 10 by default, at most 255. A longer one is discarded.
func MaxSegments(n int) Option { return func(c *config) { c.maxSegments = n } }

// NeverTwice discards a message of which nobody knows whether it was sent, rather than sending it again. Somebody who looks it up at the provider can
// still retry the job.
func NeverTwice() Option { return func(c *config) { c.neverTwice = true } }

// Receipts asks providers to report what becomes of messages, to Handler, which they reach at a URL such as "https://shop.example/sms/". Its path is where
// the handler is mounted. URLs are signed with the first key, and taken with any: put a new one in front, and leave the old one behind it for two
// weeks. A key has at least 16 bytes, such as of crypto/rand.
func Receipts(url string, keys ...[]byte) Option {
	return func(c *config) { c.receipts, c.keys = url, keys }
}

// KeepFor is for how long it is kept what became of a message: 30 days by default, and at least a day.
func KeepFor(d time.Duration) Option { return func(c *config) { c.keep = d } }

// A Receipt is what is known of a message that was taken.
type Receipt struct {
	ID       string `json:"id,omitempty"` // the provider's
	Via      string `json:"via"`          // the provider
	Segments int    `json:"segments"`     // that it is paid for, if the provider counts as Measure does
}
