package sqlite

import (
	"database/sql"
	_ "embed"
	"slices"

	"github.com/offloadhq/offload/store"
)

var (
	//go:embed sql/adopt_flows.sql
	adoptFlowsSQL string
	//go:embed sql/adopt_members.sql
	adoptMembersSQL string
)

const (
	// Of what a batch waits for, only those are edges that stand in for members.
	exportEdgesSQL = `SELECT e.down, e.up, e.wants, e.otherwise, e.state,
	EXISTS (SELECT 1 FROM offload_job WHERE id = e.up AND task <> '')
FROM offload_edge AS e WHERE e.down > ?1 AND e.down <= ?2 ORDER BY e.down, e.n, e.up`
	exportMembersSQL = "SELECT batch, id, state FROM offload_member WHERE batch > ?1 AND batch <= ?2 ORDER BY batch, id"
)

// flows reads what jobs wait for, and who are the members of batches.
func (e *exporter) flows(from, to []byte) error {
	if e.all&(usesAfter|usesBatch) == 0 {
		return nil
	}
	standsIn := map[[2]store.ID]bool{}
	err := each(e, func(rows *sql.Rows) error {
		var down, up store.ID
		var wants, otherwise, state int
		var stored bool
		if err := rows.Scan(idInto{&down}, idInto{&up}, &wants, &otherwise, &state, &stored); err != nil {
			return err
		}
		i, known := e.at[down]
		switch {
		case !known || e.uses[i]&(usesAfter|usesBatch) == 0:
		case wants == wantsMember:
			standsIn[[2]store.ID{down, up}] = stored
		default:
			s := store.EdgeState{Edge: store.Edge{Upstream: up, On: edgeOns[wants], Else: store.ElseCancel}, State: edgeState(state)}
			if otherwise == elseHold {
				s.Else = store.ElseHold
			}
			e.jobs[i].Edges = append(e.jobs[i].Edges, s)
		}
		return nil
	}, exportEdgesSQL, from, to)
	if err != nil || e.all&usesBatch == 0 {
		return err
	}
	return each(e, func(rows *sql.Rows) error {
		var batch, id store.ID
		var state int
		if err := rows.Scan(idInto{&batch}, idInto{&id}, &state); err != nil {
			return err
		}
		if i, known := e.at[batch]; known && e.uses[i]&usesBatch != 0 {
			m := store.CopiedMember{ID: id, State: edgeState(state), StandsIn: standsIn[[2]store.ID{batch, id}]}
			e.jobs[i].Members = append(e.jobs[i].Members, m)
		}
		return nil
	}, exportMembersSQL, from, to)
}

// edgeStateOf is the number of the state of an upstream.
func edgeStateOf(state store.State) int {
	if state == store.Deleted {
		return stateDeleted
	}
	return stateOf(state)
}

// flow gathers what a job waits for and the members of a batch, and returns the bits that say so.
func (in *importer) flow(c *store.Copied) (uses int) {
	for n, e := range c.Edges {
		wants, otherwise, state := edgeWants[e.On], elseCancel, edgeStateOf(e.State)
		if e.Else == store.ElseHold {
			otherwise = elseHold
		}
		in.edges = append(in.edges, c.ID[:], standOf(wants, state), slices.Clone(e.Upstream[:]), n, wants, otherwise, state)
		in.ups = append(in.ups, e.Upstream)
		uses |= usesAfter
	}
	for _, m := range c.Members {
		id, state := slices.Clone(m.ID[:]), edgeStateOf(m.State)
		in.members = append(in.members, c.ID[:], state, id)
		if m.StandsIn {
			in.edges = append(in.edges, c.ID[:], standMember, id, 0, wantsMember, elseCancel, state)
			in.ups = append(in.ups, m.ID)
		}
	}
	if c.Task == store.BatchTask {
		uses |= usesBatch
	}
	if c.Cut {
		uses |= usesCut
	}
	return uses
}

// wait has a job wait for others, or for a person.
func (in *importer) wait(c *store.Copied, uses int) {
	if c.Terms.Gated() {
		uses |= usesFresh
	}
	waits := waitsAfter
	if c.Waits == store.WaitsHeld {
		waits = waitsHeld
	}
	in.blocked = append(in.blocked, c.Queue, waits, "", c.Priority, micro(c.RunAt), c.ID[:], c.Attempt, c.Failed, uses, microOrNull(c.StartedAt))
}

// tell notes with jobs that others wait for them, whichever came first.
func (in *importer) tell() error {
	ups := in.ups
	for some := range slices.Chunk(in.ids, settleChunk) {
		found, err := in.t.ids("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 16 FROM n WHERE i + 16 < length(?1)) "+
			"SELECT DISTINCT e.up FROM n CROSS JOIN offload_edge AS e ON e.up = substr(?1, n.i, 16)", joined(some))
		if err != nil {
			return err
		}
		ups = append(ups, found...)
	}
	slices.SortFunc(ups, store.ID.Compare)
	for some := range slices.Chunk(slices.Compact(ups), settleChunk) {
		for _, at := range []where{inDue, inBlocked, inDone} {
			if _, err := in.t.exec(tellUpstreams[at], joined(some)); err != nil {
				return err
			}
		}
	}
	return nil
}

// adoptFlows has all that waits for others look at them, by Settle: where it comes from it may not have been
// told of an end, and what ran there does so no more.
func (t *txn) adoptFlows() error {
	type member struct {
		batch, id store.ID
		state     int
	}
	var wrong []member
	err := each(t, func(rows *sql.Rows) error {
		var m member
		err := rows.Scan(idInto{&m.batch}, idInto{&m.id}, &m.state)
		wrong = append(wrong, m)
		return err
	}, adoptMembersSQL)
	if err != nil {
		return err
	}
	for _, m := range wrong {
		note := func() error { return t.noteMember(m.batch, m.id, m.state) }
		if m.state == 0 {
			note = func() error { return t.reopenBatch(m.batch, m.id) }
		}
		if err := note(); err != nil {
			return err
		}
	}
	_, err = t.exec(adoptFlowsSQL)
	return err
}
