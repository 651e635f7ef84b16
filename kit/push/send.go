package push

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/offloadhq/offload"
)

// sending is a kit at work.
type sending struct {
	via    []Carrier
	onGone func(context.Context, *GoneError) error
}

// newSending opens what a kit needs, or says what of it can't be.
func newSending(c *config) (_ *sending, err error) {
	s := &sending{onGone: c.onGone}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if len(c.tasks) == 0 {
		return nil, refuse("Tasks", "none", "one or more")
	}
	for _, t := range c.tasks {
		if t == nil {
			return nil, refuse("Tasks", "nil", "tasks made by Named")
		}
	}
	if len(c.via) == 0 {
		return nil, refuse("Via", "none", "webpush.Service, apns.Service, fcm.Service or push.Keep")
	}
	for _, t := range c.via {
		if t == nil {
			return nil, refuse("Via", "nil", "webpush.Service, apns.Service, fcm.Service or push.Keep")
		}
		opened, err := t.Open()
		if err != nil {
			return nil, err
		}
		s.via = append(s.via, opened)
	}
	return s, nil
}

func (s *sending) close() (err error) {
	for _, t := range s.via {
		err = errors.Join(err, t.Close())
	}
	return err
}

// send sends the push of a job, once over all its attempts.
func (s *sending) send(ctx context.Context, m Message) (Receipt, error) {
	id := offload.JobOf(ctx).ID
	return offload.Step(ctx, "sent", func(ctx context.Context) (Receipt, error) {
		return s.carry(ctx, &m, id)
	})
}

// carry sends one, and says what follows of how it went.
func (s *sending) carry(ctx context.Context, m *Message, id offload.ID) (Receipt, error) {
	if err := m.Validate(); err != nil { // where no app has asked it: a handler is a plain function
		return Receipt{}, offload.Discard(err)
	}
	by := s.carrierOf(m.To)
	if by == nil {
		// Another process, or the next version of this one, may have it: it is tried again.
		return Receipt{}, refuse("to", m.To.Service(), "a target of a service that this process has, see Via")
	}
	receipt, err := s.carryBy(ctx, by, m, id)
	if err == nil {
		offload.Logger(ctx).Info("accepted", "service", receipt.Service, "to", m.To.hint())
		return receipt, nil
	}
	if ctx.Err() != nil && !errors.Is(context.Cause(ctx), offload.ErrTimeout) {
		return Receipt{}, context.Cause(ctx)
	}
	var gone *GoneError
	var answer *AnswerError
	var wrong *offload.InputError
	switch {
	case errors.As(err, &gone):
		return Receipt{}, s.gone(ctx, m.To, gone)
	case errors.As(err, &answer) && answer.Permanent, errors.As(err, &wrong):
		return Receipt{}, offload.Discard(err)
	case answer != nil && answer.RetryAfter > 0:
		return Receipt{}, offload.RetryIn(answer.RetryAfter, err)
	}
	return Receipt{}, err
}

func (s *sending) carrierOf(to Target) Carrier {
	for _, c := range s.via {
		if c.Carries(to) {
			return c
		}
	}
	return nil
}

func (s *sending) carryBy(ctx context.Context, by Carrier, m *Message, id offload.ID) (Receipt, error) {
	now := time.Now()
	if end := m.To.end(); !end.IsZero() && now.After(end) {
		return Receipt{}, &GoneError{Service: m.To.Service(), Reason: "expirationTime has passed", Since: end}
	}
	payload, err := m.payload(id.String(), now)
	if err != nil {
		return Receipt{}, refuse("data", err, "what encodes as JSON")
	}
	return by.Carry(ctx, &Letter{*m, id, payload, m.headers(id, now)})
}

// gone tells the program that a target is no more.
func (s *sending) gone(ctx context.Context, to Target, gone *GoneError) error {
	told := *gone
	told.Target = to
	offload.Logger(ctx).Info("gone", "service", told.Service, "reason", told.Reason, "to", to.hint())
	if s.onGone != nil {
		if err := s.onGone(ctx, &told); err != nil {
			return fmt.Errorf("push.OnGone: %w", err)
		}
	}
	return offload.Discard(&told)
}
