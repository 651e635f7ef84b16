package offload

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/offloadhq/offload/store"
)

// An ID is a UUIDv7: made by NewID, read by ParseID, and written in the usual 36 characters.
// The zero ID is no job's.
type ID = store.ID

// NewID makes an id of now.
func NewID() ID { return store.NewID() }

// ParseID reads what String writes.
func ParseID(s string) (ID, error) { return store.ParseID(s) }

// State is where a job is in its life. Its method Ended tells whether that is over.
type State = store.State

// The states of a job.
const (
	Scheduled = store.Scheduled // waits for its time
	Available = store.Available // waits for a worker
	Blocked   = store.Blocked   // waits for something else: a process that knows its task, …
	Running   = store.Running   // is being run
	Retryable = store.Retryable // failed, and will be tried again
	Completed = store.Completed // its handler returned nil
	Discarded = store.Discarded // failed for good
	Cancelled = store.Cancelled // ended by a person, a program or its handler
	Expired   = store.Expired   // was not started in time
)

// A Job is what was known of a job when it was read: a plain value.
type Job struct {
	ID          ID                `json:"id"`
	Task        string            `json:"task"`
	Queue       string            `json:"queue"`
	State       State             `json:"state"`
	Waits       string            `json:"waits,omitempty"` // why it is blocked: "task", "paused", "alone", "limit", "after", "held"
	Priority    int               `json:"priority"`
	Attempt     int               `json:"attempt"`  // starts so far, this one included: it strictly rises
	Failures    int               `json:"failures"` // attempts that failed: these count against MaxAttempts
	MaxAttempts int               `json:"max_attempts"`
	RunAt       time.Time         `json:"run_at"`
	CreatedAt   time.Time         `json:"created_at"`
	StartedAt   time.Time         `json:"started_at,omitzero"`  // of the running or last attempt
	FinishedAt  time.Time         `json:"finished_at,omitzero"` // of the job
	Process     string            `json:"process,omitempty"`    // that runs it
	Cancelling  bool              `json:"cancelling,omitempty"` // it runs, and was asked to end
	Tags        map[string]string `json:"tags,omitempty"`
	Error       string            `json:"error,omitempty"` // of the last failed attempt
	Input       json.RawMessage   `json:"input,omitempty"`
	Result      json.RawMessage   `json:"result,omitempty"`
	Progress    *ProgressInfo     `json:"progress,omitempty"`
	Schedule    string            `json:"schedule,omitempty"` // that enqueued it
	Tick        time.Time         `json:"tick,omitzero"`      // of that schedule
	Flow        ID                `json:"flow,omitzero"`      // the jobs enqueued together of which some wait for others
	Batch       ID                `json:"batch,omitzero"`     // the batch that it is a member of
	Limits      []LimitUse        `json:"limits,omitempty"`   // that it is under
	UniqueKey   string            `json:"unique_key,omitempty"`
	FairKey     string            `json:"fair_key,omitempty"`
	Expire      time.Duration     `json:"expire,omitempty"` // nanoseconds after it was first due
	Existing    bool              `json:"-"`                // Enqueue: it was there already; State is "" if nothing more is known of it
	Replaced    bool              `json:"-"`                // Enqueue: and it has the new input

	hidden bool // Result is not what the handler returned
}

// A LimitUse is a limit that a job is under.
type LimitUse struct {
	Name  string `json:"name"`
	Key   string `json:"key,omitempty"`
	Cost  int    `json:"cost,omitempty"`
	Waits bool   `json:"waits,omitempty"` // it waits for room
}

// A Failure is one failed attempt.
type Failure struct {
	Attempt   int       `json:"attempt"`
	Error     string    `json:"error"`
	Kind      string    `json:"kind"` // the error's Go type, "panic", "timeout" or "crash"; "after" if the job was cancelled for another
	Stack     string    `json:"stack,omitempty"`
	Process   string    `json:"process"`
	StartedAt time.Time `json:"started_at"`
	FailedAt  time.Time `json:"failed_at"`
}

