// Package notify tells people what has happened, in the way that each of them wants: by mail, push, SMS, and in a list in the program. Its task is "notify".
//
//	kit, err := notify.New(directory, []notify.Kind{{
//		Name:     "order.shipped",
//		Channels: []notify.Channel{notify.InApp, notify.Push, notify.SMS},
//		Content: notify.Fill(func(ctx context.Context, who notify.Who, o Order) (notify.Content, error) {
//			return notify.Content{Title: "Your order has shipped", Text: "It comes at three.", URL: o.URL()}, nil
//		}),
//		Otherwise: notify.Otherwise{From: notify.Push, To: notify.SMS, After: 10 * time.Minute},
//	}})
//	app, err := offload.Open(ctx, "offload.db", kit, mailKit, pushKit, smsKit)
//
//	notify.Notify.Enqueue(ctx, app, notify.Notice{To: "ada", Kind: "order.shipped", Data: notify.Data(order)})
//
// Who enqueues says what has happened and to whom, and no more. The directory, a function of yours, says where a person can be reached, which channels they want for
// what, and when they sleep. The kit enqueues jobs of the kits mail, push and sms, which do the work, here or in another process.
//
// # Which channels
//
// A kind says by which channels its notices go. A person's Prefs take the place of that, for a kind, for those with the same beginning, or for all; what a kind
// has as Required goes there whatever a person says. A channel for which the person has no address, or one that can't be one, is passed over, and the job's
// result says so.
//
// # When
//
// The list in the program has a notice at once. The others wait while the person's quiet hours last, by the clock where they live, also on the days when that is
// changed; unless the notice is Urgent. Of a kind with a Digest, mails are gathered: the first notice begins the window, and at its end one mail has all.
//
// # If it does not arrive
//
// With Otherwise a notice goes by a second channel if the first has not arrived after a while. That a push has arrived is known if the person has opened it, or has read
// the notice in the list: that is Seen, and what counts by default. With Taken it is enough that the service of one of the devices has accepted it, which says nothing of
// whether somebody has looked. The second channel is used only if it is among those that the person has for the kind.
//
// # Once
//
// A job runs at least once; its steps are kept, and the jobs that it enqueues have keys made of its id, so that twice is once up to the kits that send, which say
// themselves what they promise. A notice with a Key is one with all others that have it, of the same kind to the same person, for a week (see Remember).
//
// # What it can't promise
//
// Data stand in the jobs, in the clear. Texts of notices stand in the list, which is a record of the database for each person, with the newest 100 notices (Newest): it is encrypted, and what waits for a
// digest too, if the app has offload.Keys, and then all processes that show lists need them.
// What a person reads is looked up when the notice runs, and again after quiet hours; somebody who changes their mind in between may still get it.
package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/mail"
	"github.com/offloadhq/offload/kit/push"
	"github.com/offloadhq/offload/kit/sms"
)

// Notify is the task. Any program may enqueue it; one with a Kit does the work.
var Notify = offload.DeclareFunc[Notice, Result]("notify", offload.Queue("notify"), offload.Timeout(time.Minute))

// A Notice is something that has happened, and to whom.
type Notice struct {
	To     string          `json:"to"`   // the person, as the directory knows them
	Kind   string          `json:"kind"` // "order.shipped"
	Data   json.RawMessage `json:"data,omitempty"`
	Key    string          `json:"key,omitempty"`    // of several with the same, the first counts: "order 7"
	Urgent bool            `json:"urgent,omitempty"` // quiet hours are not heeded
}

// Data makes a Notice's Data of a value. What does not encode as JSON is refused when the notice is enqueued.
func Data(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage("{") // which encodes as little
	}
	return data
}

const (
	mostPerson = 128 // bytes
	mostKind   = 60
	mostKey    = 1000
	mostNewest = 1000
)

func refuse(field string, got any, want string) error {
	return &offload.InputError{Field: field, Got: got, Want: want}
}

// Validate says what is wrong with a notice, as far as that is known without the kit.
func (n Notice) Validate() error {
	if err := checkPerson("to", n.To); err != nil {
		return err
	}
	switch {
	case !isKind(n.Kind):
		return refuse("kind", n.Kind, wantKind)
	case len(n.Data) > 0 && !json.Valid(n.Data):
		return refuse("data", "a value that does not encode", "JSON")
	case len(n.Key) > mostKey || !utf8.ValidString(n.Key):
		return refuse("key", fmt.Sprintf("%d bytes", len(n.Key)), fmt.Sprintf("text of up to %d bytes", mostKey))
	}
	return nil
}

