package audit

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// A Problem is a place where the chain is not what it was.
type Problem struct {
	Seq  int64  `json:"seq"`          // the row, or the first of those that are missing
	ID   string `json:"id,omitempty"` // of the row
	Text string `json:"text"`
}

// A Report is what Verify found.
type Report struct {
	Rows     int64     `json:"rows"`    // that were read
	Waiting  int64     `json:"waiting"` // that have no place in the chain yet
	Head     Head      `json:"head"`    // keep it, and give it the next time
	Pruned   int64     `json:"pruned"`  // through which row they were let go
	Problems []Problem `json:"problems"`
	More     bool      `json:"more,omitempty"` // there are more problems than these
}

// OK reports that nothing was found.
func (r *Report) OK() bool { return len(r.Problems) == 0 }

const mostProblems = 100

func (r *Report) say(seq int64, id, format string, args ...any) {
	if len(r.Problems) == mostProblems {
		r.More = true
		return
	}
	r.Problems = append(r.Problems, Problem{seq, id, fmt.Sprintf(format, args...)})
}

// Verify reads the log of a database, as it is at one moment, and holds it against the chain, and against heads that were kept apart (those of Heads, and those that
// you have). It changes nothing. Its error is one of the database; what is wrong with the log is in the Report.
func Verify(ctx context.Context, db *sql.DB, heads ...Head) (*Report, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("verify the audit log: %w", err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, dialectOf(ctx, db).snapshot); err != nil {
		return nil, fmt.Errorf("verify the audit log: %w", err)
	}
	defer conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") //nolint:errcheck // nothing was written
	v := &verifier{heads: heads}
	if err := v.verify(ctx, conn); err != nil {
		return nil, fmt.Errorf("verify the audit log: %w", err)
	}
	return &v.Report, nil
}

type verifier struct {
	Report
	state
	heads  []Head
	at     map[int64][]Head // heads to hold rows against
	seq    int64            // of the row before
	hash   string
	pruned base // what the last entry of a prune says
}

func (v *verifier) verify(ctx context.Context, conn *sql.Conn) (err error) {
	v.state, err = readState(ctx, conn)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		v.say(0, "", "the row of offload_audit_head was removed")
	case err != nil:
		return fmt.Errorf("read offload_audit_head, which audit.Open makes: %w", err)
	}
	if err := conn.QueryRowContext(ctx, "SELECT count(*) FROM offload_audit_new").Scan(&v.Waiting); err != nil {
		return err
	}
	v.choose()
	v.Pruned, v.seq, v.hash = v.baseSeq, v.baseSeq, v.baseHash
	rows, err := conn.QueryContext(ctx, "SELECT seq, "+columnList+", hash FROM offload_audit ORDER BY seq")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var s stored
		if err := rows.Scan(append(s.places(), &s.hash)...); err != nil {
			v.say(v.seq+1, "", "behind row %d is one that can't be read: %v", v.seq, err) // SQLite takes values of other types
			continue
		}
		v.row(&s)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	v.end()
	return nil
}

// choose finds which heads are of this log.
func (v *verifier) choose() {
	v.at = map[int64][]Head{}
	others := 0
	for _, h := range v.heads {
		switch {
		case h.Log != "" && h.Log != v.state.head.Log:
			others++
		case h.Seq <= v.baseSeq:
			// Its row was let go; that this was so, the chain says.
			if h.Seq == v.baseSeq && h.Hash != v.baseHash {
				v.say(h.Seq, "", "row %d, which was let go, had another hash when its head was kept: the rows before it were replaced", h.Seq)
			}
		default:
			v.at[h.Seq] = append(v.at[h.Seq], h)
		}
	}
	if others > 0 && others == len(v.heads) {
		v.say(0, "", "the heads that were kept are of another log: this one was made anew, or offload_audit_head was changed")
	}
}

func (v *verifier) row(s *stored) {
	v.Rows++
	switch {
	case s.n <= v.seq:
		v.say(s.n, s.id(), "row %d (%s) was put in: rows through %d were let go, and the chain begins behind them", s.n, s.id(), v.baseSeq)
		return
	case s.n > v.seq+1:
		v.missing(v.seq+1, s.n-1)
		// Nothing can be said of the first behind a gap but that it is there.
	default:
		if link(v.hash, s.n, &s.columns) != s.hash {
			v.say(s.n, s.id(), "row %d (%s) was changed, or put in the place of another, or the one before it was", s.n, s.id())
		}
	}
	v.seq, v.hash = s.n, s.hash
	for _, h := range v.at[s.n] {
		if h.Hash != s.hash {
			v.say(s.n, s.id(), "row %d (%s) had another hash when its head was kept: it, or rows before it, were replaced", s.n, s.id())
		}
	}
	delete(v.at, s.n)
	if s.columns[3] == pruneAction && s.columns[2] == "offload" {
		_ = json.Unmarshal([]byte(s.columns[7]), &v.pruned) // a row that was changed was named
	}
}

func (v *verifier) missing(from, to int64) {
	for seq := range v.at {
		if seq >= from && seq <= to {
			delete(v.at, seq)
		}
	}
	if from == to {
		v.say(from, "", "row %d is missing", from)
		return
	}
	v.say(from, "", "rows %d to %d are missing", from, to)
}

// end looks at what is behind the last row.
func (v *verifier) end() {
	last := v.seq
	for seq := range v.at {
		last = max(last, seq)
	}
	last = max(last, v.state.head.Seq)
	switch {
	case last > v.seq:
		v.missing(v.seq+1, last)
	case v.state.head.Seq < v.seq:
		v.say(v.state.head.Seq+1, "", "row %d and those behind it were put in at the end: offload_audit_head says that %d is the last", v.state.head.Seq+1, v.state.head.Seq)
	case v.state.head.Hash != v.hash && len(v.Problems) == 0:
		v.say(v.seq, "", "offload_audit_head has another hash of row %d than the row itself", v.seq)
	}
	if v.baseSeq > 0 && (v.pruned.Through != v.baseSeq || v.pruned.Hash != v.baseHash) {
		v.say(v.baseSeq, "", "rows through %d are gone, and no entry of the chain says that they were let go", v.baseSeq)
	}
	v.Report.Head = Head{v.state.head.Log, v.seq, v.hash}
	slices.SortStableFunc(v.Problems, func(a, b Problem) int { return int(min(max(a.Seq-b.Seq, -1), 1)) })
}
