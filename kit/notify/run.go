package notify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/record"
)

// work is a kit at work.
type work struct {
	config
	turns *turns
}

func asInput(err error, wrong **offload.InputError) bool { return errors.As(err, wrong) }

// notify does what a notice says.
func (w *work) notify(ctx context.Context, n Notice) (Result, error) {
	job := offload.JobOf(ctx)
	t := &telling{work: w, app: offload.AppOf(ctx), notice: n, id: job.ID, now: job.StartedAt}
	if err := t.look(ctx); err != nil {
		return Result{}, err
	}
	if n.Key != "" {
		if first, err := t.first(ctx); err != nil || !first {
			return Result{Repeated: err == nil}, err
		}
	}
	all := t.who.wants(t.kind)
	if slices.Contains(all, InApp) {
		if _, err := offload.Step(ctx, "in-app", func(ctx context.Context) (bool, error) {
			item := Item{ID: t.id, Kind: n.Kind, Title: t.content.Title, Text: t.content.Text, URL: t.content.URL, At: t.now.UTC()}
			done, err := t.turns.take(ctx, n.To)
			if err != nil {
				return false, err
			}
			defer done()
			return true, add(ctx, t.app, n.To, item, t.newest)
		}); err != nil {
			return Result{}, err
		}
		t.result.Channels = append(t.result.Channels, InApp)
	}
	if t.kind.Digest > 0 && !n.Urgent && slices.Contains(all, Mail) {
		if err := t.gather(ctx); err != nil {
			return Result{}, err
		}
		all = slices.DeleteFunc(all, func(c Channel) bool { return c == Mail })
	}
	if !slices.ContainsFunc(all, func(c Channel) bool { return c != InApp }) {
		return t.finish(ctx)
	}
	if err := t.wait(); err != nil {
		return Result{}, err
	}
	if err := t.send(ctx, all); err != nil {
		return Result{}, err
	}
	return t.finish(ctx)
}

// A telling is a notice on its way to a person.
type telling struct {
	*work
	app     *offload.App
	notice  Notice
	id      offload.ID // of the notice's job
	now     time.Time  // by the store's clock
	kind    *Kind
	who     Who
	content Content
	result  Result
	wrong   error // of channels that were skipped
}

// first reports whether the notice is the first with its key.
func (t *telling) first(ctx context.Context) (bool, error) {
	r := record.Record[string]{Key: t.notice.sum(), Value: t.id.String()}
	err := keys(t.app).Swap(ctx, &r, record.Expire(t.remember))
	if !errors.Is(err, record.ErrStale) {
		return err == nil, err
	}
	r, err = keys(t.app).Get(ctx, r.Key)
	return r.Value == t.id.String(), err // an earlier attempt's, or another's
}

// keys says which job each key is of.
func keys(app *offload.App) *record.Kind[string] { return record.Of[string](app, "notify.key") }

// sum is what a notice is known by.
func (n *Notice) sum() string {
	sum := sha256.Sum256([]byte(n.To + "\x00" + n.Kind + "\x00" + n.Key))
	return hex.EncodeToString(sum[:])
}

// look learns who is told what.
func (t *telling) look(ctx context.Context) (err error) {
	if t.kind = t.kinds[t.notice.Kind]; t.kind == nil {
		return offload.Discard(refuse("kind", t.notice.Kind, "one that the kit has"))
	}
	if t.who, err = t.directory(ctx, t.notice.To); err != nil {
		if errors.Is(err, offload.ErrNotFound) {
			return offload.Discard(fmt.Errorf("look for %q in the directory: %w", t.notice.To, err))
		}
		return fmt.Errorf("look for %q in the directory: %w", t.notice.To, err)
	}
	if _, err := t.who.quietUntil(t.now); err != nil {
		return fallible(err)
	}
	if t.content, err = t.kind.Content(ctx, t.who, t.notice.Data); err != nil {
		return fallible(err)
	}
	return fallible(t.content.check())
}

// wait puts the notice off while it is quiet.
func (t *telling) wait() error {
	if t.notice.Urgent {
		return nil
	}
	until, err := t.who.quietUntil(t.now)
	if err != nil || until.IsZero() {
		return fallible(err)
	}
	return offload.Snooze(until.Sub(t.now))
}

// skip notes that a channel can't be gone.
func (t *telling) skip(c Channel, why string, wrong error) {
	if t.result.Skipped == nil {
		t.result.Skipped = map[Channel]string{}
	}
	t.result.Skipped[c] = why
	t.wrong = errors.Join(t.wrong, wrong)
}

// end is an error where nothing could be sent since all that is known of the person is wrong.
func (t *telling) end() error {
	if len(t.result.Channels) > 0 || t.wrong == nil {
		return nil
	}
	return offload.Discard(t.wrong)
}

// finish ends a notice. One of which nothing was sent leaves its key to another.
func (t *telling) finish(ctx context.Context) (Result, error) {
	err := t.end()
	if err != nil && t.notice.Key != "" {
		if err := keys(t.app).Delete(ctx, t.notice.sum()); err != nil {
			return Result{}, err
		}
	}
	return t.result, err
}

// send enqueues what goes by the channels, all of it or nothing.
func (t *telling) send(ctx context.Context, all []Channel) error {
	o := t.kind.Otherwise
	follow := o.After > 0 && slices.Contains(all, o.From) && slices.Contains(all, o.To)
	var calls, from []*offload.Call
	for _, c := range all {
		if c == InApp || follow && c == o.To {
			continue
		}
		made := t.calls(c)
		if c == o.From {
			from = made
		}
		calls = append(calls, made...)
	}
	if follow && o.From != InApp && len(from) == 0 { // there is nothing to wait for
		calls = append(calls, t.calls(o.To)...)
		follow = false
	}
	if follow {
		f := following{Notice: t.notice, ID: t.id}
		for _, call := range from {
			f.From = append(f.From, call.ID())
		}
		calls = append(calls, otherwise.Call(f, offload.Delay(o.After), t.once("otherwise")))
	}
	if len(calls) == 0 {
		return nil
	}
	jobs, err := t.app.Enqueue(ctx, calls...)
	if err != nil {
		return err
	}
	for _, job := range jobs {
		t.result.Jobs = append(t.result.Jobs, job.ID)
	}
	return nil
}

// once lets one job in for a part of a notice, however often the notice runs.
func (t *telling) once(part string) offload.Unique {
	return offload.Unique{Key: "notice-" + t.id.String() + "-" + part, For: 45 * 24 * time.Hour}
}
