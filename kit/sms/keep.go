package sms

import (
	"context"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/record"
)

// Keep keeps messages in the database that the jobs are in, for a week, instead of sending them: for development, and tests.
type Keep struct{}

// Kept is a message that Keep has kept.
type kept struct {
	To   string `json:"to"`
	From string `json:"from,omitempty"`
	Text string `json:"text"`
}

const keptFor = 7 * 24 * time.Hour

func keptOf(app *offload.App) *record.Kind[kept] { return record.Of[kept](app, "sms.kept") }

// Name is "kept".
func (Keep) Name() string { return "kept" }

// Send keeps a message. It is there once, however often it is sent.
func (Keep) Send(ctx context.Context, m Outgoing) (Report, error) {
	_, err := keptOf(offload.AppOf(ctx)).Put(ctx, m.ID.String(), kept{m.To, m.From, m.Text}, record.Expire(keptFor))
	return Report{ID: "kept-" + m.ID.String(), State: Sent}, err
}

// Find says that a message can be kept again.
func (Keep) Find(context.Context, Outgoing) ([]Report, error) { return nil, ErrUntaken }
