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

// allLanes are all lanes, in the order of a claim.
var allLanes = func() (lanes []int) {
	for p := range store.FairLane {
		lanes = append(lanes, p, store.FairLane+p)
	}
	return lanes
}()

// A drawn is a claimed job with what the statements say of it beside.
type drawn struct {
	store.Claimed
	lane  int
	order time.Time // its place in the lane
	uses  int16
}

// claimRounds is how often one call claims where it comes upon jobs that are to be decided.
const claimRounds = 8

// Claim is that of store.Worker. Jobs whose limits and turns are not decided yet are put into
// blocked by the claim that comes upon them, and decided in a transaction of their own: a claim
// holds rows, and who waits for gates must hold none. Then it claims again.
func (s *Store) Claim(ctx context.Context, req store.ClaimRequest) ([]store.Claimed, error) {
	lanes := req.Priorities
	if lanes == nil {
		lanes = allLanes
	}
	if req.Limit <= 0 {
		return nil, nil
	}
	if away, err := s.away(ctx); err != nil || away {
		return nil, err
	}
	var claimed []drawn
	for round := 1; ; round++ {
		some, open, err := s.claimOnce(ctx, req, lanes, req.Limit-len(claimed))
		if err != nil && len(claimed) == 0 {
			return nil, err
		}
		claimed = append(claimed, some...)
		if err != nil || len(open) == 0 {
			break
		}
		_, err = s.decide(ctx, open) // if it fails Admit does it
		if err != nil || len(claimed) >= req.Limit {
			break
		}
		if round == claimRounds {
			s.ears.hear([]store.Wake{{Queue: req.Queue, Priority: -1}}) // there may be more
			break
		}
	}
	inOrder(claimed, lanes)
	return s.begun(ctx, req.Process, claimed)
}

// begun does what follows from a claim, and returns what may be started.
func (s *Store) begun(ctx context.Context, process store.ID, claimed []drawn) ([]store.Claimed, error) {
	if slices.ContainsFunc(claimed, func(d drawn) bool { return d.Terms != nil }) {
		var err error
		if claimed, err = s.begin(ctx, process, claimed); err != nil {
			return nil, err
		}
	}
	var all []store.Claimed
	if len(claimed) > 0 {
		all = make([]store.Claimed, len(claimed))
	}
	for i := range claimed {
		all[i] = claimed[i].Claimed
	}
	return all, nil
}

// claimOnce claims once, and returns the terms of jobs that are to be decided.
func (s *Store) claimOnce(ctx context.Context, req store.ClaimRequest, lanes []int, limit int) (claimed []drawn, open map[store.ID]*store.Terms, err error) {
	doing := fmt.Sprintf("claim from queue %q", req.Queue)
	var (
		view claimView
		all  []drawn
		scan scan
	)
	err = s.onEngine(ctx, doing, func(ctx context.Context, conn *pgx.Conn) error {
		scan = s.marks.begin(req.Queue, lanes)
		view, all = claimView{}, nil
		return s.engineTrip(ctx, conn, step{
			sql:  s.sql.claim,
			args: []any{[16]byte(req.Process), req.Queue, lanes, scan.marks, limit, scan.epoch},
			rows: func(rows pgx.Rows) (err error) {
				all, err = readClaimed(rows, req.Queue, &view, all)
				return err
			},
		})
	})
	if err != nil {
		s.marks.forget(req.Queue) // what it may have taken lies left of the marks if it is put back
		return nil, nil, err
	}
	if !view.member {
		return nil, nil, errLost(doing, req.Process)
	}
	inOrder(all, lanes)
	s.marks.end(scan, view, all, limit)
	claimed, open = parted(all, func(d *drawn) bool { return d.uses&usesOpen == 0 })
	return claimed, open, nil
}

// parted are those that were claimed, and the terms of the others.
func parted(all []drawn, claimed func(d *drawn) bool) (those []drawn, open map[store.ID]*store.Terms) {
	if !slices.ContainsFunc(all, func(d drawn) bool { return !claimed(&d) }) {
		return all, nil
	}
	open = map[store.ID]*store.Terms{}
	for i := range all {
		if d := &all[i]; claimed(d) {
			those = append(those, *d)
		} else {
			open[d.ID] = d.Terms
		}
	}
	return those, open
}

// errLost is the answer to a process that is not known, or not any more.
func errLost(doing string, process store.ID) error {
	return fmt.Errorf("%s: process %s was declared lost or is unknown: %w", doing, process, store.ErrLeaseLost)
}

