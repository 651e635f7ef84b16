package offload

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offloadhq/offload/store"
)

// A sketch names calls, so that a plan of them can be read.
type sketch struct {
	t     *testing.T
	task  *Task[string]
	names map[ID]string
}

func newSketch(t *testing.T) *sketch {
	return &sketch{t, Declare[string]("step"), map[ID]string{}}
}

func (s *sketch) call(name string, opts ...EnqueueOption) *Call {
	return s.named(name, s.task.Call(name, opts...))
}

func (s *sketch) named(name string, c *Call) *Call {
	s.names[c.ID()] = name
	return c
}

// plan returns the plan of calls, and how it reads: a job in each line, in the order of the insert.
func (s *sketch) plan(calls ...*Call) (*plan, string) {
	s.t.Helper()
	app := &App{maxInput: 1 << 20}
	p, err := app.plan(context.Background(), calls, true)
	if err != nil {
		s.t.Fatal(err)
	}
	var b strings.Builder
	for i := range p.news {
		n := &p.news[i]
		b.WriteString(s.names[n.ID])
		for _, e := range n.After {
			fmt.Fprintf(&b, " %s:%s", e.On, s.names[e.Upstream])
			if e.Else == store.ElseHold {
				b.WriteString("!")
			}
		}
		if n.Terms != nil && !n.Terms.Batch.IsZero() {
			fmt.Fprintf(&b, " in:%s", s.names[n.Terms.Batch])
		}
		if n.Terms != nil {
			fmt.Fprintf(&b, " flow:%s", s.names[n.Terms.Flow])
		}
		b.WriteString("\n")
	}
	return p, b.String()
}

func (s *sketch) want(lines string, calls ...*Call) {
	s.t.Helper()
	if _, got := s.plan(calls...); got != strings.TrimLeft(lines, "\n") {
		s.t.Errorf("plan (-want +got):\n%s", cmp.Diff(strings.TrimLeft(lines, "\n"), got))
	}
}

func TestPlanOfAChain(t *testing.T) {
	s := newSketch(t)
	a, b, c := s.call("a"), s.call("b"), s.call("c")
	s.want(`
a flow:a
b completed:a flow:a
c completed:b flow:a
`, Chain(a, b, c))
	if Chain(a, b, c).ID() != c.ID() {
		t.Error("the id of a chain is not that of its last call")
	}
}

func TestPlanOfABatch(t *testing.T) {
	s := newSketch(t)
	batch := s.named("batch", Batch(s.call("a"), s.call("b")))
	s.want(`
batch flow:batch
a in:batch flow:batch
b in:batch flow:batch
done completed:batch flow:batch
alarm failed:batch flow:batch
clean ended:batch flow:batch
`, batch, s.call("done", After(batch)), s.call("alarm", AfterFailure(batch)), s.call("clean", AfterEnd(batch)))
	if job := batch; job.Task() != "" {
		t.Errorf("the task of a batch is %q", job.Task())
	}
}

func TestPlanOfNestedGroups(t *testing.T) {
	s := newSketch(t)
	inner := s.named("inner", Batch(s.call("c"), Chain(s.call("d"), s.call("e"))))
	outer := s.named("outer", Batch(s.call("b"), inner))
	s.want(`
a flow:outer
outer flow:outer
b completed:a in:outer flow:outer
inner in:outer flow:outer
c completed:a in:inner flow:outer
d completed:a in:inner flow:outer
e completed:d in:inner flow:outer
f completed:outer flow:outer
`, Chain(s.call("a"), outer, s.call("f")))
}

// What is given in any order is stored so that each job comes after what it waits for, and the
// answers stand in the order of the calls.
func TestPlanIsSorted(t *testing.T) {
	s := newSketch(t)
	fetch := s.call("fetch")
	north, south := s.call("north", After(fetch)), s.call("south", AfterHold(fetch))
	merge := s.call("merge", After(north, south))
	alone := s.call("alone")
	calls := []*Call{merge, alone, south, fetch, north}
	s.want(`
fetch flow:merge
north completed:fetch flow:merge
south completed:fetch! flow:merge
merge completed:north completed:south flow:merge
alone
`, calls...)
	p, _ := s.plan(calls...)
	for i, c := range calls {
		if got := p.news[p.of[i]].ID; got != c.ID() {
			t.Errorf("the answer to call %d is %s, want %s", i+1, s.names[got], s.names[c.ID()])
		}
	}
}

