package postgres

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"time"
)

// copied takes many unique keys by COPY, if it can be taken for granted that all of them are free:
// no two are the same, and none is there. It makes the first round trip, and reports whether the
// keys are taken. Should another take one at the same moment, that is a duplicate, and the call is
// made again without this.
//
// It is worth a round trip: an insert that looks for conflicts writes each row and its index by
// themselves, marks it as tentative, and then as not.
func (c *contest) copied(ctx context.Context, w *work, now *time.Time) (done bool, err error) {
	if len(c.keys) < copyFrom || len(c.stale) > 0 {
		return false, nil
	}
	order := make([]int, len(c.keys))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(c.keys[a], c.keys[b]) }) // as unique_take.sql
	for i, at := range order[1:] {
		if c.keys[at] == c.keys[order[i]] {
			return false, nil
		}
	}
	there := false
	err = w.send(ctx,
		step{sql: w.s.sql.copyBegin, args: []any{}, rows: readTime(now)},
		query{sql: w.s.sql.uniqueAny, args: []any{c.keys}, row: func(scan func(...any) error) error { return scan(&there) }}.step(),
	)
	if err != nil || there {
		return false, err
	}
	if _, err := w.conn.PgConn().CopyFrom(ctx, c.rows(order, *now), w.s.sql.copyUnique); err != nil {
		return false, err
	}
	c.taken = len(c.keys)
	return true, nil
}

// rows are the keys as the server reads them, in the order in which all who take keys do: two calls
// wait for each other, and not in a circle.
func (c *contest) rows(order []int, now time.Time) *bytes.Buffer {
	b := newCopy(len(order) * 80)
	for _, i := range order {
		b.row(4)
		b.text(c.keys[i])
		b.bytes(c.ids[i][:])
		b.text(c.until[i])
		if c.spans[i] == nil {
			b.null()
		} else {
			b.time(now.Add(time.Duration(*c.spans[i]) * time.Microsecond))
		}
	}
	return b.end()
}
