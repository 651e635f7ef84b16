package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/store"
)

var _ store.Flows = (*Store)(nil)

// What waits for others lies in blocked with a gate that is none of a limit: these have a \x1f in them.
const (
	gateAfter = "after"
	gateHeld  = "held"
)

// What edges want of their upstreams, as they are kept. A member is an upstream of its batch.
const (
	wantsCompleted = 0
	wantsEnded     = 1
	wantsFailed    = 2
	wantsMember    = 3
)

var wants = map[store.On]int16{store.OnCompleted: wantsCompleted, store.OnEnded: wantsEnded, store.OnFailed: wantsFailed}

// follows reports whether a new job waits for others, or is a batch.
func follows(n *store.NewJob) bool { return len(n.After) > 0 || n.Task == store.BatchTask }

// Links are the edges of new jobs, and memberships.
//
// An upstream that is stored in the same call has the bit that says so (usesFlow) from the start. One
// that was there before is not locked: the transaction may be long, and the finish of all that its process
// runs would wait for it. It is marked instead, and Settle locks it, sets the bit and looks at it, so that
// either Settle sees its end, or its end sees the bit.
type links struct {
	flow  map[store.ID]bool // jobs of the call that others wait for, members and batches
	marks [][16]byte

	ups, batches map[store.ID]store.ID // that must be stored, or open, with a job that needs them
	downs, needs [][16]byte
	places       []int32
	kinds        []int16
	holds        []bool
}

// newLinks are those of the jobs of a call, of which is known what unique keys have made of them.
func newLinks(jobs []store.NewJob, inserted []store.Inserted) links {
	l := links{flow: map[store.ID]bool{}, ups: map[store.ID]store.ID{}, batches: map[store.ID]store.ID{}}
	stored, open := map[store.ID]bool{}, map[store.ID]bool{} // by this call, and which of them are batches
	for i := range jobs {
		if !inserted[i].Existing {
			stored[jobs[i].ID], open[jobs[i].ID] = true, jobs[i].Task == store.BatchTask
		}
	}
	is := map[store.ID]store.ID{} // who stands in for the jobs so far
	for i := range jobs {
		n, in := &jobs[i], inserted[i]
		if !in.Existing {
			l.waits(n, is, stored)
		}
		if n.Terms != nil && !n.Terms.Batch.IsZero() && (!in.Existing || in.ID != n.ID) {
			l.joins(n, in, stored, open)
		}
		if _, twice := is[n.ID]; !twice {
			is[n.ID] = in.ID
		}
	}
	return l
}

// waits takes in a new job that waits for others.
func (l *links) waits(n *store.NewJob, is map[store.ID]store.ID, stored map[store.ID]bool) {
	if n.Task == store.BatchTask {
		l.flow[n.ID] = true
		l.marks = append(l.marks, n.ID) // it ends now if it has no member
	}
	for place, e := range n.After {
		up, earlier := is[e.Upstream]
		switch {
		case !earlier:
			up = e.Upstream
			fallthrough
		case !stored[up]:
			l.ups[up] = n.ID
			l.marks = append(l.marks, up)
		default:
			l.flow[up] = true
		}
		l.add(n.ID, up, place, wants[e.On], e.Else == store.ElseHold)
	}
}

// joins takes in a member of a batch: the job itself, or the one that stands in for it.
func (l *links) joins(n *store.NewJob, in store.Inserted, stored, open map[store.ID]bool) {
	batch := n.Terms.Batch
	if !open[batch] {
		l.batches[batch] = n.ID
	}
	if stored[in.ID] {
		l.flow[in.ID] = true
	} else {
		l.marks = append(l.marks, in.ID)
	}
	l.add(batch, in.ID, 0, wantsMember, false)
}

func (l *links) add(down, up store.ID, place int, kind int16, hold bool) {
	l.downs, l.needs = append(l.downs, down), append(l.needs, up)
	l.places, l.kinds, l.holds = append(l.places, int32(place)), append(l.kinds, kind), append(l.holds, hold)
}

