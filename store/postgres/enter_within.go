package postgres

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

// enter is Insert for jobs of which some have terms. What unique keys make of them is decided
// here, and others who want the same keys wait for the transaction.
func (t *txWriter) enter(ctx context.Context, b *batch) (inserted []store.Inserted, err error) {
	var c *contest
	var verdicts []verdict
	for n := 1; ; n++ {
		if c, verdicts, err = t.judge(ctx, b); err == nil || !errors.Is(err, errAgain) || n == tries {
			break
		}
		pause(ctx, n)
	}
	if err != nil {
		return nil, c.held(err)
	}
	inserted = make([]store.Inserted, len(b.jobs))
	var (
		fresh  []store.NewJob
		places = map[store.ID]int{} // in these
		give   giving
		left   leaving
		now    time.Time
	)
	if err := (query{sql: t.s.sql.now, row: func(scan func(...any) error) error { return scan(&now) }}).on(ctx, t.tx); err != nil {
		return nil, err
	}
	for i := range b.jobs {
		n := b.jobs[i]
		v := verdicts[i]
		inserted[i] = store.Inserted{ID: n.ID}
		if !v.old.IsZero() {
			inserted[i] = store.Inserted{ID: v.old, Existing: true, Replaced: v.replaced}
		}
		at, here := places[v.old]
		switch {
		case v.replaced && here:
			is := &fresh[at]
			is.Input, is.Terms = n.Input, n.Terms
			if n.Terms.Unique.OnConflict == store.ConflictDebounce {
				is.RunAt, is.Delay = n.RunAt, n.Delay
			}
			give.add(v.old, n.Task, n.Terms.Unique, nil)
		case v.replaced:
			give.add(v.old, n.Task, n.Terms.Unique, nil)
			if err := t.s.replace(ctx, t.tx, v.old, &n, firstRun(&n, now), &left); err != nil {
				return nil, err
			}
		case v.old.IsZero():
			places[n.ID] = len(fresh)
			fresh = append(fresh, n)
			if v.give {
				give.add(n.ID, n.Task, n.Terms.Unique, nil)
			}
		}
	}
	l, err := link(ctx, t.tx, t.s.sql, b.jobs, inserted)
	if err != nil {
		return nil, err
	}
	b.flow = l.flow
	if err := t.store(ctx, b, fresh); err != nil {
		return nil, err
	}
	all := append(give.queries(t.s.sql), left.queries(t.s.sql)...)
	return inserted, runAll(ctx, t.tx, append(all, l.queries(t.s.sql)...))
}

// judge takes unique keys, and says what becomes of the jobs by them. What was taken by a try
// that has to be made again stays taken by the same jobs.
func (t *txWriter) judge(ctx context.Context, b *batch) (c *contest, verdicts []verdict, err error) {
	c = newContest(b.stale)
	for i := range b.jobs {
		if n := &b.jobs[i]; n.Terms != nil && n.Terms.Unique != nil {
			c.want(n.ID, n.Task, n.Terms.Unique, nil)
		}
	}
	if err := (query{sql: t.s.sql.known, args: []any{idsOfJobs(b.once)}, row: readIDs(c.known)}).on(ctx, t.tx); err != nil {
		return c, nil, err
	}
	if len(c.keys) > 0 {
		before, err := t.lockTime(ctx, nil)
		if err != nil {
			return c, nil, err
		}
		if err := c.on(ctx, t.tx, t.s.sql, false); err != nil {
			return c, nil, err
		}
		if _, err := t.lockTime(ctx, before); err != nil {
			return c, nil, err
		}
	}
	verdicts, err = c.judge(b.jobs)
	return c, verdicts, err
}

// lockTime says how long locks are waited for; nil is no longer than a call of ours has. It
// returns how long it was before.
func (t *txWriter) lockTime(ctx context.Context, to any) (before string, err error) {
	err = query{sql: t.s.sql.lockTime, args: []any{to}, row: func(scan func(...any) error) error {
		var now string
		return scan(&before, &now)
	}}.on(ctx, t.tx)
	return before, err
}

// store stores jobs whose keys are theirs.
func (t *txWriter) store(ctx context.Context, b *batch, jobs []store.NewJob) error {
	if len(jobs) == 0 {
		return nil
	}
	slices.SortFunc(jobs, func(x, y store.NewJob) int { return x.ID.Compare(y.ID) }) // as all who insert lock them
	once := batch{jobs: jobs, once: jobs, tags: b.tags, wakes: b.wakes, flow: b.flow}
	stored := map[store.ID]bool{}
	var after, others []store.NewJob
	for i := range jobs {
		if follows(&jobs[i]) {
			after = append(after, jobs[i])
		} else {
			others = append(others, jobs[i])
		}
	}
	if err := t.insertAll(ctx, &once, t.s.sql.insertWithin, others, stored); err != nil {
		return err
	}
	if err := t.insertAll(ctx, &once, t.s.sql.insertAfterWithin, after, stored); err != nil {
		return err
	}
	if err := t.notify(ctx, b.wakes); err != nil {
		return err
	}
	var expiring [][16]byte
	for i := range jobs {
		if jobs[i].Terms != nil && jobs[i].Terms.Expire > 0 {
			expiring = append(expiring, jobs[i].ID)
		}
	}
	if len(expiring) == 0 {
		return nil
	}
	return query{sql: t.s.sql.expiryAnew, args: []any{expiring}}.on(ctx, t.tx)
}