// A Filter selects jobs: those that match every field that is set. The zero Filter selects
// all for reading, and is refused for acting. A slice that is empty matches any.
type Filter struct {
	IDs      []ID      `json:"ids,omitempty"`
	States   []State   `json:"states,omitempty"`
	Tasks    []string  `json:"tasks,omitempty"`
	Queues   []string  `json:"queues,omitempty"`   // offload's own queue only if named
	Tag      string    `json:"tag,omitempty"`      // "name" or "name=value"
	Process  ID        `json:"process,omitzero"`   // that runs it
	Search   string    `json:"search,omitempty"`   // text in the error of the last failure
	Key      string    `json:"key,omitempty"`      // of a limit, of turns, or its own as a unique job
	Limit    string    `json:"limit,omitempty"`    // that it is under
	Schedule string    `json:"schedule,omitempty"` // that enqueued it
	Flow     ID        `json:"flow,omitzero"`      // the flow that it belongs to, or that others have made by waiting for it
	Batch    ID        `json:"batch,omitzero"`     // the batch that it is a member of
	Group    string    `json:"group,omitempty"`    // of errors, that its last failure is of
	Since    time.Time `json:"since,omitzero"`     // created at or after
	Until    time.Time `json:"until,omitzero"`     // created before
	Before   ID        `json:"before,omitzero"`    // the page after this id
	Max      int       `json:"max,omitempty"`      // jobs of a page, 100 if 0, at most 10,000
	All      bool      `json:"all,omitempty"`      // acting on everything is meant

	Priorities []int `json:"priorities,omitempty"`

	// Input is what the input says, all of it, as it is shown: what is secret or encrypted is not
	// found. Reading may take long, and Search says how far it has come.
	Input []Match `json:"input,omitempty"`

	// Soonest lists jobs by the time that they are due, those alone that wait for one: scheduled
	// and retryable. It means nothing for acting.
	Soonest bool   `json:"soonest,omitempty"`
	After   Cursor `json:"after,omitzero"` // the page after this place: Found.Reached of the one before
}

// A Match is what an input must say: that the value at Path, names of fields with dots between, is Value
// or prints as it: 42 is the number and the text. A list on the way is what any of its elements is.
// With no Path it is that the input has the text Value anywhere, upper and lower case alike.
type Match = store.Match

// A Cursor is a place in a listing. Its String is for addresses and commands.
type Cursor = store.Cursor

// ParseCursor reads what Cursor.String has written.
func ParseCursor(text string) (Cursor, error) { return store.ParseCursor(text) }

// jobOf makes a Job of what a store knows.
func jobOf(s *store.Job) *Job {
	j := &Job{
		ID: s.ID, Task: s.Task, Queue: s.Queue, State: s.State, Waits: s.Waits, Priority: s.Priority,
		Attempt: s.Attempt, Failures: s.Failures, MaxAttempts: s.MaxAttempts,
		RunAt: s.RunAt, CreatedAt: s.CreatedAt, StartedAt: s.StartedAt, FinishedAt: s.FinishedAt,
		Process: s.Process, Cancelling: s.Cancelling, Tags: s.Tags, Error: s.Error,
		Input: s.Input, Result: s.Result,
	}
	j.Progress = progressOf(s.Progress)
	j.setTerms(s.Terms)
	for i := range j.Limits {
		j.Limits[i].Waits = s.Waits == store.WaitsLimit && j.Limits[i].Name == s.Limit.Limit
	}
	return j
}

// setTerms takes over what is known of a job that is not plain. Limits that offload has made
// for itself are left out.
func (j *Job) setTerms(t *store.Terms) {
	if t == nil {
		return
	}
	j.Schedule, j.Tick, j.Expire, j.Flow, j.Batch = t.Schedule, t.Tick, t.Expire, t.Flow, t.Batch
	for _, u := range t.Limits {
		if !strings.HasPrefix(u.Limit, store.OwnLimit) {
			j.Limits = append(j.Limits, LimitUse{Name: u.Limit, Key: u.Key, Cost: u.Cost})
		}
	}
	if t.Unique != nil {
		j.UniqueKey = t.Unique.Key
	}
	if t.Turn != nil {
		j.FairKey = t.Turn.Key
	}
}

// jobOfClaim makes a Job of a claim: what a handler sees.
func jobOfClaim(c *store.Claimed) *Job {
	j := &Job{
		ID: c.ID, Task: c.Task, Queue: c.Queue, State: Running, Priority: c.Priority,
		Attempt: c.Attempt, Failures: c.Failures, MaxAttempts: c.MaxAttempts,
		RunAt: c.RunAt, CreatedAt: c.CreatedAt, StartedAt: c.ClaimedAt,
		Tags: c.Tags, Input: c.Input,
	}
	j.setTerms(c.Terms)
	return j
}
