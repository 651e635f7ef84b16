package sqlite

import (
	"context"
	"database/sql"
	_ "embed"

	"github.com/offloadhq/offload/store"
)

var (
	//go:embed sql/batch_member.sql
	memberSQL string
	//go:embed sql/batch_complete.sql
	completeMembersSQL string
	//go:embed sql/batch_open.sql
	batchOpenSQL string
	//go:embed sql/batch_count.sql
	batchCountSQL string
	//go:embed sql/finish_upstreams.sql
	finishUpstreamsSQL string
)

var insertMembers = withRows("INSERT INTO offload_member (batch, state, id) ", 3, " ON CONFLICT DO NOTHING")

// noteMember notes in what state a member of a batch is, and has the batch looked at.
func (t *txn) noteMember(batch, id store.ID, state int) error {
	if state == stateFailing { // a batch that is not at its end
		state = 0
	}
	_, err := t.exec(memberSQL, batch[:], id[:], state)
	t.mark(batch)
	return err
}

// settleBatch ends a batch that is open if none of its members is.
func (t *txn) settleBatch(id store.ID) error {
	t.looks++
	var open, discarded, other bool
	if _, err := one(t, []any{&open, &discarded, &other}, batchOpenSQL, id[:]); err != nil || open {
		return err
	}
	r, err := t.find(id)
	if err != nil {
		return err
	}
	if err := t.take(&r); err != nil {
		return err
	}
	t.moved++
	t.mark(id)
	switch {
	case discarded:
		return t.putDone(&r, stateDiscarded)
	case other:
		return t.putDone(&r, stateCancelled)
	}
	return t.putDone(&r, stateCompleted)
}

// reopenBatch has a batch wait again for a member that is about to leave done.
func (t *txn) reopenBatch(batch, member store.ID) error {
	if err := t.noteMember(batch, member, 0); err != nil {
		return err
	}
	r, err := t.find(batch)
	if err != nil || r.at != inDone || r.uses&usesBatch == 0 {
		return err
	}
	if err := t.revive(&r); err != nil {
		return err
	}
	return t.waitAgain(&r)
}

// endMembers notes that members of batches have completed.
func (t *txn) endMembers(ended []store.Ended) error {
	members := map[store.ID][]store.ID{}
	for i := range ended {
		batch := ended[i].Terms.Batch
		members[batch] = append(members[batch], ended[i].ID)
	}
	for batch, ids := range members {
		if _, err := t.exec(completeMembersSQL, batch[:], joined(ids)); err != nil {
			return err
		}
		t.mark(batch)
	}
	return nil
}

// endUpstreams tells those who wait for jobs that have completed.
func (t *txn) endUpstreams(ended []store.Ended) error {
	ids := make([]store.ID, len(ended))
	for i := range ended {
		ids[i] = ended[i].ID
	}
	ups, err := t.ids(finishUpstreamsSQL, joined(ids))
	for _, id := range ups {
		t.mark(id)
	}
	return err
}

// Batches is that of store.Flows.
func (s *Store) Batches(ctx context.Context, ids ...store.ID) (batches map[store.ID]store.BatchCount, err error) {
	err = s.reader.view(ctx, func(t *txn) error {
		batches = map[store.ID]store.BatchCount{}
		for _, id := range ids {
			err := each(t, func(rows *sql.Rows) error {
				var state sql.NullInt64
				var n int
				err := rows.Scan(&state, &n)
				c := batches[id]
				c.Members += n
				switch state.Int64 {
				case 0:
					c.Open += n
				case stateCompleted:
					c.Completed += n
				case stateDiscarded:
					c.Discarded += n
				default:
					c.Cancelled += n
				}
				batches[id] = c
				return err
			}, batchCountSQL, id[:])
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, s.explain(ctx, "count members of batches", err)
	}
	return batches, nil
}
