package sqlite

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"

	"github.com/offloadhq/offload/store"
)

var (
	//go:embed sql/wire_after.sql
	wireAfterSQL string
	//go:embed sql/batch_join.sql
	batchJoinSQL string
)

var insertEdges = withRows("INSERT INTO offload_edge (down, stand, up, n, wants, otherwise, state) ", 7, " ON CONFLICT DO NOTHING")

// A wiring gives new jobs their edges and memberships.
type wiring struct {
	in       *intake
	flows    bool                    // some of the jobs wait for others, or are members of batches
	place    map[store.ID]int        // of each job in the call
	ups      map[store.ID]bool       // for which jobs of the call wait
	batches  map[store.ID]bool       // jobs of the call that were checked: whether they are some
	standsIn map[store.ID]store.ID   // by jobs that are kept out by their unique keys: who holds the key
	after    map[store.ID][]store.ID // what of the call waits for what, with batches for their members
	stored   map[store.ID][]store.ID // what else does
	known    map[store.ID]upstream   // of those that were looked at
	joining  []membership            // of jobs that stand in for others

	edges, members []any
}

// A membership is that of a job in a batch.
type membership struct{ batch, id store.ID }

func batchOf(n *store.NewJob) (id store.ID) {
	if n.Terms != nil {
		id = n.Terms.Batch
	}
	return id
}

// prepare looks over the jobs of a call, and returns an ErrUpstream for one that is to wait for what
// is not there, or for itself. What was stored before the call is found here, what is stored twice
// when it is wired.
func (w *wiring) prepare(verdicts []verdict) error {
	jobs := w.in.jobs
	w.flows = slices.ContainsFunc(jobs, func(n store.NewJob) bool { return len(n.After) > 0 || !batchOf(&n).IsZero() })
	if !w.flows {
		return nil
	}
	w.place, w.ups, w.batches = make(map[store.ID]int, len(jobs)), map[store.ID]bool{}, map[store.ID]bool{}
	w.standsIn, w.after, w.stored = map[store.ID]store.ID{}, map[store.ID][]store.ID{}, map[store.ID][]store.ID{}
	for i := range jobs {
		if _, twice := w.place[jobs[i].ID]; !twice {
			w.place[jobs[i].ID] = i
		}
	}
	if err := w.knowBefore(verdicts); err != nil {
		return err
	}
	for i := range jobs {
		var v verdict
		if verdicts != nil {
			v = verdicts[i]
		}
		if err := w.check(&jobs[i], v); err != nil {
			return err
		}
	}
	return nil
}

// knowBefore finds how those stand that the jobs of a call name and that are not of the call.
func (w *wiring) knowBefore(verdicts []verdict) error {
	var ids []store.ID
	add := func(id store.ID) {
		if _, here := w.place[id]; !here && !id.IsZero() {
			ids = append(ids, id)
		}
	}
	for i := range w.in.jobs {
		n := &w.in.jobs[i]
		add(batchOf(n))
		for _, e := range n.After {
			add(e.Upstream)
		}
		if verdicts != nil {
			add(verdicts[i].old)
		}
	}
	return w.know(ids)
}

// check checks a job of a call, those before it being checked.
func (w *wiring) check(n *store.NewJob, v verdict) error {
	batch := batchOf(n)
	if !v.old.IsZero() {
		if v.old == n.ID {
			return nil
		}
		w.standsIn[n.ID] = v.old
		stands, err := w.stands(batch, v.old)
		if stands {
			w.link(v.old, batch)
		}
		return err
	}
	if err := w.refuses(n, batch); err != nil {
		var there bool
		if _, wrong := one(w.in.t, []any{&there}, "SELECT 1 FROM offload_job WHERE id = ?1", n.ID[:]); wrong != nil || !there {
			return errors.Join(wrong, err)
		}
		return nil // it is passed over
	}
	w.batches[n.ID] = n.Task == store.BatchTask
	for _, e := range n.After {
		w.ups[e.Upstream], w.ups[w.resolve(e.Upstream)] = true, true
		w.link(w.resolve(e.Upstream), n.ID)
	}
	if !batch.IsZero() {
		w.link(n.ID, batch)
	}
	return nil
}

