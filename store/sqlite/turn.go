package sqlite

import (
	"database/sql"
	_ "embed"

	"github.com/offloadhq/offload/store"
)

//go:embed sql/turn_ends.sql
var turnEndsSQL string

var putTurns = withRows("INSERT INTO offload_turn (queue, priority, key, end_at) ", 4, " ON CONFLICT DO UPDATE SET end_at = excluded.end_at")

// turnParts are parts of a microsecond: in them the ends of turns are kept, so that weights up
// to 100 are told apart.
const turnParts = 100

// turns are the lanes of turns that a transaction has looked at.
type turns struct {
	turnLanes map[lane]*turnLane
}

// A lane is a queue's jobs of one priority, or those of it that take turns.
type lane struct {
	queue    string
	priority int
}

// A turnLane is a lane of turns as a transaction knows it.
type turnLane struct {
	first int64            // turn from which a new one counts, in parts
	ends  map[string]int64 // of the last turns of keys, in parts; 0 is none
	moved map[string]bool  // ends that are not written yet
}

// lookAtTurns reads the last turns of keys.
func (t *txn) lookAtTurns(l lane, keys []string) (*turnLane, error) {
	if t.turnLanes == nil {
		t.turnLanes = map[lane]*turnLane{}
	}
	at := t.turnLanes[l]
	if at == nil {
		first := t.now - store.TurnBase.Microseconds()
		_, err := one(t, []any{&first}, "SELECT run_at FROM offload_due WHERE queue = ?1 AND priority = ?2 ORDER BY run_at, id LIMIT 1", l.queue, l.priority)
		if err != nil {
			return nil, err
		}
		at = &turnLane{first: first * turnParts, ends: map[string]int64{}, moved: map[string]bool{}}
		t.turnLanes[l] = at
	}
	var lacks []string
	for _, key := range keys {
		if _, known := at.ends[key]; !known {
			at.ends[key] = 0
			lacks = append(lacks, key)
		}
	}
	if len(lacks) == 0 {
		return at, nil
	}
	return at, each(t, func(rows *sql.Rows) error {
		var key string
		var end int64
		err := rows.Scan(&key, &end)
		at.ends[key] = end
		return err
	}, turnEndsSQL, l.queue, l.priority, list(lacks))
}

// next is the turn of a new job.
func (l *turnLane) next(turn *store.Turn) int64 {
	start := max(l.first, l.ends[turn.Key])
	l.ends[turn.Key] = start + store.TurnStep.Microseconds()*turnParts/int64(max(turn.Weight, 1))
	l.moved[turn.Key] = true
	return start / turnParts
}

// giveTurn gives a job its turn, if it is to have one and has none.
func (t *txn) giveTurn(r *row, a *asked) error {
	if a.terms == nil || a.terms.Turn == nil || r.turn.Valid {
		return nil
	}
	l, err := t.lookAtTurns(lane{a.queue, store.FairLane + a.priority}, []string{a.terms.Turn.Key})
	if err != nil {
		return err
	}
	r.turn = sql.NullInt64{Int64: l.next(a.terms.Turn), Valid: true}
	return nil
}

// keepTurns writes the ends of turns that were given.
func (t *txn) keepTurns() error {
	var args []any
	for l, at := range t.turnLanes {
		for key := range at.moved {
			args = append(args, l.queue, l.priority, key, at.ends[key])
		}
		clear(at.moved)
	}
	return t.execRows(&putTurns, 4, args)
}