func TestPlanOfEmptyBatches(t *testing.T) {
	s := newSketch(t)
	empty := s.named("empty", Batch())
	last := s.named("last", Batch())
	b := s.call("b")
	chain := Chain(s.call("a"), empty, b, last)
	s.want(`
a flow:a
empty flow:empty
b completed:a flow:a
last flow:last
c completed:b flow:a
`, chain, s.call("c", After(chain)))
	if chain.ID() != b.ID() {
		t.Error("a chain that ends with an empty batch doesn't end with its last job")
	}
}

func TestPlanOfOptionsOfGroups(t *testing.T) {
	s := newSketch(t)
	first := s.call("first")
	outer := s.named("outer", Batch())
	chain := Chain(s.call("a"), s.call("b", AfterEnd(first))).With(After(first), InBatch(outer.ID()), Priority(2))
	inner := s.named("inner", Batch(s.call("c", AfterFailure(first)), s.call("d")).With(After(first), InBatch(outer.ID()), Tag("by", "x")))
	s.want(`
first flow:outer
outer flow:outer
a completed:first in:outer flow:outer
b completed:a ended:first in:outer flow:outer
inner in:outer flow:outer
c completed:first failed:first in:inner flow:outer
d completed:first in:inner flow:outer
`, first, outer, chain, inner)
	p, _ := s.plan(first, outer, chain, inner)
	for i := range p.news {
		n := &p.news[i]
		name := s.names[n.ID]
		if want := slices.Contains([]string{"a", "b"}, name); (n.Priority == 2) != want {
			t.Errorf("%s has priority %d", name, n.Priority)
		}
		if want := slices.Contains([]string{"inner", "c", "d"}, name); (n.Tags["by"] == "x") != want {
			t.Errorf("%s has tags %v", name, n.Tags)
		}
	}
}

// Jobs that have nothing to do with each other are flows of their own, and one by itself stays
// plain.
func TestPlanHasAFlowForJobsThatBelongTogether(t *testing.T) {
	s := newSketch(t)
	a, stored := s.call("a"), s.call("stored")
	s.want(`
a flow:a
b completed:a flow:a
c flow:c
d completed:c flow:c
plain
e completed:stored flow:stored
f in:stored flow:stored
`, Chain(a, s.call("b")), Chain(s.call("c"), s.call("d")), s.call("plain"), s.call("e", After(stored)), s.call("f", InBatch(stored.ID())))

	job := &Job{ID: stored.ID(), Flow: a.ID()}
	s.want("e completed:stored flow:a\n", s.call("e", After(job)))
}

// Edges add up; of two for the same thing the later one says what else happens.
func TestPlanHasEachEdgeOnce(t *testing.T) {
	s := newSketch(t)
	a := s.call("a")
	s.want("b completed:a! ended:a flow:a\n", s.call("b", After(a, a), AfterEnd(a), AfterHold(a.ID())))
}

func TestPlanOfManyUpstreamsInTheWrongOrder(t *testing.T) {
	s := newSketch(t)
	const many = 20_000
	parts := make([]*Call, many)
	for i := range parts {
		parts[i] = s.call(fmt.Sprint(i))
	}
	last := s.call("last", After(parts...))
	p, _ := s.plan(append([]*Call{last}, parts...)...)
	if got := p.news[many]; got.ID != last.ID() || len(got.After) != many || p.of[0] != many {
		t.Errorf("the last job has %d edges, and is at %d", len(got.After), p.of[0])
	}
	chain := make([]*Call, many)
	for i := range chain {
		chain[i] = s.call(fmt.Sprint(i))
	}
	p, _ = s.plan(Chain(chain...))
	if len(p.news) != many || p.of[0] != many-1 {
		t.Errorf("a chain of %d has %d jobs, its own at %d", many, len(p.news), p.of[0])
	}
}
