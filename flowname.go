package offload

import (
	"slices"

	"github.com/offloadhq/offload/store"
)

// nameFlows gives jobs that have to do with each other the id of their flow: that of what they
// are added to, else of their first batch, else of their first job. Jobs by themselves stay plain.
func (p *planner) nameFlows() {
	sets := p.sets()
	names := map[int]ID{} // by set
	added := map[int]link{}
	for i := range p.nodes {
		n, set := &p.nodes[i], sets.of(i)
		if _, named := names[set]; !named && (sets.size[set] > 1 || n.linked()) {
			names[set] = n.job.ID
		}
		if link, outward := p.outward(n); outward && !added[set].surer(link) {
			added[set] = link
		}
	}
	for i := range slices.Backward(p.nodes) { // so that the first batch wins
		if set := sets.of(i); p.nodes[i].job.Task == store.BatchTask {
			names[set] = p.nodes[i].job.ID
		}
	}
	flows := p.flowsOf(added)
	for i := range p.nodes {
		n, set := &p.nodes[i], sets.of(i)
		flow, linked := names[set]
		if !linked {
			continue
		}
		if link, outward := added[set]; outward {
			flow = flows[link]
		}
		if n.job.Terms == nil {
			n.job.Terms = &store.Terms{}
		}
		n.job.Terms.Flow, n.job.Terms.Batch = flow, n.batch
	}
}

// linked reports whether a job has to do with others, of this call or not.
func (n *node) linked() bool {
	return n.job.Task == store.BatchTask || len(n.edges) > 0 || !n.batch.IsZero()
}

// sets are those of nodes that have to do with each other.
func (p *planner) sets() *sets {
	s := newSets(len(p.nodes))
	for i := range p.nodes {
		n := &p.nodes[i]
		if batch, here := p.index[n.batch]; here {
			s.join(i, batch)
		}
		for _, e := range n.edges {
			if upstream, here := p.index[e.Upstream]; here {
				s.join(i, upstream)
			}
		}
	}
	return s
}

// A link is what jobs are added to that is stored: a batch, or an upstream.
type link struct {
	id    ID
	flow  ID // zero if it is not known
	batch bool
}

// surer reports whether it says more of a flow than another.
func (l link) surer(other link) bool {
	switch {
	case l.flow.IsZero() != other.flow.IsZero():
		return !l.flow.IsZero()
	case l.batch != other.batch:
		return l.batch
	}
	return !l.id.IsZero()
}

// outward returns what a job is added to that is stored.
func (p *planner) outward(n *node) (l link, outward bool) {
	try := func(other link) {
		if _, here := p.index[other.id]; here || other.id.IsZero() {
			return
		}
		if other.flow.IsZero() {
			other.flow = p.flowHere(other.id)
		}
		if !l.surer(other) {
			l, outward = other, true
		}
	}
	try(link{id: n.batch, batch: true})
	for _, e := range n.edges {
		try(link{id: e.Upstream, flow: e.flow})
	}
	return l, outward
}

// flowHere is the flow of a job or batch that the running job, if there is one, knows.
func (p *planner) flowHere(id ID) ID {
	for _, running := range JobsOf(p.ctx) {
		if id == running.ID || id == running.Batch {
			return running.Flow
		}
	}
	return ID{}
}

// flowsOf returns the flows that links mean: that of a job which is plain is named by it. They are for
// people: if the store doesn't tell, nothing but a name is lost.
func (p *planner) flowsOf(added map[int]link) map[link]ID {
	flows := make(map[link]ID, len(added))
	var ask []ID
	for _, l := range added {
		if flows[l] = l.flow; l.flow.IsZero() {
			flows[l] = l.id
			ask = append(ask, l.id)
		}
	}
	if len(ask) == 0 || !p.asks {
		return flows
	}
	slices.SortFunc(ask, ID.Compare)
	found, err := p.app.byID(p.ctx, slices.Compact(ask))
	if err != nil {
		return flows
	}
	for l := range flows {
		if job, there := found[l.id]; there && l.flow.IsZero() && job.Terms != nil && !job.Terms.Flow.IsZero() {
			flows[l] = job.Terms.Flow
		}
	}
	return flows
}

// disjoint sets of numbers.
type sets struct{ parent, size []int }

func newSets(n int) *sets {
	s := &sets{parent: make([]int, n), size: make([]int, n)}
	for i := range n {
		s.parent[i], s.size[i] = i, 1
	}
	return s
}

// of returns the set of a number, by one of its members.
func (s *sets) of(i int) int {
	for s.parent[i] != i {
		s.parent[i] = s.parent[s.parent[i]]
		i = s.parent[i]
	}
	return i
}

func (s *sets) join(i, j int) {
	i, j = s.of(i), s.of(j)
	if i == j {
		return
	}
	if s.size[i] < s.size[j] {
		i, j = j, i
	}
	s.parent[j] = i
	s.size[i] += s.size[j]
}
