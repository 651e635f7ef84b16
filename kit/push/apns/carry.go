package apns

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/offloadhq/offload/kit/push"
)

const service = "apns"

// A carrier is an open Service.
type carrier struct {
	client   *http.Client
	own      *http.Transport // nil if the client is the program's
	hosts    [2]string       // production and sandbox
	topic    string
	provider provider
}

// Carries reports whether the target is a device of Apple's.
func (c *carrier) Carries(to push.Target) bool { return to.APNs != nil }

// Close gives idle connections up.
func (c *carrier) Close() error {
	if c.own != nil {
		c.own.CloseIdleConnections()
	}
	return nil
}

// Carry sends a push; once more, at once, if the program's token was too old.
func (c *carrier) Carry(ctx context.Context, l *push.Letter) (push.Receipt, error) {
	token, err := c.provider.token(nil)
	if err != nil {
		return push.Receipt{}, err
	}
	resp, said, err := c.send(ctx, l, token)
	if err != nil {
		return push.Receipt{}, err
	}
	if said.Reason == "ExpiredProviderToken" {
		if token, err = c.provider.token(token); err != nil {
			return push.Receipt{}, err
		}
		if resp, said, err = c.send(ctx, l, token); err != nil {
			return push.Receipt{}, err
		}
	}
	if resp.StatusCode == http.StatusOK {
		id := resp.Header.Get("apns-id")
		if id == "" || len(id) > 100 {
			id = l.ID.String()
		}
		return push.Receipt{Service: service, ID: id}, nil
	}
	return push.Receipt{}, refused(resp, said)
}

// An answer is what Apple says to a push that it did not take.
type answer struct {
	Reason    string `json:"reason"`
	Timestamp int64  `json:"timestamp"` // milliseconds: since when the token is not good any more
}

// refused says what follows of an answer.
func refused(resp *http.Response, said answer) error {
	if resp.StatusCode == http.StatusGone || said.Reason == "BadDeviceToken" && resp.StatusCode == http.StatusBadRequest {
		gone := &push.GoneError{Service: service, Status: resp.StatusCode, Reason: cut(said.Reason)}
		if said.Timestamp > 0 {
			gone.Since = time.UnixMilli(said.Timestamp)
		}
		return gone
	}
	e := push.Answered(service, resp, said.Reason)
	switch said.Reason {
	case "ExpiredProviderToken", "InvalidProviderToken", "MissingProviderToken", "BadCertificate", "BadCertificateEnvironment",
		"Forbidden", "IdleTimeout", "Shutdown":
		e.Permanent = false // it is about this program, or the connection, and not about the push
	}
	return e
}

// cut is a reason that is no longer than Apple's are.
func cut(reason string) string {
	if len(reason) > 64 {
		return "unknown"
	}
	return reason
}

// send makes one request.
func (c *carrier) send(ctx context.Context, l *push.Letter, token *signed) (*http.Response, answer, error) {
	host := c.hosts[0]
	if l.To.APNs.Sandbox {
		host = c.hosts[1]
	}
	topic := l.To.APNs.Topic
	if topic == "" {
		topic = c.topic
	}
	if topic == "" {
		return nil, answer{}, refuse("to.apns.topic", "", "the app's bundle id, since apns.Service has no Topic")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, host+"/3/device/"+l.To.APNs.Token, bytes.NewReader(l.Payload))
	if err != nil {
		return nil, answer{}, refuse("to.apns.token", "another text", "a device token")
	}
	h := req.Header
	h.Set("authorization", "bearer "+token.text)
	h.Set("apns-topic", topic)
	for name, value := range l.Headers {
		h.Set(name, value)
	}
	h.Set("Content-Type", "application/json")
	h.Set("User-Agent", "offload")
	resp, body, err := push.Do(c.client, service, req)
	if err != nil {
		return nil, answer{}, err
	}
	var said answer
	if resp.StatusCode != http.StatusOK {
		_ = json.Unmarshal(body, &said) // what is no JSON has no reason, and the status says enough
	}
	return resp, said, nil
}
