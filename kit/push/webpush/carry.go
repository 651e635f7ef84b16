package webpush

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/offloadhq/offload/kit/push"
)

const service = "web"

// A carrier is an open Service.
type carrier struct {
	client *http.Client
	ports  []uint16
	vapid  vapid
}

// Carries reports whether the target is a subscription.
func (c *carrier) Carries(to push.Target) bool { return to.Web != nil }

// Close gives idle connections up.
func (c *carrier) Close() error {
	c.client.CloseIdleConnections()
	return nil
}

// Carry sends a push once.
func (c *carrier) Carry(ctx context.Context, l *push.Letter) (push.Receipt, error) {
	req, err := c.request(ctx, l)
	if err != nil {
		return push.Receipt{}, err
	}
	resp, body, err := push.Do(c.client, service, req)
	if err != nil {
		return push.Receipt{}, err
	}
	switch status := resp.StatusCode; {
	case status >= 200 && status <= 299:
		return push.Receipt{Service: service, ID: locationOf(resp)}, nil
	case status == http.StatusNotFound, status == http.StatusGone:
		return push.Receipt{}, &push.GoneError{Service: service, Status: status}
	}
	if resp.StatusCode == http.StatusUnauthorized {
		c.vapid.forget(originOf(req.URL))
	}
	return push.Receipt{}, push.Answered(service, resp, string(body))
}

func (c *carrier) request(ctx context.Context, l *push.Letter) (*http.Request, error) {
	public, auth, err := l.To.Web.Decode()
	if err != nil {
		return nil, err
	}
	body, err := encrypt(l.Payload, public, auth)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.To.Web.Endpoint, bytes.NewReader(body))
	if err != nil || req.URL.Scheme != "https" {
		return nil, refuse("to.web.endpoint", "another text", "an https URL")
	}
	if !c.allows(req.URL) {
		return nil, refuse("to.web.endpoint", "the port "+req.URL.Port(), "one of those that the service allows, see webpush.Service.Ports")
	}
	authorization, err := c.vapid.header(originOf(req.URL))
	if err != nil {
		return nil, err
	}
	h := req.Header
	h.Set("Authorization", authorization)
	h.Set("Content-Encoding", "aes128gcm")
	h.Set("Content-Type", "application/octet-stream")
	h.Set("User-Agent", "offload")
	for name, value := range l.Headers {
		h.Set(name, value)
	}
	return req, nil
}

func (c *carrier) allows(u *url.URL) bool {
	port := u.Port()
	if port == "" {
		port = "443"
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && slices.Contains(c.ports, uint16(n))
}

// originOf is what a token is for: scheme, host, and a port that is not the usual one.
func originOf(u *url.URL) string {
	return "https://" + strings.TrimSuffix(strings.ToLower(u.Host), ":443")
}

// locationOf is the URL that the push service gave the push.
func locationOf(resp *http.Response) string {
	at, err := resp.Location()
	if err != nil || len(at.String()) > 1<<10 {
		return ""
	}
	return at.String()
}
