package sqlite

import (
	"fmt"
	"slices"

	"github.com/offloadhq/offload/store"
)

var insertEdges = withRows("INSERT INTO offload_edge (down, stand, up, n, wants, otherwise, state) ", 7, " ON CONFLICT DO NOTHING")

// A wiring gives new jobs their edges and memberships.
type wiring struct {
	in       *intake
	place    map[store.ID]int      // of each job in the call; nil if none waits for another
	ups      map[store.ID]bool     // for which jobs of the call wait
	known    map[store.ID]upstream // of those that were looked at
	standIns []membership          // of jobs that were kept out by a unique key

	edges, members []any
}

// A membership is that of a job in a batch.
type membership struct{ batch, id store.ID }

// newWiring looks over the jobs of a call.
func newWiring(in *intake) wiring {
	w := wiring{in: in}
	if !slices.ContainsFunc(in.jobs, func(n store.NewJob) bool { return len(n.After) > 0 }) {
		return w
	}
	w.place, w.ups = make(map[store.ID]int, len(in.jobs)), map[store.ID]bool{}
	for i := range in.jobs {
		if _, twice := w.place[in.jobs[i].ID]; !twice {
			w.place[in.jobs[i].ID] = i
		}
		for _, e := range in.jobs[i].After {
			w.ups[e.Upstream] = true
		}
	}
	return w
}

// keptOut notes that a job stands in for one that is not stored.
func (w *wiring) keptOut(n *store.NewJob, by store.ID) {
	if by != n.ID && n.Terms != nil && !n.Terms.Batch.IsZero() {
		w.standIns = append(w.standIns, membership{n.Terms.Batch, by})
	}
}

// uses are the bits of uses of a new job that it has for others.
func (w *wiring) uses(n *store.NewJob) (uses int) {
	if w.ups[n.ID] {
		uses |= usesUp
	}
	if len(n.After) > 0 {
		uses |= usesAfter
	}
	if n.Task == store.BatchTask {
		uses |= usesBatch
	}
	return uses
}

// waits has a new job wait for others, or a batch for its members.
func (w *wiring) waits(n *store.NewJob, r *row) {
	if n.Terms.Gated() {
		r.uses |= usesUndecided | usesFresh
	}
	if n.Task == store.BatchTask {
		w.in.t.mark(n.ID) // it may be empty
	}
	w.in.blocked = append(w.in.blocked, n.Queue, waitsAfter, "", n.Priority, r.runAt, n.ID[:], 0, 0, r.uses, nil, nil)
}

// upstream is the job that stands for one of the call, or is one that is stored.
func (w *wiring) upstream(i int, id store.ID) (store.ID, error) {
	k, here := w.place[id]
	if !here {
		return id, nil
	}
	if k >= i && !w.in.inserted[k].Existing {
		return id, fmt.Errorf("job %s is to run after %s, which comes later: %w", w.in.jobs[i].ID, id, store.ErrUpstream)
	}
	return w.in.inserted[k].ID, nil
}

// look finds how those stand that jobs have to do with which have just been stored, and lets them
// know that others wait for them.
func (w *wiring) look(stored []int) error {
	var ids, batches []store.ID
	for _, i := range stored {
		n := &w.in.jobs[i]
		for _, e := range n.After {
			up, err := w.upstream(i, e.Upstream)
			if err != nil {
				return err
			}
			ids = append(ids, up)
		}
		if n.Terms != nil && !n.Terms.Batch.IsZero() {
			batches = append(batches, n.Terms.Batch)
		}
	}
	for _, m := range w.standIns {
		ids, batches = append(ids, m.id), append(batches, m.batch)
	}
	if err := w.know(slices.Concat(ids, batches)); err != nil {
		return err
	}
	return w.tell(ids)
}

// know finds how jobs stand.
func (w *wiring) know(ids []store.ID) error {
	if w.known == nil {
		w.known = map[store.ID]upstream{}
	}
	slices.SortFunc(ids, store.ID.Compare)
	ids = slices.DeleteFunc(slices.Compact(ids), func(id store.ID) bool { _, known := w.known[id]; return known })
	if len(ids) == 0 {
		return nil
	}
	for some := range slices.Chunk(ids, settleChunk) {
		found, err := w.in.t.upstreams(some)
		if err != nil {
			return err
		}
		for id, s := range found {
			w.known[id] = s
		}
	}
	return nil
}

// tellUpstreams notes with jobs that others wait for them, wherever they lie.
var tellUpstreams = map[where]string{
	inDue:     tellIn("offload_due"),
	inLease:   tellIn("offload_lease"),
	inBlocked: tellIn("offload_blocked"),
	inDone:    tellIn("offload_done"),
}

