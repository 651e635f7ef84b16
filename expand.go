package offload

import (
	"context"
	"slices"

	"github.com/offloadhq/offload/store"
)

// A planner makes a plan of calls that have to do with each other or with what is stored: it
// expands chains and batches, refuses circles, and sorts the jobs so that each comes after its
// upstreams and its batch.
type planner struct {
	app   *App
	ctx   context.Context
	nodes []node     // in the order of the calls, those of a chain or batch in its place
	index map[ID]int // of nodes
	used  []usedLimit
	asks  bool // the store may be asked
}

// A node is a job to be.
type node struct {
	job   newJob
	edges []edge
	batch ID // that it is a member of
}

// planFlow is plan for calls of which some are linked.
func (a *App) planFlow(ctx context.Context, calls []*Call, asks bool) (*plan, error) {
	p := &planner{app: a, ctx: ctx, index: map[ID]int{}, asks: asks}
	for _, c := range calls {
		if err := p.add(c, group{}); err != nil {
			return nil, err
		}
	}
	order, err := p.sorted()
	if err != nil {
		return nil, err
	}
	p.nameFlows()
	made := &plan{news: make([]newJob, len(order)), used: p.used, of: make([]int, len(calls))}
	at := make([]int, len(order)) // of a node, where its job is
	for i, n := range order {
		made.news[i], at[n] = p.nodes[n].job, i
	}
	for i, c := range calls {
		made.of[i] = at[p.index[c.id]]
	}
	return made, nil
}

// A group is what a call gets from the chains and batches that it is part of.
type group struct {
	options []EnqueueOption // beside its own, and with more weight
	after   []edge          // of its first jobs
	batch   ID
}

// add expands a call.
func (p *planner) add(c *Call, g group) error {
	switch {
	case c == nil:
		return &InputError{Field: "call", Got: "nil", Want: "a call made by Task.Call, NewCall, Chain or Batch"}
	case c.form == oneJob:
		return p.addJob(c, g)
	}
	own := c.config()
	name := map[form]string{aChain: "Chain", aBatch: "Batch"}[c.form]
	switch err := own.checkFlow(""); {
	case err != nil:
		return err
	case c.form == aChain && len(c.parts) == 0:
		return &InputError{Field: "Chain", Got: "no calls", Want: "one call or more"}
	case c.form == aChain && own.id != nil:
		return &InputError{Field: "WithID", Got: "given to a chain", Want: "a batch or a call of one job; a chain has the id of its last call"}
	case c.hollow && len(own.after) > 0:
		return &InputError{Field: own.after[0].option, Got: "given to a " + name + " without jobs", Want: "one with jobs, which can wait"}
	}
	inner := group{options: append(shaping(c.options), g.options...), after: append(slices.Clone(g.after), own.after...)}
	var err error
	if inner.batch, err = g.batchOf(c.id, "", own.batch); err != nil {
		return err
	}
	if c.form == aChain {
		return p.addChain(c, inner)
	}
	return p.addBatch(c, inner)
}

// shaping returns the options that shape each job of a group.
func shaping(opts []EnqueueOption) (shape []EnqueueOption) {
	for _, o := range opts {
		switch o.(type) {
		case afterOption, inBatchOption:
		default:
			shape = append(shape, o)
		}
	}
	return shape
}

// batchOf returns the batch that a call is in: by its own word, or that of what it is part of.
func (g *group) batchOf(id ID, task string, own *ID) (ID, error) {
	switch {
	case own == nil:
		return g.batch, nil
	case !g.batch.IsZero() && *own != g.batch:
		return ID{}, &InputError{Task: task, Field: "InBatch", Got: own.String() + ", within the batch " + g.batch.String(), Want: "one batch: a job is in no other"}
	case *own == id:
		return ID{}, &InputError{Task: task, Field: "InBatch", Got: "the batch itself", Want: "another batch"}
	}
	return *own, nil
}

func (p *planner) addChain(c *Call, g group) error {
	for _, part := range c.parts {
		if err := p.add(part, g); err != nil {
			return err
		}
		if !part.hollow {
			next := store.Edge{Upstream: part.id, On: store.OnCompleted, Else: store.ElseCancel}
			g.after = []edge{{Edge: next, option: "Chain"}}
		}
	}
	return nil
}

func (p *planner) addBatch(c *Call, g group) error {
	config := enqueueConfig{jobConfig: defaultConfig()}
	config.apply(g.options)
	if err := config.check("", nil); err != nil {
		return err
	}
	job := newJob{clear: []byte("null")}
	job.NewJob = store.NewJob{
		ID: c.id, Task: store.BatchTask, Queue: store.SystemQueue, Priority: config.priority, Input: job.clear,
		Tags: config.tags, MaxAttempts: 1,
	}
	if config.retain != nil {
		job.Retain = *config.retain
	}
	if err := p.node(c, node{job: job, batch: g.batch}); err != nil {
		return err
	}
	g.batch = c.id
	for _, part := range c.parts {
		if err := p.add(part, g); err != nil {
			return err
		}
	}
	return nil
}

func (p *planner) addJob(c *Call, g group) error {
	if len(g.options) > 0 {
		more := *c // not by With: the id stays
		more.options = append(slices.Clone(c.options), g.options...)
		c = &more
	}
	job, used, own, err := p.app.newJob(p.ctx, c)
	if err != nil {
		return err
	}
	n := node{job: job}
	if n.batch, err = g.batchOf(ID{}, c.task, own.batch); err != nil {
		return err
	}
	if edges := append(slices.Clone(g.after), own.after...); len(edges) > 0 {
		n.waitFor(edges)
	}
	p.used = append(p.used, used...)
	return p.node(c, n)
}

// waitFor gives a job its edges. Of two for the same thing the later one says what else happens.
func (n *node) waitFor(edges []edge) {
	type thing struct {
		upstream ID
		on       store.On
	}
	known := make(map[thing]int, len(edges))
	for _, e := range edges {
		t := thing{e.Upstream, e.On}
		if i, twice := known[t]; twice {
			n.job.After[i].Else = e.Else
			continue
		}
		known[t] = len(n.edges)
		n.edges, n.job.After = append(n.edges, e), append(n.job.After, e.Edge)
	}
}

func (p *planner) node(c *Call, n node) error {
	if _, twice := p.index[n.job.ID]; twice {
		return errTwice(c)
	}
	p.index[n.job.ID] = len(p.nodes)
	p.nodes = append(p.nodes, n)
	return nil
}
