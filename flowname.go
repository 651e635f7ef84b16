package offload

import "github.com/offloadhq/offload/store"

// nameFlows gives jobs that have to do with each other the id of their flow: that of the flow
// they are added to where it is known, else of the batch that is stored, else of their first
// batch, else of their first job. Jobs by themselves stay plain.
func (p *planner) nameFlows() {
	sets := newSets(len(p.nodes))
	for i := range p.nodes {
		n := &p.nodes[i]
		if batch, here := p.index[n.batch]; here {
			sets.join(i, batch)
		}
		for _, e := range n.edges {
			if upstream, here := p.index[e.Upstream]; here {
				sets.join(i, upstream)
			}
		}
	}
	type naming struct {
		id     ID
		weight int
	}
	names := map[int]naming{} // by set
	name := func(set int, id ID, weight int) {
		if old, named := names[set]; !id.IsZero() && (!named || weight > old.weight) {
			names[set] = naming{id, weight}
		}
	}
	for i := range p.nodes {
		n, set := &p.nodes[i], sets.of(i)
		if n.job.Task == store.BatchTask {
			name(set, n.job.ID, 2)
		} else if len(n.edges) > 0 || !n.batch.IsZero() || sets.size[set] > 1 {
			name(set, n.job.ID, 1)
		}
		if _, here := p.index[n.batch]; !here && !n.batch.IsZero() {
			name(set, n.batch, 3)
			name(set, p.flowHere(n.batch), 4)
		}
		for _, e := range n.edges {
			if _, here := p.index[e.Upstream]; !here {
				name(set, e.flow, 4)
				name(set, p.flowHere(e.Upstream), 4)
			}
		}
	}
	for i := range p.nodes {
		flow, linked := names[sets.of(i)]
		if !linked {
			continue
		}
		job := &p.nodes[i].job
		if job.Terms == nil {
			job.Terms = &store.Terms{}
		}
		job.Terms.Flow, job.Terms.Batch = flow.id, p.nodes[i].batch
	}
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
