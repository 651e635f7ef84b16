package postgres

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/offloadhq/offload/store"
)

// Act is that of store.Operator: one transaction.
func (s *Store) Act(ctx context.Context, act store.Act) (acted []store.Acted, err error) {
	if err := act.Check(); err != nil {
		return nil, err
	}
	var wakes []store.Wake
	left := &leaving{}
	n := 0
	err = s.within(ctx, string(act.Verb), func(ctx context.Context, tx ownTx) error {
		n++
		*left = leaving{}
		a := &actor{s: s, tx: tx, act: act, left: left, yields: n < tries}
		acted, err = a.do(ctx)
		wakes = a.wakes
		return err
	})
	if err != nil {
		return nil, err
	}
	left.marked = true
	s.soon(ctx, left)
	if act.Verb == store.Cancel && slices.ContainsFunc(acted, signalled) {
		wakes = append(wakes, anything)
	}
	s.wake(ctx, wakes)
	return acted, nil
}

// signalled reports whether the job's process shall look.
func signalled(a store.Acted) bool { return a.Effect == store.Done && a.State == store.Running }

// An actor does one act within a transaction.
type actor struct {
	s     *Store
	tx    querier
	act   store.Act
	users bool // the transaction is the caller's: nothing that running jobs need is locked
	// It waits for no row that somebody else has, since that may want one that this holds, but lets
	// go of all and begins again. The last try waits: then a transaction of a user's is in the way.
	yields bool
	keyed  bool // it has locked unique keys

	wakes []store.Wake
	left  *leaving
	anew  [][16]byte // jobs whose time or terms have changed
	heed  []store.ID // jobs that wait again, if they have edges
	stale map[string]bool
}

// do acts on each job where it is found. A job that hides from a statement, since a claim or
// the like moves it at the same moment, is looked for again in a new one. An id that comes
// twice is acted on twice.
func (a *actor) do(ctx context.Context) ([]store.Acted, error) {
	acted := make([]store.Acted, len(a.act.IDs))
	open := make([]int, len(acted)) // places in acted that have no answer yet
	for i, id := range a.act.IDs {
		acted[i].ID, open[i] = id, i
	}
	for n := 0; len(open) > 0; {
		found, err := a.round(ctx, a.distinct(open))
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			if n++; n == tries && a.yields {
				return nil, errAgain
			} else if n == tries {
				return nil, store.Unavailable("jobs are on the move", errors.New("none of them could be held"))
			}
			pause(ctx, n)
		}
		open = slices.DeleteFunc(open, func(i int) bool {
			answer, ok := found[acted[i].ID]
			if !ok {
				return false
			}
			delete(found, acted[i].ID)
			acted[i] = answer
			return true
		})
	}
	if err := a.clear(ctx); err != nil {
		return nil, err
	}
	if a.act.Verb == store.Erase { // a statement of its own sees failures that were just grouped
		if err := each(ctx, a.tx, a.s.sql.errorsBlank, []any{idList(a.act.IDs), store.ErasedText}, nil); err != nil {
			return nil, err
		}
	}
	if a.act.Who == "" {
		return acted, nil
	}
	r := a.act.Record(acted)
	r.ID = store.NewID()
	return acted, a.s.record(ctx, a.tx, r)
}

// distinct are the ids without an answer, each once.
func (a *actor) distinct(open []int) []store.ID {
	ids := make([]store.ID, len(open))
	for i, at := range open {
		ids[i] = a.act.IDs[at]
	}
	slices.SortFunc(ids, store.ID.Compare)
	return slices.Compact(ids)
}

// round acts on those of the jobs that one statement finds, and says which are not there.
func (a *actor) round(ctx context.Context, ids []store.ID) (map[store.ID]store.Acted, error) {
	found, taken, err := a.claimKeys(ctx, ids)
	if err != nil {
		return nil, err
	}
	busy, err := a.hold(ctx, ids)
	if err != nil {
		return nil, err
	}
	sql, args, err := a.statement(slices.DeleteFunc(slices.Clone(ids), func(id store.ID) bool {
		return found[id].Effect == store.Taken || busy[id]
	}))
	if err != nil {
		return nil, err
	}
	err = each(ctx, a.tx, sql, args, func(scan func(...any) error) error {
		did, err := a.read(scan)
		found[did.ID] = did
		return err
	})
	if err == nil {
		err = a.giveBack(ctx, found, taken)
	}
	if err != nil || len(found) == len(ids) {
		return found, err
	}
	there := map[store.ID]bool{}
	err = each(ctx, a.tx, a.s.sql.stored, []any{idList(ids)}, func(scan func(...any) error) error {
		var id string
		if err := scan(&id); err != nil {
			return err
		}
		parsed, err := store.ParseID(id)
		there[parsed] = true
		return err
	})
	for _, id := range ids {
		if _, ok := found[id]; !ok && !there[id] {
			found[id] = store.Acted{ID: id, Effect: store.NotStored}
		}
	}
	return found, err
}

