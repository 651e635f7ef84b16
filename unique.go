package offload

import (
	"fmt"
	"time"

	"github.com/offloadhq/offload/store"
)

// Unique lets one job of a task in where several would be the same. The zero value takes all
// of the input, until the job has ended, and keeps the old job. A key is the task's own.
//
// By names fields of the input as its JSON does: "order", "order.id, kind"; "." is the input
// itself, for one that is a single value. A job that has none of the fields is refused.
type Unique struct {
	By         string        `json:"by,omitempty"`          // fields of the input; "" is all of it
	Key        string        `json:"key,omitempty"`         // this very key, instead of By
	Until      Until         `json:"until,omitempty"`       // when the next may come; "" is UntilEnded
	For        time.Duration `json:"for,omitempty"`         // a window from the enqueue, instead of Until
	OnConflict Conflict      `json:"on_conflict,omitempty"` // what becomes of the second; "" is ConflictKeep
}

func (u Unique) applyTask(c *taskConfig)       { c.unique = &u }
func (u Unique) applyEnqueue(c *enqueueConfig) { c.unique = &u }

// check returns what of it can be seen to be wrong without an input.
func (u *Unique) check(r refusal) error {
	r = r.in("Unique")
	switch u.Until {
	case "", UntilEnded, UntilStarted, Never:
	default:
		return r.refuse("Until", string(u.Until), oneOf(UntilEnded, UntilStarted, Never))
	}
	switch u.OnConflict {
	case "", ConflictKeep, ConflictFail, ConflictReplace, ConflictDebounce, ConflictBehind:
	default:
		return r.refuse("OnConflict", string(u.OnConflict),
			oneOf(ConflictKeep, ConflictFail, ConflictReplace, ConflictDebounce, ConflictBehind))
	}
	switch {
	case u.For < 0 || u.For > farFuture:
		return r.refuse("For", u.For, "0 (none) to 100 years")
	case u.For > 0 && u.Until != "":
		return r.refuse("For", fmt.Sprintf("%v beside Until %q", u.For, u.Until), "For or Until")
	case u.OnConflict == ConflictBehind && (u.For > 0 || u.Until == Never):
		return r.refuse("OnConflict", string(u.OnConflict), "another word with For or Never: one waits behind the one that runs until that has ended")
	}
	return r.checkKey(u.By, u.Key)
}

// terms returns what is stored of it with a job of this key, and the limit that lets the next
// job wait behind it, nil if none does.
func (u *Unique) terms(task, key string) (*store.Unique, *store.Limit) {
	s := &store.Unique{Key: key, Until: store.Until(u.Until), For: u.For, OnConflict: store.Conflict(u.OnConflict)}
	if s.Until == "" && s.For == 0 {
		s.Until = store.UntilEnded
	}
	switch u.OnConflict {
	case "":
		s.OnConflict = store.ConflictKeep
	case ConflictBehind:
		s.Until, s.OnConflict = store.UntilStarted, store.ConflictReplace
		return s, &store.Limit{Name: behindLimit + task, Max: 1}
	}
	return s, nil
}

// behindLimit and the task's name make the name of the limit of ConflictBehind: the job that
// runs holds it, and the one behind, whose key is free by then, waits for it.
const behindLimit = store.OwnLimit + "behind:"

// Until says when the key of a Unique job is free again.
type Until string

// When a key is free again. What has become of the job's record doesn't matter: neither Retain
// nor Delete frees a key that is kept for a window or for ever.
const (
	UntilEnded   Until = "ended"   // when its job has ended, in whatever way, or was deleted
	UntilStarted Until = "started" // when its job starts, or as UntilEnded
	Never        Until = "never"   // never
)

// Conflict says what happens to a job whose Unique key another job, the old one, holds.
type Conflict string

// What happens to the second job. The old one waits as long as no attempt of it has begun.
const (
	// ConflictKeep stores nothing: Enqueue returns the old job, with Existing set.
	ConflictKeep Conflict = "keep"

	// ConflictFail stores nothing of the whole call: Enqueue returns a *ConflictError.
	ConflictFail Conflict = "fail"

	// ConflictReplace gives the new input to the old job, if it waits: Enqueue returns it, with
	// Existing and Replaced set. Otherwise the new job is stored and takes the key over, so that
	// no input is lost.
	ConflictReplace Conflict = "replace"

	// ConflictDebounce is ConflictReplace with the new time as well: with Delay, a job runs so
	// long after the last of many calls.
	ConflictDebounce Conflict = "debounce"

	// ConflictBehind lets one job wait behind the one that was started, until that has ended, with
	// the newest input: never two of a key run at once, and none with an older input comes after,
	// also if it is tried again. It goes with no other Until than UntilStarted.
	ConflictBehind Conflict = "behind"
)

// A ConflictError names the job that holds a Unique key: under ConflictFail, and when a job is
// to be run again whose key another has taken meanwhile.
type ConflictError = store.ConflictError
