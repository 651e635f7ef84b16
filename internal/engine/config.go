package engine

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/offloadhq/offload/store"
)

// Why a handler's context ended, as context.Cause tells. The root package hands them on.
var (
	ErrTimeout   = errors.New("offload: timeout")
	ErrCancelled = errors.New("offload: cancelled")
	ErrStopping  = errors.New("offload: stopping")
)

// A Config is what an Engine is made of.
type Config struct {
	Store   store.Store
	Process store.Process          // Name, Host, PID, Version; the engine gives it a new ID at each start
	Tasks   map[string]*Task       // by every name this process runs, earlier names included
	Queues  []string               // to work; none is every queue
	Workers func(queue string) int // how many attempts of a queue at once; 0 works none of it
	Total   int                    // how many attempts at once in all queues
	Grace   time.Duration          // how long handlers may go on when Run's context has ended
	Log     *slog.Logger
	Event   func(Event)    // called after each committed change this process makes; quick; may be nil
	Logged  func(store.ID) // called after lines of a job's log were committed; quick; may be nil

	// Has reports whether this process has what jobs need that were parked for it: see Verdict.Need.
	// Without it, it has nothing.
	Has func(need string) bool

	// Register makes the tasks known to the store again, so that they are not forgotten while
	// this process runs; called each hour; may be nil.
	Register func(ctx context.Context) error

	// Declare makes the schedules of this process's code known to the store again, so that they
	// go on to tick; called each minute; may be nil.
	Declare func(ctx context.Context) error

	// Tick says what a due schedule does; see store.Schedules. Without it this process takes no
	// ticks.
	Tick func(now time.Time, s store.Schedule) (store.Ticked, error)

	// Inbox says what becomes of rows of the inbox. An error leaves all for later; those that it says
	// nothing of are left for another process. Without it
	// this process leaves the inbox alone.
	Inbox func(ctx context.Context, rows []store.InboxRow) ([]store.InboxFate, error)
}

// A Task is how the engine runs jobs of one task.
type Task struct {
	Run     func(ctx context.Context, job *store.Claimed) Verdict
	Backoff func(failures int, err error) time.Duration // the wait after the nth failure
	Offline bool                                        // goes on while the process is cut off from the store
	Many    *Many                                       // in place of Run: several jobs are one call
}

// Many runs several jobs of a task as one call, in one slot. Its context belongs to none of
// them: Fence and Progress know it not. It ends when all of them have been cancelled, at the
// shortest of their timeouts, and as any other when the process stops or is cut off.
type Many struct {
	Most int           // jobs of a call
	Wait time.Duration // for more, from the first; while the store has more, a call waits a moment longer

	// Run returns the verdict of each job, in their order: an input that cannot be read is the
	// failure of one, whatever becomes of the others.
	Run func(ctx context.Context, jobs []*store.Claimed) []Verdict
}

// A Verdict is how a handler's call went, and how it shall go on.
type Verdict struct {
	Err    error         // nil is completed, with Result
	Kind   string        // of Err, as kept with the failure; "" is its Go type
	Stack  string        // of a panic
	How    How           // what follows of Err
	In     time.Duration // for RetryIn and Snooze
	Pause  string        // with Snooze: the limit whose key of this job no job starts for In
	Need   string        // with Park: what a process must have that takes the job
	Result []byte
	Hide   func(string) string // makes of the text of Err what may be kept and shown; nil is all of it
	InTx   bool                // the handler has completed the job in a transaction of its own, if that committed
}

// How says what follows of an error.
type How int

const (
	Retry   How = iota // after the backoff, while attempts are left
	RetryIn            // after In, while attempts are left
	Snooze             // after In; no failure
	Discard            // never again: failed for good
	Cancel             // never again: nobody needs it
	Park               // no failure: the job waits for a process that has what it needs
)

// An Event is a change of a job that this process has made and the store has committed.
type Event struct {
	Job   store.Fence
	Task  string
	Queue string
	From  store.State   // Available, or Running for an attempt that had begun
	State store.State   // Running at the start of the attempt; then where it went
	RunIn time.Duration // how long it waits there
	Err   error

	Claimed *store.Claimed // not to be changed
	Failure *store.Problem // as it was kept, nil if there is none
}