func tellIn(table string) string {
	return "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 16 FROM n WHERE i + 16 < length(?1)) " +
		"UPDATE " + table + " SET uses = uses | 8192 WHERE id IN (SELECT substr(?1, i, 16) FROM n)"
}

// tell notes with jobs that others wait for them.
func (w *wiring) tell(ids []store.ID) error {
	untold := map[where][]byte{}
	for _, id := range ids {
		if s, stored := w.known[id]; stored && s.uses&usesUp == 0 {
			untold[s.at] = append(untold[s.at], id[:]...)
			s.uses |= usesUp
			w.known[id] = s
		}
	}
	for at, ids := range untold {
		if _, err := w.in.t.exec(tellUpstreams[at], ids); err != nil {
			return err
		}
	}
	return nil
}

// wire writes the edges and memberships of jobs that have just been stored.
func (w *wiring) wire(stored []int) error {
	if err := w.look(stored); err != nil {
		return err
	}
	for _, i := range stored {
		if err := w.edgesOf(i); err != nil {
			return err
		}
		if err := w.memberOf(i); err != nil {
			return err
		}
	}
	for _, m := range w.standIns {
		if err := w.standIn(m); err != nil {
			return err
		}
	}
	w.standIns = w.standIns[:0]
	edges, members := w.edges, w.members
	w.edges, w.members = w.edges[:0], w.members[:0]
	if err := w.in.t.execRows(&insertEdges, 7, edges); err != nil {
		return err
	}
	return w.in.t.execRows(&insertMembers, 3, members)
}

func (w *wiring) edgesOf(i int) error {
	n := &w.in.jobs[i]
	for k, e := range n.After {
		up, err := w.upstream(i, e.Upstream)
		if err != nil {
			return err
		}
		s, stored := w.known[up]
		switch {
		case stored && s.state != stateDeleted:
		case up != e.Upstream: // it holds its key beyond its end
			s.state = stateDeleted
		default:
			return fmt.Errorf("job %s is to run after %s, which is not stored: %w", n.ID, e.Upstream, store.ErrUpstream)
		}
		wants, otherwise := edgeWants[e.On], elseCancel
		if wants == wantsMember {
			return fmt.Errorf("job %s is to run after %s: there is no %q", n.ID, e.Upstream, e.On)
		}
		if e.Else == store.ElseHold {
			otherwise = elseHold
		}
		w.edges = append(w.edges, n.ID[:], standOf(wants, s.state), slices.Clone(up[:]), k, wants, otherwise, s.state)
		if s.state != 0 {
			w.in.t.mark(n.ID)
		}
	}
	return nil
}

// isOpen reports whether a batch is there and has not ended.
func (w *wiring) isOpen(batch store.ID) bool {
	s := w.known[batch]
	return s.at == inBlocked && s.uses&usesBatch != 0
}

func (w *wiring) memberOf(i int) error {
	n := &w.in.jobs[i]
	if n.Terms == nil || n.Terms.Batch.IsZero() {
		return nil
	}
	batch := n.Terms.Batch
	if !w.isOpen(batch) || batch == n.ID {
		return fmt.Errorf("job %s as a member of %s, which is no batch that is open: %w", n.ID, batch, store.ErrUpstream)
	}
	state := 0
	if w.in.inserted[i].State == store.Cancelled {
		state = stateCancelled
		w.in.t.mark(batch)
	}
	w.members = append(w.members, n.Terms.Batch[:], state, n.ID[:])
	return nil
}

// standIn makes a job a member of a batch in the place of one that was kept out by its unique key.
func (w *wiring) standIn(m membership) error {
	if !w.isOpen(m.batch) {
		var there bool
		_, err := one(w.in.t, []any{&there}, "SELECT 1 FROM offload_member WHERE batch = ?1 AND state IN (0, 1, 2, 3, 4, 5) AND id = ?2", m.batch[:], m.id[:])
		if err == nil && !there {
			err = fmt.Errorf("job %s as a member of %s, which is no batch that is open: %w", m.id, m.batch, store.ErrUpstream)
		}
		return err
	}
	s, stored := w.known[m.id]
	if !stored {
		s.state = stateDeleted // it holds its key beyond its end
	}
	state := s.state
	if state == stateFailing {
		state = 0
	}
	w.members = append(w.members, m.batch[:], state, m.id[:])
	w.edges = append(w.edges, m.batch[:], standMember, m.id[:], 0, wantsMember, elseCancel, s.state)
	return nil
}
