package alert

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/record"
)

// An Incident is what was told, or will be if it stays so.
type Incident struct {
	ID       string    `json:"id,omitempty"` // "" until it is told
	Rule     string    `json:"rule"`
	When     Condition `json:"when"`
	Subject  string    `json:"subject,omitempty"` // the queue, task or schedule, or the group of errors
	Severity string    `json:"severity"`
	Title    string    `json:"title"` // as it was first seen
	Text     string    `json:"text,omitempty"`
	Began    time.Time `json:"began"`           // since when it is so, as far as that is known
	Seen     time.Time `json:"seen"`            // since when it was seen to be so
	Opened   time.Time `json:"opened,omitzero"` // when it was told; zero: it is not yet
	Well     time.Time `json:"well,omitzero"`   // since when it is not so; zero: it is
	Ended    time.Time `json:"ended,omitzero"`  // when the all-clear was told
	Told     []Told    `json:"told,omitempty"`
}

// Told is a channel that is told.
type Told struct {
	Channel string     `json:"channel"`
	Do      Do         `json:"do"`
	Job     offload.ID `json:"job,omitzero"` // of Deliver; zero until it is enqueued
}

const (
	endedKept = 30 * 24 * time.Hour
	// forgotten is how long it is remembered of a subject that its incident has ended: longer than an
	// error can be new.
	forgotten = time.Hour
	// goneFor is how long a rule must be unknown before its incidents are over: while programs are
	// replaced by newer ones, those that watch may know others.
	goneFor = 10 * time.Minute
	// mostOpen is how many incidents of a rule there are at once. What more there is, is not told.
	mostOpen = 100
)

// next is how an incident goes on. It returns false if nothing of it has changed.
func (i *Incident) next(r *Rule, f *finding, now time.Time, mayOpen bool) bool {
	switch {
	case i.empty():
		if f == nil || r == nil || r.Off || f.old || !mayOpen || !i.Ended.IsZero() && r.When == NewError && !f.begun.After(i.Ended) {
			return false
		}
		*i = Incident{
			Rule: r.Name, When: r.When, Subject: f.subject, Severity: r.severity(),
			Title: f.title, Text: cut(f.text, 4000), Began: now, Seen: now,
		}
		if !f.begun.IsZero() {
			i.Began = f.begun
		}
		i.open(r, now)
		return true
	case !i.Ended.IsZero():
		return false // it waits for being told, no more
	case f != nil:
		if changed := !i.Well.IsZero(); changed || !i.Opened.IsZero() {
			i.Well = time.Time{}
			return changed
		}
		return i.open(r, now)
	case i.Opened.IsZero():
		*i = Incident{Rule: i.Rule} // it was not so for long enough
		return true
	}
	changed := i.Well.IsZero()
	if changed {
		i.Well = now
	}
	clear := goneFor
	switch {
	case r != nil && r.Off:
		clear = 0
	case r != nil:
		clear = r.clear()
	}
	if now.Sub(i.Well) < clear {
		return changed
	}
	i.Ended = now
	for _, t := range i.Told {
		i.Told = append(i.Told, Told{Channel: t.Channel, Do: Clear})
	}
	return true
}

// empty reports whether nothing is the matter.
func (i *Incident) empty() bool { return i.Seen.IsZero() }

// open has an incident told, if it has been seen for long enough.
func (i *Incident) open(r *Rule, now time.Time) bool {
	if now.Sub(i.Seen) < r.For {
		return false
	}
	i.ID, i.Opened, i.Severity = offload.NewID().String(), now, r.severity()
	for _, channel := range r.To {
		i.Told = append(i.Told, Told{Channel: channel, Do: Alert})
	}
	return true
}

// enqueue enqueues the deliveries that are still to be, and reports whether there were any. It may be done
// twice: a second job of the same notice is none.
func (a *Alerts) enqueue(ctx context.Context, i *Incident) (bool, error) {
	var calls []*offload.Call
	var of []int
	for n, t := range i.Told {
		if t.Job != (offload.ID{}) {
			continue
		}
		notice := Notice{
			Incident: i.ID, Do: t.Do, Channel: t.Channel, Rule: i.Rule, When: i.When, Subject: i.Subject, Severity: i.Severity,
			Title: i.Title, Text: i.Text, Began: i.Began, Link: a.kit.link,
		}
		if t.Do == Clear {
			notice.Ended = i.Well
			before := slices.IndexFunc(i.Told, func(b Told) bool { return b.Channel == t.Channel && b.Do == Alert })
			if notice.After = i.Told[before].Job; notice.After == (offload.ID{}) {
				continue // with the next look
			}
		}
		calls = append(calls, Deliver.Call(notice, offload.Unique{Key: notice.Key() + " " + short(t.Channel), For: sameWithin}))
		of = append(of, n)
	}
	if len(calls) == 0 {
		return false, nil
	}
	jobs, err := a.app.Enqueue(ctx, calls...)
	if err != nil {
		return false, fmt.Errorf("enqueue what is to be told: %w", err)
	}
	for n, job := range jobs {
		i.Told[of[n]].Job = job.ID
	}
	return true, nil
}

