package store

import "time"

// A NewJob is what Insert stores. The caller has checked it: a store need not.
type NewJob struct {
	ID       ID
	Task     string
	Queue    string
	Priority int               // 0 first … 9 last
	Input    []byte            // at most what the app allows; kept byte for byte
	Tags     map[string]string // nil is none

	// RunAt is when the job may run; the zero time is now, by the store's clock, plus Delay.
	// A time in the past is taken as now.
	RunAt time.Time
	Delay time.Duration

	MaxAttempts int           // failures, not starts, count against it
	Timeout     time.Duration // of one attempt; 0 is none
	GiveUpAfter time.Duration // no retry later than this after the insert; 0 is no such end
	Retain      time.Duration // keep the job so long after its end; 0 is the default of its outcome

	Terms *Terms // nil is a plain job
	After []Edge // in the order to be known by; Terms.Flow is set then
}

// Inserted says what became of a NewJob.
type Inserted struct {
	ID       ID    // of the job that is stored: another's, where a unique key was taken
	Existing bool  // it was there already, in whatever state
	Replaced bool  // and has the new input
	State    State // Blocked or Cancelled, where a limit has decided so; "" otherwise
}

// A Fence names one attempt of one job. To change a lease is to name both.
type Fence struct {
	ID      ID
	Attempt int
}

// Claimed is a job whose lease this process now holds.
type Claimed struct {
	Fence
	Task, Queue string
	Priority    int
	Input       []byte // nil if Large
	Large       bool   // the input is over InlineInput bytes: read it with Inputs
	Tags        map[string]string
	Failures    int // attempts that failed since the insert or the last Retry
	Crashes     int // times its process was lost while it held the job; from SuspectAt it is a suspect
	MaxAttempts int
	Timeout     time.Duration
	GiveUpAfter time.Duration
	Retain      time.Duration
	RunAt       time.Time // when it became due
	CreatedAt   time.Time
	ClaimedAt   time.Time // the store's now at the claim
	ExpiresAt   time.Time // end it as OutcomeExpired if it has not started by then; zero is never, or that it has
	Terms       *Terms    // nil is a plain job; to be given to Finish
}

// Started is what a claim of a new job returns that was stored as a lease at a time.
func (n *NewJob) Started(at time.Time) *Claimed {
	return &Claimed{
		Fence: Fence{ID: n.ID, Attempt: 1},
		Task:  n.Task, Queue: n.Queue, Priority: n.Priority, Input: n.Input, Tags: n.Tags,
		MaxAttempts: n.MaxAttempts, Timeout: n.Timeout, GiveUpAfter: n.GiveUpAfter, Retain: n.Retain,
		RunAt: at, CreatedAt: at, ClaimedAt: at,
	}
}

// Suspect reports whether the job must run apart from others, since its process was lost
// while it ran often enough to think that it is the reason.
func (c *Claimed) Suspect() bool { return c.Crashes >= SuspectAt }

// Numbers that all stores share.
const (
	InlineInput    = 4 << 10          // bytes of input that come with a claim or a list
	SuspectAt      = 2                // crashes that make a job a suspect
	CrashLimit     = 3                // crashes at which a suspect is discarded that was alone in its process
	CrashLimitMost = 5                // and one beside which others ran, any of which may be the reason
	SuspectDelay   = 15 * time.Second // a suspect is left alone for so long after a crash
	CrashMemory    = 72 * time.Hour   // a crash longer ago is forgotten
	Tombstone      = 10 * time.Minute
	MaxErrorText   = 8 << 10  // bytes of an error kept
	MaxErrorStack  = 32 << 10 // bytes of a stack kept
	RetainDone     = 24 * time.Hour
	RetainEnded    = 7 * 24 * time.Hour  // cancelled and expired
	RetainGaveUp   = 30 * 24 * time.Hour // discarded
	RetainFigures  = 90 * 24 * time.Hour

	// FiguresByMinute is how long figures are known by the minute. It is more than a day, so that
	// days are told apart anywhere.
	FiguresByMinute = 26 * time.Hour

	RetainTasks    = 30 * 24 * time.Hour // a task that no process has registered for so long goes, a limit is not listed
	RetainActs     = 90 * 24 * time.Hour
	SystemQueue    = "offload" // holds offload's own jobs; left out of lists unless named
	LostAfter      = 12 * time.Second
	BeatEvery      = 3 * time.Second
	ObservedPeers  = 32 // how many processes each process observes: that so many can go at once, and one that is left finds them
	MaxReapAtATime = 1000
)

// An Outcome is how an attempt ended.
type Outcome string

const (
	OutcomeCompleted Outcome = "completed" // done, kept with its result
	OutcomeRetry     Outcome = "retry"     // failed: due again after RunIn, failures + 1
	OutcomeSnooze    Outcome = "snooze"    // due again after RunIn, no failure
	OutcomeDiscarded Outcome = "discarded" // failed for good: done, failures + 1
	OutcomeCancelled Outcome = "cancelled" // done, with or without a Failure
	OutcomeExpired   Outcome = "expired"   // done: it was claimed too late to start
)

