package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/reply"
	"github.com/offloadhq/offload/internal/safedial"
	"github.com/offloadhq/offload/record"
)

const (
	userAgent  = "offload-webhook (+https://github.com/offloadhq/offload)"
	answerTime = 15 * time.Second // the specification: 15 to 30 s
	mostAnswer = 16 << 10         // bytes of an answer that are read
	mostKept   = 2 << 10          // and kept
)

// waits are those before the second and later attempts: the schedule that the specification
// recommends, over three days.
var waits = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
	10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// backoff is the wait after so many failures, up to a tenth more, so that those who failed
// together don't come back together; longer if the endpoint asked for it.
func backoff(failures int, err error) time.Duration {
	wait := waits[min(max(failures, 1), len(waits))-1]
	wait += rand.N(wait/10 + 1)
	var status *StatusError
	if errors.As(err, &status) {
		wait = max(wait, status.RetryAfter)
	}
	return wait
}

// An Answer is what an endpoint said to a delivery that it took.
type Answer struct {
	URL     string  `json:"url"` // without query
	Status  int     `json:"status"`
	Body    string  `json:"body,omitempty"` // its beginning
	Seconds float64 `json:"seconds"`
}

// A StatusError is an answer that is no 2xx.
type StatusError struct {
	URL        string // without query
	Status     int
	Body       string        // its beginning
	RetryAfter time.Duration // how long it wants to be left alone, at most a day; 0 if it didn't say
}

// Error says who answered what.
func (e *StatusError) Error() string {
	text := strings.TrimSpace(fmt.Sprintf("POST %s: status %d %s", e.URL, e.Status, http.StatusText(e.Status)))
	if e.Body != "" {
		text += ": " + e.Body
	}
	return text
}

// deliver is the handler of Deliver.
func (k *Kit) deliver(ctx context.Context, in Delivery) (Answer, error) {
	h := k.For(offload.AppOf(ctx))
	owner, _, _ := strings.Cut(in.Endpoint, "/")
	known, err := h.of(ctx, owner)
	if err != nil {
		return Answer{}, err
	}
	end := known.endpoint(in.Endpoint)
	if end == nil || end.Disabled != "" {
		if end, err = h.anew(ctx, in.Endpoint); err != nil {
			return Answer{}, err
		}
	}
	answer, err := k.send(ctx, end, &in)
	if err != nil {
		if ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
			return answer, err // says nothing about the endpoint
		}
		if problem := h.failed(ctx, end, err); problem != nil {
			return answer, errors.Join(err, problem)
		}
		if isGone(err) {
			return answer, offload.Discard(err)
		}
		return answer, err
	}
	if known.failing[end.ID] {
		if err := h.reached(ctx, end); err != nil {
			// The event has arrived; that the endpoint is well, the next one will say.
			offload.Logger(ctx).Warn("keep that the endpoint was reached", "error", err)
		}
	}
	return answer, nil
}

// anew reads an endpoint that is not there or disabled as far as is known: another process may have added or enabled it a moment ago, and a delivery that is
// cancelled does not come back.
func (h *Hooks) anew(ctx context.Context, id string) (*Endpoint, error) {
	end, err := h.Get(ctx, id)
	switch {
	case errors.Is(err, offload.ErrNotFound):
		return nil, offload.Cancel(errors.New("the endpoint was removed"))
	case err != nil:
		return nil, err
	case end.Disabled != "":
		return nil, offload.Cancel(fmt.Errorf("the endpoint is disabled: %s", end.Disabled))
	}
	h.forget(end.Owner)
	return &end, nil
}