// Try tells a channel of an incident that is none, of severity info, and that it is over, and returns the job of the first:
// whether URL and key are right shows in what becomes of it.
func (a *Alerts) Try(ctx context.Context, channel string) (*offload.Job, error) {
	if a.kit.channels[channel] == nil {
		return nil, refuse("channel", channel, fmt.Sprintf("channels of the kit: %q", a.kit.channelNames()))
	}
	n := Notice{
		Incident: offload.NewID().String(), Do: Alert, Channel: channel, Rule: "a test", Severity: "info",
		Title: "This is a test", Text: "Nothing is wrong: somebody tries the channel.", Began: time.Now(), Link: a.kit.link,
	}
	first, err := Deliver.Enqueue(ctx, a.app, n)
	if err != nil {
		return nil, err
	}
	n.Do, n.Ended, n.After = Clear, n.Began, first.ID
	if _, err := Deliver.Enqueue(ctx, a.app, n); err != nil {
		return nil, err
	}
	return first, nil
}

// told reports whether all that is to be told is enqueued.
func (i *Incident) told() bool {
	return !slices.ContainsFunc(i.Told, func(t Told) bool { return t.Job == (offload.ID{}) })
}

// key is that of what is open of a rule and a subject.
func key(rule, subject string) string { return rule + "/" + short(subject) }

// settle brings the records of incidents to what was found. Somebody who has written since they were
// read has seen something later: then what is known here is left.
func (a *Alerts) settle(ctx context.Context, rules map[string]*Rule, found map[string][]finding, now time.Time) error {
	records, err := a.open.List(ctx, "")
	if err != nil {
		return err
	}
	byKey := map[string]*record.Record[Incident]{}
	open := map[string]int{} // of each rule
	for i := range records {
		byKey[records[i].Key] = &records[i]
		if !records[i].Value.empty() {
			open[records[i].Value.Rule]++
		}
	}
	findings := map[string]*finding{}
	for rule, all := range found {
		for i := range all {
			k := key(rule, all[i].subject)
			findings[k] = &all[i]
			if byKey[k] == nil {
				byKey[k] = &record.Record[Incident]{Key: k, Value: Incident{Rule: rule}}
			}
		}
	}
	var errs []error
	for _, k := range slices.Sorted(maps.Keys(byKey)) {
		r := byKey[k]
		rule := rules[r.Value.Rule]
		if rule != nil && !rule.Off && found[rule.Name] == nil {
			continue // it could not be looked at: nothing is known
		}
		if rule != nil && !r.Value.empty() && rule.When != r.Value.When {
			rule, findings[k] = &Rule{Off: true}, nil // what it was about, it does not watch any more
		}
		before := r.Value.empty()
		changed := r.Value.next(rule, findings[k], now, open[r.Value.Rule] < mostOpen)
		if before && !r.Value.empty() {
			open[r.Value.Rule]++
		}
		errs = append(errs, a.write(ctx, r, changed))
	}
	return errors.Join(errs...)
}

// write keeps an incident and then has it told: what is to be told is in the record before any job is
// made, so that no crash loses it, and jobs have keys, so that none doubles it.
func (a *Alerts) write(ctx context.Context, r *record.Record[Incident], changed bool) error {
	if changed {
		if err := a.swap(ctx, r); err != nil {
			return stale(err)
		}
	}
	for !r.Value.told() { // the all-clear of what was not told yet comes second
		enqueued, err := a.enqueue(ctx, &r.Value)
		if err != nil || !enqueued {
			return err
		}
		if err := a.swap(ctx, r); err != nil {
			return stale(err)
		}
	}
	if r.Value.empty() || r.Value.Ended.IsZero() {
		return nil
	}
	if _, err := a.ended.Put(ctx, r.Value.ID, r.Value, record.Expire(endedKept)); err != nil {
		return err
	}
	r.Value = Incident{Rule: r.Value.Rule, Ended: r.Value.Ended}
	return stale(a.swap(ctx, r))
}

// swap keeps an incident. One that is none any more goes by itself.
func (a *Alerts) swap(ctx context.Context, r *record.Record[Incident]) error {
	if r.Value.empty() {
		return a.open.Swap(ctx, r, record.Expire(forgotten))
	}
	return a.open.Swap(ctx, r)
}

// stale passes over that somebody was faster.
func stale(err error) error {
	if errors.Is(err, record.ErrStale) {
		return nil
	}
	return err
}

// Incidents returns those that are under way, seen first to last, those that are not told yet among them; and those that
// have ended within 30 days, the last first.
func (a *Alerts) Incidents(ctx context.Context) (open, ended []Incident, err error) {
	records, err := a.open.List(ctx, "")
	if err != nil {
		return nil, nil, err
	}
	for i := range records {
		if v := &records[i].Value; !v.empty() && v.Ended.IsZero() {
			open = append(open, *v)
		} else if !v.empty() {
			ended = append(ended, *v) // its all-clear is about to be told
		}
	}
	slices.SortFunc(open, func(x, y Incident) int { return cmp.Or(x.Seen.Compare(y.Seen), cmp.Compare(x.Title, y.Title)) })
	if records, err = a.ended.List(ctx, ""); err != nil {
		return nil, nil, err
	}
	for i := range records {
		if v := &records[i].Value; !slices.ContainsFunc(ended, func(e Incident) bool { return e.ID == v.ID }) {
			ended = append(ended, *v)
		}
	}
	slices.SortFunc(ended, func(x, y Incident) int { return y.Ended.Compare(x.Ended) })
	return open, ended, nil
}
