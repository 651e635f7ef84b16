// Package webhook sends events to the endpoints of subscribers, as the Standard Webhooks
// specification 1.0 says, and helps those who receive such: the tasks "webhook.deliver",
// "webhook.publish" and "webhook.disable".
//
//	hooks := webhook.New()
//	app, err := offload.Open(ctx, "offload.db", hooks)
//	end, err := hooks.For(app).Add(ctx, webhook.Endpoint{URL: "https://example.com/hook", Types: []string{"order.*"}})
//	// end.Keys[0].Secret is what the subscriber has to know
//
//	tx := app.Tx(sqlTx) // the event goes out if the order is committed, and only then
//	jobs, err := hooks.For(app).Publish(ctx, tx, webhook.Event{Type: "order.paid", Data: json.RawMessage(`{"id":7}`)})
//
// # What is sent
//
// One job for each endpoint that wants the event: a POST of {"type", "timestamp", "data"} with
// the headers webhook-id, the same at every attempt, webhook-timestamp, that of the attempt, and
// webhook-signature: one signature for each key of the endpoint, v1 (HMAC-SHA256) for secrets
// "whsec_…" and v1a (ed25519) for keys "whsk_…". A delivery may arrive twice, always with the
// same webhook-id: receivers drop the second by it.
//
// # How it ends
//
// Any 2xx within 15 seconds completes the delivery; its result is an Answer. Everything else, a
// redirect too, is a failure, a *StatusError if the endpoint answered. Attempts come after 5 s,
// 5 and 30 minutes, 2, 5, 10, 14, 20 and 24 hours: ten over three days. A longer Retry-After, up
// to a day, is honoured. Each attempt leaves a line in the job's log with the request and the
// answer; an input, an error text or a log line never holds a secret, nor the URL's user and query.
//
// # Endpoints that are gone
//
// An endpoint is disabled when it answers 410, when nothing has reached it for five days
// (DisableAfter; failures are forgotten 30 days after the last), and an ordered one when a delivery has used up its attempts. It is the job
// "webhook.disable", which then calls the function given by OnDisabled, at least once. Deliveries
// to a disabled endpoint are cancelled; "send again" brings them back once it is enabled.
//
// # Order
//
// To an Ordered endpoint deliveries go one after another, in the order of Publish; one that waits
// for its retry keeps those behind it waiting, and one that is discarded stops the endpoint until
// it is sent again or skipped (offload limit skip).
//
// # Where it may lead
//
// Endpoints are of https and http at ports 443 and 80, and of the public internet: the address
// that is dialled is checked, at every attempt. No proxy is used, and no redirect followed.
// AllowPrivate and Ports let more in, for development.
//
// # Secrets
//
// Endpoints are records in the database. With offload.Keys given to the app they are encrypted, as jobs of tasks with
// Encrypt are; without, who reads the database reads the keys of the subscribers. Give the Keys to all programs that
// publish and deliver. Those that were kept before are encrypted when they are changed, or by
// operate.ReencryptAll. A Secret prints as "whsec_…", in logs and errors and pages, and has to be converted
// to a string on purpose.
package webhook

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/safedial"
)

// Deliver sends one event to one endpoint. Its jobs are made by Publish and SendAgain. What it sends
// is signed in the program's name: nobody makes such a job in the dashboard.
var Deliver = offload.DeclareFunc[Delivery, Answer]("webhook.deliver",
	offload.MaxAttempts(len(waits)+1), offload.Backoff(backoff), offload.Timeout(time.Minute), offload.Dangerous())

// Publish publishes an event from where no Go runs: a shell, another language, a row in the table
// inbox. The job publishes it once to the endpoints that are there when it runs. Between such jobs
// no order is kept.
var Publish = offload.Declare[Event]("webhook.publish", offload.Dangerous())

// disable disables an endpoint and tells of it.
var disable = offload.Declare[disableInput]("webhook.disable")

// A Kit sends events. It is safe for concurrent use.
type Kit struct {
	offload.Part
	config    config
	transport *http.Transport

	mu    sync.Mutex
	hooks map[*offload.App]*Hooks
}

// New makes a kit. It starts nothing.
func New(opts ...Option) *Kit {
	c := config{disableAfter: 5 * 24 * time.Hour, ports: []uint16{443, 80}}
	for _, o := range opts {
		if o != nil {
			o(&c)
		}
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second, ControlContext: c.guard.Control}
	k := &Kit{config: c, hooks: map[*offload.App]*Hooks{}, transport: &http.Transport{
		Proxy:                  nil, // would dial for us, where safedial can't see it
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true, // a dialer of one's own switches it off
		TLSHandshakeTimeout:    10 * time.Second,
		MaxIdleConns:           1000,
		MaxIdleConnsPerHost:    64,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}}
	k.Part = offload.Parts(Deliver.Handle(k.deliver), Publish.Handle(k.publish), disable.Handle(k.disable), offload.OnClose(k.close))
	return k
}

// For returns the endpoints of an app, and what can be done with them.
func (k *Kit) For(app *offload.App) *Hooks {
	k.mu.Lock()
	defer k.mu.Unlock()
	h := k.hooks[app]
	if h == nil {
		h = newHooks(k, app)
		k.hooks[app] = h
	}
	return h
}

func (k *Kit) close() error {
	k.transport.CloseIdleConnections()
	return nil
}

// An Option changes a kit.
type Option func(*config)

type config struct {
	guard        safedial.Guard
	ports        []uint16
	disableAfter time.Duration
	onDisabled   func(ctx context.Context, e Endpoint) error
}

// AllowPrivate lets endpoints be in networks that are not of the public internet: those within
// the given prefixes, or without any, everywhere. It is for development, and for subscribers of
// one's own network.
func AllowPrivate(within ...netip.Prefix) Option {
	return func(c *config) {
		if len(within) == 0 {
			within = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
		}
		c.guard.Allow = append(c.guard.Allow, within...)
	}
}

// Ports are those that an endpoint may listen at, in place of 443 and 80; without any, all.
func Ports(ports ...uint16) Option {
	return func(c *config) { c.ports = ports }
}

// DisableAfter disables an endpoint that nothing has reached for d, though it was tried. The
// default is five days; 0 or less never does.
func DisableAfter(d time.Duration) Option {
	return func(c *config) { c.disableAfter = d }
}

// OnDisabled is called when an endpoint was disabled by itself, not by a person, to tell its
// owner: in a job, so at least once, and again after an error.
func OnDisabled(f func(ctx context.Context, e Endpoint) error) Option {
	return func(c *config) { c.onDisabled = f }
}
