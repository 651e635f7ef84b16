package store

import "time"

// A Schedule enqueues jobs again and again. When it ticks is decided by the program that takes
// the tick; a store keeps what it said.
type Schedule struct {
	Name string
	Spec []byte // JSON: what ticks, when, and how; stores don't look into it

	// InCode says that a program declares it, rather than somebody at run time. It ticks while
	// it was declared again within DeclaredFor.
	InCode bool

	// Next is when it ticks next; the zero time is never again.
	Next time.Time

	// Known by the store, ignored by PutSchedules.
	Paused    bool
	Declared  time.Time // when a program last declared it; zero unless InCode
	Last      time.Time // tick that was taken
	LastJob   ID        // its job; zero if none was
	LastState State     // of that job; "" if it is gone
}

// DeclaredFor is how long a schedule of code ticks after a program last declared it.
const DeclaredFor = 3 * time.Minute

// A Ticked says what a due schedule does now.
type Ticked struct {
	Next   time.Time // as Schedule.Next; later than the tick that is taken
	Last   time.Time // tick that is taken; zero if none is, because all are passed over
	Jobs   []NewJob  // stored in the same transaction, ConflictFail as ConflictKeep; the last is LastJob
	Cancel []ID      // jobs that are cancelled before
}