// refuses returns an error for a job that can't wait for what it is to wait for.
func (w *wiring) refuses(n *store.NewJob, batch store.ID) error {
	if !batch.IsZero() && !w.isOpen(batch) {
		return noBatch(n.ID, batch)
	}
	for _, e := range n.After {
		up := w.resolve(e.Upstream)
		_, checked := w.batches[up]
		if s, stored := w.known[up]; !checked && (!stored || s.state == stateDeleted) {
			return noUpstream(n.ID, up)
		}
		circle, err := w.waitsFor(batch, up)
		if err != nil {
			return err
		}
		if circle {
			return fmt.Errorf("job %s is to run after %s, which waits for batch %s, and so for it: %w", n.ID, up, batch, store.ErrUpstream)
		}
	}
	return nil
}

func noBatch(id, batch store.ID) error {
	return fmt.Errorf("job %s as a member of %s, which is no batch, or has ended: %w", id, batch, store.ErrUpstream)
}

func noUpstream(id, up store.ID) error {
	return fmt.Errorf("job %s is to run after %s, which is not stored: %w", id, up, store.ErrUpstream)
}

// resolve is the job that stands in for one, or that itself.
func (w *wiring) resolve(id store.ID) store.ID {
	if by, kept := w.standsIn[id]; kept {
		return by
	}
	return id
}

// link notes what waits for what. Only where batches are may there be circles.
func (w *wiring) link(up, down store.ID) { w.after[up] = append(w.after[up], down) }

// isOpen reports whether a batch is there and has not ended.
func (w *wiring) isOpen(batch store.ID) bool {
	s := w.known[batch]
	return w.batches[batch] || s.at == inBlocked && s.uses&usesBatch != 0
}

// stands reports whether a job stands in for one in its batch: not if that waits for it.
func (w *wiring) stands(batch, id store.ID) (bool, error) {
	if batch.IsZero() || !w.isOpen(batch) {
		return false, nil
	}
	waits, err := w.waitsFor(batch, id)
	return !waits, err
}

// waitsFor reports whether a job is a batch, or waits for it through whatever else.
func (w *wiring) waitsFor(batch, id store.ID) (bool, error) {
	if batch.IsZero() {
		return false, nil
	}
	seen := map[store.ID]bool{batch: true}
	for next := []store.ID{batch}; len(next) > 0; next = next[1:] {
		at := next[0]
		stored, looked := w.stored[at]
		if !looked {
			var err error
			if stored, err = w.in.t.ids(wireAfterSQL, at[:]); err != nil {
				return false, err
			}
			w.stored[at] = stored
		}
		for _, down := range slices.Concat(stored, w.after[at]) {
			if !seen[down] {
				seen[down], next = true, append(next, down)
			}
		}
	}
	return seen[id], nil
}

// keptOut notes that a job stands in for one that is not stored.
func (w *wiring) keptOut(n *store.NewJob, by store.ID) {
	if batch := batchOf(n); by != n.ID && !batch.IsZero() {
		w.joining = append(w.joining, membership{batch, by})
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
		w.in.t.markBatch(n.ID)
	}
	w.in.blocked = append(w.in.blocked, n.Queue, waitsAfter, "", n.Priority, r.runAt, n.ID[:], 0, 0, r.uses, nil, nil)
}

// upstream is the job that stands for one of the call, or is one that was stored before.
func (w *wiring) upstream(id store.ID) store.ID {
	if k, here := w.place[id]; here {
		return w.in.inserted[k].ID
	}
	return id
}

