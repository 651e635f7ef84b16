package notify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/mail"
	"github.com/offloadhq/offload/record"
)

// A gathering is the notices of a kind that go to a person in one mail.
type gathering struct {
	To   string `json:"to"`
	Kind string `json:"kind"`
}

// A gathered is a notice that waits for it.
type gathered struct {
	Content Content    `json:"content"`
	By      offload.ID `json:"by"` // the job that has taken it; zero if none has
}

var digests = offload.DeclareFunc[gathering, Result]("notify.digest", offload.Queue("notify"), offload.Timeout(time.Minute))

// gatheredFor is how long a notice waits at most: longer than a window, and until somebody has retried a job that was discarded.
const gatheredFor = 60 * 24 * time.Hour

func gatheredOf(app *offload.App) *record.Kind[gathered] {
	return record.Encrypted[gathered](app, "notify.gathered")
}

// told says which notices were sent, so that one of which an attempt comes late does not wait again.
func told(app *offload.App) *record.Kind[bool] { return record.Of[bool](app, "notify.told") }

const toldFor = 7 * 24 * time.Hour

func (g gathering) prefix() string { return person(g.To) + "/" + g.Kind + "/" }

// once lets one job wait for the end of a window.
func (g gathering) once() offload.Unique {
	sum := sha256.Sum256([]byte(g.prefix()))
	return offload.Unique{Key: hex.EncodeToString(sum[:]), Until: offload.UntilStarted}
}

// gather lets the notice wait for the others. It is kept before the job is enqueued: so a job that is already waiting for its time finds it, and if that has begun meanwhile, a
// new one is enqueued.
func (t *telling) gather(ctx context.Context) error {
	if t.who.Mail == "" {
		t.skip(Mail, "no address", nil)
		return nil
	}
	m := t.content.mail()
	m.To = []string{t.who.Mail}
	if err := m.Validate(); err != nil {
		t.skip(Mail, err.Error(), fmt.Errorf("mail: %w", err))
		return nil
	}
	g := gathering{t.notice.To, t.notice.Kind}
	id, err := offload.Step(ctx, "gathered", func(ctx context.Context) (offload.ID, error) {
		r := record.Record[gathered]{Key: g.prefix() + t.id.String(), Value: gathered{Content: t.content}}
		if _, err := told(t.app).Get(ctx, r.Key); !errors.Is(err, offload.ErrNotFound) {
			return offload.ID{}, err
		}
		if err := gatheredOf(t.app).Swap(ctx, &r, record.Expire(gatheredFor)); err != nil && !errors.Is(err, record.ErrStale) {
			return offload.ID{}, err // a stale one is that of an earlier attempt
		}
		due := t.now.Add(t.kind.Digest)
		until, err := t.who.quietUntil(due)
		if err != nil {
			return offload.ID{}, fallible(err)
		}
		if !until.IsZero() {
			due = until
		}
		job, err := digests.Enqueue(ctx, t.app, g, offload.At(due), g.once())
		if err != nil {
			return offload.ID{}, err
		}
		return job.ID, nil
	})
	if err != nil {
		return err
	}
	t.result.Channels = append(t.result.Channels, Mail)
	if !id.IsZero() {
		t.result.Jobs = append(t.result.Jobs, id)
	}
	return nil
}

// mostGathered is how many notices one mail has; the rest come in the next.
const mostGathered = 500

