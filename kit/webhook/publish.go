package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/offloadhq/offload"
)

// An Event is something that subscribers want to know.
type Event struct {
	Type  string          `json:"type"`            // words with dots between them: "order.paid"
	Data  json.RawMessage `json:"data"`            // JSON; keep it below 20 kB
	Owner string          `json:"owner,omitempty"` // whose endpoints get it
	Time  time.Time       `json:"time,omitzero"`   // when it happened; now, if zero

	// ID is sent as webhook-id: letters, digits, _ and -, up to 100. One is made if it is empty. An
	// event that is published again under an ID of the caller's within a week goes to no endpoint twice.
	ID string `json:"id,omitempty"`
}

// NewEvent makes an event of data, as encoding/json writes it.
func NewEvent(kind string, data any) (Event, error) {
	text, err := json.Marshal(data)
	if err != nil {
		return Event{}, &offload.InputError{Field: "data", Got: err, Want: "what can be written as JSON"}
	}
	return Event{Type: kind, Data: text}, nil
}

// Validate returns the first value that is wrong.
func (e Event) Validate() error {
	switch {
	case !isType(e.Type):
		return refuse("type", e.Type, `words of letters, digits, _ and -, with dots between them, such as "order.paid"`)
	case !json.Valid(e.Data) || !utf8.Valid(e.Data):
		return refuse("data", errors.New("no JSON"), "JSON in UTF-8")
	case e.ID != "" && (!isWord(e.ID) || len(e.ID) > 100):
		return refuse("id", e.ID, "up to 100 letters, digits, _ and -")
	case strings.Contains(e.Owner, "/") || len(e.Owner) > 200 || !plainText(e.Owner):
		return refuse("owner", e.Owner, "up to 200 bytes of text without / and control characters")
	case e.Time.Year() > 9999 || e.Time.Year() < 0:
		return refuse("time", e.Time.Year(), "a time of the years 0 to 9999")
	}
	return nil
}

// A Delivery is an event for one endpoint.
type Delivery struct {
	Endpoint string          `json:"endpoint"` // its ID
	Event    string          `json:"event"`    // sent as webhook-id
	Body     json.RawMessage `json:"body"`
}

// Validate returns the first value that is wrong.
func (d Delivery) Validate() error {
	switch {
	case d.Endpoint == "" || len(d.Endpoint) > 400 || !plainText(d.Endpoint):
		return refuse("endpoint", d.Endpoint, "the id of an endpoint")
	case !isWord(d.Event) || len(d.Event) > 100:
		return refuse("event", d.Event, "up to 100 letters, digits, _ and -")
	case !json.Valid(d.Body) || !utf8.Valid(d.Body):
		return refuse("body", errors.New("no JSON"), "JSON in UTF-8")
	}
	return nil
}

// body is what is sent of an event.
type body struct {
	Type      string          `json:"type"`
	Timestamp time.Time       `json:"timestamp"`
	Data      json.RawMessage `json:"data"`
}

// twiceWithin is how long an event that has an ID of the caller's is known.
const twiceWithin = 7 * 24 * time.Hour

// Publish enqueues a delivery for every endpoint that wants the event, all or none, to an app or
// within a transaction, and returns their jobs; nobody wants it is no error. Endpoints are those
// known to this process, at most a second old. It makes one round trip or two.
func (h *Hooks) Publish(ctx context.Context, to offload.Enqueuer, e Event) ([]*offload.Job, error) {
	if err := e.Validate(); err != nil {
		return nil, err
	}
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	own := e.ID != ""
	if !own {
		e.ID = "msg_" + strings.ReplaceAll(offload.NewID().String(), "-", "")
	}
	text, err := json.Marshal(body{e.Type, e.Time.UTC(), e.Data})
	if err != nil {
		return nil, fmt.Errorf("webhook: encode event: %w", err)
	}
	known, err := h.of(ctx, e.Owner)
	if err != nil {
		return nil, fmt.Errorf("webhook: read endpoints: %w", err)
	}
	var calls []*offload.Call
	for i := range known.endpoints {
		end := &known.endpoints[i]
		if end.Disabled != "" || !end.wants(e.Type) {
			continue
		}
		opts := optionsFor(end)
		if own {
			opts = append(opts, offload.Unique{Key: e.ID + " " + end.ID, For: twiceWithin})
		}
		calls = append(calls, Deliver.Call(Delivery{end.ID, e.ID, text}, opts...))
	}
	if len(calls) == 0 {
		return nil, nil
	}
	return to.Enqueue(ctx, calls...)
}

// order is the limit that deliveries to an ordered endpoint are under.
const order = "webhook.order"

func optionsFor(e *Endpoint) []offload.EnqueueOption {
	if e.Ordered {
		return []offload.EnqueueOption{offload.Limit{Name: order, Max: 1, Key: e.ID, Strict: true}}
	}
	return nil
}

// publish is the handler of Publish. A second run finds the deliveries of the first by the
// event's ID.
func (k *Kit) publish(ctx context.Context, e Event) error {
	job := offload.JobOf(ctx)
	if e.ID == "" {
		e.ID = "msg_" + strings.ReplaceAll(job.ID.String(), "-", "")
	}
	if e.Time.IsZero() {
		e.Time = job.CreatedAt
	}
	app := offload.AppOf(ctx)
	jobs, err := k.For(app).Publish(ctx, app, e)
	if err == nil {
		offload.Logger(ctx).Info("published", "event", e.ID, "endpoints", len(jobs))
	}
	return err
}

// ErrNotEnded reports that a delivery is still being tried: App.RunNow hurries it.
var ErrNotEnded = errors.New("webhook: the delivery has not ended yet")

// SendAgain sends a delivery that has ended once more, with the same webhook-id, and returns its
// job: a new one with attempts of its own. A delivery that has not ended is ErrNotEnded. The discarded delivery that stops an ordered endpoint
// is run again itself, in its place.
func (h *Hooks) SendAgain(ctx context.Context, id offload.ID) (*offload.Job, error) {
	job, err := h.app.Job(ctx, id)
	if err != nil {
		return nil, err
	}
	if job.Task != Deliver.Name() {
		return nil, refuse("id", job.Task, "a job of the task "+Deliver.Name())
	}
	switch job.State {
	case offload.Completed, offload.Discarded, offload.Cancelled, offload.Expired:
	default:
		return nil, ErrNotEnded
	}
	in, err := Deliver.Input(job)
	if err != nil {
		return nil, err
	}
	end, err := h.Get(ctx, in.Endpoint)
	if err != nil {
		return nil, err
	}
	if end.Disabled != "" {
		return nil, refuse("endpoint", "disabled: "+end.Disabled, "one that is enabled")
	}
	if job.State == offload.Discarded && len(job.Limits) > 0 {
		if err := h.app.Retry(ctx, id); err != nil {
			return nil, err
		}
		return h.app.Job(ctx, id)
	}
	return Deliver.Enqueue(ctx, h.app, in, optionsFor(&end)...)
}
