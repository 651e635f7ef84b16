package store

import (
	"context"
	"time"
)

// Copies moves all that is stored into another store, of whatever kind.
//
// A Move is kept on both sides. While it is there a store is away (see Origins), so that no job
// runs on either: neither twice, nor in between. Adopt ends it. Where a Move was not finished, it goes on.
type Copies interface {
	// SetMove makes the store part of a move, which Origin tells, or part of it in another way.
	SetMove(ctx context.Context, m Move) error

	// Export returns jobs with all that is known of them, in the order of their ids, those after
	// an id, at most max; none are all. The store must be at rest: a page is of one moment, but not all
	// of them are of the same.
	Export(ctx context.Context, after ID, max int) ([]Copied, error)

	// Import stores jobs, in one transaction, and returns how many: those whose id is there it
	// passes over. They last through a loss of power when ImportBook has returned. Limits and turns of
	// those that wait are decided when they are claimed. What waits for others is not looked at before
	// the store is adopted: then all of it is, by Settle.
	Import(ctx context.Context, jobs []Copied) (stored int, err error)

	// ExportKeys returns unique keys that are held, by task and key, those after one, at most max.
	ExportKeys(ctx context.Context, after CopiedKey, max int) ([]CopiedKey, error)

	// ImportKeys stores unique keys, or replaces those that are there.
	ImportKeys(ctx context.Context, keys []CopiedKey) error

	// ExportBook returns what is stored beside jobs and their keys.
	ExportBook(ctx context.Context) (Book, error)

	// ImportBook stores that, or replaces it. The jobs have been imported.
	ImportBook(ctx context.Context, b Book) error
}

// A Move takes all that is stored from one store into another.
type Move struct {
	ID    ID     `json:"id"`
	From  string `json:"from"` // Origin.Here of the two
	To    string `json:"to"`
	Ended bool   `json:"ended,omitempty"` // in From: everything is in To
}

// A Copied is a job as it comes from one store into another. What runs, waits for a limit or for
// a process is due there, where it was in line; whoever ran it does not any more. What waits for other jobs,
// or for a person, waits on.
type Copied struct {
	NewJob    // RunAt is when it is due, or was; Delay is 0, and After nil: see Edges
	CreatedAt time.Time

	// State is Available if it waits, for whatever and until whenever; Completed, Discarded, Cancelled
	// or Expired; or Deleted: then it is the id that stays for a while.
	State      State
	StartedAt  time.Time     // of the last attempt; zero if none was started
	FinishedAt time.Time     // zero unless it has ended
	Keep       time.Duration // after FinishedAt
	Attempt    int
	Failed     int // attempts
	Begun      bool
	Crashes    int
	CrashedAt  time.Time // last

	Failures []Failure // oldest first
	Result   []byte
	Progress *Progress // of the last attempt
	Logs     []LogLine // Fence.ID is not set
	LogFull  bool
	Memos    []Memo // by name

	Waits   string         // WaitsAfter or WaitsHeld; "" unless it waits so
	Cut     bool           // it was cancelled for an upstream, and comes back when that is retried
	Edges   []EdgeState    // in the order in which it was given them; Job is not set
	Members []CopiedMember // of a batch, by id
}

// A CopiedMember is a member of a batch, as the batch knows it.
type CopiedMember struct {
	ID       ID
	State    State // "" while it has not ended, Deleted
	StandsIn bool  // for one whose unique key it holds: its own Terms do not name the batch
}

// A CopiedKey is a unique key and the job that holds it.
type CopiedKey struct {
	Task, Key string
	ID        ID
	Until     Until // "" with ExpiresAt
	ExpiresAt time.Time
}

// A Book is what a store keeps beside jobs: what programs and people have said. Figures are left out.
type Book struct {
	Tasks     []Task
	Queues    []string       // that are paused
	Workers   map[string]int // of queues for which Control has set them
	Limits    []LimitState   // without Keys; offload's own too
	Gates     []Gate
	Schedules []Schedule
	Records   []Record
	Documents []Document // that have not expired
}

// A Gate is what is kept of a key of a limit, beside the jobs that hold it.
type Gate struct {
	Limit, Key string
	FullAt     time.Time // with Per: when all starts of the burst are there again
	Paused     time.Time // until then
	Stopped    ID        // Strict: by this job
	Kept       []ID      // Strict: jobs that keep it while they wait for another attempt
}
