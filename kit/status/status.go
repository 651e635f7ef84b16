// Package status keeps a column of your own table true: what has become of the job behind a row, in words that a customer understands.
//
//	payments, err := status.Column(ctx, db, "orders", "payment_status", "id")
//	app, err := offload.Open(ctx, address, charge, payments)
//
// and where the order is placed, in its transaction:
//
//	job, err := Charge.Enqueue(ctx, app.Tx(tx), order)
//	err = payments.Track(ctx, tx, order.ID, job)
//
// From then on orders.payment_status says: queued, running, running (40 %), retrying (2 of 5, next 12:03), waiting (paused), done,
// failed (card declined), cancelled. It is right within two seconds, however the job goes on or ends: by its handler, by a person, by
// expiry, by deletion, by a crash, also when the process that ran it is gone. As long as any process with the column runs.
//
// # How it stays true
//
// Nothing is written by handlers. Each process that runs jobs with the column looks twice a second which jobs behind rows have another
// status than was written, and writes it. A table of the kit's own, offload_status, has a line for each row until its job has ended: the
// job, what was written, and a version. Who writes has read the version before the job, and writes only if it is still the same: so what
// somebody slow has seen before never overwrites what somebody else has seen later, and no row says "running" of a job that has ended.
//
// A look costs a process some microseconds for each row with a job under way. With 50,000 such rows a look takes a quarter of a second, and
// a fifth of a core goes into looks; with many more they are further apart. A job that is deleted, or goes on to wait for something else,
// is found in turns of 4,000 rows a look: within two seconds up to 16,000 rows, and later beyond. What becomes of
// thousands of rows at once is written row by row, a thousand or so in a second.
//
// # For the customer who waits
//
// Handler answers with the status of one job, to whoever has its token: as JSON, as a stream of events, and with a piece of HTML and a
// script that show a bar.
package status

import (
	"fmt"
	"strings"
	"time"

	"github.com/offloadhq/offload"
)

// A Status is what has become of a job, for those who wait for it.
type Status struct {
	State    State     `json:"state"`
	Percent  int       `json:"percent,omitempty"`  // of Running, if the handler says how much there is to do
	Step     string    `json:"step,omitempty"`     // of Running: what the handler says
	Attempt  int       `json:"attempt,omitempty"`  // of Retrying: the next one
	Attempts int       `json:"attempts,omitempty"` // of Retrying: at most
	Next     time.Time `json:"next,omitzero"`      // of Retrying: when
	Reason   string    `json:"reason,omitempty"`   // of Waiting and Failed
	counted  bool      // Percent is known
}

// A State is one of those of jobs, as those see it who wait for it.
type State string

const (
	Queued    State = "queued"
	Running   State = "running"
	Retrying  State = "retrying"
	Waiting   State = "waiting" // for something other than its turn
	Done      State = "done"
	Failed    State = "failed"
	Cancelled State = "cancelled"
)

// Ended reports whether nothing more will come, unless a person retries the job.
func (s State) Ended() bool { return s == Done || s == Failed || s == Cancelled }

// waits are why a job is blocked, for people.
var waits = map[string]string{
	"limit": "for room", "paused": "paused", "after": "for another job", "held": "for a person", "task": "for a program", "alone": "for a process of its own",
}

// Of is the status of a job; nil is one that is not there any more.
func Of(job *offload.Job) Status {
	if job == nil {
		return Status{State: Cancelled, Reason: "deleted"}
	}
	switch job.State {
	case offload.Running:
		s := Status{State: Running}
		if p := job.Progress; p != nil {
			s.Step = line(p.Note)
			if p.Total > 0 {
				s.Percent, s.counted = min(max(p.Done*100/p.Total, 0), 100), true
			}
		}
		return s
	case offload.Retryable:
		return Status{State: Retrying, Attempt: job.Failures + 1, Attempts: job.MaxAttempts, Next: job.RunAt}
	case offload.Blocked:
		return Status{State: Waiting, Reason: waits[job.Waits]}
	case offload.Completed:
		return Status{State: Done}
	case offload.Discarded:
		return Status{State: Failed, Reason: line(job.Error)}
	case offload.Expired:
		return Status{State: Failed, Reason: "it came too late"}
	case offload.Cancelled:
		return Status{State: Cancelled}
	}
	return Status{State: Queued}
}

// String is the status in words: "retrying (2 of 5, next 12:03)". Times are UTC.
func (s Status) String() string {
	detail := s.Reason
	switch {
	case s.State == Running && s.counted && s.Step != "":
		detail = fmt.Sprintf("%d %%, %s", s.Percent, s.Step)
	case s.State == Running && s.counted:
		detail = fmt.Sprintf("%d %%", s.Percent)
	case s.State == Running:
		detail = s.Step
	case s.State == Retrying:
		detail = fmt.Sprintf("%d of %d, next %s", s.Attempt, s.Attempts, s.Next.UTC().Format("15:04"))
	}
	if detail == "" {
		return string(s.State)
	}
	return string(s.State) + " (" + detail + ")"
}

// longest is how many bytes of what a handler says are kept.
const longest = 120

// line is the beginning of a text, in one line.
func line(text string) string {
	text, _, _ = strings.Cut(strings.TrimSpace(text), "\n")
	text = strings.ToValidUTF8(strings.Map(func(c rune) rune {
		if c < ' ' {
			return -1
		}
		return c
	}, text), "")
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + "…"
	}
	return text
}