// isNew reports whether a job has been stored by the call.
func (w *wiring) isNew(id store.ID) bool {
	k, here := w.place[id]
	return here && !w.in.inserted[k].Existing
}

// look finds how those stand that jobs have to do with which have just been stored, and lets them
// know that others wait for them.
func (w *wiring) look(stored []int) error {
	var ups, batches []store.ID
	add := func(to []store.ID, id store.ID) []store.ID {
		if id.IsZero() || w.isNew(id) {
			return to
		}
		return append(to, id)
	}
	for _, i := range stored {
		n := &w.in.jobs[i]
		for _, e := range n.After {
			ups = add(ups, w.upstream(e.Upstream))
		}
		batches = add(batches, batchOf(n))
	}
	for _, m := range w.joining { // those may have been stored by the call
		ups, batches = append(ups, m.id), append(batches, m.batch)
	}
	if err := w.know(slices.Concat(ups, batches)); err != nil {
		return err
	}
	return w.tell(ups)
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
	if !w.flows {
		return nil
	}
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
	edges, members := w.edges, w.members
	w.edges, w.members = w.edges[:0], w.members[:0]
	if err := w.in.t.execRows(&insertEdges, 7, edges); err != nil {
		return err
	}
	if err := w.in.t.execRows(&insertMembers, 3, members); err != nil {
		return err
	}
	joining := w.joining
	w.joining = nil
	for _, m := range joining {
		if err := w.join(m); err != nil {
			return err
		}
	}
	return nil
}

// stateOf is how a job stands that a new one is to wait for; ok is false if it is not there.
func (w *wiring) stateOf(id store.ID) (state int, ok bool) {
	if !w.isNew(id) {
		s, stored := w.known[id]
		return s.state, stored && s.state != stateDeleted
	}
	if w.in.inserted[w.place[id]].State == store.Cancelled { // by a limit
		return stateCancelled, true
	}
	return 0, true
}

func (w *wiring) edgesOf(i int) error {
	n := &w.in.jobs[i]
	for k, e := range n.After {
		up := w.upstream(e.Upstream)
		state, ok := w.stateOf(up)
		if !ok {
			return noUpstream(n.ID, up)
		}
		wants, otherwise := edgeWants[e.On], elseCancel
		if wants == wantsMember {
			return fmt.Errorf("job %s is to run after %s: there is no %q", n.ID, up, e.On)
		}
		if e.Else == store.ElseHold {
			otherwise = elseHold
		}
		w.edges = append(w.edges, n.ID[:], standOf(wants, state), up[:], k, wants, otherwise, state)
		if state != 0 {
			w.in.t.mark(n.ID)
		}
	}
	return nil
}

func (w *wiring) memberOf(i int) error {
	n := &w.in.jobs[i]
	batch := batchOf(n)
	if batch.IsZero() {
		return nil
	}
	if !w.isNew(batch) {
		if s := w.known[batch]; s.at != inBlocked || s.uses&usesBatch == 0 {
			return noBatch(n.ID, batch)
		}
	}
	state, _ := w.stateOf(n.ID)
	if state != 0 {
		w.in.t.mark(batch)
	}
	w.members = append(w.members, batch[:], state, n.ID[:])
	return nil
}

// join makes a job a member of a batch in the place of one that was kept out by its unique key.
func (w *wiring) join(m membership) error {
	if stands, err := w.stands(m.batch, m.id); !stands || err != nil {
		return err
	}
	t := w.in.t
	now, err := t.upstreams([]store.ID{m.id})
	if err != nil {
		return err
	}
	s, stored := now[m.id]
	if !stored {
		s.state = stateDeleted // it holds its key beyond its end
	}
	t.mark(m.batch)
	if _, err := t.exec(batchJoinSQL, m.batch[:], m.id[:], s.state); err != nil {
		return err
	}
	return t.execRows(&insertEdges, 7, []any{m.batch[:], standMember, m.id[:], 0, wantsMember, elseCancel, s.state})
}
