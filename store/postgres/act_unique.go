package postgres

import (
	"context"
	"time"

	"github.com/offloadhq/offload/store"
)

// A keeper is a job that an act may have to give a unique key.
type keeper struct {
	id      store.ID
	task    string
	terms   *store.Terms
	created time.Time
	state   store.State
	begun   bool
	holds   bool // its key
}

// claimKeys takes the unique keys that jobs need for an act, before their rows are locked. It
// returns those whose key is another's, and those that got one now.
func (a *actor) claimKeys(ctx context.Context, ids []store.ID) (found map[store.ID]store.Acted, taken map[store.ID]string, err error) {
	found = map[store.ID]store.Acted{}
	if a.act.Verb != store.Retry && (a.act.Verb != store.Change || a.act.Edit.Terms == nil) {
		return found, nil, nil
	}
	keepers, err := a.keepers(ctx, ids)
	if err != nil || len(keepers) == 0 {
		return found, nil, err
	}
	if a.stale == nil {
		a.stale = map[string]bool{}
	}
	c := newContest(a.stale)
	var wanting []keeper
	for _, k := range keepers {
		if u := a.wants(&k); u != nil {
			c.want(k.id, k.task, u, &k.created)
			a.stale[uniqueKey(k.task, u)] = true // an act is rare: its keys are locked at once
			wanting = append(wanting, k)
		}
	}
	if len(wanting) > 0 {
		if a.keyed && a.yields {
			return nil, nil, errAgain // keys are locked in their order, all at once
		}
		a.keyed = true
		if err := c.on(ctx, a.tx, a.s.sql, true); err != nil {
			return nil, nil, c.held(err)
		}
	}
	c.settle()
	taken = map[store.ID]string{}
	var give giving
	for _, k := range wanting {
		u := a.wants(&k)
		key := uniqueKey(k.task, u)
		by, _, err := c.owner(key, k.id)
		if err != nil {
			return nil, nil, err
		}
		if mine := c.mine[key]; !mine.IsZero() && mine != k.id { // another job of this act
			by.id = mine
		}
		if !by.id.IsZero() {
			found[k.id] = store.Acted{ID: k.id, Effect: store.Taken, State: k.state, By: by.id}
			continue
		}
		give.add(k.id, k.task, u, &k.created)
		c.mine[key] = k.id
		taken[k.id] = key
	}
	if err := runAll(ctx, a.tx, give.queries(a.s.sql)); err != nil {
		return nil, nil, err
	}
	return found, taken, a.dropKeys(ctx, keepers, found)
}

// keepers reads what must be known of jobs.
func (a *actor) keepers(ctx context.Context, ids []store.ID) (all []keeper, err error) {
	err = query{sql: a.s.sql.uniqueWanted, args: []any{idsOf(ids)}, row: func(scan func(...any) error) error {
		var k keeper
		var id, terms, state string
		err := scan(&id, &k.task, &terms, &k.created, &state, &k.begun, &k.holds)
		if err != nil {
			return err
		}
		if k.id, err = store.ParseID(id); err != nil {
			return err
		}
		k.state = store.State(state)
		k.terms, err = decodeTerms(k.task, []byte(terms))
		all = append(all, k)
		return err
	}}.on(ctx, a.tx)
	return all, err
}

// wants is the key that a job must have for the act; nil is none.
func (a *actor) wants(k *keeper) *store.Unique {
	old := k.terms.Unique
	if a.act.Verb == store.Change {
		if k.state.Ended() || old != nil && !k.holds {
			return nil
		}
		return a.act.Edit.Terms.Unique
	}
	if !k.state.Ended() || old == nil || old.For > 0 || old.Until == store.Never || old.Until == store.UntilStarted && k.begun {
		return nil
	}
	return old
}

// dropKeys frees the keys that jobs have held whose terms change.
func (a *actor) dropKeys(ctx context.Context, keepers []keeper, found map[store.ID]store.Acted) error {
	if a.act.Verb != store.Change {
		return nil
	}
	for _, k := range keepers {
		old := k.terms.Unique
		if old == nil || !k.holds || found[k.id].Effect == store.Taken {
			continue
		}
		if is := a.wants(&k); is != nil && uniqueKey(k.task, is) == uniqueKey(k.task, old) {
			continue
		}
		if err := (query{sql: a.s.sql.uniqueDrop, args: []any{uniqueKey(k.task, old), [16]byte(k.id)}}).on(ctx, a.tx); err != nil {
			return err
		}
	}
	return nil
}

// giveBack frees keys of jobs that were on the move, and so did not need them.
func (a *actor) giveBack(ctx context.Context, found map[store.ID]store.Acted, taken map[store.ID]string) error {
	for id, key := range taken {
		if a.act.Verb == store.Change || found[id].Effect == store.Done {
			continue
		}
		if err := (query{sql: a.s.sql.uniqueDrop, args: []any{key, [16]byte(id)}}).on(ctx, a.tx); err != nil {
			return err
		}
	}
	return nil
}

// replace does to a job that waits, whose row is locked, what a new one with its key asks for.
func (s *Store) replace(ctx context.Context, tx querier, old store.ID, n *store.NewJob, runAt time.Time, left *leaving) error {
	edit := store.Edit{Input: bytesOf(n.Input), Terms: n.Terms}
	if n.Terms.Unique.OnConflict == store.ConflictDebounce {
		edit.RunAt = &runAt
	}
	a := &actor{s: s, tx: tx, act: store.Act{Verb: store.Change, Edit: &edit}, left: left}
	sql, args, err := a.statement([]store.ID{old})
	if err != nil {
		return err
	}
	err = each(ctx, tx, sql, args, func(scan func(...any) error) error {
		_, err := a.read(scan)
		return err
	})
	if err != nil {
		return err
	}
	if len(a.anew) == 0 {
		return errAgain // it moved, though its row was locked
	}
	return query{sql: s.sql.expiryAnew, args: []any{a.anew}}.on(ctx, tx)
}