// send makes one attempt.
func (k *Kit) send(ctx context.Context, end *Endpoint, in *Delivery) (Answer, error) {
	if err := k.config.checkURL(end.URL); err != nil {
		return Answer{}, offload.Discard(err)
	}
	now := time.Now()
	timestamp := strconv.FormatInt(now.Unix(), 10)
	signature, err := signatures(end.Keys, now, signed(in.Event, timestamp, in.Body))
	if err != nil {
		return Answer{}, offload.Discard(err)
	}
	limited, cancel := context.WithTimeoutCause(ctx, answerTime, fmt.Errorf("no answer within %s", answerTime))
	defer cancel()
	req, err := http.NewRequestWithContext(limited, http.MethodPost, end.URL, bytes.NewReader(in.Body))
	if err != nil {
		return Answer{}, offload.Discard(refuse("url", errNoURL, "an absolute URL"))
	}
	setHeaders(req.Header, in.Event, timestamp, signature)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", userAgent)

	resp, err := k.transport.RoundTrip(req) // not a Client: it would follow redirects
	log := offload.Logger(ctx).With("url", end.shown(), "webhook-id", in.Event, "webhook-timestamp", timestamp, "bytes", len(in.Body))
	if err != nil {
		err = networkError(ctx, limited, end, err)
		log.Warn("not answered", "error", err)
		return Answer{}, err
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(io.LimitReader(resp.Body, mostAnswer))
	answer := Answer{URL: end.shown(), Status: resp.StatusCode, Body: reply.Text(said, mostKept), Seconds: time.Since(now).Seconds()}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		log.Warn("refused", "status", answer.Status, "body", answer.Body, "seconds", answer.Seconds)
		return answer, &StatusError{answer.URL, answer.Status, answer.Body, reply.RetryAfter(resp.Header, time.Now())}
	}
	if err != nil {
		// The status stands: with 2xx the event was taken, whatever became of the body.
		log.Warn("answer was cut", "error", networkError(ctx, limited, end, err))
	}
	log.Info("answered", "status", answer.Status, "body", answer.Body, "seconds", answer.Seconds)
	return answer, nil
}

// networkError says what follows of a request without an answer.
func networkError(ctx, limited context.Context, end *Endpoint, err error) error {
	at := "POST " + end.shown()
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", at, context.Cause(ctx))
	}
	if limited.Err() != nil {
		return fmt.Errorf("%s: %w", at, context.Cause(limited))
	}
	var refused *safedial.AddrError
	if errors.As(err, &refused) {
		return offload.Discard(fmt.Errorf("%s: %w", at, refused))
	}
	return fmt.Errorf("%s: %w", at, err)
}

// failing is kept of an endpoint from its first failure until it was reached.
type failing struct {
	Since    time.Time `json:"since,omitzero"` // by the store's clock; zero: when the record was written
	Failures int       `json:"failures"`
	Error    string    `json:"error"` // the last
}

// since is when the first failure was.
func since(r *record.Record[failing]) time.Time {
	if r.Value.Since.IsZero() {
		return r.At
	}
	return r.Value.Since
}

// failingKept is how long failures are remembered after the last one.
const failingKept = 30 * 24 * time.Hour

// failed notes a failure, and disables the endpoint when it is time to.
func (h *Hooks) failed(ctx context.Context, end *Endpoint, err error) error {
	r, problem := h.note(ctx, end.ID, err)
	if problem != nil {
		return fmt.Errorf("webhook: keep that the endpoint fails: %w", problem)
	}
	h.forget(end.Owner)
	// Whoever removed the endpoint meanwhile may have forgotten its failures before this one was noted.
	switch _, problem := h.records.Get(ctx, end.ID); {
	case errors.Is(problem, offload.ErrNotFound):
		return h.failing.Delete(ctx, end.ID)
	case problem != nil:
		return fmt.Errorf("webhook: look for the endpoint: %w", problem)
	}
	job := offload.JobOf(ctx)
	why := ""
	switch after := h.kit.config.disableAfter; {
	case isGone(err):
		why = "it answered 410 Gone"
	case after > 0 && !r.Value.Since.IsZero() && r.At.Sub(r.Value.Since) >= after:
		why = fmt.Sprintf("nothing has reached it since %s", r.Value.Since.UTC().Format(time.RFC3339))
	case end.Ordered && (job.Failures+1 >= job.MaxAttempts || isRefused(err)):
		why = fmt.Sprintf("delivery %s was given up, and order is to be kept", job.ID)
	default:
		return nil
	}
	in := disableInput{end.ID, why, since(&r)}
	once := offload.Unique{Key: end.ID + " " + in.Since.UTC().Format(time.RFC3339Nano), For: twiceWithin}
	_, problem = disable.Enqueue(ctx, h.app, in, once)
	if problem != nil {
		return fmt.Errorf("webhook: disable the endpoint: %w", problem)
	}
	return nil
}

