package sms

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/ticket"
	"github.com/offloadhq/offload/record"
)

const (
	doubtTime = time.Minute         // in which the receipt of a message that was taken should have come
	tokenTime = 14 * 24 * time.Hour // in which the last receipt has come: networks try for days
	noteTime  = 10 * time.Second    // to note what a provider said, also when the job's time is over
)

// sending is a kit at work.
type sending struct {
	config
	base string // of callbacks; "" if there are none
	path string // of base
}

var isProvider = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)

// newSending checks what a kit was given.
func newSending(c *config) (*sending, error) {
	s := &sending{config: *c}
	if len(c.tasks) == 0 {
		return nil, refuse("Tasks", "none", "one or more")
	}
	for _, task := range c.tasks {
		if task == nil {
			return nil, refuse("Tasks", "nil", "tasks made by Named")
		}
	}
	names := map[string]bool{}
	for _, p := range c.via {
		if p == nil {
			return nil, refuse("provider", "nil", "such as sms.HTTP or sms.Keep")
		}
		if checked, is := p.(interface{ Validate() error }); is {
			if err := checked.Validate(); err != nil {
				return nil, err
			}
		}
		if name := p.Name(); !isProvider.MatchString(name) || names[name] {
			return nil, refuse("provider", name, "a name of up to 40 letters, digits, - and _ that no other provider of the kit has")
		}
		names[p.Name()] = true
	}
	if c.from != "" {
		if err := checkSender("From", c.from); err != nil {
			return nil, err
		}
	}
	if c.maxSegments < 1 || c.maxSegments > mostSegments {
		return nil, refuse("MaxSegments", c.maxSegments, fmt.Sprintf("1 to %d", mostSegments))
	}
	if c.keep < 24*time.Hour {
		return nil, refuse("KeepFor", c.keep, "24h or more")
	}
	if c.receipts == "" && len(c.keys) == 0 {
		return s, nil
	}
	u, err := url.Parse(c.receipts)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || !strings.HasSuffix(u.Path, "/") || strings.ContainsAny(u.Path, "{} \t") || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, refuse("Receipts", c.receipts, "the URL of a folder, such as https://shop.example/sms/")
	}
	if s.signed, err = ticket.New("offload sms 1", c.keys); err != nil {
		return nil, err
	}
	s.base, s.path = c.receipts, u.Path
	return s, nil
}

func (s *sending) close() (err error) {
	for _, p := range s.via {
		if c, is := p.(io.Closer); is {
			err = errors.Join(err, c.Close())
		}
	}
	return err
}

func (s *sending) provider(name string) Provider {
	for _, p := range s.via {
		if p.Name() == name {
			return p
		}
	}
	return nil
}

// callback is where a provider reports what becomes of the message of a job.
func (s *sending) callback(p Provider, job offload.ID) string {
	if _, is := p.(Reporter); !is || s.signed == nil {
		return ""
	}
	return s.base + p.Name() + "/" + s.signed.Sign(job[:], time.Now().Add(tokenTime))
}

// send sends the message of a job.
func (s *sending) send(ctx context.Context, m Message) (Receipt, error) {
	job, app := offload.JobOf(ctx), offload.AppOf(ctx)
	if m.From == "" {
		m.From = s.from
	}
	if err := checkSegments(m.Text, s.maxSegments); err != nil {
		return Receipt{}, offload.Discard(err)
	}
	known, err := deliveries(app).Get(ctx, job.ID.String())
	switch {
	case errors.Is(err, offload.ErrNotFound):
		known = record.Record[Delivery]{Key: job.ID.String()}
	case err != nil:
		return Receipt{}, err
	}
	d := &known.Value
	d.Segments = Measure(m.Text).Segments
	a := &asking{s, app, job, m, &known}
	switch {
	case d.taken():
		return a.receipt(), nil
	case d.State == Sending:
		if found, err := a.find(ctx, doubtTime-job.StartedAt.Sub(known.At)); found || err != nil {
			return a.receipt(), err
		}
	}
	return a.all(ctx)
}

// An asking is one attempt at a message.
type asking struct {
	*sending
	app   *offload.App
	job   *offload.Job
	m     Message
	known *record.Record[Delivery]
}

func (a *asking) receipt() Receipt {
	d := &a.known.Value
	return Receipt{ID: d.ID, Via: d.Via, Segments: d.Segments}
}

func (a *asking) outgoing(p Provider) Outgoing {
	return Outgoing{Message: a.m, ID: a.job.ID, Callback: a.callback(p, a.job.ID), Asked: a.known.Value.Asked}
}

