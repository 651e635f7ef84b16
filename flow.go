package offload

import (
	"slices"

	"github.com/offloadhq/offload/store"
)

// A form is what a Call stands for.
type form int

const (
	oneJob form = iota
	aChain
	aBatch
)

// Chain runs each call after the one before it has completed. If one ends otherwise, those
// behind it are cancelled. To be after a chain is to be after its last call; its id is that
// call's. An empty batch in a chain holds nothing up.
//
// Options given with With hold for each of its calls, except that After and its sisters are for
// the first one.
func Chain(calls ...*Call) *Call { return newGroup(aChain, calls) }

// Batch is a group that After, AfterEnd and AfterFailure can wait for as a whole, and that
// InBatch adds to while it is open. Its job, which nobody runs, ends when all its members have:
// completed if all of them have completed, discarded if one was discarded, else cancelled. A
// batch or a chain may be part of it. An empty one has completed; a retry of one of its jobs
// opens it again.
//
// Options given with With hold for each of its calls, except that WithID and InBatch are for
// the batch itself.
func Batch(calls ...*Call) *Call { return newGroup(aBatch, calls) }

func newGroup(f form, calls []*Call) *Call {
	c := &Call{form: f, parts: slices.Clone(calls)}
	c.hollow = !slices.ContainsFunc(c.parts, func(part *Call) bool { return part == nil || !part.hollow })
	c.settle()
	return c
}

// endOf returns the id of a chain: that of the last of its calls that has a job.
func endOf(parts []*Call) (id ID) {
	for _, part := range parts {
		if id.IsZero() || part != nil && !part.hollow {
			id = part.ID()
		}
	}
	return id
}

// A Ref names a job or a batch: its id, the job as Enqueue returned it, or the call that it is
// of.
type Ref interface{ ID | *Job | *Call }

// After lets the job run once all the others have completed. If one of them ends otherwise,
// the job is cancelled, and says so in its Failures.
//
// The others are enqueued in the same call of Enqueue, or are stored already: otherwise Enqueue
// returns ErrUpstream. After and its sisters add up; no others are nothing to wait for.
func After[R Ref](others ...R) EnqueueOption {
	return after("After", store.OnCompleted, store.ElseCancel, others)
}

// AfterEnd lets the job run once all the others have ended, however, or were deleted.
func AfterEnd[R Ref](others ...R) EnqueueOption {
	return after("AfterEnd", store.OnEnded, store.ElseCancel, others)
}

// AfterFailure lets the job run as soon as one of the others is discarded, or of a batch the
// first of its members; if none is, the job is cancelled. Beside After and AfterEnd it waits for
// both: for all of those, and one failure.
func AfterFailure[R Ref](others ...R) EnqueueOption {
	option := after("AfterFailure", store.OnFailed, store.ElseCancel, others)
	if len(others) == 0 {
		option = append(option, edge{option: "AfterFailure", bad: "none"})
	}
	return option
}

// AfterHold is After, but if another ends otherwise the job waits for a person: RunNow lets it
// go, Cancel ends it, and so does a retry of the other that completes let it go.
func AfterHold[R Ref](others ...R) EnqueueOption {
	return after("AfterHold", store.OnCompleted, store.ElseHold, others)
}

// InBatch adds the job to a batch that is still open: from outside, or from within one of its
// jobs by InBatch(JobOf(ctx).Batch). A job is in one batch at most.
func InBatch(batch ID) EnqueueOption { return inBatchOption(batch) }

type inBatchOption ID

func (o inBatchOption) applyEnqueue(c *enqueueConfig) { c.batch = (*ID)(&o) }

// An edge is one that a call is given.
type edge struct {
	store.Edge
	option string // that gave it
	flow   ID     // of the upstream, where that is known
	bad    string // why it is none
}

// afterOption is what After and its sisters make.
type afterOption []edge

func (o afterOption) applyEnqueue(c *enqueueConfig) {
	c.after = append(c.after[:len(c.after):len(c.after)], o...)
}

func after[R Ref](option string, on store.On, or store.Else, others []R) afterOption {
	edges := make(afterOption, len(others))
	for i, other := range others {
		edges[i] = edge{Edge: store.Edge{On: on, Else: or}, option: option}
		edges[i].refer(other)
	}
	return edges
}

// refer takes over what a Ref says.
func (e *edge) refer(other any) {
	switch other := other.(type) {
	case ID:
		e.Upstream = other
	case *Job:
		if other != nil {
			e.Upstream, e.flow = other.ID, other.Flow
		} else {
			e.bad = "a nil job"
		}
	case *Call:
		if other != nil {
			e.Upstream = other.id
		} else {
			e.bad = "a nil call"
		}
	}
	if e.Upstream.IsZero() && e.bad == "" {
		e.bad = "the zero id"
	}
}

// checkFlow returns what is wrong with what a call says of others.
func (c *enqueueConfig) checkFlow(task string) error {
	for _, e := range c.after {
		if e.bad != "" {
			return &InputError{Task: task, Field: e.option, Got: e.bad, Want: "the id of a job or batch, a job, or a call"}
		}
	}
	if c.batch != nil && c.batch.IsZero() {
		return &InputError{Task: task, Field: "InBatch", Got: "the zero id", Want: "the id of a batch; JobOf(ctx).Batch is that of a running job, if it is in one"}
	}
	return nil
}
