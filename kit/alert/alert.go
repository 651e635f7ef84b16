// Package alert tells people when jobs go wrong: rules watch queues, tasks, schedules and processes, and
// tell channels (Slack, PagerDuty, a webhook, mail) once, and once more when it is over.
//
//	alerts, err := alert.New(
//		alert.Slack("ops", os.Getenv("SLACK_URL")),
//		alert.PagerDuty("oncall", "", os.Getenv("PAGERDUTY_KEY")),
//		alert.Rule{Name: "mail is slow", When: alert.Waiting, Queue: "mail", Over: 5 * time.Minute, For: time.Minute, To: []string{"ops"}},
//		alert.Rule{Name: "nobody works", When: alert.Unworked, For: 2 * time.Minute, Severity: "critical", To: []string{"ops", "oncall"}},
//	)
//	app, err := offload.Open(ctx, "offload.db", alerts)
//	handler := dashboard.New(app, dashboard.Page("Alerts", alerts.For(app).Page()))
//
// Rules are those of the code, and those that operators make or change on the page, which are kept in the
// database. Channels are in the code alone, since their URLs and keys are secrets: no record, job,
// log line or error has them.
//
// # Who watches
//
// Every process that has the kit and runs jobs could; one does, and looks every ten seconds (Every). It renews a
// record with each look, and when it has missed three another watches. What is known of an incident is in records that
// are written only over what was read, so that neither a restart nor a process that stood still repeats or loses one.
//
// Who is to be told what stands in the record before the jobs are made that do it, Deliver in the queue "alert", and the
// jobs have keys: a crash between the two neither loses nor doubles one. Deliveries are retried for some 14 hours; what a channel
// refuses for good (400, 401, 404 …) is given up, and to be seen on the page. An all-clear waits for its alert to be delivered.
//
// # Nobody at all
//
// Unworked sees that no process works a queue, if there is one elsewhere: a process of another queue, or one that works none
// but the kit's own, such as the web server:
//
//	go app.Run(ctx, alert.Queue)
//
// That all processes are gone nobody of them can tell. Heartbeat is asked for once a minute while somebody watches: give it to a
// service outside that raises the alarm when it ends. What was lost while nobody watched, Lost tells of when somebody does again.
//
// # An incident
//
// It is of a rule and a queue, task, schedule or group of errors. It is told once it has been seen for the rule's For, and is over
// once it has been well for Clear; in between nothing is sent, however long it takes. One that is over and begins again is
// another. When its rule is switched off, it is over at once; when no program knows its rule any more, after ten
// minutes. Of a rule there are at most 100 at once.
//
// The kit's own jobs are never watched: a delivery that fails makes no alert, and so no chain of them.
//
// # What it can't promise
//
// A channel may be told twice, when a process dies between the answer and the note of it, or the answer is lost: PagerDuty and
// mail take both for one by their key, Slack shows two. What begins and ends between two looks is not seen, but for what is
// counted: failures, discarded jobs, errors. Figures are of whole minutes, so that a window may be a minute longer. Jobs that a process
// has put aside because its program does not know their task do not wait, in the sense of Waiting and Unworked.
package alert

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/mail"
	"github.com/offloadhq/offload/kit/webhook"
)

// Queue is the queue of the kit's own jobs. No rule watches it.
const Queue = "alert"

// ownPrefix is that of the names of the kit's own tasks.
const ownPrefix = "alert."

// Deliver tells one channel of one incident. Its jobs are made by the watch. What it sends is sent in the
// program's name: nobody makes such a job in the dashboard.
var Deliver = offload.DeclareFunc[Notice, Answer]("alert.deliver", offload.Queue(Queue), offload.MaxAttempts(mostAttempts),
	offload.Backoff(backoff), offload.Timeout(time.Minute), offload.Dangerous())

// Mails is the task by which channels of Mail send: give it to the mail kit, beside its own.
//
//	mails, err := mail.New(transport, mail.Tasks(mail.Send, alert.Mails))
var Mails = mail.Named("alert.mail", offload.Queue(Queue))

// Attempts go on for some 14 hours: an alert that is older is history.
const mostAttempts = 14

// backoff is 5 s, 10 s, 20 s, … up to 2 hours, and up to a tenth more.
func backoff(failures int, _ error) time.Duration {
	wait := min(5*time.Second<<min(max(failures-1, 0), 12), 2*time.Hour)
	return wait + rand.N(wait/10)
}

// A Kit watches, and tells. It is safe for concurrent use.
type Kit struct {
	offload.Part
	config
	transport *http.Transport
}

// New makes a kit of channels and rules. It starts nothing: the watch is kept while the app runs jobs.
// Its error says which of the options can't be.
func New(opts ...Option) (*Kit, error) {
	c := config{every: 10 * time.Second, channels: map[string]channel{}}
	for _, o := range opts {
		if o != nil {
			o.apply(&c)
		}
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}
	k := &Kit{config: c, transport: &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true, // a dialer of one's own switches it off
		TLSHandshakeTimeout:    10 * time.Second,
		MaxIdleConnsPerHost:    2,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}}
	k.Part = offload.Parts(Deliver.Handle(k.deliver), offload.Beside(k.watch), offload.OnClose(k.close))
	return k, nil
}

func (k *Kit) close() error {
	k.transport.CloseIdleConnections()
	return nil
}

