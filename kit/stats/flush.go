package stats

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"

	"github.com/offloadhq/offload"
)

// Flush writes now what has come together. After an error nothing is lost: it is written with the next.
func (k *Kept) Flush(ctx context.Context) error {
	select {
	case k.turn <- struct{}{}:
		defer func() { <-k.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	k.collect(ctx)
	for {
		if k.sending == nil {
			k.sending = k.next()
		}
		if k.sending == nil {
			return nil
		}
		if err := k.send(ctx, k.sending); err != nil {
			return fmt.Errorf("write statistics: %w", err)
		}
		k.sending = nil
	}
}

// The line of a process says which batch it wrote last. That it goes up is the sign that this one is not written yet. It is the first that the transaction writes: where the
// COMMIT of the same batch is still under way, it waits for that.
const fenceSQL = `INSERT INTO offload_stats_flush (writer, seq, at) VALUES ($1, $2, $3)
ON CONFLICT (writer) DO UPDATE SET seq = excluded.seq, at = excluded.at WHERE offload_stats_flush.seq < excluded.seq`

// send adds a batch to the table, unless that has been done.
func (k *Kept) send(ctx context.Context, b *batch) error {
	tx, err := k.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	result, err := tx.ExecContext(ctx, fenceSQL, k.writer, b.seq, k.now().Unix())
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return err // it was written, and the answer got lost
	}
	for _, several := range pieces(b.rows) {
		again, err := add(ctx, tx, several)
		if err != nil {
			return err
		}
		for _, sketched := range pieces(again) {
			if _, err := tx.ExecContext(ctx, sketchSQL[len(sketched)], values(sketched)...); err != nil {
				return err
			}
		}
	}
	return tx.Commit()
}

// sizes are how many rows go into a statement, so that there are only these few statements.
var sizes = []int{128, 16, 1}

// pieces cuts rows into such numbers.
func pieces(rows []*row) (cut [][]*row) {
	for _, size := range sizes {
		for len(rows) >= size {
			cut, rows = append(cut, rows[:size]), rows[size:]
		}
	}
	return cut
}

// addSQL adds to rows, or makes them. It returns what there is in those of sketches: who has made one has put it in, anyone else has to put it together.
var addSQL = sized(` ON CONFLICT (name, period, start, labels) DO UPDATE SET
    lowest  = CASE WHEN offload_stats.n = 0 OR excluded.n > 0 AND excluded.lowest < offload_stats.lowest THEN excluded.lowest ELSE offload_stats.lowest END,
    highest = CASE WHEN offload_stats.n = 0 OR excluded.n > 0 AND excluded.highest > offload_stats.highest THEN excluded.highest ELSE offload_stats.highest END,
    n       = offload_stats.n + excluded.n,
    sum     = offload_stats.sum + excluded.sum,
    refused = offload_stats.refused + excluded.refused,
    version = offload_stats.version + 1
RETURNING name, period, start, labels, version, sketch`)

// sketchSQL replaces the sketches of rows that addSQL has locked.
var sketchSQL = sized(` ON CONFLICT (name, period, start, labels) DO UPDATE SET sketch = excluded.sketch`)

// sized is an INSERT of rows for each of the sizes.
func sized(rest string) map[int]string {
	const columns = 11
	all := map[int]string{}
	for _, size := range sizes {
		var b strings.Builder
		b.WriteString("INSERT INTO offload_stats (name, period, start, labels, kind, n, sum, lowest, highest, refused, version, sketch) VALUES ")
		for i := range size {
			if i > 0 {
				b.WriteString(", ")
			}
			for c := range columns {
				b.WriteString(string("(,"[min(c, 1)]) + "$" + strconv.Itoa(i*columns+c+1))
				if c == columns-2 {
					b.WriteString(", 1")
				}
			}
			b.WriteByte(')')
		}
		b.WriteString(rest)
		all[size] = b.String()
	}
	return all
}

func values(rows []*row) []any {
	args := make([]any, 0, 11*len(rows))
	for _, r := range rows {
		a := &r.amount
		var sketch []byte
		switch r.kind {
		case observes:
			sketch = a.histogram.encode()
		case uniques:
			if a.sketch == nil {
				a.sketch = newSketch()
			}
			sketch, _ = a.sketch.MarshalBinary() // refuses other precisions only
		}
		args = append(args, r.name, int(r.period), r.start, r.labels, int(r.kind), a.n, a.sum, a.least, a.most, a.refused, sketch)
	}
	return args
}

// add adds rows, and returns those whose sketches are to be written again, as more than this batch is in them.
func add(ctx context.Context, tx *sql.Tx, rows []*row) (again []*row, err error) {
	type key struct {
		name, labels  string
		period, start int64
	}
	sketched := map[key]*row{}
	for _, r := range rows {
		if r.kind != counts {
			sketched[key{r.name, r.labels, int64(r.period), r.start}] = r
		}
	}
	if len(sketched) == 0 {
		_, err := tx.ExecContext(ctx, addSQL[len(rows)], values(rows)...)
		return nil, err
	}
	there, err := tx.QueryContext(ctx, addSQL[len(rows)], values(rows)...)
	if err != nil {
		return nil, err
	}
	defer there.Close()
	for there.Next() {
		var at key
		var version int64
		var stored []byte
		if err := there.Scan(&at.name, &at.period, &at.start, &at.labels, &version, &stored); err != nil {
			return nil, err
		}
		r := sketched[at]
		if r == nil || version == 1 {
			continue
		}
		both := &row{name: r.name, labels: r.labels, kind: r.kind, period: r.period, start: r.start}
		both.amount.merge(&r.amount) // r stays as it is, in case all this is done again
		if err := both.amount.mergeStored(r.kind, stored); err != nil {
			offload.Logger(ctx).Warn("offload: what was stored of a statistic can't be read, and is begun anew", "statistic", r.name, "error", err)
		}
		again = append(again, both)
	}
	return again, there.Err()
}

// mergeStored adds what is stored of a sketch.
func (a *amount) mergeStored(k kind, stored []byte) error {
	if k == observes {
		return a.histogram.decode(stored)
	}
	if k != uniques || len(stored) == 0 {
		return nil
	}
	if a.sketch == nil {
		a.sketch = newSketch()
	}
	return mergeStored(a.sketch, stored)
}
