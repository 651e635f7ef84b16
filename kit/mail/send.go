package mail

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/offloadhq/offload"
)

// A SendError is a mail server's answer to a mail.
type SendError struct {
	Server string // "smtp.example.com:587"
	Code   int    // of RFC 5321: 550
	Status string // of RFC 3463, such as 5.1.1, from servers that say it
	Text   string // which command it answers, what it says, and which recipients it concerns
}

// Error says who answered what.
func (e *SendError) Error() string {
	how := "puts the mail off"
	if e.permanent() {
		how = "refuses the mail"
	}
	return fmt.Sprintf("mail server %s %s: %s", e.Server, how, e.Text)
}

// permanent reports whether the same mail would get the same answer. That the client is not known well enough is no answer to a
// mail.
func (e *SendError) permanent() bool {
	switch e.Code {
	case 530, 534, 535, 538: // RFC 4954
		return false
	}
	return e.Code >= 500
}

// A carrier is an open transport.
type carrier interface {
	// carry takes a letter away, or says with a *SendError what a server answered, or with any other error why it could
	// not be asked.
	carry(ctx context.Context, l *letter) (Receipt, error)
	close() error
}

// sending is a kit at work.
type sending struct {
	composer
	via []carrier
}

// newSending opens what a kit needs, or says what of it can't be.
func newSending(c *config) (_ *sending, err error) {
	if c.wrong != nil {
		return nil, c.wrong
	}
	if len(c.tasks) == 0 {
		return nil, &offload.InputError{Field: "Tasks", Got: "none", Want: "one or more"}
	}
	for _, t := range c.tasks {
		if t == nil || t.Func == nil {
			return nil, &offload.InputError{Field: "Tasks", Got: "nil", Want: "tasks made by Named"}
		}
	}
	if c.from != "" && !isAddress(c.from) {
		return nil, &offload.InputError{Field: "From", Got: c.from, Want: "an address such as orders@shop.example"}
	}
	s := &sending{composer: composer{from: c.from, signer: c.signer, blobs: c.blobs}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.templates, err = readTemplates(c.templates); err != nil {
		return nil, err
	}
	if c.files != "" {
		if s.files, err = os.OpenRoot(c.files); err != nil {
			return nil, fmt.Errorf("mail.Files: %w", err)
		}
	}
	for _, t := range c.via {
		if t == nil {
			return nil, &offload.InputError{Field: "transport", Got: "nil", Want: "mail.SMTP or mail.Keep"}
		}
		opened, err := t.open()
		if err != nil {
			return nil, err
		}
		s.via = append(s.via, opened)
	}
	return s, nil
}

func (s *sending) close() (err error) {
	for _, t := range s.via {
		err = errors.Join(err, t.close())
	}
	if s.files != nil {
		err = errors.Join(err, s.files.Close())
	}
	return err
}

// send sends the mail of a job, once over all its attempts.
func (s *sending) send(ctx context.Context, m Message) (Receipt, error) {
	job := offload.JobOf(ctx)
	return offload.Step(ctx, "sent", func(ctx context.Context) (Receipt, error) {
		return s.carry(ctx, &m, job.ID, job.CreatedAt)
	})
}

// carry asks one transport after the other to take a mail.
func (s *sending) carry(ctx context.Context, m *Message, job offload.ID, at time.Time) (Receipt, error) {
	l, err := s.compose(ctx, m, job, at)
	if wrong := (*offload.InputError)(nil); errors.As(err, &wrong) {
		return Receipt{}, offload.Discard(err)
	}
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return Receipt{}, err
	}
	defer l.close()
	var errs []error
	for _, t := range s.via {
		receipt, err := t.carry(ctx, l)
		if err == nil {
			return receipt, nil
		}
		if ctx.Err() != nil {
			return Receipt{}, context.Cause(ctx)
		}
		if answer := (*SendError)(nil); errors.As(err, &answer) && answer.permanent() {
			return Receipt{}, offload.Discard(err)
		}
		if errors.Is(err, errNobodyKnows) {
			return Receipt{}, err // another server would send what this one may have sent
		}
		errs = append(errs, err)
	}
	return Receipt{}, errors.Join(errs...)
}

// Preview returns a mail as it would go out, headers and all (RFC 5322). Bcc is left out of it, as always. It
// blocks while what is attached is read, and holds that in memory.
func (k *Kit) Preview(m Message) ([]byte, error) {
	if k == nil || k.sending == nil {
		return nil, &offload.InputError{Field: "Kit", Got: "nil", Want: "one made by New"}
	}
	if err := m.Validate(); err != nil {
		return nil, err
	}
	l, err := k.sending.compose(context.Background(), &m, offload.NewID(), time.Now())
	if err != nil {
		return nil, err
	}
	defer l.close()
	return io.ReadAll(l.reader())
}