// inOrder sorts by the place of the lane in the request, then run_at or turn, then id.
func inOrder(claimed []drawn, lanes []int) {
	slices.SortFunc(claimed, func(a, b drawn) int {
		if a.lane != b.lane {
			return slices.Index(lanes, a.lane) - slices.Index(lanes, b.lane)
		}
		return cmp.Or(a.order.Compare(b.order), a.ID.Compare(b.ID))
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
func readClaimed(rows pgx.Rows, queue string, v *claimView, claimed []drawn) ([]drawn, error) {
	var (
		id                                            *[16]byte
		attempt, failures, crashes, maxAttempts, lane *int32
		task                                          *string
		input, tags, terms                            []byte
		large                                         *bool
		timeout, giveUpAfter, retain                  *int64
		runAt, createdAt, dueAt                       *time.Time
		uses                                          *int16
	)
	columns := []any{
		&v.member, &v.now, &v.epoch, &v.xmin, &v.number,
		&id, &attempt, &failures, &crashes, &lane, &task, &input, &large, &tags,
		&maxAttempts, &timeout, &giveUpAfter, &retain, &runAt, &createdAt, &dueAt, &uses, &terms,
	}
	for rows.Next() {
		if err := rows.Scan(columns...); err != nil {
			return nil, err
		}
		if id == nil {
			continue
		}
		d := drawn{
			Claimed: store.Claimed{
				Fence: store.Fence{ID: *id, Attempt: int(*attempt)},
				Task:  *task, Queue: queue, Priority: int(*lane) % store.FairLane, Input: input, Large: *large,
				Failures: int(*failures), Crashes: int(*crashes), MaxAttempts: int(*maxAttempts),
				Timeout: time.Duration(*timeout), GiveUpAfter: time.Duration(*giveUpAfter), Retain: time.Duration(*retain),
				RunAt: *runAt, CreatedAt: *createdAt, ClaimedAt: v.now,
			},
			lane: int(*lane), order: *runAt, uses: *uses,
		}
		if dueAt != nil {
			d.RunAt = *dueAt
		}
		if tags != nil {
			if err := json.Unmarshal(tags, &d.Tags); err != nil {
				return nil, err
			}
		}
		if terms != nil {
			var err error
			if d.Terms, err = decodeTerms(d.Task, terms); err != nil {
				return nil, err
			}
			if d.uses&usesBegun == 0 {
				d.ExpiresAt = expiresAt(d.Terms, d.RunAt)
			}
		}
		claimed = append(claimed, d)
	}
	return claimed, rows.Err()
}

// ClaimParked is that of store.Worker. Jobs under limits are left where they are by the statement
// that claims, and decided in a transaction that locks their gates first.
func (s *Store) ClaimParked(ctx context.Context, req store.ParkedRequest) ([]store.Claimed, error) {
	limit := req.Limit
	if req.Suspect {
		limit = min(limit, 1)
	}
	if limit <= 0 {
		return nil, nil
	}
	if away, err := s.away(ctx); err != nil || away {
		return nil, err
	}
	var claimed []drawn
	for range claimRounds {
		some, open, err := s.claimParkedOnce(ctx, req, limit-len(claimed))
		if err == nil && len(open) > 0 {
			var more []drawn
			more, err = s.decideParked(ctx, req, open)
			some = append(some, more...)
		}
		if err != nil && len(claimed)+len(some) == 0 {
			return nil, err
		}
		if claimed = append(claimed, some...); err != nil || len(open) == 0 || len(claimed) >= limit {
			break
		}
	}
	slices.SortFunc(claimed, func(a, b drawn) int {
		return cmp.Or(a.lane-b.lane, a.order.Compare(b.order), a.ID.Compare(b.ID))
	})
	return s.begun(ctx, req.Process, claimed)
}

// claimParkedOnce claims once, and returns the terms of jobs that are to be decided.
func (s *Store) claimParkedOnce(ctx context.Context, req store.ParkedRequest, limit int) (claimed []drawn, open map[store.ID]*store.Terms, err error) {
	doing := fmt.Sprintf("claim parked jobs of queue %q", req.Queue)
	var (
		view claimView
		all  []drawn
	)
	err = s.onEngine(ctx, doing, func(ctx context.Context, conn *pgx.Conn) error {
		view, all = claimView{}, nil
		return s.engineTrip(ctx, conn, step{
			sql:  s.sql.claimParked,
			args: []any{[16]byte(req.Process), req.Queue, req.Suspect, bytesless(req.Tasks), limit},
			rows: func(rows pgx.Rows) (err error) {
				all, err = readClaimed(rows, req.Queue, &view, all)
				return err
			},
		})
	})
	if err != nil {
		return nil, nil, err
	}
	if !view.member {
		return nil, nil, errLost(doing, req.Process)
	}
	claimed, open = parted(all, func(d *drawn) bool { return d.uses&usesGated == 0 })
	return claimed, open, nil
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
