package store

import (
	"encoding/json"
	"fmt"
	"time"
)

// A Verb is what can be done to a job from outside.
type Verb string

const (
	Cancel Verb = "cancel"  // end it; a running one is signalled, and its lease left to its process
	Retry  Verb = "retry"   // let a discarded, cancelled, expired or retryable one run at once, failures 0
	RunNow Verb = "run-now" // make a scheduled or retryable one due at once
	Delete Verb = "delete"  // remove it with all that is known of it, unless it runs
	Change Verb = "edit"    // change it as Edit says, unless it runs or has completed
)

// An Act is done to jobs, in somebody's name.
type Act struct {
	Verb Verb
	IDs  []ID
	Edit *Edit  // for Change
	Heed bool   // with Retry: a job with edges waits for them again, as if it were new
	Who  string // recorded, with the verb and the number of jobs; "" is not recorded
}

// Check refuses an act that says nothing a store could do.
func (a *Act) Check() error {
	switch a.Verb {
	case Cancel, Retry, RunNow, Delete, Erase:
		return nil
	case Change:
		if a.Edit == nil {
			return fmt.Errorf("act: %q without an Edit", a.Verb)
		}
		return nil
	}
	return fmt.Errorf("act: %q is no verb", a.Verb)
}

// recordedIDs is up to how many deleted jobs a record names.
const recordedIDs = 100

// Record is what is kept of an act, without its id and time. Of a few jobs that were deleted it names each as a filter would: nothing
// else tells of them any more.
func (a *Act) Record(acted []Acted) Record {
	var changed []ID
	for _, one := range acted {
		if one.Effect == Done {
			changed = append(changed, one.ID)
		}
	}
	r := Record{Who: a.Who, What: string(a.Verb), Jobs: len(changed)}
	if a.Verb == Delete && len(changed) > 0 && len(changed) <= recordedIDs {
		r.Filter, _ = json.Marshal(struct {
			IDs []ID `json:"ids"`
		}{changed})
	}
	return r
}

// An Edit changes a job; what is nil stays.
type Edit struct {
	Input    []byte
	Queue    *string
	Priority *int
	RunAt    *time.Time
	Terms    *Terms // with Input, for a job that has terms: those of the new input
}

// Acted says what became of one job of an Act.
type Acted struct {
	ID     ID
	Effect Effect
	State  State // in which it was found; "" if it was not
	By     ID    // Taken: the job that holds the key
}

// An Effect is what an Act did to a job.
type Effect string

const (
	Done      Effect = "done"      // as asked; for a running job, cancel is signalled
	Taken     Effect = "taken"     // a unique key that it would need is another's: see Acted.By
	Nothing   Effect = "nothing"   // it was so already: an ended job is cancelled, an available one hurried
	Refused   Effect = "refused"   // its state does not allow it: a running job is deleted, a completed one retried
	NotStored Effect = "not found" // there is no such job
)

// A Record is something a person did.
type Record struct {
	ID     ID
	Time   time.Time
	Who    string
	What   string // "cancel", "pause queue mail", "edit all"
	Filter []byte // JSON, for acts by filter, and for a few jobs that were deleted; nil otherwise
	Jobs   int    // how many it changed
	Job    ID     // the job that does it, for acts by filter
}

// A Control changes what is not a job, in somebody's name. Set one field beside Who.
type Control struct {
	Who                     string
	PauseQueue, ResumeQueue string
	PauseTask, ResumeTask   string

	// SetWorkers makes Workers, 1 or more, what each process runs at once of a queue that it works,
	// until ResetWorkers. The queue need not exist.
	SetWorkers, ResetWorkers string
	Workers                  int

	QuietProcess ID
	StopProcess  ID

	PauseSchedule, ResumeSchedule string // an ErrNotFound if there is none

	// SetError is a group of failures, or an ErrNotFound if there is none; Status is what it has then.
	SetError string
	Status   ErrorStatus

	// SetLimit changes Max of a limit until ResetLimit. PauseLimit lets no job of a key start
	// for PauseFor; 0 ends that. SkipLimit lets a Strict limit's key go on that a job has
	// stopped. An ErrNotFound says that there is no such limit.
	SetLimit, ResetLimit  string
	Max                   int
	PauseLimit, SkipLimit Use
	PauseFor              time.Duration
}

// A Task is a task that some process has made known.
type Task struct {
	Name   string
	Queue  string
	Rules  []byte // JSON of its defaults, for an enqueue by name; nil is none
	Schema []byte // JSON Schema of the input; nil is unknown
	Paused bool
	Seen   time.Time // when a process last registered it; set by the store
}

// A Queue is a queue as it is now. Counts stop at the limit given to Queues.
type Queue struct {
	Name    string
	Paused  bool
	Workers int           // that Control has set for each process; 0 is what each says itself
	Counts  map[State]int // of states that have not ended
	Oldest  time.Time     // run_at of the job available longest; zero if none
}
