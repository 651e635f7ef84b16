// Package httpcall makes HTTP requests as jobs: the task "http".
//
// A worker with the kit makes them, anybody may enqueue them:
//
//	app, err := offload.Open(ctx, "offload.db", httpcall.New())
//	job, err := httpcall.Call.Enqueue(ctx, app, httpcall.Input{
//		Method: "POST", URL: "https://crm.example/orders", JSON: json.RawMessage(`{"id":7}`)})
//
// or from a shell: offload enqueue http '{"url":"https://crm.example/ping"}'.
//
// # How it ends
//
// A status that was expected, any 2xx unless expect says which, completes the job; its result
// is an Output. Otherwise the error is a *StatusError, and the status decides:
//
//   - 408, 425, 429, every 5xx, and a 2xx that expect does not name are retried. A Retry-After
//     of the server is honoured, up to a day, with a little more so that those who were sent
//     away together don't come back together;
//   - all others are discarded: the same request would get the same answer.
//
// Whatever goes wrong on the network is retried. Input that makes no request, such as a URL
// that is none, is discarded with an *offload.InputError that names the field. Error texts
// show a URL without user, password and query.
//
// A request takes as long as the job's Timeout lets it, a minute by default.
//
// # A host that is down, and one that wants few requests
//
// When ten requests to a host have failed within a minute its circuit opens, for all processes:
// jobs for it wait, without using up attempts, until one that tries it every so often has got
// through (Breaker). Rate bounds how many jobs for a host start in a time, over all processes. Page shows both in the dashboard, with a button that
// closes a circuit.
//
// # Credentials
//
// A job with auth sends a token that the kit has got by OAuth 2.0 client credentials (OAuth2). The
// credentials are a setting of the process that makes the request; a job has only their name.
//
// # What is sent
//
// The headers as given, and where they don't say otherwise: Idempotency-Key, the job's id,
// the same at every attempt, so that a server that knows the header does the work once;
// Content-Type application/json with a json body; User-Agent offload. The Host header may
// be given. No cookie is kept between requests.
//
// Up to 5 redirects are followed. To another origin (scheme, host or port; but from http to
// https on one host is no other) nothing of the given headers goes along except Accept,
// Accept-Language and User-Agent, no Referer goes anywhere, and a redirect that would send
// the body to another origin is not followed: it is the answer. So is one that expect names.
//
// No proxy is used, whatever HTTP_PROXY and its like say. Where one is needed, give the task
// a function of your own: httpcall.Call.Handle(f).
//
// # Who may
//
// Whoever can enqueue this task can send requests from the worker's place in the network, to
// whatever is reachable there. Where strangers choose the URL, use PublicOnly.
package httpcall

import (
	"context"
	"encoding/json"
	"net/netip"
	"time"

	"github.com/offloadhq/offload"
)

// Call is the task. Any program may enqueue it; one with a Kit makes the requests.
var Call = offload.DeclareFunc[Input, Output]("http", offload.Timeout(time.Minute), offload.Dangerous())

// Input is a request.
type Input struct {
	Method  string            `json:"method,omitempty"`  // GET if empty
	URL     string            `json:"url"`               // absolute, http or https
	Headers map[string]string `json:"headers,omitempty"` // beside what every request has
	Body    string            `json:"body,omitempty"`
	JSON    json.RawMessage   `json:"json,omitempty"`   // a body as it is, instead of Body
	Expect  []int             `json:"expect,omitempty"` // statuses that complete the job: any 2xx if empty
	Auth    string            `json:"auth,omitempty"`   // the name of credentials that the kit has, see OAuth2
}

// Validate returns the first value that makes no request.
func (in Input) Validate() error {
	_, err := in.request(context.Background())
	return err
}

// Output is an answer. As reads its body.
type Output struct {
	Status     int               `json:"status"`
	Headers    map[string]string `json:"headers,omitempty"` // those about the content, where it is, and the server's ids of the request
	Body       string            `json:"body,omitempty"`    // its first 64 KiB, if that is text
	BodyBase64 []byte            `json:"body_base64,omitempty"`
	BodyCut    bool              `json:"body_cut,omitempty"` // there was more
	Seconds    float64           `json:"seconds"`
}

// A Kit makes requests.
type Kit struct{ offload.Part }

// New makes a kit.
func New(opts ...Option) *Kit {
	k := newCaller(configOf(opts))
	parts := []offload.Part{Call.Handle(k.call), offload.OnClose(k.close)}
	if len(k.config.rates) > 0 {
		parts = append(parts, offload.AroundEnqueue(k.config.limited))
	}
	for _, auth := range k.config.auth {
		if auth.refuse() != nil {
			parts = append(parts, offload.AroundEnqueue(k.config.refuseMissing))
			break
		}
	}
	return &Kit{offload.Parts(parts...)}
}

// An Option changes a kit.
type Option func(*config)

type config struct {
	publicOnly bool
	except     []netip.Prefix
	auth       map[string]*client
	rates      map[string]offload.Limit

	failures     int // of a host, that open its circuit; 0: never
	within, open time.Duration
}

func configOf(opts []Option) config {
	c := config{failures: 10, within: time.Minute, open: 30 * time.Second}
	for _, o := range opts {
		if o != nil {
			o(&c)
		}
	}
	return c
}

// PublicOnly refuses to connect to addresses that are not of the public internet: the
// worker's own machine, private networks, the metadata services of clouds; except those
// within the given prefixes. What is checked is the address that is dialled, after names were
// resolved and redirects followed. A job whose URL leads elsewhere is discarded.
func PublicOnly(except ...netip.Prefix) Option {
	return func(c *config) { c.publicOnly, c.except = true, append(c.except, except...) }
}
