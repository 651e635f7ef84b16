package postgres

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/store"
)

var allPriorities = []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}

// Claim is that of store.Worker.
func (s *Store) Claim(ctx context.Context, req store.ClaimRequest) ([]store.Claimed, error) {
	priorities := req.Priorities
	if priorities == nil {
		priorities = allPriorities
	}
	if req.Limit <= 0 {
		return nil, nil
	}
	doing := fmt.Sprintf("claim from queue %q", req.Queue)
	var (
		view    claimView
		claimed []store.Claimed
		scan    scan
	)
	err := s.onEngine(ctx, doing, func(ctx context.Context, conn *pgx.Conn) error {
		scan = s.marks.begin(req.Queue, priorities)
		view, claimed = claimView{}, nil
		return s.engineTrip(ctx, conn, step{
			sql:  s.sql.claim,
			args: []any{[16]byte(req.Process), req.Queue, priorities, scan.marks, req.Limit, scan.epoch},
			rows: func(rows pgx.Rows) (err error) {
				claimed, err = readClaimed(rows, req.Queue, &view, claimed)
				return err
			},
		})
	})
	if err != nil {
		s.marks.forget(req.Queue) // what it may have taken lies left of the marks if it is put back
		return nil, err
	}
	if !view.member {
		return nil, errLost(doing, req.Process)
	}
	inOrder(claimed, priorities)
	s.marks.end(scan, view, claimed, req.Limit)
	return claimed, nil
}

// errLost is the answer to a process that is not known, or not any more.
func errLost(doing string, process store.ID) error {
	return fmt.Errorf("%s: process %s was declared lost or is unknown: %w", doing, process, store.ErrLeaseLost)
}

// inOrder sorts by the place of the priority in the request, then run_at, then id.
func inOrder(claimed []store.Claimed, priorities []int) {
	slices.SortFunc(claimed, func(a, b store.Claimed) int {
		if a.Priority != b.Priority {
			return slices.Index(priorities, a.Priority) - slices.Index(priorities, b.Priority)
		}
		return cmp.Or(a.RunAt.Compare(b.RunAt), a.ID.Compare(b.ID))
	})
}

// A claimView is what a claim saw beside jobs.
type claimView struct {
	member bool // the process is there, and not lost
	now    time.Time
	epoch  int64
	xmin   int64 // of its snapshot: all transactions below have ended
	number int64 // of its own transaction
}

// readClaimed reads what the claiming statements return: at least one row, with no job if none
// was claimed.
func readClaimed(rows pgx.Rows, queue string, v *claimView, claimed []store.Claimed) ([]store.Claimed, error) {
	var (
		id                                             *[16]byte
		attempt, failures, crashes, maxAttempts, prior *int32
		task                                           *string
		input, tags                                    []byte
		large                                          *bool
		timeout, giveUpAfter, retain                   *int64
		runAt, createdAt                               *time.Time
	)
	columns := []any{
		&v.member, &v.now, &v.epoch, &v.xmin, &v.number,
		&id, &attempt, &failures, &crashes, &prior, &task, &input, &large, &tags,
		&maxAttempts, &timeout, &giveUpAfter, &retain, &runAt, &createdAt,
	}
	for rows.Next() {
		if err := rows.Scan(columns...); err != nil {
			return nil, err
		}
		if id == nil {
			continue
		}
		c := store.Claimed{
			Fence: store.Fence{ID: *id, Attempt: int(*attempt)},
			Task:  *task, Queue: queue, Priority: int(*prior), Input: input, Large: *large,
			Failures: int(*failures), Crashes: int(*crashes), MaxAttempts: int(*maxAttempts),
			Timeout: time.Duration(*timeout), GiveUpAfter: time.Duration(*giveUpAfter), Retain: time.Duration(*retain),
			RunAt: *runAt, CreatedAt: *createdAt, ClaimedAt: v.now,
		}
		if tags != nil {
			if err := json.Unmarshal(tags, &c.Tags); err != nil {
				return nil, err
			}
		}
		claimed = append(claimed, c)
	}
	return claimed, rows.Err()
}

// ClaimParked is that of store.Worker.
func (s *Store) ClaimParked(ctx context.Context, req store.ParkedRequest) ([]store.Claimed, error) {
	limit := req.Limit
	if req.Suspect {
		limit = min(limit, 1)
	}
	if limit <= 0 {
		return nil, nil
	}
	doing := fmt.Sprintf("claim parked jobs of queue %q", req.Queue)
	var (
		view    claimView
		claimed []store.Claimed
	)
	err := s.onEngine(ctx, doing, func(ctx context.Context, conn *pgx.Conn) error {
		view, claimed = claimView{}, nil
		return s.engineTrip(ctx, conn, step{
			sql:  s.sql.claimParked,
			args: []any{[16]byte(req.Process), req.Queue, req.Suspect, bytesless(req.Tasks), limit},
			rows: func(rows pgx.Rows) (err error) {
				claimed, err = readClaimed(rows, req.Queue, &view, claimed)
				return err
			},
		})
	})
	if err != nil {
		return nil, err
	}
	if !view.member {
		return nil, errLost(doing, req.Process)
	}
	slices.SortFunc(claimed, func(a, b store.Claimed) int {
		return cmp.Or(a.Priority-b.Priority, a.RunAt.Compare(b.RunAt), a.ID.Compare(b.ID))
	})
	return claimed, nil
}

// bytesless is a list that is not null.
func bytesless(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// Inputs is that of store.Worker.
func (s *Store) Inputs(ctx context.Context, ids []store.ID) (map[store.ID][]byte, error) {
	var inputs map[store.ID][]byte
	err := s.onEngine(ctx, "read inputs", func(ctx context.Context, conn *pgx.Conn) error {
		inputs = make(map[store.ID][]byte, len(ids))
		return s.engineTrip(ctx, conn, step{
			sql: s.sql.inputs, args: []any{idsOf(ids)},
			rows: func(rows pgx.Rows) error {
				for rows.Next() {
					var id [16]byte
					var input []byte
					if err := rows.Scan(&id, &input); err != nil {
						return err
					}
					inputs[id] = input
				}
				return rows.Err()
			},
		})
	})
	return inputs, err
}
