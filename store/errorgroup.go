package store

import (
	"context"
	"time"
)

// ErrorGroups groups failures of attempts that are alike: of one task and kind, and with the same
// message once numbers, ids, quoted values and addresses are taken out of it (internal/cause). Not
// among them are those of jobs that were only cut off by an upstream, of KindAfter.
//
// A failure is grouped behind the finish that wrote it, so that no finish is slower for it. A job
// belongs to the group of its last failure. No text of a job is kept with a group but its title:
// the sample is read where the job has it, and goes with the job; the title goes when a job of the
// group is erased, until another fails so. Of a job that is encrypted
// neither is told, and its failures are grouped by task and kind alone.
type ErrorGroups interface {
	// GroupErrors groups failures that are not yet, oldest first, at most max, each once, and
	// returns how many there were. Fewer than max means that it is done for now. Those that
	// another process is grouping are passed over.
	//
	// A group that is resolved is open again with a failure after that. Groups go RetainErrors
	// after their last failure, by Prune.
	GroupErrors(ctx context.Context, max int) (int, error)

	// ErrorGroups returns groups, the one that failed last first.
	ErrorGroups(ctx context.Context, q GroupQuery) ([]ErrorGroup, error)
}

// A GroupQuery selects groups. A slice that is empty matches any.
type GroupQuery struct {
	Groups   []string
	Tasks    []string
	Statuses []ErrorStatus
	Since    time.Time // of the last failure, at or after
	Before   time.Time // the page after the group whose last failure was then
	BeforeID string    // and that is that group
	Hours    int       // of ErrorGroup.Hours, at most MaxErrorHours
	Max      int       // 0 is 100
}

// An ErrorGroup is failures that are alike.
type ErrorGroup struct {
	Group       string // 16 hexadecimal digits
	Task, Kind  string
	Title       string // the message without what differs; "" where Sealed
	Sealed      bool   // its jobs are encrypted
	Status      ErrorStatus
	Changed     time.Time // when the status last became another; zero if it never has
	Count       int64     // failures
	First, Last time.Time
	Job         ID     // that failed last
	Attempt     int    // of that job
	Error       string // of that attempt; "" if the job is gone, or Sealed
	Keys        []ErrorKey
	OtherKeys   int64   // failures of jobs with keys or tags beyond MaxErrorKeys
	Hours       []int64 // failures in each of the last hours, the present one last
}

// An ErrorKey is a key or a tag of jobs that have failed.
type ErrorKey struct {
	Key   string `json:"key"`   // of a limit, a turn, or a unique job; or a tag, "name=value"
	Count int64  `json:"count"` // failures
}

// An ErrorStatus is what people think of a group.
type ErrorStatus string

const (
	ErrorOpen     ErrorStatus = "open"
	ErrorMuted    ErrorStatus = "muted"    // nobody wants to hear of it; it goes on to be counted
	ErrorResolved ErrorStatus = "resolved" // mended: open again when it comes back
)

// ErrorAct is what a record says of a group that was given a status.
func ErrorAct(group string, status ErrorStatus) string {
	verb := map[ErrorStatus]string{ErrorOpen: "open", ErrorMuted: "mute", ErrorResolved: "resolve"}[status]
	return verb + " error " + group
}

// ErrorStatuses are all there are.
var ErrorStatuses = []ErrorStatus{ErrorOpen, ErrorMuted, ErrorResolved}

// Numbers of groups that all stores share.
const (
	MaxErrorKeys     = 20
	MaxErrorHours    = 14 * 24
	RetainErrors     = RetainGaveUp
	RetainErrorHours = (MaxErrorHours + 1) * time.Hour
)