// check refuses what names jobs that are not stored, and batches that are not open. It locks these, so
// that they do not end before the transaction has.
func (l *links) check(ctx context.Context, tx querier, sql *statements) error {
	if len(l.ups) > 0 {
		there := map[store.ID]bool{}
		if err := (query{sql: sql.stored, args: []any{idsIn(l.ups)}, row: readIDs(there)}).on(ctx, tx); err != nil {
			return err
		}
		for up, n := range l.ups {
			if !there[up] {
				return badCall{fmt.Errorf("job %s is after job %s: %w", n, up, store.ErrUpstream)}
			}
		}
	}
	if len(l.batches) > 0 {
		open := map[store.ID]bool{}
		if err := (query{sql: sql.batchesJoin, args: []any{idsIn(l.batches)}, row: readIDs(open)}).on(ctx, tx); err != nil {
			return err
		}
		for batch, n := range l.batches {
			if !open[batch] {
				return badCall{fmt.Errorf("job %s is a member of %s, which is no batch or has ended: %w", n, batch, store.ErrUpstream)}
			}
		}
	}
	return nil
}

// idsIn are the keys of a map.
func idsIn(all map[store.ID]store.ID) [][16]byte {
	ids := make([][16]byte, 0, len(all))
	for id := range all {
		ids = append(ids, id)
	}
	return ids
}

// queries write it down.
func (l *links) queries(sql *statements) (all []query) {
	if len(l.downs) > 0 {
		all = append(all, query{sql: sql.edgesPut, args: []any{l.downs, l.needs, l.places, l.kinds, l.holds}})
	}
	if len(l.marks) > 0 {
		all = append(all, query{sql: sql.marksPut, args: []any{l.marks}})
	}
	return all
}

// link says what new jobs wait for.
func (e *entry) link(ctx context.Context, inserted []store.Inserted) error {
	e.links = newLinks(e.b.jobs, inserted)
	if err := e.links.check(ctx, connTx{e.w.conn}, e.w.s.sql); err != nil {
		return err
	}
	for id := range e.links.flow {
		a := e.put[id]
		if a.uses |= usesFlow; a.fate == dropped {
			e.links.marks = append(e.links.marks, id)
		}
	}
	e.left.marked = len(e.links.marks) > 0
	return nil
}

// Edges is that of store.Flows.
func (s *Store) Edges(ctx context.Context, jobs ...store.ID) (edges []store.EdgeState, err error) {
	err = s.ask(ctx, "read edges", s.sql.edges, []any{idsOf(jobs)}, func(rows pgx.Rows) error {
		edges = nil
		var down, up [16]byte
		var kind int
		var hold bool
		var state *int
		for rows.Next() {
			if err := rows.Scan(&down, &up, &kind, &hold, &state); err != nil {
				return err
			}
			e := store.EdgeState{Job: down, Edge: store.Edge{Upstream: up, On: onOf(kind), Else: store.ElseCancel}}
			if hold {
				e.Else = store.ElseHold
			}
			if state != nil {
				e.State = endOfEdge(*state)
			}
			edges = append(edges, e)
		}
		return rows.Err()
	})
	return edges, err
}

// onOf is what an edge wants, as it is asked for.
func onOf(kind int) store.On {
	for on, k := range wants {
		if int(k) == kind {
			return on
		}
	}
	return ""
}

// endOfEdge is how an upstream ended.
func endOfEdge(code int) store.State {
	if code == codeDeleted {
		return store.Deleted
	}
	return endStates[code]
}

// Batches is that of store.Flows.
func (s *Store) Batches(ctx context.Context, ids ...store.ID) (counts map[store.ID]store.BatchCount, err error) {
	err = s.ask(ctx, "count members of batches", s.sql.batches, []any{idsOf(ids)}, func(rows pgx.Rows) error {
		counts = map[store.ID]store.BatchCount{}
		var id [16]byte
		for rows.Next() {
			var c store.BatchCount
			if err := rows.Scan(&id, &c.Members, &c.Open, &c.Completed, &c.Discarded); err != nil {
				return err
			}
			c.Cancelled = c.Members - c.Open - c.Completed - c.Discarded
			counts[id] = c
		}
		return rows.Err()
	})
	return counts, err
}
