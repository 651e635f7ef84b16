package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/store"
)

// What waits for others lies in blocked with a gate that is none of a limit: these have a \x1f in them.
const (
	gateAfter = "after"
	gateHeld  = "held"
)

// What edges want of their upstreams, as they are kept. A member is an upstream of its batch.
const (
	wantsCompleted = 0
	wantsEnded     = 1
	wantsFailed    = 2
	wantsMember    = 3
)

// codeFailing is the state, as an edge knows it, of an open batch of which a member was discarded.
const codeFailing = 5

var wants = map[store.On]int16{store.OnCompleted: wantsCompleted, store.OnEnded: wantsEnded, store.OnFailed: wantsFailed}

// follows reports whether a new job waits for others, or is a batch.
func follows(n *store.NewJob) bool { return len(n.After) > 0 || n.Task == store.BatchTask }

// Edges is that of store.Flows.
func (s *Store) Edges(ctx context.Context, jobs ...store.ID) (edges []store.EdgeState, err error) {
	err = s.ask(ctx, "read edges", s.sql.edges, []any{idsOf(jobs)}, func(rows pgx.Rows) error {
		edges = nil
		var down, up [16]byte
		var kind int
		var hold bool
		var state *int
		for rows.Next() {
			if err := rows.Scan(&down, &up, &kind, &hold, &state); err != nil {
				return err
			}
			e := store.EdgeState{Job: down, Edge: store.Edge{Upstream: up, On: onOf(kind), Else: store.ElseCancel}}
			if hold {
				e.Else = store.ElseHold
			}
			if state != nil && *state != codeFailing {
				e.State = endOfEdge(*state)
			}
			edges = append(edges, e)
		}
		return rows.Err()
	})
	return edges, err
}

// FlowIDs is that of store.Flows.
func (s *Store) FlowIDs(ctx context.Context, before store.ID, most int) (ids []store.ID, err error) {
	bound := "~" // behind all
	if !before.IsZero() {
		bound = before.String()
	}
	err = s.ask(ctx, "list flows", s.sql.flowIDs, []any{bound, most}, func(rows pgx.Rows) error {
		ids = nil
		for rows.Next() {
			var text string
			if err := rows.Scan(&text); err != nil {
				return err
			}
			id, err := store.ParseID(text)
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return rows.Err()
	})
	return ids, err
}

// onOf is what an edge wants, as it is asked for.
func onOf(kind int) store.On {
	for on, k := range wants {
		if int(k) == kind {
			return on
		}
	}
	return ""
}

// endOfEdge is how an upstream ended.
func endOfEdge(code int) store.State {
	if code == codeDeleted {
		return store.Deleted
	}
	return endStates[code]
}

// Batches is that of store.Flows.
func (s *Store) Batches(ctx context.Context, ids ...store.ID) (counts map[store.ID]store.BatchCount, err error) {
	err = s.ask(ctx, "count members of batches", s.sql.batches, []any{idsOf(ids)}, func(rows pgx.Rows) error {
		counts = map[store.ID]store.BatchCount{}
		var id [16]byte
		for rows.Next() {
			var c store.BatchCount
			if err := rows.Scan(&id, &c.Members, &c.Open, &c.Completed, &c.Discarded); err != nil {
				return err
			}
			c.Cancelled = c.Members - c.Open - c.Completed - c.Discarded
			counts[id] = c
		}
		return rows.Err()
	})
	return counts, err
}