// swap notes where the attempt stands, unless somebody else has noted something since.
func (a *asking) swap(ctx context.Context) error {
	return deliveries(a.app).Swap(ctx, a.known, record.Expire(a.keep))
}

// find looks for a message of which it is in doubt whether a provider has it, and which may still be heard of for the rest of a time. False says that it may be sent.
func (a *asking) find(ctx context.Context, rest time.Duration) (bool, error) {
	d := &a.known.Value
	p := a.provider(d.Via)
	if finder, is := p.(Finder); is {
		all, err := finder.Find(ctx, a.outgoing(p))
		if errors.Is(err, ErrUntaken) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("look for the message at %s: %w", d.Via, err)
		}
		for _, r := range all {
			if mine, err := a.mine(ctx, d.Via, r.ID); err != nil {
				return false, err
			} else if mine {
				d.advance(d.Via, r)
				return true, a.note(ctx, a.app, a.job.ID, p, r)
			}
		}
	}
	if rest > 0 {
		return false, offload.Snooze(rest)
	}
	if !a.neverTwice {
		return false, nil
	}
	err := fmt.Errorf("nobody knows whether %s has the message, and it is not to be sent twice", d.Via)
	d.State, d.Reason = Failed, err.Error()
	if err := a.swap(ctx); err != nil {
		return false, err
	}
	return false, offload.Discard(err)
}

// mine takes a message that a provider has for this job's, unless it is another's.
func (a *asking) mine(ctx context.Context, via, id string) (bool, error) {
	r := record.Record[string]{Key: via + "/" + id, Value: a.job.ID.String()}
	err := owners(a.app).Swap(ctx, &r, record.Expire(a.keep))
	if !errors.Is(err, record.ErrStale) {
		return err == nil, err
	}
	r, err = owners(a.app).Get(ctx, r.Key)
	return r.Value == a.job.ID.String(), err
}

// all asks one provider after the other.
func (a *asking) all(ctx context.Context) (Receipt, error) {
	d := &a.known.Value
	var refused []error
	wait, waits := time.Duration(0), true
	for _, p := range a.via {
		if d.State != Sending || d.Via != p.Name() {
			d.Asked = time.Now().UTC()
		}
		d.State, d.Via, d.Attempt, d.Code, d.Reason = Sending, p.Name(), a.job.Attempt, "", ""
		if err := a.swap(ctx); err != nil {
			return Receipt{}, err // a receipt has come, or another process has begun: the next attempt sees
		}
		r, err := p.Send(ctx, a.outgoing(p))
		if err == nil {
			a.took(ctx, p, r)
			return a.receipt(), nil
		}
		var answer *SendError
		if !errors.As(err, &answer) {
			if ctx.Err() != nil {
				return Receipt{}, context.Cause(ctx)
			}
			return Receipt{}, offload.RetryIn(doubtTime, fmt.Errorf("%s may have the message: %w", p.Name(), err))
		}
		if answer.Permanent {
			return Receipt{}, offload.Discard(errors.Join(err, a.give(ctx, Failed, answer)))
		}
		refused = append(refused, err)
		waits = waits && answer.RetryAfter > 0
		if wait == 0 || answer.RetryAfter < wait {
			wait = answer.RetryAfter
		}
		if ctx.Err() != nil {
			break
		}
	}
	err := errors.Join(append(refused, a.give(ctx, Waiting, &SendError{}))...)
	if waits && wait > 0 {
		return Receipt{}, offload.RetryIn(wait, err)
	}
	return Receipt{}, err
}

// give notes that no provider has the message.
func (a *asking) give(ctx context.Context, s State, why *SendError) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTime)
	defer cancel()
	d := &a.known.Value
	d.State, d.Code, d.Reason = s, why.Code, why.Text
	if err := a.swap(ctx); err != nil && !errors.Is(err, record.ErrStale) {
		return err // then the next attempt is in doubt, and asks
	}
	return nil
}

// took notes that a provider has the message, which is so whatever becomes of the note.
func (a *asking) took(ctx context.Context, p Provider, r Report) {
	if r.State == "" {
		r.State = Queued
	}
	a.known.Value.advance(p.Name(), r)
	log := offload.Logger(ctx)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTime)
	defer cancel()
	if err := a.note(ctx, a.app, a.job.ID, p, r); err != nil {
		log.Warn("offload: a provider has taken a message, which could not be noted", "provider", p.Name(), "message", r.ID, "error", err)
	}
}
