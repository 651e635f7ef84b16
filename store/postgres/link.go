package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/offloadhq/offload/store"
)

// Links are what new jobs wait for, and the batches that they are members of.
//
// An upstream that is stored in the same call has the bit that says so (usesFlow) from the start. One
// that was there before is not locked: the transaction may be long, and the finish of all that its process
// runs would wait for it. It is marked instead, and Settle locks it, sets the bit and looks at it, so that
// either Settle sees its end, or its end sees the bit. A batch is locked, so that it does not end meanwhile.
type links struct {
	flow  map[store.ID]bool // jobs of the call that others wait for, members and batches
	marks [][16]byte

	downs, ups [][16]byte
	places     []int32
	wants      []int16
	holds      []bool

	batches map[store.ID]bool       // jobs that the call stores, as far as they were linked: whether each is one
	standIn map[store.ID]store.ID   // for jobs that unique keys keep out
	after   map[store.ID][]store.ID // what waits for what in the call, batches for their members
	there   map[store.ID]bool       // upstreams that were stored before
	open    map[store.ID]bool       // batches that were, and have not ended
	waiting map[store.ID][]store.ID // what waits for these, and so on
}

// link says what the jobs of a call wait for, of which is known what unique keys have made of them. It
// returns an ErrUpstream for what is not there, has ended, or would go round in a circle.
func link(ctx context.Context, tx querier, sql *statements, jobs []store.NewJob, inserted []store.Inserted) (*links, error) {
	l := &links{
		flow: map[store.ID]bool{}, batches: map[store.ID]bool{}, standIn: map[store.ID]store.ID{}, after: map[store.ID][]store.ID{},
		there: map[store.ID]bool{}, open: map[store.ID]bool{}, waiting: map[store.ID][]store.ID{},
	}
	if err := l.ask(ctx, tx, sql, jobs, inserted); err != nil {
		return nil, err
	}
	for i := range jobs {
		n, in := &jobs[i], inserted[i]
		if in.Existing {
			if in.ID != n.ID {
				l.standIn[n.ID] = in.ID
			}
			if b := batchOf(n); in.ID != n.ID && l.isOpen(b) && !l.waits(b, in.ID) {
				l.join(b, in.ID)
			}
			continue
		}
		if err := l.add(n); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// batchOf is the batch that a new job is to be a member of.
func batchOf(n *store.NewJob) (id store.ID) {
	if n.Terms != nil {
		id = n.Terms.Batch
	}
	return id
}

// ask reads what must be known of jobs that are not of the call.
func (l *links) ask(ctx context.Context, tx querier, sql *statements, jobs []store.NewJob, inserted []store.Inserted) error {
	stored := map[store.ID]bool{}
	for i := range jobs {
		if !inserted[i].Existing {
			stored[jobs[i].ID] = true
		}
	}
	ups, batches := map[store.ID]bool{}, map[store.ID]bool{}
	circles := false
	for i := range jobs {
		n := &jobs[i]
		b := batchOf(n)
		if !b.IsZero() && !stored[b] {
			batches[b] = true
		}
		circles = circles || !b.IsZero() && (len(n.After) > 0 || inserted[i].Existing)
		for _, e := range n.After {
			if !stored[e.Upstream] && !inserted[i].Existing {
				ups[e.Upstream] = true
			}
		}
	}
	for i := range jobs { // those that stand in are there
		delete(ups, jobs[i].ID)
		if inserted[i].Existing && inserted[i].ID == jobs[i].ID {
			ups[jobs[i].ID] = true
		}
	}
	if len(ups) > 0 {
		if err := (query{sql: sql.stored, args: []any{idsIn(ups)}, row: readIDs(l.there)}).on(ctx, tx); err != nil {
			return err
		}
	}
	if len(batches) == 0 {
		return nil
	}
	err := query{sql: sql.batchesJoin, args: []any{idsIn(batches)}, row: readIDs(l.open)}.on(ctx, tx)
	if err != nil || !circles {
		return err
	}
	// The lock comes in a statement before, so that what others have committed meanwhile is seen.
	if err := (query{sql: sql.circlesLock}).on(ctx, tx); err != nil {
		return err
	}
	return query{sql: sql.edgesBehind, args: []any{idsIn(batches)}, row: func(scan func(...any) error) error {
		var up, down string
		if err := scan(&up, &down); err != nil {
			return err
		}
		from, err := store.ParseID(up)
		if err != nil {
			return err
		}
		to, err := store.ParseID(down)
		l.waiting[from] = append(l.waiting[from], to)
		return err
	}}.on(ctx, tx)
}

// idsIn are the ids of a set, in order.
func idsIn(set map[store.ID]bool) [][16]byte {
	ids := make([]store.ID, 0, len(set))
	for id := range set {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, store.ID.Compare)
	return idsOf(ids)
}

// add takes in a job that is stored.
func (l *links) add(n *store.NewJob) error {
	batch := batchOf(n)
	if !batch.IsZero() && !l.isOpen(batch) {
		return badCall{fmt.Errorf("insert job %s into batch %s, which is none or has ended: %w", n.ID, batch, store.ErrUpstream)}
	}
	for place, e := range n.After {
		up := e.Upstream
		if other, kept := l.standIn[up]; kept {
			up = other
		} else if _, here := l.batches[up]; !here && !l.there[up] {
			return badCall{fmt.Errorf("insert job %s after %s: %w", n.ID, up, store.ErrUpstream)}
		}
		if !batch.IsZero() && l.waits(batch, up) {
			return badCall{fmt.Errorf("insert job %s after %s, which waits for batch %s, and so for it: %w", n.ID, up, batch, store.ErrUpstream)}
		}
		l.edge(n.ID, up, place, wants[e.On], e.Else == store.ElseHold)
	}
	if l.batches[n.ID] = n.Task == store.BatchTask; l.batches[n.ID] {
		l.flow[n.ID] = true
		l.marks = append(l.marks, n.ID) // it ends now if it has no member
	}
	if !batch.IsZero() {
		l.join(batch, n.ID)
	}
	return nil
}

// join makes a job a member of a batch.
func (l *links) join(batch, member store.ID) { l.edge(batch, member, 0, wantsMember, false) }

func (l *links) edge(down, up store.ID, place int, kind int16, hold bool) {
	l.downs, l.ups = append(l.downs, down), append(l.ups, up)
	l.places, l.wants, l.holds = append(l.places, int32(place)), append(l.wants, kind), append(l.holds, hold)
	l.after[up] = append(l.after[up], down)
	if _, here := l.batches[up]; here {
		l.flow[up] = true
	} else {
		l.marks = append(l.marks, up)
	}
}

// isOpen reports whether an id is that of a batch that has not ended.
func (l *links) isOpen(id store.ID) bool { return l.batches[id] || l.open[id] }

// waits reports whether a job is a batch, or waits for it through whatever else.
func (l *links) waits(batch, id store.ID) bool {
	seen := map[store.ID]bool{batch: true}
	for next := []store.ID{batch}; len(next) > 0; next = next[1:] {
		for _, found := range [][]store.ID{l.after[next[0]], l.waiting[next[0]]} {
			for _, f := range found {
				if !seen[f] {
					seen[f], next = true, append(next, f)
				}
			}
		}
	}
	return seen[id]
}

// queries write it down.
func (l *links) queries(sql *statements) (all []query) {
	if l == nil {
		return nil
	}
	if len(l.downs) > 0 {
		all = append(all, query{sql: sql.edgesPut, args: []any{l.downs, l.ups, l.places, l.wants, l.holds}})
	}
	if len(l.marks) > 0 {
		all = append(all, query{sql: sql.marksPut, args: []any{l.marks}})
	}
	return all
}

// linked reports whether a new job waits for others, is a batch, or a member of one.
func linked(n store.NewJob) bool { return follows(&n) || !batchOf(&n).IsZero() }

// link says what new jobs wait for.
func (e *entry) link(ctx context.Context, inserted []store.Inserted) (err error) {
	if !slices.ContainsFunc(e.b.jobs, linked) {
		e.links = &links{}
		return nil
	}
	if e.links, err = link(ctx, connTx{e.w.conn}, e.w.s.sql, e.b.jobs, inserted); err != nil {
		return err
	}
	for id := range e.links.flow {
		a := e.put[id]
		if a.uses |= usesFlow; a.fate == dropped {
			e.links.marks = append(e.links.marks, id)
		}
	}
	e.left.marked = e.left.marked || len(e.links.marks) > 0
	return nil
}
