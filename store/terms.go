package store

import "time"

// Terms say when a job may run, beyond its time and its queue: they are nil for a plain job,
// which pays nothing for them. They are kept with the job as JSON, for people who read SQL too;
// durations are in nanoseconds there.
type Terms struct {
	Limits   []Use         `json:"limits,omitempty"` // all of them have room, or it waits in blocked
	Unique   *Unique       `json:"unique,omitempty"`
	Turn     *Turn         `json:"turn,omitempty"`
	Expire   time.Duration `json:"expire,omitempty"`   // see Gates.Expire; 0 is never
	Schedule string        `json:"schedule,omitempty"` // that enqueued it
	Tick     time.Time     `json:"tick,omitzero"`      // of that schedule
	Flow     ID            `json:"flow,omitzero"`      // the jobs enqueued together of which some wait for others
	Batch    ID            `json:"batch,omitzero"`     // that it is a member of
}

// A Use is one limit that a job is under.
type Use struct {
	Limit string `json:"limit"`          // its name; until Gates.PutLimits makes it known it has no room
	Key   string `json:"key,omitempty"`  // of at most MaxKey bytes; "" is the one key of a limit without keys
	Cost  int    `json:"cost,omitempty"` // starts that this one counts for, with Limit.Per; 0 is 1
}

// Weight is what a use takes of its limit.
func (u Use) Weight() int { return max(u.Cost, 1) }

// MaxKey is how many bytes a key of a limit, of a turn or of a unique job may have.
const MaxKey = 256

// Unique lets one job in where several would be the same.
type Unique struct {
	Task string `json:"-"` // keys are the task's own; set by the store from the job
	Key  string `json:"key"`

	// Until says when the key is free again. With For it is so long after the insert, whatever
	// has become of the job, and Until is "".
	Until Until         `json:"until,omitempty"`
	For   time.Duration `json:"for,omitempty"`

	OnConflict Conflict `json:"on_conflict"`
}

// Until says when a unique key is free again.
type Until string

const (
	UntilEnded   Until = "ended"   // when its job has ended, in whatever way, or was deleted
	UntilStarted Until = "started" // when its job is claimed, or as UntilEnded
	Never        Until = "never"   // also when the job itself is long gone
)

// A Conflict says what happens to a job whose unique key another job holds. The other one is
// the old one here. "Waits" means that it lies in due or blocked and no attempt has begun, as
// for Gates.Expire.
type Conflict string

const (
	// ConflictKeep stores nothing: Inserted names the old one.
	ConflictKeep Conflict = "keep"

	// ConflictFail refuses the whole insert with a ConflictError.
	ConflictFail Conflict = "fail"

	// ConflictReplace gives the new input and its terms to the old job, if it waits, as Change
	// would. If it does not, the new job is stored and takes the key over, so that no input is
	// lost.
	ConflictReplace Conflict = "replace"

	// ConflictDebounce is ConflictReplace with the new time as well.
	ConflictDebounce Conflict = "debounce"
)

// A Turn lets the jobs of one key of a queue take turns with those of others.
type Turn struct {
	Key    string `json:"key"`
	Weight int    `json:"weight,omitempty"` // turns in a round; 0 is 1, at most 100
}

// FairLane is added to the priority of a job with a turn: its lane. Jobs of a lane from
// FairLane on come in the order of their turns, those below in that of run_at.
//
// A turn is a virtual time (start-time fair queueing: Goyal, Vin, Cheng, 1996): that of a new
// job is the end of its key's last one, or that of the first job that waits in the lane,
// whichever is later; the end is TurnStep/Weight later. Where none waits in the lane it begins
// at the store's clock less TurnBase, which no lane overtakes that gets fewer than 10,000 jobs
// a second for one key. So no state must outlive the jobs that wait.
const (
	FairLane = 10
	TurnStep = 100 * time.Microsecond
	TurnBase = 20 * 365 * 24 * time.Hour
)

// Lane is where a job with these terms and priority is due.
func (t *Terms) Lane(priority int) int {
	if t != nil && t.Turn != nil {
		return FairLane + priority
	}
	return priority
}

// Gated reports whether limits or turns are decided before a job may be claimed.
func (t *Terms) Gated() bool { return t != nil && (len(t.Limits) > 0 || t.Turn != nil) }
