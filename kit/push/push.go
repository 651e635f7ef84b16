// Package push sends notifications to browsers and phones as jobs: the task "push".
//
// A worker with the kit sends them, anybody may enqueue them:
//
//	kit, err := push.New(
//		push.Via(webpush.Service{Keys: keys, Contact: "mailto:ops@shop.example"}),
//		push.Via(apns.Service{Key: p8, KeyID: "ABC123DEFG", TeamID: "DEF123GHIJ", Topic: "example.shop"}),
//		push.Via(fcm.Service{Account: account}),
//		push.OnGone(func(ctx context.Context, gone *push.GoneError) error {
//			return forget(ctx, gone.Target)
//		}))
//	app, err := offload.Open(ctx, "offload.db", kit)
//
//	push.Send.Enqueue(ctx, app, push.Message{To: push.Target{Web: subscription}, Title: "Your order", Body: "It is on its way.",
//		URL: "https://shop.example/orders/7"})
//
// The services are packages of their own, so that a program has only those that it uses: webpush for browsers, apns for Apple, fcm for
// Android. While you develop, give Keep in their place: pushes are kept, and Inbox shows them, on a page of the dashboard.
//
// # How it ends
//
// A push that its service has accepted completes its job; the result is a Receipt. That it was shown, nobody says.
//
//   - A target that is no more, since the app was removed or the subscription ended, is told to OnGone, and the job is discarded with a
//     *GoneError. When OnGone fails, the job is retried, and asks the service again.
//   - An answer that the same push would get again discards the job with an *AnswerError.
//   - Too many pushes (429), a service that is down (5xx), credentials that it does not accept, and all that goes wrong on the network is
//     retried; what the service says of when, by Retry-After, is honoured, up to a day.
//   - What can't become a push, such as a subscription that is none, or one of more than 4096 bytes, is refused when it is enqueued, with an
//     *offload.InputError that names the field, and discarded where it was enqueued by name.
//   - A target for which this process has no service is retried: another may have it.
//
// A push is tried for 24 hours, unless GiveUpAfter says otherwise, and an attempt takes up to a minute, unless Timeout does. Where it is
// worth nothing an hour later, say offload.Expire(time.Hour) too: TTL is only how long the service keeps it for a device that is off.
//
// # Once
//
// That a service has accepted a push is noted at once, so that a job that is delivered twice sends it once. Between the service's answer
// and that note a process can die, or the answer be lost, and then the push is sent again: none of the three services knows it for the
// same. But its Tag is the same, the job's id where none is given, and by it a device shows the second in place of the first. A silent
// push (one without Title) has nothing to be shown: the app must be ready for it twice.
//
// # Who may
//
// Whoever can enqueue this task can show any text, in the program's name, to everybody whose target they know.
package push

import (
	"context"
	"fmt"
	"time"

	"github.com/offloadhq/offload"
)

// Send is the task. Any program may enqueue it; one with a Kit sends.
var Send = Named("push")

// Named makes another task for pushes, with a queue of its own unless an option says otherwise, such as "newsletter", whose pushes
// shall not stand before a login's. A Kit of Tasks sends them.
func Named(name string, opts ...offload.TaskOption) *offload.Func[Message, Receipt] {
	given := []offload.TaskOption{offload.Queue(name), offload.GiveUpAfter(24 * time.Hour), offload.Timeout(time.Minute)}
	return offload.DeclareFunc[Message, Receipt](name, append(given, opts...)...)
}

// A Receipt is what is known of a push that was accepted.
type Receipt struct {
	Service string `json:"service"`      // "web", "apns", "fcm" or "kept"
	ID      string `json:"id,omitempty"` // the service's: of web push a URL, of APNs the apns-id, of FCM the message's name
}

// A Kit sends pushes.
type Kit struct {
	offload.Part
}

// New makes a kit that sends pushes by the services of Via. Its error says what of the options can't be.
func New(opts ...Option) (*Kit, error) {
	c := config{tasks: []*offload.Func[Message, Receipt]{Send}}
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
	return &Kit{offload.Parts(parts...)}, nil
}

// An Option changes a kit.
type Option func(*config)

type config struct {
	tasks  []*offload.Func[Message, Receipt]
	via    []Transport
	onGone func(context.Context, *GoneError) error
}

// Via is a service that takes pushes: webpush.Service, apns.Service, fcm.Service or Keep. Of several for the same kind of target the
// first counts.
func Via(t Transport) Option { return func(c *config) { c.via = append(c.via, t) } }

// Tasks are those that the kit works, in place of Send alone.
func Tasks(tasks ...*offload.Func[Message, Receipt]) Option {
	return func(c *config) { c.tasks = tasks }
}

// OnGone is called when a service says that a target is no more, in the job that found it, before the job is discarded: delete the
// target there, so that nothing is sent to it again. It may be called more than once for a target. When it returns an error the job is
// retried. A target that was renewed after GoneError.Since is to be kept.
func OnGone(f func(ctx context.Context, gone *GoneError) error) Option {
	return func(c *config) { c.onGone = f }
}

// A GoneError reports that a target is no more: a subscription that was ended, an app that was removed. Its text does not show the target.
type GoneError struct {
	Target  Target
	Service string    // "web", "apns", "fcm"
	Status  int       // of HTTP; 0 where nobody was asked: the subscription itself said until when it was good
	Reason  string    // the service's word: "Unregistered", "BadDeviceToken"
	Since   time.Time // when the target ended, where the service says it (APNs); zero otherwise
}

// Error says who said it, and how.
func (e *GoneError) Error() string {
	text := fmt.Sprintf("%s: the target is no more", e.Service)
	if e.Status != 0 {
		text += fmt.Sprintf(": status %d", e.Status)
	}
	if e.Reason != "" {
		text += " " + e.Reason
	}
	return text
}
