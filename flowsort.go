package offload

import (
	"fmt"
	"strings"

	"github.com/offloadhq/offload/store"
)

// sorted returns the nodes in an order in which they can be stored, as near to that of the
// calls as it gets: a job comes after its batch and its upstreams. Jobs that wait for each other
// are refused: only With can make them.
func (p *planner) sorted() ([]int, error) {
	before := make([][]int, len(p.nodes)) // what must be stored before a node
	waits := make([][]int, len(p.nodes))  // what must end before a node can
	for i := range p.nodes {
		n := &p.nodes[i]
		if batch, here := p.index[n.batch]; here {
			if p.nodes[batch].job.Task != store.BatchTask {
				return nil, &InputError{Task: n.job.Task, Field: "InBatch", Got: p.named(batch), Want: "a batch"}
			}
			before[i], waits[batch] = append(before[i], batch), append(waits[batch], i)
		}
		for _, e := range n.edges {
			upstream, here := p.index[e.Upstream]
			switch {
			case here:
				before[i], waits[i] = append(before[i], upstream), append(waits[i], upstream)
			case e.Upstream == n.batch:
				return nil, &InputError{Task: n.job.Task, Field: e.option, Got: "the batch that the job is in", Want: "jobs that don't wait for this one"}
			}
		}
	}
	if _, circle := sortByNeed(waits); circle != nil {
		return nil, p.errCircle(circle)
	}
	order, _ := sortByNeed(before) // a circle of these would be one of those, too
	return order, nil
}

// sortByNeed returns things so that each comes after what it needs, otherwise in their order, or a circle
// of things that need each other.
func sortByNeed(needs [][]int) (order, circle []int) {
	order = make([]int, 0, len(needs))
	const entered, placed = 1, 2
	state := make([]int, len(needs))
	looked := make([]int, len(needs)) // how many needs were looked at
	var path []int                    // each needs the next
	for i := range needs {
		if state[i] == placed {
			continue
		}
		path, state[i] = append(path, i), entered
		for len(path) > 0 {
			at := path[len(path)-1]
			if looked[at] == len(needs[at]) {
				order, state[at] = append(order, at), placed
				path = path[:len(path)-1]
				continue
			}
			next := needs[at][looked[at]]
			looked[at]++
			switch state[next] {
			case entered:
				for path[0] != next {
					path = path[1:]
				}
				return nil, path
			case placed:
			default:
				path, state[next] = append(path, next), entered
			}
		}
	}
	return order, nil
}

// A circle is what waits for each other, for an InputError.
type circle string

func (c circle) String() string { return "a circle: " + string(c) + " waits for the first" }

func (p *planner) errCircle(nodes []int) error {
	const shown = 4
	var names []string
	for _, i := range nodes[:min(len(nodes), shown)] {
		names = append(names, p.named(i))
	}
	if more := len(nodes) - shown; more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return &InputError{
		Task: p.nodes[nodes[0]].job.Task, Field: "After",
		Got: circle(strings.Join(names, " waits for ")), Want: "calls that don't wait for each other",
	}
}

// named is what a node is called in errors.
func (p *planner) named(i int) string {
	n := &p.nodes[i]
	if n.job.Task == store.BatchTask {
		return "batch " + n.job.ID.String()
	}
	return n.job.Task + " " + n.job.ID.String()
}