// digest sends what was gathered.
func (w *work) digest(ctx context.Context, g gathering) (Result, error) {
	job, app := offload.JobOf(ctx), offload.AppOf(ctx)
	t := &telling{work: w, app: app, notice: Notice{To: g.To, Kind: g.Kind}, id: job.ID, now: job.StartedAt}
	if t.kind = w.kinds[g.Kind]; t.kind == nil {
		return Result{}, offload.Discard(refuse("kind", g.Kind, "one that the kit has"))
	}
	var err error
	if t.who, err = w.directory(ctx, g.To); err != nil {
		if errors.Is(err, offload.ErrNotFound) {
			return Result{}, offload.Discard(fmt.Errorf("look for %q in the directory: %w", g.To, err))
		}
		return Result{}, fmt.Errorf("look for %q in the directory: %w", g.To, err)
	}
	if err := t.wait(); err != nil { // it comes late
		return Result{}, err
	}
	// What is taken is written down, so that a later attempt makes the same mail, and deletes nothing that came after.
	keys, err := offload.Step(ctx, "taken", func(ctx context.Context) ([]string, error) { return t.take(ctx, g) })
	if err != nil {
		return Result{}, err
	}
	t.result, err = offload.Step(ctx, "sent", func(ctx context.Context) (Result, error) {
		err := t.sendDigest(ctx, keys)
		return t.result, err
	})
	if err != nil {
		return Result{}, err
	}
	for _, key := range keys {
		if _, err := told(app).Put(ctx, key, true, record.Expire(toldFor)); err != nil {
			return Result{}, err
		}
		if err := gatheredOf(app).Delete(ctx, key); err != nil {
			return Result{}, err
		}
	}
	if len(keys) == mostGathered {
		_, err = digests.Enqueue(ctx, app, g, g.once())
	}
	return t.result, errors.Join(err, t.end())
}

// take takes what was gathered for this job, and returns the keys.
func (t *telling) take(ctx context.Context, g gathering) (keys []string, err error) {
	all, err := gatheredOf(t.app).List(ctx, g.prefix())
	if err != nil {
		return nil, err
	}
	for i := range all {
		r := &all[i]
		if len(keys) == mostGathered {
			break
		}
		if r.Value.By.IsZero() {
			r.Value.By = t.id
			if err := gatheredOf(t.app).Swap(ctx, r, record.Expire(gatheredFor)); errors.Is(err, record.ErrStale) {
				continue // another job has taken it
			} else if err != nil {
				return nil, err
			}
		}
		if r.Value.By == t.id {
			keys = append(keys, r.Key)
		}
	}
	return keys, nil
}

// sendDigest enqueues the mail of what was taken.
func (t *telling) sendDigest(ctx context.Context, keys []string) error {
	var all []Content
	for _, key := range keys {
		r, err := gatheredOf(t.app).Get(ctx, key)
		switch {
		case err == nil:
			all = append(all, r.Value.Content)
		case !errors.Is(err, offload.ErrNotFound): // it has expired, or the person is forgotten
			return err
		}
	}
	if len(all) == 0 {
		return nil
	}
	if t.who.Mail == "" {
		t.skip(Mail, "no address", nil)
		return nil
	}
	var m mail.Message
	var err error
	switch {
	case len(all) == 1:
		m = all[0].mail()
	case t.kind.DigestMail != nil:
		if m, err = t.kind.DigestMail(ctx, t.who, all); err != nil {
			return fallible(err)
		}
	default:
		m = digestMail(all)
	}
	m.To, m.Cc, m.Bcc = []string{t.who.Mail}, nil, nil
	if err := m.Validate(); err != nil {
		t.skip(Mail, err.Error(), fmt.Errorf("mail: %w", err))
		return nil
	}
	job, err := t.mail.Enqueue(ctx, t.app, m, t.once("mail"), t.tag())
	if err != nil {
		return err
	}
	t.result.Channels, t.result.Jobs = []Channel{Mail}, []offload.ID{job.ID}
	return nil
}

// digestMail is a list of notices.
func digestMail(all []Content) mail.Message {
	var b strings.Builder
	for i := range all {
		fmt.Fprintf(&b, "%s\n", all[i].Title)
		for _, part := range []string{all[i].Text, all[i].URL} {
			if part != "" {
				fmt.Fprintf(&b, "%s\n", part)
			}
		}
		b.WriteString("\n")
	}
	return mail.Message{
		Subject: fmt.Sprintf("%s (and %d more)", all[0].Title, len(all)-1), Text: b.String(),
		Headers: map[string]string{"Auto-Submitted": "auto-generated"},
	}
}