func isGone(err error) bool {
	var status *StatusError
	return errors.As(err, &status) && status.Status == http.StatusGone
}

// isRefused reports that we don't send there.
func isRefused(err error) bool {
	var addr *safedial.AddrError
	var input *offload.InputError
	return errors.As(err, &addr) || errors.As(err, &input)
}

func (h *Hooks) note(ctx context.Context, id string, err error) (record.Record[failing], error) {
	keep := failingKept
	if h.kit.config.disableAfter > keep/2 {
		keep = 0 // for ever: they have to be there when the time has come
	}
	for {
		r, problem := h.failing.Get(ctx, id)
		switch {
		case errors.Is(problem, offload.ErrNotFound):
			r = record.Record[failing]{Key: id}
		case problem != nil:
			return r, problem
		default:
			r.Value.Since = since(&r)
		}
		r.Value.Failures++
		r.Value.Error = reply.Text([]byte(err.Error()), mostKept)
		problem = h.failing.Swap(ctx, &r, record.Expire(keep))
		if !errors.Is(problem, record.ErrStale) {
			return r, problem
		}
	}
}

// reached forgets that an endpoint has failed.
func (h *Hooks) reached(ctx context.Context, end *Endpoint) error {
	if err := h.failing.Delete(ctx, end.ID); err != nil {
		return err
	}
	h.forget(end.Owner)
	return nil
}

// disableInput is an endpoint that shall be disabled, and why.
type disableInput struct {
	Endpoint string    `json:"endpoint"`
	Why      string    `json:"why"`
	Since    time.Time `json:"since,omitzero"` // of its failures; zero where an older program said so
}

// disable is the handler of the task of this name: a job, so that the owner is told even if the
// process dies between the two.
func (k *Kit) disable(ctx context.Context, in disableInput) error {
	h := k.For(offload.AppOf(ctx))
	is := false
	var problem error
	// Asked between the read of the endpoint and its write: Enable, which forgets the failures first, comes before or after both.
	end, err := h.Change(ctx, in.Endpoint, func(e *Endpoint) {
		if is, problem = h.fails(ctx, &in); is && e.Disabled == "" {
			e.Disabled, e.DisabledAt = in.Why, time.Now()
		}
	})
	switch {
	case errors.Is(err, offload.ErrNotFound):
		return nil
	case err != nil || problem != nil:
		return errors.Join(err, problem)
	case !is || end.Disabled != in.Why:
		return nil // it was reached or enabled since, or somebody else has disabled it
	}
	offload.Logger(ctx).Warn("endpoint disabled", "endpoint", end.ID, "url", end.shown(), "why", end.Disabled)
	if k.config.onDisabled == nil {
		return nil
	}
	return k.config.onDisabled(ctx, end)
}

// fails reports whether an endpoint still fails as it did when it was to be disabled for it.
func (h *Hooks) fails(ctx context.Context, in *disableInput) (bool, error) {
	r, err := h.failing.Get(ctx, in.Endpoint)
	if errors.Is(err, offload.ErrNotFound) {
		return false, nil
	}
	return err == nil && (in.Since.IsZero() || since(&r).Equal(in.Since)), err
}
