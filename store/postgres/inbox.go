package postgres

import (
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/store"
)

// InboxRows is that of store.Inbox.
func (s *Store) InboxRows(ctx context.Context, refused bool, most int) (all []store.InboxRow, err error) {
	if most <= 0 {
		return nil, nil
	}
	err = s.ask(ctx, "read the inbox", s.sql.inboxRows, []any{refused, most}, func(rows pgx.Rows) error {
		all = nil
		for rows.Next() {
			var r store.InboxRow
			var input string
			var options *string
			if err := rows.Scan(&r.Number, &r.Task, &input, &options, &r.At, &r.Error); err != nil {
				return err
			}
			if r.Input = []byte(input); options != nil {
				r.Options = []byte(*options)
			}
			all = append(all, r)
		}
		return rows.Err()
	})
	return all, err
}

// MoveInbox is that of store.Inbox. Two processes may have read the same rows: who deletes a row
// stores its job.
func (s *Store) MoveInbox(ctx context.Context, fates []store.InboxFate) error {
	m := &inboxMove{s: s, stale: map[string]bool{}, refused: map[int64]string{}}
	for _, f := range fates {
		if f.Job == nil && !f.Drop {
			m.refused[f.Number] = f.Error
		}
	}
	for {
		err := m.move(ctx, fates)
		var taken *store.ConflictError
		if !errors.As(err, &taken) {
			return err
		}
		at := slices.IndexFunc(fates, func(f store.InboxFate) bool { // the one that was refused
			return f.Job != nil && !f.Drop && m.refused[f.Number] == "" && m.wants(f.Job, taken)
		})
		if at < 0 {
			return err
		}
		m.refused[fates[at].Number] = taken.Error()
	}
}

// An inboxMove is a call of MoveInbox.
type inboxMove struct {
	s       *Store
	stale   map[string]bool
	refused map[int64]string // why rows are no jobs; "" is to look at them again
	touches bool             // gates that Admit is to look at
	marked  bool             // jobs that Settle is to look at
}

// wants reports whether a job wants a key that is another's, so that it is refused.
func (m *inboxMove) wants(n *store.NewJob, taken *store.ConflictError) bool {
	u := (*store.Unique)(nil)
	if n.Terms != nil {
		u = n.Terms.Unique
	}
	return u != nil && n.ID != taken.ID && n.Task == taken.Task && u.Key == taken.Key && u.OnConflict == store.ConflictFail
}

// move stores the jobs of rows that are not refused.
func (m *inboxMove) move(ctx context.Context, fates []store.InboxFate) error {
	var wakes []store.Wake
	err := m.s.onPool(ctx, "move jobs from the inbox", func(ctx context.Context, conn *pgx.Conn) error {
		err := m.s.transact(ctx, conn, func(w *work) error {
			wakes, m.touches, m.marked = nil, false, false
			there, err := m.take(ctx, w, fates)
			if err != nil {
				return err
			}
			var jobs []store.NewJob
			for _, f := range fates {
				if there[f.Number] && f.Job != nil && !f.Drop {
					jobs = append(jobs, *f.Job)
				}
			}
			steps := m.refusals()
			if len(jobs) > 0 {
				b, err := newBatch(jobs)
				if err != nil {
					return err
				}
				b.stale, b.again = m.stale, true
				e, _, more, err := w.enter(ctx, b)
				if err != nil {
					return err
				}
				steps, wakes, m.touches, m.marked = append(steps, more...), e.wakes(), e.left.touches(), e.left.marked
			}
			return w.commitAnd(ctx, []step{m.s.notify(wakes)}, steps...)
		})
		if codeOf(err) == codeDuplicate {
			return errAgain
		}
		return err
	})
	if err == nil {
		m.s.ears.hear(wakes)
		m.s.admitSoon(ctx, m.touches)
		m.s.settleSoon(ctx, m.marked)
	}
	return err
}

// take takes the rows away that become jobs or are dropped. It locks all rows in one order, since
// two calls may do different things to the same rows.
func (m *inboxMove) take(ctx context.Context, w *work, fates []store.InboxFate) (there map[int64]bool, err error) {
	var all, numbers []int64
	for _, f := range fates {
		all = append(all, f.Number)
		if _, refused := m.refused[f.Number]; !refused {
			numbers = append(numbers, f.Number)
		}
	}
	there = map[int64]bool{}
	err = w.send(ctx, query{sql: m.s.sql.inboxTake, args: []any{all, numbers}, row: func(scan func(...any) error) error {
		var number int64
		err := scan(&number)
		there[number] = true
		return err
	}}.step())
	return there, err
}

// refusals keep why rows are no jobs, or that they are to be looked at again.
func (m *inboxMove) refusals() []step {
	if len(m.refused) == 0 {
		return nil
	}
	var numbers []int64
	var reasons []string
	for number, why := range m.refused {
		numbers, reasons = append(numbers, number), append(reasons, store.CleanText(why, store.MaxErrorText))
	}
	return []step{{sql: m.s.sql.inboxRefuse, args: []any{numbers, reasons}}}
}