func checkPerson(field, id string) error {
	if id == "" || len(id) > mostPerson || !isLine(id) {
		return refuse(field, id, fmt.Sprintf("the id of a person: 1 to %d bytes in one line", mostPerson))
	}
	return nil
}

const wantKind = `a name such as order.shipped: words of letters, digits, _ and - with dots between them, up to 60 bytes`

func isKind(s string) bool {
	for word := range strings.SplitSeq(s, ".") {
		if word == "" || strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != "" {
			return false
		}
	}
	return len(s) <= mostKind
}

// isLine reports whether s is text in one line.
func isLine(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0
}

// A Result is what has become of a notice.
type Result struct {
	Repeated bool               `json:"repeated,omitempty"` // another had the Key; nothing was done
	Channels []Channel          `json:"channels,omitempty"` // by which it goes
	Skipped  map[Channel]string `json:"skipped,omitempty"`  // by which it does not, or not to all devices, and why
	Jobs     []offload.ID       `json:"jobs,omitempty"`     // that it has enqueued
}

// A Directory returns what is known of a person, or offload.ErrNotFound, which discards the notice. Any other error is retried.
type Directory func(ctx context.Context, person string) (Who, error)

// A Kit tells people what has happened.
type Kit struct{ offload.Part }

type config struct {
	kinds     map[string]*Kind
	directory Directory
	remember  time.Duration
	newest    int // notices that lists keep
	mail      *mail.Sender
	sms       *offload.Func[sms.Message, sms.Receipt]
	push      *offload.Func[push.Message, push.Receipt]
}

// New makes a kit for kinds of notices. Its error says what of them can't be. To send, the app needs the kits of the channels too, or another process has them.
func New(directory Directory, kinds []Kind, opts ...Option) (*Kit, error) {
	c := config{kinds: map[string]*Kind{}, directory: directory, remember: 7 * 24 * time.Hour, newest: pageItems, mail: mail.Send, sms: sms.Send, push: push.Send}
	for _, o := range opts {
		if o != nil {
			o(&c)
		}
	}
	if directory == nil {
		return nil, refuse("directory", "nil", "a function")
	}
	if len(kinds) == 0 {
		return nil, refuse("kinds", "none", "one or more")
	}
	for i := range kinds {
		kind := kinds[i]
		if err := kind.check(); err != nil {
			return nil, err
		}
		if c.kinds[kind.Name] != nil {
			return nil, refuse("kinds", kind.Name, "each name once")
		}
		c.kinds[kind.Name] = &kind
	}
	if c.remember < time.Minute || c.remember > 366*24*time.Hour {
		return nil, refuse("Remember", c.remember, "a minute to a year")
	}
	if c.newest < 1 || c.newest > mostNewest {
		return nil, refuse("Newest", c.newest, fmt.Sprintf("1 to %d", mostNewest))
	}
	if c.mail == nil || c.sms == nil || c.push == nil {
		return nil, refuse("By", "nil", "a task")
	}
	w := &work{c, newTurns()}
	return &Kit{offload.Parts(Notify.Handle(w.notify), digests.Handle(w.digest), otherwise.Handle(w.otherwise))}, nil
}

// An Option changes a kit.
type Option func(*config)

// Remember is for how long a Key is known: a week by default.
func Remember(d time.Duration) Option { return func(c *config) { c.remember = d } }

// Newest is how many notices the list of each person keeps: 100 by default, 1,000 at most, and 512 KiB of them.
func Newest(n int) Option { return func(c *config) { c.newest = n } }

// MailBy is the task that sends mails, in place of mail.Send: one made by mail.Named.
func MailBy(task *mail.Sender) Option { return func(c *config) { c.mail = task } }

// SMSBy is the task that sends short messages, in place of sms.Send: one made by sms.Named.
func SMSBy(task *offload.Func[sms.Message, sms.Receipt]) Option {
	return func(c *config) { c.sms = task }
}

// PushBy is the task that sends pushes, in place of push.Send: one made by push.Named.
func PushBy(task *offload.Func[push.Message, push.Receipt]) Option {
	return func(c *config) { c.push = task }
}