// hold locks the rows of waiting jobs, and returns those that somebody else has.
func (a *actor) hold(ctx context.Context, ids []store.ID) (busy map[store.ID]bool, err error) {
	if busy = map[store.ID]bool{}; a.yields && len(a.act.IDs) > 1 {
		err = query{sql: a.s.sql.actHold, args: []any{idList(ids)}, row: readIDs(busy)}.on(ctx, a.tx)
	}
	return busy, err
}

// read reads what a statement has done to a job.
func (a *actor) read(scan func(...any) error) (did store.Acted, err error) {
	var (
		id, effect, state, queue string
		priority                 int
		task, terms, gate        *string
	)
	if err := scan(&id, &effect, &state, &queue, &priority, &task, &terms, &gate); err != nil {
		return did, err
	}
	did.Effect, did.State = store.Effect(effect), store.State(state)
	if did.ID, err = store.ParseID(id); err != nil {
		return did, err
	}
	if w := (store.Wake{Queue: queue, Priority: priority}); queue != "" && !slices.Contains(a.wakes, w) {
		a.wakes = append(a.wakes, w)
	}
	if a.act.Heed && did.Effect == store.Done && did.State.Ended() {
		a.heed = append(a.heed, did.ID)
	}
	if task != nil {
		err = a.leave(did, *task, terms, gate)
	}
	return did, err
}

// leave notes what a job with terms gives back that was acted on.
func (a *actor) leave(did store.Acted, task string, text, at *string) error {
	var terms *store.Terms
	if text != nil {
		var err error
		if terms, err = decodeTerms(task, []byte(*text)); err != nil {
			return err
		}
	}
	switch a.act.Verb {
	case store.Cancel, store.Delete:
		a.left.end(did.ID, task, terms, false)
		a.left.from(at)
	case store.Retry, store.RunNow:
		a.anew = append(a.anew, did.ID)
		a.left.open = true
	case store.Change:
		a.anew = append(a.anew, did.ID)
		a.left.open = true
		is := terms
		if a.act.Edit.Terms != nil {
			is = a.act.Edit.Terms
		}
		parked := did.State == store.Blocked && (at == nil || *at == gateAfter || *at == gateHeld)
		a.left.change(did.ID, terms, is, parked || did.State.Ended())
		a.left.from(at)
	}
	return nil
}

// clear takes back what jobs have left, has those look at their upstreams that wait for them again, and says
// anew when others expire.
func (a *actor) clear(ctx context.Context) error {
	if len(a.heed) > 0 {
		if err := (query{sql: a.s.sql.actHeed, args: []any{idsOf(a.heed)}}).on(ctx, a.tx); err != nil {
			return err
		}
	}
	if len(a.anew) > 0 {
		if err := (query{sql: a.s.sql.expiryAnew, args: []any{a.anew}}).on(ctx, a.tx); err != nil {
			return err
		}
	}
	return runAll(ctx, a.tx, a.left.queries(a.s.sql))
}

// statement is the one that does the verb. Its parameters are texts and numbers, which every
// driver takes.
func (a *actor) statement(ids []store.ID) (sql string, args []any, err error) {
	list := idList(ids)
	switch a.act.Verb {
	case store.Cancel:
		if a.users {
			return a.s.sql.actCancelWithin, []any{list, store.RetainEnded.Microseconds()}, nil
		}
		return a.s.sql.actCancel, []any{list, store.RetainEnded.Microseconds()}, nil
	case store.Retry:
		return a.s.sql.actRetry, []any{list, store.ErasedInput(), a.act.Heed}, nil
	case store.Erase:
		return a.s.sql.actErase, []any{list, store.ErasedInput(), store.ErasedText}, nil
	case store.RunNow:
		return a.s.sql.actRunNow, []any{list}, nil
	case store.Delete:
		return a.s.sql.actDelete, []any{list, store.Tombstone.Microseconds()}, nil
	}
	e := a.act.Edit
	var input, queue, priority, runAt any
	if e.Input != nil {
		input = e.Input
	}
	if e.Queue != nil {
		queue = *e.Queue
	}
	if e.Priority != nil {
		priority = *e.Priority
	}
	if e.RunAt != nil {
		runAt = *e.RunAt
	}
	var terms any
	if e.Terms != nil {
		text, err := encodeTerms(e.Terms)
		if err != nil {
			return "", nil, badCall{err}
		}
		terms = string(text)
	}
	return a.s.sql.actEdit, []any{list, input, queue, priority, runAt, terms, int64(gatedBits(e.Terms))}, nil
}

// idList are ids as the text of an array.
func idList[ID ~[16]byte](ids []ID) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(store.ID(id).String())
	}
	b.WriteByte('}')
	return b.String()
}

// record keeps what somebody did.
func (s *Store) record(ctx context.Context, tx querier, r store.Record) error {
	var at, job, filter any
	if !r.Time.IsZero() {
		at = r.Time.UTC().Format(time.RFC3339Nano)
	}
	if !r.Job.IsZero() {
		job = r.Job.String()
	}
	if r.Filter != nil {
		filter = r.Filter
	}
	most := store.MaxErrorText
	return each(ctx, tx, s.sql.record, []any{
		r.ID.String(), at, *text(r.Who, most), *text(r.What, most), r.Jobs, filter, job,
	}, nil)
}
