package sqlite

import (
	"context"
	"database/sql"
	_ "embed"
	"slices"

	"github.com/offloadhq/offload/store"
)

var (
	//go:embed sql/edges.sql
	edgesSQL string
	//go:embed sql/flow_ids.sql
	flowIDsSQL string
	//go:embed sql/settle_cut.sql
	settleCutSQL string
)

// What an edge wants of its upstream.
const (
	wantsMember = iota // of a job that stands in for a member of the batch at the other end
	wantsCompleted
	wantsEnded
	wantsFailed
)

var (
	edgeWants = map[store.On]int{store.OnCompleted: wantsCompleted, store.OnEnded: wantsEnded, store.OnFailed: wantsFailed}
	edgeOns   = map[int]store.On{wantsCompleted: store.OnCompleted, wantsEnded: store.OnEnded, wantsFailed: store.OnFailed}
)

// How an edge stands: it is needed, or it is one of several of which one is enough.
const (
	standOpen = iota
	standMet
	standNever
	standAnyOpen
	standAnyMet
	standAnyNever
	standMember
)

// standOf is how an edge stands whose upstream is in a state.
func standOf(wants, state int) int {
	open := state == 0 || state == stateFailing
	switch {
	case wants == wantsFailed && (state == stateDiscarded || state == stateFailing):
		return standAnyMet
	case wants == wantsFailed && open:
		return standAnyOpen
	case wants == wantsFailed:
		return standAnyNever
	case wants == wantsMember:
		return standMember
	case open:
		return standOpen
	case wants == wantsEnded || state == stateCompleted:
		return standMet
	}
	return standNever
}

// edgeState is the state of an upstream as people know it.
func edgeState(state int) store.State {
	if state == stateDeleted {
		return store.Deleted
	}
	return endedStates[state] // "" if it is open
}

// cutOff ends a job whose edges can't be met, or holds it.
func (t *txn) cutOff(r *row) error {
	if r.waits == waitsHeld {
		return nil
	}
	e := store.EdgeState{Job: r.id}
	var n, wants, otherwise, state int
	if _, err := one(t, []any{idInto{&e.Upstream}, &wants, &otherwise, &state, &n}, settleCutSQL, r.id[:]); err != nil {
		return err
	}
	e.On, e.State = edgeOns[wants], edgeState(state)
	t.moved++
	if err := t.take(r); err != nil {
		return err
	}
	if otherwise == elseHold {
		return t.putBlocked(r, waitsHeld)
	}
	r.uses |= usesCut | usesFailure
	var ran bool // and failed
	_, err := one(t, []any{&ran}, "SELECT EXISTS (SELECT 1 FROM offload_failure WHERE id = ?1 AND attempt = ?2 AND kind <> ?3)", r.id[:], r.attempt, store.KindAfter)
	if err != nil {
		return err
	}
	if ran { // then that stays, and this counts as an attempt
		r.attempt++
	}
	p := e.Problem()
	if _, err := t.exec(`REPLACE INTO offload_failure (id, attempt, error, kind, stack, process, started_at, failed_at)
		VALUES (?1, ?2, ?3, ?4, '', '', ?5, ?5)`, r.id[:], r.attempt, p.Error, p.Kind, t.now); err != nil {
		return err
	}
	return t.putDone(r, stateCancelled)
}

// What becomes of a job whose edges can't be met.
const (
	elseCancel = iota
	elseHold
)

// rejoin has a job go on that was cut off by others which have been retried, unless another has
// its unique key by now.
func (t *txn) rejoin(r *row, may int) error {
	if r.uses&usesTerms != 0 {
		if by, err := t.reopen(r, store.Cancelled); err != nil || !by.IsZero() {
			return err
		}
	}
	if err := t.revive(r); err != nil {
		return err
	}
	if err := t.forgetCut(r); err != nil {
		return err
	}
	t.moved++
	if may == mayGo {
		return t.letGo(r)
	}
	return t.waitAgain(r)
}

// forgetCut has a job that has ended wait as a new one does.
func (t *txn) forgetCut(r *row) error {
	if _, err := t.exec("DELETE FROM offload_failure WHERE id = ?1 AND kind = ?2", r.id[:], store.KindAfter); err != nil {
		return err
	}
	return t.undecide(r)
}

