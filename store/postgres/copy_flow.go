package postgres

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/store"
)

// waitsOf says why a job waits that lies at a gate which is none of a limit.
var waitsOf = map[string]string{gateAfter: store.WaitsAfter, gateHeld: store.WaitsHeld}

// flows reads what the jobs of a page wait for, and the members of batches.
func (e *exporter) flows(ctx context.Context) error {
	var ids [][16]byte
	for i := range e.jobs {
		if c := &e.jobs[i]; c.Task == store.BatchTask || c.Terms != nil && !c.Terms.Flow.IsZero() {
			ids = append(ids, c.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return each(ctx, e.tx, e.s.sql.exportEdges, []any{ids}, func(scan func(...any) error) error {
		var down, up [16]byte
		var kind int
		var hold, standsIn bool
		var code *int
		if err := scan(&down, &up, &kind, &hold, &code, &standsIn); err != nil {
			return err
		}
		var state store.State
		if code != nil && *code != codeFailing {
			state = endOfEdge(*code)
		}
		c := &e.jobs[e.at[down]]
		if kind == wantsMember {
			c.Members = append(c.Members, store.CopiedMember{ID: up, State: state, StandsIn: standsIn})
			return nil
		}
		s := store.EdgeState{Edge: store.Edge{Upstream: up, On: onOf(kind), Else: store.ElseCancel}, State: state}
		if hold {
			s.Else = store.ElseHold
		}
		c.Edges = append(c.Edges, s)
		return nil
	})
}

// upstreams gathers for which jobs others wait: in the page, and where what waits has come before.
func (in *importer) upstreams(ctx context.Context, tx ownTx, sql *statements, jobs []store.Copied) error {
	in.ups = map[store.ID]bool{}
	ids := make([][16]byte, len(jobs))
	for i := range jobs {
		c := &jobs[i]
		ids[i] = c.ID
		for _, e := range c.Edges {
			in.ups[e.Upstream] = true
		}
		for _, m := range c.Members {
			in.ups[m.ID] = true
		}
	}
	return each(ctx, tx, sql.importUps, []any{ids}, func(scan func(...any) error) error {
		var id [16]byte
		err := scan(&id)
		in.ups[id] = true
		return err
	})
}

// flow gathers what a job waits for and the members of a batch, and returns the bits that it has for others.
func (in *importer) flow(c *store.Copied) (uses int16) {
	id := [16]byte(c.ID)
	for n, e := range c.Edges {
		in.edges = append(in.edges, []any{id, [16]byte(e.Upstream), n, wants[e.On], codeOfEnd(e.State), e.Else == store.ElseHold})
	}
	for _, m := range c.Members {
		in.edges = append(in.edges, []any{id, [16]byte(m.ID), 0, int16(wantsMember), codeOfEnd(m.State), false})
	}
	if in.ups[c.ID] {
		uses |= usesFlow
		delete(in.ups, c.ID)
	}
	if c.Cut {
		uses |= usesOpen
	}
	return uses
}

// codeOfEnd is the state of an upstream as an edge knows it, NULL if it has not ended.
func codeOfEnd(state store.State) any {
	switch state {
	case "":
		return nil
	case store.Deleted:
		return int16(codeDeleted)
	}
	return int16(slices.Index(endStates, state))
}

// wait has a job wait for others, or for a person.
func (in *importer) wait(c *store.Copied, uses int16) {
	gate := gateAfter
	if c.Waits == store.WaitsHeld {
		gate = gateHeld
	}
	in.blocked = append(in.blocked, []any{[16]byte(c.ID), c.RunAt, timeOrNil(c.StartedAt), c.Attempt, c.Failed, c.Priority, uses, false, c.Queue, "", gate})
}

// tell notes with jobs that have come before that others wait for them.
func (in *importer) tell(ctx context.Context, tx pgx.Tx, sql *statements) error {
	if len(in.ups) == 0 {
		return nil
	}
	return ownTx{tx}.exec(ctx, sql.importTell, idsIn(in.ups))
}