// An Option changes a kit: a Rule, a channel, or what Every, Link and Heartbeat say.
type Option interface{ apply(c *config) }

type option func(c *config)

func (o option) apply(c *config) { o(c) }

type config struct {
	rules    []Rule
	channels map[string]channel
	every    time.Duration
	link     string
	beat     string
	wrong    error // the first
}

func (c *config) refuse(err error) {
	if c.wrong == nil {
		c.wrong = err
	}
}

// Every is how often one of the processes looks. The default is 10 seconds; a second to a minute can be.
// A look makes one write and some ten reads.
func Every(d time.Duration) Option {
	return option(func(c *config) {
		if d < time.Second || d > time.Minute {
			c.refuse(refuse("Every", d, "a second to a minute"))
		}
		c.every = d
	})
}

// Link is the URL of the dashboard, which what is sent then leads to.
func Link(url string) Option {
	return option(func(c *config) {
		if err := checkURL("Link", url); err != nil {
			c.refuse(err)
		}
		c.link = url
	})
}

// Heartbeat is a URL that is asked for (GET) about once a minute, while somebody watches: that of a service
// which raises the alarm when this ends, since nobody who is down can tell of it.
func Heartbeat(url string) Option {
	return option(func(c *config) {
		if err := checkURL("Heartbeat", url); err != nil {
			c.refuse(err)
		}
		c.beat = url
	})
}

func (c *config) check() error {
	if c.wrong != nil {
		return c.wrong
	}
	for i := range c.rules {
		if err := c.checkRule(&c.rules[i]); err != nil {
			return err
		}
		if slices.ContainsFunc(c.rules[:i], func(r Rule) bool { return r.Name == c.rules[i].Name }) {
			return refuse("Name", c.rules[i].Name, "a name that no other rule has")
		}
	}
	return nil
}

// checkRule refuses a rule that can't be, or whose channels are not there.
func (c *config) checkRule(r *Rule) error {
	if err := r.Validate(); err != nil {
		return err
	}
	for _, name := range r.To {
		if c.channels[name] == nil {
			return r.refuse("To", name, fmt.Sprintf("channels of the kit: %q", c.channelNames()))
		}
	}
	return nil
}

func (c *config) channelNames() []string {
	names := make([]string, 0, len(c.channels))
	for name := range c.channels {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (c *config) put(name string, ch channel, err error) {
	switch {
	case !isName(name):
		err = refuse("channel", name, nameWant)
	case c.channels[name] != nil:
		err = refuse("channel", name, "a name that no other channel has")
	}
	if err != nil {
		c.refuse(err)
		return
	}
	c.channels[name] = ch
}

// Slack is a channel of an incoming webhook of Slack, or of what takes the same: Mattermost, Rocket.Chat,
// Discord with /slack behind its URL. The URL is a secret: take it from where secrets are.
func Slack(name, url string) Option {
	return option(func(c *config) { c.put(name, &slack{url}, checkURL("Slack "+name, url)) })
}

// PagerDuty is a channel that takes the Events API v2, by the integration key of a service. The URL is
// "https://events.pagerduty.com/v2/enqueue" if it is "": another is that of the EU, or of what takes the same.
func PagerDuty(name, url, key string) Option {
	return option(func(c *config) {
		if url == "" {
			url = "https://events.pagerduty.com/v2/enqueue"
		}
		err := checkURL("PagerDuty "+name, url)
		if key == "" {
			err = refuse("PagerDuty "+name+" key", "", "the integration key of a service")
		}
		c.put(name, &pagerDuty{url, key}, err)
	})
}

// Mail is a channel that mails each address by the task Mails, which a mail kit has to work.
func Mail(name string, to ...string) Option {
	return option(func(c *config) {
		var err error
		if len(to) == 0 || len(to) > mostTo {
			err = refuse("Mail "+name, fmt.Sprintf("%d addresses", len(to)), fmt.Sprintf("1 to %d", mostTo))
		}
		for _, address := range to {
			m := mail.Message{To: []string{address}, Subject: "s", Text: "t"}
			if wrong := m.Validate(); wrong != nil && err == nil {
				err = fmt.Errorf("alert: Mail %s: %w", name, wrong)
			}
		}
		c.put(name, &mailing{slices.Clone(to)}, err)
	})
}

// Func is a channel that calls f in a job, at least once for each Notice, again after an error. Its
// Key tells a second time from another notice.
func Func(name string, f func(ctx context.Context, n Notice) error) Option {
	return option(func(c *config) {
		var err error
		if f == nil {
			err = refuse("Func "+name, errors.New("nil"), "a function")
		}
		c.put(name, function(f), err)
	})
}

// Webhook is a channel of a URL of yours: a POST of a Notice as JSON, signed as Standard Webhooks says, so
// that webhook.Receiver takes it. The URL may be of a private network.
func Webhook(name, url string, secret webhook.Secret) Option {
	return option(func(c *config) {
		err := checkURL("Webhook "+name, url)
		if wrong := webhook.Sign(http.Header{}, "check", time.Now(), nil, secret); wrong != nil && err == nil {
			err = refuse("Webhook "+name+" secret", secret, `such as webhook.NewSecret makes: "whsec_…" or "whsk_…"`)
		}
		c.put(name, &hook{url, secret}, err)
	})
}
