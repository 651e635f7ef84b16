package httpcall

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/reply"
	"github.com/offloadhq/offload/internal/safedial"
)

// mostBody is how much of an answer's body is read.
const mostBody = 64 << 10

// A caller makes requests over connections of its own.
type caller struct {
	config    config
	transport *http.Transport
	tokens    *http.Transport // to the endpoints of tokens, which a setting names, not a job

	mu       sync.Mutex
	circuits map[*offload.App]*circuits
}

func newCaller(c config) *caller {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}
	if c.publicOnly {
		dialer.ControlContext = safedial.Guard{Allow: c.except}.Control
	}
	trusted := &net.Dialer{Timeout: 10 * time.Second}
	return &caller{
		config: c, circuits: map[*offload.App]*circuits{},
		transport: newTransport(dialer), tokens: newTransport(trusted),
	}
}

func newTransport(dialer *net.Dialer) *http.Transport {
	return &http.Transport{
		Proxy:                  nil, // would dial for us, where safedial can't see it
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true, // a dialer of one's own switches it off
		TLSHandshakeTimeout:    10 * time.Second,
		MaxIdleConnsPerHost:    10,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// circuitsOf returns the circuits of the app that runs the job; nil if there are none.
func (c *caller) circuitsOf(app *offload.App) *circuits {
	if app == nil || c.config.failures <= 0 || c.config.open <= 0 {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	of := c.circuits[app]
	if of == nil {
		of = newCircuits(c.config, app)
		c.circuits[app] = of
	}
	return of
}

func (c *caller) close() error {
	c.transport.CloseIdleConnections()
	c.tokens.CloseIdleConnections()
	return nil
}

// call is the handler.
func (c *caller) call(ctx context.Context, in Input) (Output, error) {
	req, err := in.request(ctx)
	if err != nil {
		return Output{}, offload.Discard(err)
	}
	auth, err := c.authOf(&in, req.URL)
	if err != nil {
		return Output{}, err
	}
	circuits, host := c.circuitsOf(offload.AppOf(ctx)), hostOf(req.URL)
	if circuits == nil {
		return c.authorized(ctx, &in, req, auth)
	}
	probes, err := circuits.enter(ctx, host)
	if err != nil {
		return Output{}, err
	}
	out, err := c.authorized(ctx, &in, req, auth)
	if stopped := ctx.Err() != nil && !errors.Is(context.Cause(ctx), offload.ErrTimeout); stopped {
		return out, err // says nothing about the host; who tries is not waited for long
	}
	if noted := circuits.left(ctx, host, probes, failureOf(err)); noted != nil {
		offload.Logger(ctx).Warn("keep the circuit", "host", host, "error", noted)
	}
	return out, err
}

// failureOf is the error if it is one of the host's health.
func failureOf(err error) error {
	var status *StatusError
	var refused *safedial.AddrError
	var noToken *tokenError
	switch {
	case errors.As(err, &status):
		if status.Status < 500 {
			return nil
		}
	case errors.As(err, &refused), errors.Is(err, errRedirects), errors.As(err, &noToken):
		return nil
	}
	return err
}

// authorized makes the request with a token, if it needs one, and once more with a new one if
// the first was refused.
func (c *caller) authorized(ctx context.Context, in *Input, req *http.Request, auth *client) (Output, error) {
	if auth == nil {
		return c.send(in, req)
	}
	token, err := auth.get(ctx, c.tokens, nil)
	if err != nil {
		return Output{}, err
	}
	token.SetAuthHeader(req)
	out, err := c.send(in, req)
	var status *StatusError
	if !errors.As(err, &status) || status.Status != http.StatusUnauthorized {
		return out, err
	}
	if token, err = auth.get(ctx, c.tokens, token); err != nil {
		return Output{}, err
	}
	if req, err = in.request(ctx); err != nil {
		return Output{}, offload.Discard(err)
	}
	token.SetAuthHeader(req)
	return c.send(in, req)
}

// send makes one request.
func (c *caller) send(in *Input, req *http.Request) (Output, error) {
	started := time.Now()
	client := http.Client{Transport: tolerant{c.transport}, CheckRedirect: in.checkRedirect}
	resp, err := client.Do(req)
	if err != nil {
		return Output{}, networkError(req, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, mostBody+1))
	if err != nil {
		return Output{}, networkError(req, fmt.Errorf("read body: %w", err))
	}
	out := outputOf(resp, body)
	out.Seconds = time.Since(started).Seconds()
	offload.Logger(req.Context()).Info("answered", "method", req.Method, "url", shown(resp.Request.URL), "status", resp.StatusCode)
	if !in.expects(resp.StatusCode) {
		return out, statusError(req, resp, body)
	}
	return out, nil
}

func (in *Input) expects(status int) bool {
	if len(in.Expect) == 0 {
		return status >= 200 && status <= 299
	}
	return slices.Contains(in.Expect, status)
}

// keptHeaders are those of an answer that say what it is and where it went on.
var keptHeaders = []string{
	"Content-Type", "Content-Length", "Date", "Etag", "Last-Modified", "Link", "Location", "Retry-After",
	"X-Request-Id", "X-Correlation-Id", "Traceparent",
}

func outputOf(resp *http.Response, body []byte) Output {
	out := Output{Status: resp.StatusCode, Headers: map[string]string{}}
	for _, name := range keptHeaders {
		if value := resp.Header.Get(name); value != "" {
			out.Headers[name] = reply.Text([]byte(value), 2<<10)
		}
	}
	if len(body) > mostBody {
		body, out.BodyCut = body[:mostBody], true
	}
	switch text := body; {
	case out.BodyCut && utf8.Valid(reply.WholeRunes(text)):
		out.Body = string(reply.WholeRunes(text))
	case utf8.Valid(text):
		out.Body = string(text)
	default:
		out.BodyBase64 = body
	}
	return out
}

// networkError says what follows of a request that got no answer. What net/http says holds
// the whole URL, so only its reason is taken.
func networkError(req *http.Request, err error) error {
	at := req.Method + " " + shown(req.URL)
	if ctx := req.Context(); ctx.Err() != nil {
		return fmt.Errorf("%s: %w", at, context.Cause(ctx))
	}
	var inURL *url.Error
	for errors.As(err, &inURL) {
		err = inURL.Err
	}
	err = fmt.Errorf("%s: %w", at, err)
	var refused *safedial.AddrError
	if errors.As(err, &refused) || errors.Is(err, errRedirects) {
		return offload.Discard(err)
	}
	return err
}
