package alert

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/reply"
)

// A Notice is what a channel is told of an incident.
type Notice struct {
	Incident string    `json:"incident"` // its id
	Do       Do        `json:"do"`
	Channel  string    `json:"channel"`
	Rule     string    `json:"rule"`
	When     Condition `json:"when"`
	Subject  string    `json:"subject,omitempty"` // the queue, task or schedule, or the group of errors
	Severity string    `json:"severity"`
	Title    string    `json:"title"`
	Text     string    `json:"text,omitempty"`
	Began    time.Time `json:"began"`          // since when it was so
	Ended    time.Time `json:"ended,omitzero"` // of Clear: since when it is not
	Link     string    `json:"link,omitempty"` // of the dashboard

	// After is the job that told the same channel of the beginning: it is waited for.
	After offload.ID `json:"after,omitzero"`
}

// Do is what a Notice is.
type Do string

// What a Notice is.
const (
	Alert Do = "alert"
	Clear Do = "clear"
)

// Key is the same at every attempt of a notice, and another for each notice.
func (n *Notice) Key() string { return n.Incident + "-" + string(n.Do) }

// Validate returns the first value that is wrong.
func (n Notice) Validate() error {
	switch {
	case n.Incident == "" || len(n.Incident) > 100 || !isText(n.Incident):
		return refuse("incident", n.Incident, "the id of an incident")
	case n.Do != Alert && n.Do != Clear:
		return refuse("do", string(n.Do), "alert or clear")
	case !isName(n.Channel):
		return refuse("channel", n.Channel, "the name of a channel")
	case !slices.Contains(severities, n.Severity):
		return refuse("severity", n.Severity, strings.Join(severities, ", "))
	case n.Title == "":
		return refuse("title", n.Title, "a text")
	}
	return nil
}

// An Answer is what came of a delivery.
type Answer struct {
	Said    string       `json:"said,omitempty"`    // by the server: its beginning
	Status  int          `json:"status,omitempty"`  // of the server
	Mails   []offload.ID `json:"mails,omitempty"`   // jobs of Mails
	Seconds float64      `json:"seconds,omitempty"` // until it answered
}

// How long a delivery waits for the one before before it looks again.
const (
	waitLeast = 5 * time.Second
	waitMost  = 10 * time.Minute
)

// deliver is the handler of Deliver.
func (k *Kit) deliver(ctx context.Context, n Notice) (Answer, error) {
	ch := k.channels[n.Channel]
	if ch == nil { // another process may be of a newer program
		return Answer{}, fmt.Errorf("alert: this program has no channel %q", n.Channel)
	}
	if n.After != (offload.ID{}) {
		before, err := offload.AppOf(ctx).Job(ctx, n.After)
		if err != nil && !errors.Is(err, offload.ErrNotFound) {
			return Answer{}, err
		}
		if err == nil && !ended(before.State) {
			return Answer{}, offload.Snooze(min(max(time.Until(before.RunAt), waitLeast), waitMost))
		}
	}
	answer, err := ch.tell(ctx, k, &n)
	if err != nil {
		return answer, err
	}
	offload.Logger(ctx).Info("told", "channel", n.Channel, "incident", n.Incident, "do", string(n.Do), "status", answer.Status)
	return answer, nil
}

func ended(s offload.State) bool {
	return slices.Contains([]offload.State{offload.Completed, offload.Discarded, offload.Cancelled, offload.Expired}, s)
}

const (
	userAgent  = "offload-alert (+https://github.com/offloadhq/offload)"
	answerTime = 15 * time.Second
	mostAnswer = 1 << 10 // bytes that are read and kept
)

// A StatusError is an answer that is no 2xx.
type StatusError struct {
	Host   string // the rest of a URL may be a secret
	Status int
	Body   string // its beginning
}

// Error says who answered what.
func (e *StatusError) Error() string {
	text := strings.TrimSpace(fmt.Sprintf("POST to %s: status %d %s", e.Host, e.Status, http.StatusText(e.Status)))
	if e.Body != "" {
		text += ": " + e.Body
	}
	return text
}

// passing reports whether another time the status may be another.
func passing(status int) bool {
	return status == http.StatusRequestTimeout || status == http.StatusTooEarly || status == http.StatusTooManyRequests ||
		status >= 500 || status < 400
}

// post sends JSON to a URL. No error of it has more of the URL than its host. Redirects are not followed.
func (k *Kit) post(ctx context.Context, to string, body any, sign func(h http.Header, body []byte) error) (Answer, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return Answer{}, offload.Discard(fmt.Errorf("alert: encode: %w", err))
	}
	limited, cancel := context.WithTimeoutCause(ctx, answerTime, fmt.Errorf("no answer within %s", answerTime))
	defer cancel()
	req, err := http.NewRequestWithContext(limited, http.MethodPost, to, bytes.NewReader(text))
	if err != nil {
		return Answer{}, offload.Discard(errors.New("alert: the channel's URL is none"))
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", userAgent)
	if sign != nil {
		if err := sign(req.Header, text); err != nil {
			return Answer{}, offload.Discard(err)
		}
	}
	began := time.Now()
	resp, err := k.transport.RoundTrip(req) // not a Client: it would follow redirects
	if err != nil {
		return Answer{}, networkError(ctx, limited, req.URL.Host, err)
	}
	defer resp.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(resp.Body, mostAnswer+1)) // the status stands, whatever becomes of the body
	answer := Answer{Said: reply.Text(said, mostAnswer), Status: resp.StatusCode, Seconds: time.Since(began).Seconds()}
	if resp.StatusCode >= 200 && resp.StatusCode <= 299 {
		return answer, nil
	}
	refused := &StatusError{req.URL.Host, resp.StatusCode, answer.Said}
	if !passing(resp.StatusCode) {
		return answer, offload.Discard(refused)
	}
	if wait := reply.RetryAfter(resp.Header, time.Now()); wait > 0 {
		return answer, offload.RetryIn(wait, refused)
	}
	return answer, refused
}

// networkError says what follows of a request without an answer.
func networkError(ctx, limited context.Context, host string, err error) error {
	switch {
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case limited.Err() != nil:
		err = context.Cause(limited)
	}
	var inURL *url.Error
	for errors.As(err, &inURL) { // it has the whole URL
		err = inURL.Err
	}
	return fmt.Errorf("POST to %s: %w", host, err)
}

// checkURL refuses what is no URL to send to, and shows nothing of it.
func checkURL(field, given string) error {
	const want = `an absolute URL such as "https://host/path"`
	u, err := url.Parse(given)
	switch {
	case err != nil || len(given) > 4<<10:
		return refuse(field, errors.New("not such a text"), want)
	case u.Scheme != "https" && u.Scheme != "http":
		return refuse(field, errors.New("not of the scheme https or http"), want)
	case u.Hostname() == "":
		return refuse(field, errors.New("without a host"), want)
	}
	return nil
}
