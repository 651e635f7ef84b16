package store

import (
	"strings"
	"time"
)

// A Limit holds over all processes: Max jobs of a key at once, or with Per, Max starts of a key
// in that time. Jobs of any task and queue that name it share it.
type Limit struct {
	Name  string        `json:"name"`
	Max   int           `json:"max"`             // 1 or more
	Per   time.Duration `json:"per,omitempty"`   // 0: jobs at once
	Burst int           `json:"burst,omitempty"` // with Per: starts at once after a pause; 0 is Max

	WhenFull Full `json:"when_full,omitempty"` // "" is FullWait
	Strict   bool `json:"strict,omitempty"`    // Max 1: see Gates
}

// Full says what happens to a new job whose limit has no room. One that was let through before
// waits, whatever it says.
type Full string

const (
	FullWait   Full = "wait"   // it waits in blocked
	FullDrop   Full = "drop"   // it is cancelled
	FullNewest Full = "newest" // it waits, and those of its key that waited are cancelled
	FullCancel Full = "cancel" // as FullNewest, and those that hold the limit are cancelled
)

// OwnLimit begins the names of limits that offload makes for itself, such as the one that lets
// a job wait behind another. Gates.Limits leaves them out unless they are named.
const OwnLimit = "~"

// Kept reports whether a job keeps the limit until it has ended, also while it waits for a retry or
// a snooze: Strict ones, and those that offload makes for itself, so that an older job never runs
// after the one that waits behind it. Only Strict ones are stopped by a job that is discarded.
func (l Limit) Kept() bool { return l.Strict || strings.HasPrefix(l.Name, OwnLimit) }

// A LimitState is a limit as it is now.
type LimitState struct {
	Limit              // as it holds: with a person's change
	Declared Limit     // as a program made it known last
	ByHand   bool      // a person's change holds
	Seen     time.Time // when a program last made it known
	Keys     []KeyState
}

// Forgotten reports whether there is no reason to list the limit: see Gates.Limits.
func (l *LimitState) Forgotten(now time.Time) bool {
	return len(l.Keys) == 0 && !l.ByHand && now.Sub(l.Seen) >= RetainTasks
}

// A KeyState is one key of a limit, with what holds it and waits for it.
type KeyState struct {
	Key     string
	Held    int       // jobs; with Per, those let through that have not started
	Holders []ID      // of them, at most 10, oldest first
	Waiting int       // at most 1,000
	Next    time.Time // with Per: the next start, if it is to come; zero if there is room
	Paused  time.Time // until then none starts; zero if not paused
	Stopped ID        // Strict: the job that failed for good, and stops the key
}

// MaxKeyStates is how many keys of a limit are listed, those that wait most first.
const MaxKeyStates = 100

// A Place is what stands between a job and its run, as far as the store knows.
type Place struct {
	Job         Job
	QueuePaused bool
	TaskPaused  bool
	Limit       *LimitState // it waits for; Keys has its one key
	Line        int         // its place among those that wait for the limit, from 1; 0 if it does not
	Ahead       int         // due jobs of its queue that come before it, at most 10,000
	ExpiresAt   time.Time   // zero if it does not expire
	Finished    float64     // jobs of its queue that ended a second, in the last five minutes
}
