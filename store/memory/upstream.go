package memory

import (
	"fmt"
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

// A draft is what an insert adds to flows: first what was checked and is not stored yet, then,
// in the same order, what is. That of a transaction lasts until its end.
type draft struct {
	s        *Store
	batches  map[store.ID]bool       // by jobs that it stores: whether they are some
	standsIn map[store.ID]store.ID   // by jobs that are kept out by their unique keys: who holds the key
	after    map[store.ID][]store.ID // what waits for what, with batches for their members
}

func (s *Store) draft() *draft {
	return &draft{s: s, batches: map[store.ID]bool{}, standsIn: map[store.ID]store.ID{}, after: map[store.ID][]store.ID{}}
}

// check returns an ErrUpstream for a job that is to wait for what is not there, or for itself.
func (d *draft) check(n store.NewJob, v verdict) error {
	batch := batchOf(n)
	if !v.old.IsZero() {
		if v.old != n.ID {
			d.standsIn[n.ID] = v.old
		}
		if d.stands(n, v.old) {
			d.link(v.old, batch)
		}
		return nil
	}
	if !batch.IsZero() && !d.open(batch) {
		return fmt.Errorf("insert job %s into batch %s, which is none or has ended: %w", n.ID, batch, store.ErrUpstream)
	}
	for _, e := range d.resolved(n.After) {
		if _, drafted := d.batches[e.Upstream]; !drafted && d.s.known(e.Upstream) == nil {
			return fmt.Errorf("insert job %s after %s: %w", n.ID, e.Upstream, store.ErrUpstream)
		}
		if !batch.IsZero() && d.waits(batch, e.Upstream) {
			return fmt.Errorf("insert job %s after %s, which waits for batch %s, and so for it: %w", n.ID, e.Upstream, batch, store.ErrUpstream)
		}
		d.link(e.Upstream, n.ID)
	}
	d.batches[n.ID] = n.Task == store.BatchTask
	d.link(n.ID, batch)
	return nil
}

// enter stores a job that was checked, with what it waits for.
func (d *draft) enter(n store.NewJob, v verdict, runAt, now time.Time) store.Inserted {
	n.After = d.resolved(n.After)
	in := d.s.enter(n, v, runAt, now)
	d.standsIn[n.ID] = in.ID
	if !in.Existing || d.stands(n, in.ID) {
		d.s.join(batchOf(n), in.ID)
	}
	return in
}

// stands reports whether a job stands in for one in its batch: not if that waits for it.
func (d *draft) stands(n store.NewJob, old store.ID) bool {
	return old != n.ID && d.open(batchOf(n)) && !d.waits(batchOf(n), old)
}

func batchOf(n store.NewJob) (id store.ID) {
	if n.Terms != nil {
		id = n.Terms.Batch
	}
	return id
}

// resolved are edges to those who stand in.
func (d *draft) resolved(edges []store.Edge) []store.Edge {
	edges = slices.Clone(edges)
	for i, e := range edges {
		if other, kept := d.standsIn[e.Upstream]; kept {
			edges[i].Upstream = other
		}
	}
	return edges
}

func (d *draft) link(upstream, downstream store.ID) {
	d.after[upstream] = append(d.after[upstream], downstream)
}

// open reports whether an id is that of a batch that has not ended.
func (d *draft) open(id store.ID) bool {
	j := d.s.known(id)
	return d.batches[id] || j != nil && j.batch() && j.place != done
}

// waits reports whether a job is an upstream, or waits for it through whatever else.
func (d *draft) waits(upstream, id store.ID) bool {
	seen := map[store.ID]bool{upstream: true}
	for next := []store.ID{upstream}; len(next) > 0; next = next[1:] {
		found := slices.Clone(d.after[next[0]])
		for _, e := range d.s.after[next[0]] {
			if e.job.heeds() {
				found = append(found, e.job.ID)
			}
		}
		for _, f := range found {
			if !seen[f] {
				seen[f], next = true, append(next, f)
			}
		}
	}
	return seen[id]
}

// hang makes a new job wait for its upstreams, and a batch for its members.
func (s *Store) hang(j *job, edges []store.Edge, now time.Time) {
	for _, e := range edges {
		s.link(&edge{Edge: e, job: j})
	}
	j.awaits = true
	s.put(j, blocked)
	if j.batch() {
		s.mark(j.ID) // it may have no members
	} else {
		s.weigh(j, now)
	}
}

// join makes a job a member of a batch that is open, unless it is one.
func (s *Store) join(batch, member store.ID) {
	b := s.known(batch)
	if b == nil || b.place == done || slices.ContainsFunc(s.after[member], func(e *edge) bool { return e.member && e.job == b }) {
		return
	}
	s.link(&edge{Edge: store.Edge{Upstream: member, On: store.OnEnded}, job: b, member: true})
	s.mark(batch)
}
