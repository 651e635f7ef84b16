package operate

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/cause"
	"github.com/offloadhq/offload/internal/inside"
	"github.com/offloadhq/offload/store"
)

// An ErrorGroup is failures of attempts that are alike: of one task and kind, and with the same
// message once numbers, ids, quoted values and addresses are taken out of it; of panics in the
// same function of yours, too. They are grouped some seconds after they were. Of jobs with
// offload.Encrypt no text is told, and their failures are grouped by task and kind alone.
type ErrorGroup struct {
	Group     string      `json:"group"` // its id, for offload.Filter too: jobs that failed so last
	Task      string      `json:"task"`
	Kind      string      `json:"kind"`  // the error's Go type, "panic", "timeout" or "crash"
	Title     string      `json:"title"` // the message, without what differs; "" where Encrypted
	Encrypted bool        `json:"encrypted,omitempty"`
	Status    ErrorStatus `json:"status"`
	Changed   time.Time   `json:"changed,omitzero"` // when the status last became another
	Count     int64       `json:"count"`            // failures
	First     time.Time   `json:"first"`
	Last      time.Time   `json:"last"`
	Job       offload.ID  `json:"job"` // that failed last
	Attempt   int         `json:"attempt"`
	Error     string      `json:"error,omitempty"`      // of that attempt; "" if the job is gone, or Encrypted
	Keys      []ErrorKey  `json:"keys,omitempty"`       // of jobs that failed, at most 20, those of most failures first
	OtherKeys int64       `json:"other_keys,omitempty"` // failures with other keys and tags than these
	Hours     []int64     `json:"hours,omitempty"`      // failures in each of the last hours, the present one last
}

// An ErrorKey is a key or a tag of jobs that failed.
type ErrorKey struct {
	Key   string `json:"key"`   // of a limit, of turns, or of a unique job; or a tag, "name=value"
	Count int64  `json:"count"` // failures
}

// An ErrorStatus is what people think of an ErrorGroup.
type ErrorStatus string

// What people think of a group.
const (
	ErrorOpen     ErrorStatus = "open"
	ErrorMuted    ErrorStatus = "muted"    // nobody wants to hear of it; it goes on to be counted
	ErrorResolved ErrorStatus = "resolved" // mended: open again when it comes back
)

// An ErrorQuery selects groups. A slice that is empty matches any.
type ErrorQuery struct {
	Tasks    []string
	Statuses []ErrorStatus
	Since    time.Time // of the last failure, at or after
	Hours    int       // of ErrorGroup.Hours: 24 are a day; at most 336
	Max      int       // groups of a page, 100 if 0, at most 1,000

	// The next page has the Last and the Group of the last group of this one.
	Before      time.Time
	BeforeGroup string
}

// Errors returns groups of failures, the one that failed last first. A group goes 30 days after
// its last failure.
func (o *Operator) Errors(ctx context.Context, q ErrorQuery) ([]ErrorGroup, error) {
	s, err := o.store()
	if err != nil {
		return nil, err
	}
	if err := q.check(); err != nil {
		return nil, err
	}
	find := store.GroupQuery{Tasks: q.Tasks, Since: q.Since, Hours: q.Hours, Max: q.Max, Before: q.Before, BeforeID: q.BeforeGroup}
	for _, status := range q.Statuses {
		find.Statuses = append(find.Statuses, store.ErrorStatus(status))
	}
	found, err := s.ErrorGroups(ctx, find)
	if err != nil {
		return nil, fmt.Errorf("offload: list errors: %w", err)
	}
	groups := make([]ErrorGroup, len(found))
	for i := range found {
		groups[i] = errorGroup(&found[i])
	}
	return groups, nil
}

