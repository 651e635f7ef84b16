package offload

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/offloadhq/offload/internal/engine"
	"github.com/offloadhq/offload/store"
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
	Name     string        `json:"name"`                // "" is the task's name
	Max      int           `json:"max"`                 // 1 or more
	Per      time.Duration `json:"per,omitempty"`       // 0: jobs at once
	Burst    int           `json:"burst,omitempty"`     // with Per: starts at once after a pause; 0 is Max
	Cost     int           `json:"cost,omitempty"`      // with Per: starts that this job counts for; 0 is 1
	By       string        `json:"by,omitempty"`        // a limit for each value of these fields; "" is one for all
	Key      string        `json:"key,omitempty"`       // for this very key, instead of By
	WhenFull Full          `json:"when_full,omitempty"` // what a job does that finds no room; "" is FullWait
	Strict   bool          `json:"strict,omitempty"`    // with Max 1: keep the order of the jobs of a key, see Full
}

func (l Limit) applyTask(c *taskConfig)       { c.limits = withLimit(c.limits, l) }
func (l Limit) applyEnqueue(c *enqueueConfig) { c.limits = withLimit(c.limits, l) }

// withLimit adds a limit to those that another configuration may share.
func withLimit(limits []Limit, l Limit) []Limit {
	return append(limits[:len(limits):len(limits)], l)
}

// Bounds of limits.
const (
	mostLimits = 8 // of one job
	mostMax    = 1_000_000
)

// settleLimits gives limits without a name that of the task, and lets the last of several of a
// name say by which key and at which cost the job is under it.
func (c *jobConfig) settleLimits(task string) error {
	var settled []Limit
	for _, l := range c.limits {
		if l.Name == "" {
			l.Name = task
		}
		at := slices.IndexFunc(settled, func(other Limit) bool { return other.Name == l.Name })
		if at < 0 {
			settled = append(settled, l)
			continue
		}
		if before := settled[at]; before.definition() != l.definition() {
			return disagree(task, before.definition(), "", l.definition())
		}
		settled[at] = l
	}
	c.limits = settled
	return nil
}

// check returns what of it can be seen to be wrong without an input.
func (l *Limit) check(r refusal) error {
	r = r.of(l.Name)
	if checkName("", "", l.Name) != nil {
		return r.refuse("Name", l.Name, nameWant)
	}
	switch l.WhenFull {
	case "", FullWait, FullDrop, FullNewest, FullCancel:
	default:
		return r.refuse("WhenFull", string(l.WhenFull), oneOf(FullWait, FullDrop, FullNewest, FullCancel))
	}
	if l.Max < 1 || l.Max > mostMax {
		return r.refuse("Max", l.Max, "1 to 1,000,000")
	}
	if l.Per == 0 {
		return l.checkAtOnce(r)
	}
	return l.checkRate(r)
}

func (l *Limit) checkAtOnce(r refusal) error {
	switch {
	case l.Burst != 0:
		return r.refuse("Burst", l.Burst, "0, or a limit with Per")
	case l.Cost < 0 || l.Cost > 1:
		return r.refuse("Cost", l.Cost, "0, or a limit with Per")
	case l.Strict && l.Max != 1:
		return r.refuse("Strict", fmt.Sprintf("with Max %d", l.Max), "Max 1")
	}
	return r.checkKey(l.By, l.Key)
}

func (l *Limit) checkRate(r refusal) error {
	switch {
	case l.Per < 0 || l.Per > farFuture:
		return r.refuse("Per", l.Per, "0 (jobs at once) to 100 years")
	case l.Per/time.Duration(l.Max) < time.Microsecond:
		return r.refuse("Max", fmt.Sprintf("%d in %v", l.Max, l.Per), "at most one start in a microsecond")
	case l.Burst < 0 || l.Burst > mostMax:
		return r.refuse("Burst", l.Burst, "0 (Max) to 1,000,000")
	case l.Cost < 0:
		return r.refuse("Cost", l.Cost, "0 (1) or more")
	case l.Cost > l.burst():
		return r.refuse("Cost", l.Cost, fmt.Sprintf("at most %d, so many may start at once", l.burst()))
	case l.Strict:
		return r.refuse("Strict", "with Per", "Max 1 without Per")
	case l.WhenFull == FullCancel:
		return r.refuse("WhenFull", string(l.WhenFull), "another word with Per: a job that has started holds no rate")
	}
	return r.checkKey(l.By, l.Key)
}

func (l *Limit) burst() int { return cmp.Or(l.Burst, l.Max) }

// definition is what all who name a limit must agree on.
func (l *Limit) definition() store.Limit {
	d := store.Limit{Name: l.Name, Max: l.Max, Per: l.Per, Burst: l.Burst, WhenFull: store.Full(l.WhenFull), Strict: l.Strict}
	if d.Burst == d.Max {
		d.Burst = 0
	}
	if l.WhenFull == FullWait {
		d.WhenFull = ""
	}
	return d
}

// disagree refuses a limit that something else of the app says otherwise: the task before, if
// it is named.
func disagree(task string, before store.Limit, beforeTask string, now store.Limit) error {
	want := describe(before) + ", as it was said before"
	if beforeTask != "" {
		want = fmt.Sprintf("%s, as task %q says", describe(before), beforeTask)
	}
	return &InputError{Task: task, Field: fmt.Sprintf("Limit %q", now.Name), Got: describe(now), Want: want}
}

func describe(l store.Limit) string {
	text := fmt.Sprintf("Max %d", l.Max)
	if l.Per > 0 {
		text += fmt.Sprintf(" Per %v Burst %d", l.Per, cmp.Or(l.Burst, l.Max))
	}
	if l.WhenFull != "" {
		text += " WhenFull " + string(l.WhenFull)
	}
	if l.Strict {
		text += " Strict"
	}
	return text
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
