package postgres

import (
	"context"
	"slices"

	"github.com/offloadhq/offload/store"
)

// keyTime is how long Settle waits for somebody who has a unique key that is wanted: it holds rows.
const keyTime = "100ms"

// regain takes the unique keys again of jobs that were cut off and could go on. Those whose key is
// another's now stay as they are.
func (t *settling) regain(ctx context.Context, all []*waiter) error {
	t.taken = map[store.ID]bool{}
	c := newContest(map[string]bool{})
	var wanting []*waiter
	for _, w := range all {
		u, err := w.wants()
		if err != nil {
			return err
		}
		if u == nil {
			continue
		}
		c.want(w.id, w.task, u, nil)
		c.stale[uniqueKey(w.task, u)] = true // their rows are locked at once
		wanting = append(wanting, w)
	}
	if len(wanting) == 0 {
		return nil
	}
	before, err := t.lockTime(ctx, keyTime)
	if err != nil {
		return err
	}
	if err := t.w.send(ctx, step{sql: "SAVEPOINT keys"}); err != nil {
		return err
	}
	err = c.on(ctx, connTx{t.w.conn}, t.s.sql, true)
	if codeOf(err) == codeLockTimeout {
		for _, w := range wanting {
			t.taken[w.id] = true
		}
		err = t.w.send(ctx, step{sql: "ROLLBACK TO SAVEPOINT keys"})
		wanting = nil
	}
	if err != nil {
		return err
	}
	if _, err := t.lockTime(ctx, before); err != nil {
		return err
	}
	return t.give(ctx, c, wanting)
}

// give gives keys that are free to those who want them.
func (t *settling) give(ctx context.Context, c *contest, wanting []*waiter) error {
	c.settle()
	var give giving
	for _, w := range wanting {
		u, err := w.wants()
		if err != nil {
			return err
		}
		key := uniqueKey(w.task, u)
		by, _, err := c.owner(key, w.id)
		if err != nil {
			return err
		}
		if mine := c.mine[key]; !by.id.IsZero() || !mine.IsZero() && mine != w.id {
			t.taken[w.id] = true
			continue
		}
		give.add(w.id, w.task, u, nil)
		c.mine[key] = w.id
	}
	return runAll(ctx, connTx{t.w.conn}, give.queries(t.s.sql))
}

// wants is the unique key that a job must have to go on after it was cut off; nil is none.
func (w *waiter) wants() (*store.Unique, error) {
	if !w.ended || w.batch || w.misses {
		return nil, nil
	}
	terms, err := decodeTerms(w.task, w.terms)
	if err != nil || terms == nil || terms.Unique == nil {
		return nil, err
	}
	u := terms.Unique
	if u.For > 0 || !slices.Contains([]store.Until{store.UntilEnded, store.UntilStarted}, u.Until) || u.Until == store.UntilStarted && w.uses&usesBegun != 0 {
		return nil, nil
	}
	return u, nil
}

// lockTime says how long locks are waited for, and returns how long it was before.
func (t *settling) lockTime(ctx context.Context, to string) (before string, err error) {
	var now string
	err = query{sql: t.s.sql.lockTime, args: []any{to}, row: func(scan func(...any) error) error {
		return scan(&before, &now)
	}}.on(ctx, connTx{t.w.conn})
	return before, err
}
