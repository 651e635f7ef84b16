package postgres

import (
	"bytes"
	"context"
	"time"
)

// copy stores jobs with terms by COPY, where they are many. Their ids are not there, as far as was
// seen; one that is there since is an error.
func (r *arrivals) copy(ctx context.Context, w *work, b *batch, now time.Time) error {
	sql, conn := w.s.sql, w.conn.PgConn()
	jobs := newCopy(len(r.jobs) * 300)
	for i, a := range r.jobs {
		jobs.row(12)
		jobs.job(b, &a.n, now)
		jobs.json(r.terms[i])
	}
	if _, err := conn.CopyFrom(ctx, jobs.end(), sql.copyTermsJob); err != nil {
		return err
	}
	if len(r.due.ids) > 0 {
		if _, err := conn.CopyFrom(ctx, r.due.copied(false), sql.copyTermsDue); err != nil {
			return err
		}
	}
	if len(r.blocked.ids) > 0 {
		if _, err := conn.CopyFrom(ctx, r.blocked.copied(true), sql.copyTermsBlocked); err != nil {
			return err
		}
	}
	return nil
}

// copied are rows of due, or of blocked, as the server reads them.
func (r *rowsOf) copied(blocked bool) *bytes.Buffer {
	c := newCopy(len(r.ids) * 130)
	for i, id := range r.ids {
		if blocked {
			c.row(11)
		} else {
			c.row(8)
		}
		c.bytes(id[:])
		c.time(r.runAt[i])
		if r.dueAt[i] == nil {
			c.null()
		} else {
			c.time(*r.dueAt[i])
		}
		c.int32(0)
		c.int32(0)
		c.int16(int(r.lanes[i]))
		c.int16(int(r.uses[i]))
		if blocked {
			c.bool(false)
		}
		c.text(r.queues[i])
		if blocked {
			c.text("")
			c.text(r.gates[i])
		}
	}
	return c.end()
}

// copy writes edges by COPY, where they are many. One that is there already is an error: a job that
// stands in for another may be a member of the batch.
func (l *links) copy(ctx context.Context, w *work) error {
	c := newCopy(len(l.downs) * 60)
	for i := range l.downs {
		c.row(5)
		c.bytes(l.downs[i][:])
		c.bytes(l.ups[i][:])
		c.int32(int(l.places[i]))
		c.int16(int(l.wants[i]))
		c.bool(l.holds[i])
	}
	l.downs = nil
	_, err := w.conn.PgConn().CopyFrom(ctx, c.end(), w.s.sql.copyEdge)
	return err
}
