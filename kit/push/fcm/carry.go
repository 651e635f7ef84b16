package fcm

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"time"

	"golang.org/x/oauth2"

	"github.com/offloadhq/offload/kit/push"
)

const service = "fcm"

// quotaRests is how long a push waits that was one too many, where Firebase does not say: as long as its documentation wants.
const quotaRests = time.Minute

// A carrier is an open Service.
type carrier struct {
	client *http.Client
	own    *http.Transport // nil if the client is the program's
	url    string
	tokens tokens
}

// Carries reports whether the target is a registration.
func (c *carrier) Carries(to push.Target) bool { return to.FCM != nil }

// Close gives idle connections up.
func (c *carrier) Close() error {
	if c.own != nil {
		c.own.CloseIdleConnections()
	}
	return nil
}

// Carry sends a push; once more, at once, if the token of Google's was refused.
func (c *carrier) Carry(ctx context.Context, l *push.Letter) (push.Receipt, error) {
	body, err := withToken(l.Payload, l.To.FCM.Token)
	if err != nil {
		return push.Receipt{}, err
	}
	token, err := c.tokens.get(ctx, c.client, nil)
	if err != nil {
		return push.Receipt{}, err
	}
	resp, answered, err := c.send(ctx, body, token)
	if err != nil {
		return push.Receipt{}, err
	}
	if resp.StatusCode == http.StatusUnauthorized {
		if token, err = c.tokens.get(ctx, c.client, token); err != nil {
			return push.Receipt{}, err
		}
		if resp, answered, err = c.send(ctx, body, token); err != nil {
			return push.Receipt{}, err
		}
	}
	if resp.StatusCode == http.StatusOK {
		var sent struct {
			Name string `json:"name"`
		}
		if err := json.Unmarshal(answered, &sent); err != nil || len(sent.Name) > 500 {
			sent.Name = "" // it was taken all the same
		}
		return push.Receipt{Service: service, ID: sent.Name}, nil
	}
	return push.Receipt{}, refused(resp, answered)
}

// withToken is the body of a request: the message with its token.
func withToken(message []byte, token string) ([]byte, error) {
	m := map[string]json.RawMessage{}
	if err := json.Unmarshal(message, &m); err != nil {
		return nil, err
	}
	quoted, err := json.Marshal(token)
	if err != nil {
		return nil, err
	}
	m["token"] = quoted
	return json.Marshal(map[string]any{"message": m})
}

func (c *carrier) send(ctx context.Context, body []byte, token *oauth2.Token) (*http.Response, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return nil, nil, refuse("Service.URL", "another text", "an https URL")
	}
	token.SetAuthHeader(req)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "offload")
	return push.Do(c.client, service, req)
}

// An answer is an error of Google's APIs.
type answer struct {
	Error struct {
		Status  string `json:"status"`
		Message string `json:"message"`
		Details []struct {
			Type       string `json:"@type"`
			ErrorCode  string `json:"errorCode"`
			Violations []struct {
				Field string `json:"field"`
			} `json:"fieldViolations"`
		} `json:"details"`
	} `json:"error"`
}

// refused says what follows of an answer.
func refused(resp *http.Response, body []byte) error {
	var said answer
	if json.Unmarshal(body, &said) != nil {
		said = answer{} // what is no JSON says nothing, and the status says enough
	}
	reason := said.Error.Status
	if said.Error.Message != "" {
		reason += ": " + said.Error.Message
	}
	for _, d := range said.Error.Details {
		if d.ErrorCode == "UNREGISTERED" && resp.StatusCode == http.StatusNotFound {
			return &push.GoneError{Service: service, Status: resp.StatusCode, Reason: d.ErrorCode}
		}
		for _, v := range d.Violations {
			if v.Field == "message.token" && resp.StatusCode == http.StatusBadRequest {
				return &push.GoneError{Service: service, Status: resp.StatusCode, Reason: "INVALID_ARGUMENT message.token"}
			}
		}
	}
	e := push.Answered(service, resp, reason)
	if e.Status == http.StatusTooManyRequests && e.RetryAfter == 0 {
		e.RetryAfter = quotaRests
	}
	return e
}
