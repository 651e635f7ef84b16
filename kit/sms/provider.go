package sms

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/offloadhq/offload"
)

// A Provider takes messages to phones. It is safe for concurrent use. One that has a method Close() error is closed with the app.
type Provider interface {
	// Name is short, of letters, digits, - and _, and another for each provider of a kit: "twilio".
	Name() string

	// Send asks for a message to be sent. Its error is a *SendError where it is known what has become of the message; any other error
	// leaves it in doubt.
	Send(ctx context.Context, m Outgoing) (Report, error)
}

// An Outgoing is a message to be sent.
type Outgoing struct {
	Message
	ID       offload.ID // of the job: the same at each attempt
	Callback string     // where what becomes of it is to be reported; "" if nowhere
	Asked    time.Time  // when it was first asked for
}

// A Finder is a Provider that can be asked for a message again, when it is in doubt whether it was taken.
type Finder interface {
	// Find returns all that may be the message, the oldest first. It returns ErrUntaken if sending it again makes no second one.
	Find(ctx context.Context, m Outgoing) ([]Report, error)
}

// ErrUntaken reports that a message can be sent, or sent again, without making a second one of it.
var ErrUntaken = errors.New("sms: the provider does not have the message")

// A Reporter is a Provider that reports to Outgoing.Callback what has become of a message.
type Reporter interface {
	// Report reads a request to the URL. ErrSignature refuses one that is not the provider's. A report without a State says nothing.
	// Of the body no more than 64 KiB can be read.
	Report(r *http.Request, url string) (Report, error)
}

// ErrSignature reports that a receipt is not the provider's.
var ErrSignature = errors.New("sms: the receipt is not signed by the provider")

// A Report is what a provider says of a message.
type Report struct {
	ID     string // the provider's
	State  State
	Code   string // of what went wrong, as the provider counts: "30003"
	Reason string // in words
}

// A SendError says that a message was not taken, and why.
type SendError struct {
	Provider  string
	Status    int    // of HTTP; 0 if there was no answer
	Code      string // the provider's: "21211"
	Text      string // what it says
	Permanent bool   // the same message would get the same answer

	RetryAfter time.Duration // how long the provider wants to be left alone; 0 if it did not say
}

// Error says who answered what.
func (e *SendError) Error() string {
	var b strings.Builder
	b.WriteString(e.Provider)
	if e.Permanent {
		b.WriteString(" refuses the message")
	} else {
		b.WriteString(" does not take the message now")
	}
	if e.Status != 0 {
		fmt.Fprintf(&b, ": status %d", e.Status)
	}
	if e.Code != "" {
		fmt.Fprintf(&b, ", error %s", e.Code)
	}
	if e.Text != "" {
		b.WriteString(": " + e.Text)
	}
	return b.String()
}
