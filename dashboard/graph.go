package dashboard

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
)

// A graph is a workflow as it is drawn: jobs from left to right, each right of what it is after.
type graph struct {
	Width, Height int
	Nodes         []node
	Lines         []line
}

// A node is a job or a batch.
type node struct {
	X, Y   int
	ID     offload.ID
	URL    string
	State  offload.State
	Name   string
	Detail string
	Batch  bool
}

// A line leads from a node to one that is after it.
type line struct {
	Path string
	Kind string // "completed", "ended" or "failed": what the one behind it waits for
	Met  bool   // it waits no more
}

const (
	mostNodes  = 150
	nodeWidth  = 190
	nodeHeight = 44
	gapWidth   = 56
	gapHeight  = 14
	margin     = 8
)

func (n *node) Width() int  { return nodeWidth }
func (n *node) Height() int { return nodeHeight }

// drawFlow places the jobs of a workflow in columns by the longest way that leads to them, and in each column near
// what they are after.
func drawFlow(flow *operate.Flow, base string) graph {
	nodes := flowNodes(flow, base)
	at := map[offload.ID]int{}
	for i := range nodes {
		at[nodes[i].ID] = i
	}
	edges := flowEdges(flow, at)
	columns, ways := columnsOf(len(nodes), edges)
	shown := len(nodes)
	var steps []edge // from one column to the next
	for _, way := range ways {
		for i := range len(way) - 1 {
			steps = append(steps, edge{from: way[i], to: way[i+1]})
			nodes = append(nodes, make([]node, max(0, way[i+1]+1-len(nodes)))...) // where a way only passes
		}
	}
	g := graph{}
	height := 0
	for x, column := range columns {
		if x > 0 {
			orderColumn(nodes, column, steps)
		}
		for y, i := range column {
			nodes[i].X = margin + x*(nodeWidth+gapWidth)
			nodes[i].Y = margin + y*(nodeHeight+gapHeight)
		}
		height = max(height, len(column))
	}
	for i, e := range edges {
		g.Lines = append(g.Lines, line{Path: curve(nodes, ways[i]), Kind: e.kind, Met: e.met})
	}
	nodes = nodes[:shown]
	g.Nodes = nodes
	g.Width = 2*margin + len(columns)*(nodeWidth+gapWidth) - gapWidth
	g.Height = 2*margin + height*(nodeHeight+gapHeight) - gapHeight
	return g
}

// flowNodes are the jobs outside of batches, and the batches, oldest first.
func flowNodes(flow *operate.Flow, base string) (nodes []node) {
	for _, job := range flow.Jobs {
		if job.Batch.IsZero() {
			nodes = append(nodes, node{ID: job.ID, URL: base + "/jobs/" + job.ID.String(), State: job.State, Name: job.Task, Detail: string(job.State)})
		}
	}
	for i := range flow.Batches {
		b := &flow.Batches[i]
		n := node{ID: b.ID, URL: link(base, "/jobs", "batch", b.ID.String()), State: b.State, Batch: true, Name: "batch of " + number(b.Members)}
		n.Detail = fmt.Sprintf("%s of %s done", number(b.Members-b.Open), number(b.Members))
		if b.Discarded > 0 {
			n.Detail += ", " + number(b.Discarded) + " discarded"
		}
		nodes = append(nodes, n)
	}
	slices.SortStableFunc(nodes, func(a, b node) int { return a.ID.Compare(b.ID) })
	return nodes[:min(len(nodes), mostNodes)]
}

// An edge leads from one node to another, by their places.
type edge struct {
	from, to int
	kind     string
	met      bool
}

// flowEdges are the edges between nodes: one that ends at a member of a batch ends at the batch.
func flowEdges(flow *operate.Flow, at map[offload.ID]int) (edges []edge) {
	batch := map[offload.ID]offload.ID{}
	for _, job := range flow.Jobs {
		if !job.Batch.IsZero() {
			batch[job.ID] = job.Batch
		}
	}
	place := func(id offload.ID) (int, bool) {
		if b, is := batch[id]; is {
			id = b
		}
		i, ok := at[id]
		return i, ok
	}
	for _, e := range flow.Edges {
		from, known := place(e.Upstream)
		to, too := place(e.Job)
		if known && too && from != to {
			edges = append(edges, edge{from, to, string(e.On), e.State != ""})
		}
	}
	slices.SortFunc(edges, func(a, b edge) int { return cmp.Or(a.from-b.from, a.to-b.to, cmp.Compare(a.kind, b.kind)) })
	return slices.Compact(edges)
}

// columnsOf puts each of n nodes into the column behind the last of those that it is after. Where an edge passes a
// column, it has a place of its own there, numbered from n on, so that it is not drawn across a node: ways are the
// places that the edges go by.
func columnsOf(n int, edges []edge) (columns [][]int, ways [][]int) {
	column := make([]int, n)
	for range n { // as often as the longest way, at most; a circle ends there too
		moved := false
		for _, e := range edges {
			if next := column[e.from] + 1; column[e.to] < next && next < n {
				column[e.to], moved = next, true
			}
		}
		if !moved {
			break
		}
	}
	put := func(i, c int) {
		for len(columns) <= c {
			columns = append(columns, nil)
		}
		columns[c] = append(columns[c], i)
	}
	for i, c := range column {
		put(i, c)
	}
	next := n
	for _, e := range edges {
		way := []int{e.from}
		for c := column[e.from] + 1; c < column[e.to]; c++ {
			put(next, c)
			way = append(way, next)
			next++
		}
		ways = append(ways, append(way, e.to))
	}
	return columns, ways
}

// orderColumn orders a column by the middle of what its nodes are after, so that lines cross little.
func orderColumn(nodes []node, column []int, edges []edge) {
	middle := map[int]float64{}
	for _, i := range column {
		sum, n := 0, 0
		for _, e := range edges {
			if e.to == i {
				sum += nodes[e.from].Y
				n++
			}
		}
		if n > 0 {
			middle[i] = float64(sum) / float64(n)
		}
	}
	slices.SortStableFunc(column, func(a, b int) int { return cmp.Compare(middle[a], middle[b]) })
}

// curve is a way from the right of its first node to the left of its last.
func curve(nodes []node, way []int) string {
	var b strings.Builder
	for i := range len(way) - 1 {
		from, to := &nodes[way[i]], &nodes[way[i+1]]
		x1, y1 := from.X+nodeWidth, from.Y+nodeHeight/2
		x2, y2 := to.X, to.Y+nodeHeight/2
		if i == 0 {
			fmt.Fprintf(&b, "M%d %d", x1, y1)
		} else {
			fmt.Fprintf(&b, "H%d", x1)
		}
		bend := max(gapWidth/2, (x2-x1)/2)
		fmt.Fprintf(&b, "C%d %d %d %d %d %d", x1+bend, y1, x2-bend, y2, x2, y2)
	}
	return b.String()
}
