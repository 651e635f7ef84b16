package store

import (
	"errors"
	"fmt"
)

// An Edge says that a job runs after another: its upstream, which is a job or a batch that is
// stored, or comes earlier in the same Insert. So there are no circles.
type Edge struct {
	Upstream ID
	On       On
	Else     Else // what becomes of the job if the edge can't be met any more
}

// On says when an edge is met.
type On string

const (
	OnCompleted On = "completed" // when the upstream has completed
	OnEnded     On = "ended"     // when it has ended, in whatever way, or was deleted
	OnFailed    On = "failed"    // when it is discarded; of a batch, when the first of its members is
)

// Else says what becomes of a job whose edges can't be met any more.
type Else string

const (
	ElseCancel Else = "cancel" // it ends as cancelled, and says so in a Failure
	ElseHold   Else = "hold"   // it waits for a person: RunNow lets it go, Cancel ends it
)

// BatchTask is the task of a batch: a job of SystemQueue's kind that nobody runs. It waits in
// blocked until all its members have ended, and then ends itself: completed if all of them have
// completed, discarded if one was discarded, else cancelled.
const BatchTask = "offload.batch"

// Deleted is the state that an EdgeState gives an upstream that is not stored any more.
const Deleted State = "deleted"

// ErrUpstream reports that an edge or a membership names a job that is not stored, a job that
// is no batch as a batch, or a batch that has ended.
var ErrUpstream = errors.New("offload: no such upstream")

// An EdgeState is an edge and how its upstream ended.
type EdgeState struct {
	Job ID // that waits
	Edge
	State State // of the upstream as the job knows it: "" while it has not ended, Deleted
}

// KindAfter is the Kind of the Failure of a job that was cancelled for an upstream.
const KindAfter = "after"

// Problem is what a job's Failure says that was cancelled since the edge can't be met any more.
func (e *EdgeState) Problem() *Problem {
	p := &Problem{Kind: KindAfter}
	switch {
	case e.State == Deleted:
		p.Error = fmt.Sprintf("it was to run after job %s, which was deleted", e.Upstream)
	case e.On == OnFailed:
		p.Error = fmt.Sprintf("it was to run if job %s was discarded, which ended as %s", e.Upstream, e.State)
	default:
		p.Error = fmt.Sprintf("it was to run after job %s, which ended as %s", e.Upstream, e.State)
	}
	return p
}

// A BatchCount is how many members of a batch there are, and how they stand.
type BatchCount struct {
	Members, Open, Completed, Discarded, Cancelled int // Cancelled are expired and deleted ones too
}
