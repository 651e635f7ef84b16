package offload

import (
	"time"

	"github.com/offloadhq/offload/internal/engine"
)

// Limit is a limit over all processes: Max jobs at once, or with Per, Max starts in that time.
// Tasks and queues that name the same limit share it, and must agree on it in all but By, Key
// and Cost. A job that has to wait holds no worker; of those that wait the one first enqueued
// comes first. A job may be under several limits: it runs when all have room.
//
// The limit is never exceeded: a job holds it until it has ended, also while its process is
// gone and nobody knows of it yet. A job that waits for a retry or a snooze doesn't hold it.
//
// By names fields of the input as its JSON does: "tenant", "order.region, kind"; "." is the
// input itself. A field that is missing or null is the key "", a key like any other.
//
// A person may change Max while programs run, by operate or the command; that wins over what
// programs say until it is reset.
type Limit struct {
	Name     string        // "" is the task's name
	Max      int           // 1 or more
	Per      time.Duration // 0: jobs at once
	Burst    int           // with Per: starts at once after a pause; 0 is Max
	Cost     int           // with Per: starts that this job counts for; 0 is 1
	By       string        // a limit for each value of these fields; "" is one for all
	Key      string        // for this very key, instead of By
	WhenFull Full          // what a job does that finds no room; "" is FullWait
	Strict   bool          // with Max 1: see below, at Full
}

func (l Limit) applyTask(c *taskConfig)       { c.limits = withLimit(c.limits, l) }
func (l Limit) applyEnqueue(c *enqueueConfig) { c.limits = withLimit(c.limits, l) }

// withLimit adds a limit to those that another configuration may share.
func withLimit(limits []Limit, l Limit) []Limit {
	return append(limits[:len(limits):len(limits)], l)
}

// Full says what happens to a job whose Limit is reached.
//
// With Strict, besides, the jobs of a key run in exactly the order of their enqueue: one that
// failed and waits for its retry keeps those behind it waiting, and one that is discarded stops
// its key until a person retries, deletes or skips it.
type Full string

// What happens to a job that finds no room.
const (
	FullWait   Full = "wait"   // it waits
	FullDrop   Full = "drop"   // it is cancelled
	FullNewest Full = "newest" // it waits, and those of its key that waited are cancelled
	FullCancel Full = "cancel" // as FullNewest, and those that run are cancelled
)

// Snooze, returned by a handler, runs the job again after d, and keeps all jobs of the same
// key of the limit, in all tasks and processes, from starting until then: for an HTTP 429 with
// Retry-After. It is no failure and costs no attempt. For a job that is not under the limit it
// is the function Snooze. A d below 0 is taken as 0.
func (l Limit) Snooze(d time.Duration) error {
	return &outcomeError{how: engine.Snooze, in: max(d, 0), limit: &l}
}