func (q *ErrorQuery) check() error {
	for _, task := range q.Tasks {
		if err := inside.CheckName("Tasks", task); err != nil {
			return err
		}
	}
	for _, status := range q.Statuses {
		if !slices.Contains(store.ErrorStatuses, store.ErrorStatus(status)) {
			return &offload.InputError{Field: "Statuses", Got: string(status), Want: "open, muted or resolved"}
		}
	}
	switch {
	case q.Hours < 0 || q.Hours > store.MaxErrorHours:
		return &offload.InputError{Field: "Hours", Got: q.Hours, Want: fmt.Sprintf("0 to %d", store.MaxErrorHours)}
	case q.Max < 0 || q.Max > 1000:
		return &offload.InputError{Field: "Max", Got: q.Max, Want: "0 (100) to 1,000"}
	case q.BeforeGroup != "":
		return checkGroup("BeforeGroup", q.BeforeGroup)
	}
	return nil
}

// checkGroup refuses what can be no group's id.
func checkGroup(field, group string) error {
	if !cause.IsGroup(group) {
		return &offload.InputError{Field: field, Got: group, Want: inside.GroupWant}
	}
	return nil
}

func errorGroup(g *store.ErrorGroup) ErrorGroup {
	group := ErrorGroup{
		Group: g.Group, Task: g.Task, Kind: g.Kind, Title: g.Title, Encrypted: g.Sealed, Status: ErrorStatus(g.Status), Changed: g.Changed,
		Count: g.Count, First: g.First, Last: g.Last, Job: g.Job, Attempt: g.Attempt, Error: g.Error, OtherKeys: g.OtherKeys, Hours: g.Hours,
	}
	for _, k := range g.Keys {
		group.Keys = append(group.Keys, ErrorKey(k))
	}
	return group
}

// Error returns a group with its counts of the last 14 days, or an ErrNotFound.
func (o *Operator) Error(ctx context.Context, group string) (*ErrorGroup, error) {
	s, err := o.store()
	if err != nil {
		return nil, err
	}
	if err := checkGroup("Group", group); err != nil {
		return nil, err
	}
	found, err := s.ErrorGroups(ctx, store.GroupQuery{Groups: []string{group}, Hours: store.MaxErrorHours, Max: 1})
	if err != nil {
		return nil, fmt.Errorf("offload: read error %s: %w", group, err)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("offload: error %s: %w", group, offload.ErrNotFound)
	}
	g := errorGroup(&found[0])
	return &g, nil
}

// MuteError has a group be no news any more: it goes on to be counted, and stays muted until
// OpenError or ResolveError.
func (o *Operator) MuteError(ctx context.Context, group string) error {
	return o.setError(ctx, group, store.ErrorMuted)
}

// ResolveError says that what caused a group is mended. It is open again with the first failure
// after that.
func (o *Operator) ResolveError(ctx context.Context, group string) error {
	return o.setError(ctx, group, store.ErrorResolved)
}

// OpenError takes MuteError and ResolveError back.
func (o *Operator) OpenError(ctx context.Context, group string) error {
	return o.setError(ctx, group, store.ErrorOpen)
}

func (o *Operator) setError(ctx context.Context, group string, status store.ErrorStatus) error {
	if err := checkGroup("Group", group); err != nil {
		return err
	}
	return o.control(ctx, store.Control{SetError: group, Status: status})
}

// RetryError retries, in the background, the jobs that failed last as a group says and have not
// run since: those that were discarded, and those that wait for a retry.
func (o *Operator) RetryError(ctx context.Context, group string) (*offload.Job, error) {
	return o.forGroup(ctx, o.RetryAll, group, offload.Discarded, offload.Retryable)
}

// DiscardError cancels, in the background, the jobs that failed last as a group says and would be
// tried again.
func (o *Operator) DiscardError(ctx context.Context, group string) (*offload.Job, error) {
	return o.forGroup(ctx, o.CancelAll, group, offload.Retryable, offload.Available, offload.Blocked)
}

// forGroup acts on jobs of a group that is there.
func (o *Operator) forGroup(ctx context.Context, act func(context.Context, offload.Filter) (*offload.Job, error),
	group string, states ...offload.State,
) (*offload.Job, error) {
	if _, err := o.Error(ctx, group); err != nil {
		return nil, err
	}
	return act(ctx, offload.Filter{Group: group, States: states})
}
