package postgres

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/store"
)

// Look is that of store.Member: one round trip.
func (s *Store) Look(ctx context.Context, process store.ID) (v store.View, err error) {
	var missed bool // signals of jobs that nobody runs
	var o origin
	err = s.onEngine(ctx, "look for work", func(ctx context.Context, conn *pgx.Conn) error {
		v, missed = store.View{}, false
		known, whole := s.lanes.begin()
		began := time.Now()
		err := s.engineTrip(ctx, conn,
			s.lookLanes(known, whole, &v.Lanes),
			step{sql: s.sql.lookParked, rows: readParked(&v)},
			step{sql: s.sql.lookSelf, args: []any{[16]byte(process), store.DeclaredFor.Microseconds()}, rows: readSelf(&v, &missed)},
			s.originStep(&o),
		)
		if codeOf(err) == codeNoRight {
			s.plain.Store(true) // the next look does without
		}
		if err == nil && whole {
			s.lanes.end(v.Lanes, time.Since(began))
		}
		return err
	})
	if err != nil {
		return store.View{}, err
	}
	if s.keepStanding(&o); o.away() {
		return store.View{Now: v.Now, Quiet: v.Quiet, Stop: v.Stop, Lost: v.Lost, Away: true}, nil
	}
	if missed {
		_ = s.sweep(ctx) // the next look tries again
	}
	slices.SortFunc(v.Lanes, func(a, b store.Lane) int {
		return cmp.Or(cmp.Compare(a.Queue, b.Queue), cmp.Compare(a.Priority, b.Priority))
	})
	return v, nil
}

// lookLanes is the statement that finds the lanes: all of them, or those known, each from where
// claims begin.
func (s *Store) lookLanes(known []store.Lane, whole bool, found *[]store.Lane) step {
	st := step{sql: s.sql.lookLanes, args: []any{}, rows: func(rows pgx.Rows) error {
		var l store.Lane
		for rows.Next() {
			if err := rows.Scan(&l.Queue, &l.Priority, &l.RunAt); err != nil {
				return err
			}
			*found = append(*found, l)
		}
		return rows.Err()
	}}
	if whole {
		return st
	}
	queues, priorities, marks := make([]string, len(known)), make([]int16, len(known)), make([]time.Time, len(known))
	for i, l := range known {
		queues[i], priorities[i], marks[i] = l.Queue, int16(l.Priority), s.marks.of(l)
	}
	st.sql, st.args = s.sql.lookKnown, []any{queues, priorities, marks}
	return st
}

// Lanes are those found by the last look from the left. Like a claim it walks over dead entries
// that an old snapshot keeps. Where that has become slow, time after time, it is made less often,
// and the known lanes are looked at from their marks in between.
type lanes struct {
	mu    sync.Mutex
	known []store.Lane
	at    time.Time
	costs [3]time.Duration // of the last looks from the left
}

// slowLook is a look from the left that is not made each time.
const slowLook = 50 * time.Millisecond

func (l *lanes) begin() (known []store.Lane, whole bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	cost := slices.Min(l.costs[:]) // one that was slow by chance tells nothing
	if now := time.Now(); cost < slowLook || now.Sub(l.at) >= fullShare*cost {
		l.at = now
		return nil, true
	}
	return l.known, false
}

func (l *lanes) end(known []store.Lane, cost time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.known, l.costs = slices.Clone(known), [3]time.Duration{cost, l.costs[0], l.costs[1]}
}

// of returns where a look at a lane may begin: its mark, or where it began when it was seen.
func (m *marks) of(l store.Lane) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	if q := m.queues[l.Queue]; q != nil {
		if known := q.lanes[l.Priority]; known != nil && l.Priority < store.FairLane && known.mark.After(l.RunAt) {
			return known.mark
		}
	}
	return l.RunAt
}

// readParked reads what of blocked could run now.
func readParked(v *store.View) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		var suspect bool
		var p store.Parked
		for rows.Next() {
			if err := rows.Scan(&suspect, &p.Queue, &p.Task); err != nil {
				return err
			}
			switch {
			case !suspect:
				v.Parked = append(v.Parked, p)
			case len(v.Suspects) == 0 || v.Suspects[len(v.Suspects)-1] != p.Queue:
				v.Suspects = append(v.Suspects, p.Queue)
			}
		}
		return rows.Err()
	}
}

// readSelf reads what concerns the process itself, and what is paused.
func readSelf(v *store.View, missed *bool) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		var cancel [][16]byte
		for rows.Next() {
			var admit, expire, tick *time.Time
			err := rows.Scan(&v.Now, &v.Quiet, &v.Stop, &v.Lost, &v.Paused, &v.Tasks, &v.Workers, &cancel, missed, &admit, &expire, &tick, &v.Inbox, &v.Settle)
			if err != nil {
				return err
			}
			v.Admit, v.Expire, v.Tick = timeOf(admit), timeOf(expire), timeOf(tick)
		}
		for _, id := range cancel {
			v.Cancel = append(v.Cancel, id)
		}
		return rows.Err()
	}
}
