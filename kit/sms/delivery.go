package sms

import (
	"context"
	"errors"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/record"
)

// A State is what has become of a message.
type State string

// States go this way only. A message can be Delivered after the provider has given it up, and that is what counts then.
const (
	Waiting     State = "waiting"     // no provider has it
	Sending     State = "sending"     // a provider is being asked, or nobody knows whether it has it
	Queued      State = "queued"      // a provider has it
	Sent        State = "sent"        // the network has it
	Failed      State = "failed"      // it was not sent
	Undelivered State = "undelivered" // the network could not deliver it
	Delivered   State = "delivered"   // the phone has it
)

var rank = map[State]int{Waiting: 1, Sending: 2, Queued: 3, Sent: 4, Failed: 5, Undelivered: 6, Delivered: 7}

// Ended reports whether nothing is to be expected any more.
func (s State) Ended() bool { return rank[s] >= rank[Failed] }

// A Delivery is what is known of a message.
type Delivery struct {
	State    State     `json:"state"`
	Via      string    `json:"via,omitempty"` // the provider that was asked last
	ID       string    `json:"id,omitempty"`  // the provider's
	Code     string    `json:"code,omitempty"`
	Reason   string    `json:"reason,omitempty"` // why it Failed, or is Undelivered
	Segments int       `json:"segments,omitempty"`
	At       time.Time `json:"-"` // when that was noted

	Asked   time.Time `json:"asked,omitzero"`    // when a provider was first asked, of those asks that are in doubt
	Attempt int       `json:"attempt,omitempty"` // which asked last
}

// taken reports whether a provider has, or had, the message.
func (d *Delivery) taken() bool {
	return d.ID != "" || rank[d.State] >= rank[Queued] && d.State != Failed
}

// advance notes what a provider says, and reports whether that is news. Reports may come in any order, and again.
func (d *Delivery) advance(via string, r Report) bool {
	before := *d
	if d.ID == "" && r.ID != "" {
		d.ID, d.Via = r.ID, via
	}
	if rank[r.State] > rank[d.State] {
		d.State, d.Code, d.Reason = r.State, r.Code, r.Reason
	}
	return *d != before
}

// DeliveryOf returns what is known of the message of a job, or offload.ErrNotFound before its first attempt, and when it is not kept any longer.
// It reads from the database, and is safe for concurrent use.
func DeliveryOf(ctx context.Context, app *offload.App, job offload.ID) (Delivery, error) {
	r, err := deliveries(app).Get(ctx, job.String())
	r.Value.At = r.At
	return r.Value, err
}

func deliveries(app *offload.App) *record.Kind[Delivery] {
	return record.Of[Delivery](app, "sms.delivery")
}

// owners says which job each message is of that a provider has, so that none is taken for another's.
func owners(app *offload.App) *record.Kind[string] { return record.Of[string](app, "sms.owner") }

// mostSwaps is how often a record is read again that others write at the same time.
const mostSwaps = 20

// note notes what a provider says of the message of a job.
func (s *sending) note(ctx context.Context, app *offload.App, job offload.ID, p Provider, r Report) error {
	if _, finds := p.(Finder); finds && r.ID != "" {
		if _, err := owners(app).Put(ctx, p.Name()+"/"+r.ID, job.String(), record.Expire(s.keep)); err != nil {
			return err
		}
	}
	kind := deliveries(app)
	for range mostSwaps {
		d, err := kind.Get(ctx, job.String())
		if errors.Is(err, offload.ErrNotFound) {
			d, err = record.Record[Delivery]{Key: job.String()}, nil
		}
		if err != nil {
			return err
		}
		if !d.Value.advance(p.Name(), r) {
			return nil
		}
		if err = kind.Swap(ctx, &d, record.Expire(s.keep)); !errors.Is(err, record.ErrStale) {
			return err
		}
	}
	return record.ErrStale
}