// heedAgain has a job that has ended wait for its upstreams again, as they are now. If one that is
// to run again has not been retried yet, the job is cut off, and comes back with it.
func (t *txn) heedAgain(r *row) error {
	if err := t.forgetCut(r); err != nil {
		return err
	}
	if err := t.relink(r.id); err != nil {
		return err
	}
	t.mark(r.id)
	return t.waitAgain(r)
}

// relink brings the edges of a job in line with its upstreams, which nobody did while it did not wait. An end
// that is known stays so when the upstream is deleted.
func (t *txn) relink(down store.ID) error {
	type end struct {
		up           store.ID
		n            int
		wants, state int
	}
	var ends []end
	var ups []store.ID
	err := each(t, func(rows *sql.Rows) error {
		var e end
		err := rows.Scan(idInto{&e.up}, &e.n, &e.wants, &e.state)
		ends, ups = append(ends, e), append(ups, e.up)
		return err
	}, "SELECT up, n, wants, state FROM offload_edge WHERE down = ?1 AND wants > 0", down[:])
	if err != nil {
		return err
	}
	found, err := t.upstreams(ups)
	if err != nil {
		return err
	}
	for _, e := range ends {
		s, stored := found[e.up]
		if !stored {
			s.state = stateDeleted
		}
		if s.state == e.state || s.state == stateDeleted && e.state != 0 && e.state != stateFailing {
			continue
		}
		_, err := t.exec("UPDATE offload_edge SET state = ?4, stand = ?5 WHERE down = ?1 AND up = ?2 AND n = ?3",
			down[:], e.up[:], e.n, s.state, standOf(e.wants, s.state))
		if err != nil {
			return err
		}
	}
	return nil
}

// revive notes that a job is about to leave done, for all that look to it.
func (t *txn) revive(r *row) error {
	r.uses &^= usesCut
	if r.uses&usesUp != 0 {
		t.mark(r.id)
	}
	if r.uses&usesMember == 0 {
		return nil
	}
	a, err := t.askedOf(r)
	if err != nil || a.terms == nil {
		return err
	}
	return t.reopenBatch(a.terms.Batch, r.id)
}

// Edges is that of store.Flows.
func (s *Store) Edges(ctx context.Context, jobs ...store.ID) (edges []store.EdgeState, err error) {
	if len(jobs) == 0 {
		return nil, nil
	}
	err = s.reader.view(ctx, func(t *txn) error {
		edges = nil
		for some := range slices.Chunk(jobs, settleChunk) {
			found, err := t.edges(some)
			if err != nil {
				return err
			}
			for _, id := range some {
				edges = append(edges, found[id]...)
			}
		}
		return nil
	})
	if err != nil {
		return nil, s.explain(ctx, "read edges", err)
	}
	return edges, nil
}

// edges reads the edges of jobs.
func (t *txn) edges(jobs []store.ID) (map[store.ID][]store.EdgeState, error) {
	ids := slices.Clone(jobs)
	slices.SortFunc(ids, store.ID.Compare)
	found := map[store.ID][]store.EdgeState{}
	return found, each(t, func(rows *sql.Rows) error {
		var e store.EdgeState
		var wants, otherwise, state int
		err := rows.Scan(idInto{&e.Job}, idInto{&e.Upstream}, &wants, &otherwise, &state)
		e.On, e.Else, e.State = edgeOns[wants], store.ElseCancel, edgeState(state)
		if otherwise == elseHold {
			e.Else = store.ElseHold
		}
		found[e.Job] = append(found[e.Job], e)
		return err
	}, edgesSQL, joined(slices.Compact(ids)))
}

// FlowIDs is that of store.Flows.
func (s *Store) FlowIDs(ctx context.Context, before store.ID, most int) (ids []store.ID, err error) {
	bound := "~" // behind all
	if !before.IsZero() {
		bound = before.String()
	}
	err = s.reader.view(ctx, func(t *txn) error {
		ids = nil
		return each(t, func(rows *sql.Rows) error {
			var text string
			if err := rows.Scan(&text); err != nil {
				return err
			}
			id, err := store.ParseID(text)
			ids = append(ids, id)
			return err
		}, flowIDsSQL, bound, most)
	})
	if err != nil {
		return nil, s.explain(ctx, "list flows", err)
	}
	return ids, nil
}
