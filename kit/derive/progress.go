package derive

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/offloadhq/offload"
)

// A Progress is how far a handler has come.
type Progress struct {
	Handler string    `json:"handler"`
	Types   []string  `json:"types"`  // that it handles
	Seq     int64     `json:"seq"`    // of the last event that it has passed
	Behind  int64     `json:"behind"` // events of all types behind that
	Held    int64     `json:"held"`   // entities of which an event has failed
	Moved   time.Time `json:"moved"`  // when it last came further
}

// Handlers are the handlers that ever were, of whatever process, by name.
func (e *Events) Handlers(ctx context.Context) ([]Progress, error) {
	rows, err := e.db.QueryContext(ctx, `SELECT c.handler, c.types, c.seq, c.moved,
    (SELECT count(*) FROM offload_events WHERE seq > c.seq) + `+e.sql.unnumbered+`,
    (SELECT count(*) FROM offload_events_held h WHERE h.handler = c.handler)
FROM offload_events_cursor c WHERE c.types <> '' ORDER BY c.handler`)
	if err != nil {
		return nil, fmt.Errorf("look at the handlers of events: %w", err)
	}
	defer rows.Close()
	var all []Progress
	for rows.Next() {
		var p Progress
		var types, moved string
		if err := rows.Scan(&p.Handler, &types, &p.Seq, &moved, &p.Behind, &p.Held); err != nil {
			return nil, err
		}
		p.Types = strings.Split(types, ",")
		p.Moved, _ = time.Parse(stampLayout, moved) // it is ours
		all = append(all, p)
	}
	return all, rows.Err()
}

// An Unhandled is a type of events that no handler handles.
type Unhandled struct {
	Type   string    `json:"type"`
	Events int64     `json:"events"` // so far
	Last   time.Time `json:"last"`
}

// Unhandled are the types of events that were recorded, and that none of the handlers that ever were handles. The log names each once.
func (e *Events) Unhandled(ctx context.Context) ([]Unhandled, error) {
	if err := errors.Join(e.numberAll(ctx), e.countUnhandled(ctx)); err != nil {
		return nil, err
	}
	return e.unhandled(ctx)
}

// unhandled are those that were counted: a process does it twice a minute.
func (e *Events) unhandled(ctx context.Context) ([]Unhandled, error) {
	handled, err := e.handled(ctx, e.db)
	if err != nil {
		return nil, err
	}
	rows, err := e.db.QueryContext(ctx, "SELECT type, events, last FROM offload_events_unhandled ORDER BY type")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []Unhandled
	for rows.Next() {
		var u Unhandled
		var at string
		if err := rows.Scan(&u.Type, &u.Events, &at); err != nil {
			return nil, err
		}
		u.Last, _ = time.Parse(stampLayout, at)
		if !handled[u.Type] {
			all = append(all, u)
		}
	}
	return all, rows.Err()
}

// handled are the types that any handler handles.
func (e *Events) handled(ctx context.Context, q querier) (map[string]bool, error) {
	rows, err := q.QueryContext(ctx, "SELECT types FROM offload_events_cursor")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[string]bool{}
	for rows.Next() {
		var types string
		if err := rows.Scan(&types); err != nil {
			return nil, err
		}
		for _, t := range strings.Split(types, ",") {
			all[t] = true
		}
	}
	return all, rows.Err()
}

const countMost = 50_000 // events at a time