// Ended is an attempt that has ended.
type Ended struct {
	Fence
	Task, Queue string // for the figures
	Outcome     Outcome
	RunIn       time.Duration // OutcomeRetry, OutcomeSnooze
	Retain      time.Duration // the job's own
	Waited      time.Duration // from due to start, for the figures
	Ran         time.Duration // from start to end
	Failure     *Problem      // what is kept of a failed attempt; nil if it did not fail
	Result      []byte        // kept with a completed job; nil is none
	InTx        bool          // the handler called Complete in a transaction of its own, see Finish
	Terms       *Terms        // as it was claimed
	Pause       string        // with OutcomeSnooze: the limit whose key of this job is paused for RunIn, at least
}

// A Problem is what went wrong in an attempt.
type Problem struct {
	Error string // at most MaxErrorText bytes are kept
	Kind  string // the error's Go type, "panic", "timeout", "crash" or KindAfter
	Stack string // at most MaxErrorStack bytes are kept; "" is none
}

// A Failure is one failed attempt of a job.
type Failure struct {
	Attempt   int
	Error     string
	Kind      string
	Stack     string
	Process   string // host, pid and name, as people know it
	StartedAt time.Time
	FailedAt  time.Time
}

// A State is where a job is in its life.
type State string

const (
	Scheduled State = "scheduled" // in due, its time has not come, it has not failed
	Available State = "available" // in due, its time has come
	Blocked   State = "blocked"   // in blocked: waits for a process that knows its task, …
	Running   State = "running"   // in lease
	Retryable State = "retryable" // in due, it has failed, its time has not come
	Completed State = "completed"
	Discarded State = "discarded"
	Cancelled State = "cancelled"
	Expired   State = "expired"
)

// States are all states, in the order of a job's life.
var States = []State{Scheduled, Available, Blocked, Running, Retryable, Completed, Discarded, Cancelled, Expired}

// Ended reports whether a job in this state has ended.
func (s State) Ended() bool {
	switch s {
	case Completed, Discarded, Cancelled, Expired:
		return true
	}
	return false
}

// A Job is all that is known of a job at the moment it was read.
type Job struct {
	ID          ID
	Task, Queue string
	State       State
	Waits       string // why it is blocked: WaitsTask, WaitsAfter and so on; "" otherwise
	Priority    int
	Attempt     int // starts so far: the fence
	Failures    int
	Crashes     int
	MaxAttempts int
	Timeout     time.Duration
	GiveUpAfter time.Duration
	Retain      time.Duration
	RunAt       time.Time
	CreatedAt   time.Time
	StartedAt   time.Time // of the running or last attempt; zero if none has started
	FinishedAt  time.Time // zero unless it has ended
	Process     string    // that runs it, as people know it; "" if none
	Cancelling  bool      // it runs, and was asked to end
	Tags        map[string]string
	Error       string // of the last failed attempt
	Input       []byte // nil in lists if InputSize is over InlineInput
	InputSize   int
	Result      []byte // nil in lists if over InlineInput
	Progress    *Progress
	Terms       *Terms // nil for a plain job
	Limit       Use    // it waits for
}

// Why a job waits in blocked.
const (
	WaitsTask   = "task"   // no process that claimed it knows its task
	WaitsNeed   = "need"   // no process that claimed it has what it needs, such as a key
	WaitsPaused = "paused" // its task is paused
	WaitsAlone  = "alone"  // a suspect: it waits for a process to run it alone
	WaitsLimit  = "limit"  // a limit has no room
	WaitsAfter  = "after"  // an upstream has not ended; of a batch, a member
	WaitsHeld   = "held"   // an upstream ended otherwise than it wants: it waits for a person
)

// Progress is how far a running job has come.
type Progress struct {
	Fence
	Done, Total int
	Note        string
	Rate        float64   // a second, by the attempt's own estimate; 0 is not known
	At          time.Time // when it was written; set by the store
}

// A Filter selects jobs: those that match every field that is set. A slice that is empty
// matches any.
type Filter struct {
	IDs      []ID
	States   []State
	Tasks    []string
	Queues   []string  // the zero slice leaves out SystemQueue, unless IDs are given
	Tag      string    // "name" or "name=value"
	Process  ID        // that holds its lease
	Search   string    // text in the error of the last failure, upper and lower case alike
	Key      string    // of a limit, a turn, or its own as a unique job
	Limit    string    // name of a limit that it is under
	Schedule string    // that enqueued it
	Flow     ID        // that it belongs to, or that has its id: of those added after a plain job
	Batch    ID        // that it is a member of
	Group    string    // an ErrorGroup, that its last failure is of
	Since    time.Time // created at or after
	Until    time.Time // created before
	Before   ID        // the page after this id
	Max      int       // 0 is 100
	All      bool      // acting on everything is meant

	Priorities []int
	Input      []Match // what its input says, all of it
	Soonest    bool    // by the time that it is due, those alone that wait for one: scheduled and retryable
	After      Cursor  // the page after this place
}
