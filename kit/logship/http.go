package logship

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/offloadhq/offload"
)

// An HTTPOption shapes how OTLP and Loki are reached.
type HTTPOption interface{ applyHTTP(*post) }

type httpOption func(*post)

func (f httpOption) applyHTTP(p *post) { f(p) }

// Header is sent with each batch: a credential, or Loki's X-Scope-OrgID.
func Header(name, value string) HTTPOption {
	return httpOption(func(p *post) { p.header.Set(name, value) })
}

// Client sends batches. The default follows no redirects, and takes 30 s for a batch at most.
func Client(c *http.Client) HTTPOption { return httpOption(func(p *post) { p.client = c }) }

// A post sends batches to an address.
type post struct {
	url    string
	header http.Header
	client *http.Client
}

func newPost(address string, opts []HTTPOption) post {
	p := post{url: address, header: http.Header{}}
	for _, o := range opts {
		if o != nil {
			o.applyHTTP(&p)
		}
	}
	if p.client == nil {
		transport := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: 90 * time.Second}
		p.client = &http.Client{
			Timeout: 30 * time.Second, Transport: transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // a credential goes nowhere else
		}
	}
	return p
}

func (p *post) check() error {
	u, err := url.Parse(p.url)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return &offload.InputError{Field: "address", Got: "what is no address", Want: "an address such as http://collector:4318/v1/logs"} // it may have a password
	}
	return nil
}

// send sends a body of JSON and returns the answer of one that was taken.
func (p *post) send(ctx context.Context, body []byte) ([]byte, error) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(body) // a buffer takes all
	_ = z.Close()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, &packed)
	if err != nil {
		return nil, fmt.Errorf("make a request: %w", err)
	}
	for name, values := range p.header {
		request.Header[name] = values
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Content-Encoding", "gzip")
	response, err := p.client.Do(request)
	if err != nil {
		if u, ok := err.(*url.Error); ok {
			err = u.Err // without the address, which may have a password
		}
		return nil, fmt.Errorf("send to %s: %w", request.URL.Host, err)
	}
	defer response.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	code := response.StatusCode
	reason := fmt.Sprintf("%s says %d: %s", request.URL.Host, code, sentence(answer))
	switch {
	case code >= 200 && code < 300:
		return answer, nil // also where the answer broke off
	case code == http.StatusRequestEntityTooLarge:
		return nil, fmt.Errorf("%w: %s", ErrTooLarge, reason)
	case code == http.StatusTooManyRequests || code == http.StatusRequestTimeout || code >= 500:
		if after, ok := retryAfter(response.Header.Get("Retry-After")); ok {
			return nil, &LaterError{After: after, Reason: reason}
		}
		return nil, fmt.Errorf("%s", reason)
	case code == http.StatusUnauthorized || code == http.StatusForbidden || code == http.StatusNotFound || code == http.StatusUnsupportedMediaType || code < 400:
		return nil, fmt.Errorf("%s", reason) // a setting is wrong, here or there, and will be put right
	}
	return nil, &RefusedError{Reason: reason}
}

func retryAfter(s string) (time.Duration, bool) {
	if seconds, err := strconv.Atoi(strings.TrimSpace(s)); err == nil && seconds >= 0 {
		return time.Duration(min(seconds, 1<<20)) * time.Second, true
	}
	if at, err := http.ParseTime(s); err == nil {
		return max(time.Until(at), 0), true
	}
	return 0, false
}

// sentence is the beginning of an answer.
func sentence(b []byte) string {
	s := strings.ToValidUTF8(strings.Join(strings.Fields(string(b)), " "), "")
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "") + "…"
	}
	return s
}

func (p *post) close() error {
	p.client.CloseIdleConnections()
	return nil
}