// countUnhandled counts events that nobody handles, each once.
func (e *Events) countUnhandled(ctx context.Context) error {
	for more := true; more; {
		more = false
		err := e.locked(ctx, e.sql.lock, counted, func(tx *sql.Tx, seq int64) (int64, error) {
			end, err := last(ctx, tx)
			if err != nil || end <= seq {
				return seq, err
			}
			if end-seq > countMost {
				end, more = seq+countMost, true
			}
			return end, e.countBetween(ctx, tx, seq+1, end)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *Events) countBetween(ctx context.Context, tx *sql.Tx, first, end int64) error {
	handled, err := e.handled(ctx, tx)
	if err != nil {
		return err
	}
	rows, err := tx.QueryContext(ctx, "SELECT type, count(*), max(at) FROM offload_events WHERE seq BETWEEN $1 AND $2 GROUP BY type", first, end)
	if err != nil {
		return err
	}
	defer rows.Close()
	type found struct {
		name, at string
		n        int64
	}
	var all []found
	for rows.Next() {
		var f found
		if err := rows.Scan(&f.name, &f.n, &f.at); err != nil {
			return err
		}
		if !handled[f.name] {
			all = append(all, f)
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for _, f := range all {
		_, err := tx.ExecContext(ctx, `INSERT INTO offload_events_unhandled (type, events, last) VALUES ($1, $2, $3)
ON CONFLICT (type) DO UPDATE SET events = offload_events_unhandled.events + excluded.events, last = excluded.last`, f.name, f.n, f.at)
		if err != nil {
			return err
		}
		if _, was := e.said.LoadOrStore(f.name, true); !was {
			offload.Logger(ctx).WarnContext(ctx, "offload: events are recorded that nobody handles", "type", f.name, "events", f.n)
		}
	}
	return nil
}

// Replay lets a handler handle again what was recorded since a time, and what comes behind that; entities that are held are let go. What it has done stays: a handler that
// is replayed must be ready for what it finds.
func (e *Events) Replay(ctx context.Context, handler string, since time.Time) (err error) {
	for range 3 { // a job that is just letting an entity go, and this, may wait for each other
		if err = e.replay(ctx, handler, since); err == nil || errors.Is(err, offload.ErrNotFound) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("replay handler %s: %w", short(handler), err)
	}
	e.wakeAll()
	return nil
}

func (e *Events) replay(ctx context.Context, handler string, since time.Time) error {
	if err := e.numberAll(ctx); err != nil {
		return err
	}
	found := false
	err := e.locked(ctx, e.sql.wait, handler, func(tx *sql.Tx, seq int64) (int64, error) {
		found = checkName(handler) == nil
		if !found {
			return seq, nil
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM offload_events_held WHERE handler = $1", handler); err != nil {
			return seq, err
		}
		var first int64
		err := tx.QueryRowContext(ctx, "SELECT seq FROM offload_events WHERE at >= $1 ORDER BY seq LIMIT 1", stamp(since)).Scan(&first)
		if errors.Is(err, sql.ErrNoRows) {
			return last(ctx, tx)
		}
		return first - 1, err
	})
	if err == nil && !found {
		err = offload.ErrNotFound
	}
	return err
}

// Forget removes what is known of a handler that is no more, so that events need not be kept for it. One of that name begins anew.
func (e *Events) Forget(ctx context.Context, handler string) error {
	if e.handlers[handler] != nil {
		return &offload.InputError{Field: "handler", Got: handler, Want: "one that this process has no more"}
	}
	if err := checkName(handler); err != nil {
		return err
	}
	tx, err := e.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	if _, err := tx.ExecContext(ctx, "DELETE FROM offload_events_cursor WHERE handler = $1", handler); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM offload_events_held WHERE handler = $1", handler); err != nil {
		return err
	}
	return tx.Commit()
}

// prune lets events go that are old enough, and that everybody has handled.
func (e *Events) prune(ctx context.Context) error {
	if e.keep == 0 {
		return nil
	}
	const most = 5000
	for {
		var through int64
		err := e.db.QueryRowContext(ctx, `SELECT least FROM (
    SELECT min(seq) AS least FROM (
        SELECT seq FROM offload_events_cursor WHERE handler <> '`+numbered+`'
        UNION ALL SELECT seq - 1 FROM offload_events_held
        UNION ALL SELECT coalesce((SELECT seq - 1 FROM offload_events WHERE at >= $1 ORDER BY seq LIMIT 1), (SELECT max(seq) FROM offload_events), 0)
    ) AS every
) AS the_least`, stamp(time.Now().Add(-e.keep))).Scan(&through)
		if err != nil {
			return err
		}
		result, err := e.db.ExecContext(ctx, "DELETE FROM offload_events WHERE seq IN (SELECT seq FROM offload_events WHERE seq <= $1 ORDER BY seq LIMIT $2)", through, most)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n < most {
			return err
		}
	}
}
