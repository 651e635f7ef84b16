package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/offloadhq/offload"
)

// A Query says which rows are wanted. What is empty is not asked for.
type Query struct {
	Actor  string    `json:"actor,omitempty"`
	Action string    `json:"action,omitempty"` // "order.*" are those that begin with "order."
	Type   string    `json:"type,omitempty"`   // of the entity
	ID     string    `json:"id,omitempty"`     // of the entity, with its type
	Since  time.Time `json:"since,omitzero"`
	Until  time.Time `json:"until,omitzero"`   // not including
	Before string    `json:"before,omitempty"` // the Cursor of the last row of the page before
	Max    int       `json:"max,omitempty"`    // rows of a page; default: 100, at most 1,000
}

// Cursor is where the next page begins, for Query.Before.
func (r *Row) Cursor() string { return stamp(r.At) + "/" + r.ID }

// A where is the conditions of a statement, and their parameters.
type where struct {
	terms []string
	args  []any
}

func (w *where) add(term string, args ...any) {
	for _, a := range args {
		w.args = append(w.args, a)
		term = strings.Replace(term, "?", "$"+strconv.Itoa(len(w.args)), 1)
	}
	w.terms = append(w.terms, term)
}

func (w *where) String() string { return strings.Join(w.terms, " AND ") }

// where makes conditions of a query.
func (q *Query) where() (*where, error) {
	w := &where{terms: []string{"1 = 1"}}
	if q.ID != "" && q.Type == "" {
		return nil, &offload.InputError{Field: "Type", Got: "", Want: "the type of the entity, beside its ID"}
	}
	for column, value := range map[string]string{"actor": q.Actor, "entity_type": q.Type, "entity_id": q.ID} {
		if value != "" {
			w.add(column+" = ?", value)
		}
	}
	if prefix, ok := strings.CutSuffix(q.Action, "*"); ok {
		w.add("substr(action, 1, "+strconv.Itoa(len([]rune(prefix)))+") = ?", prefix)
	} else if q.Action != "" {
		w.add("action = ?", q.Action)
	}
	if !q.Since.IsZero() {
		w.add("at >= ?", stamp(q.Since))
	}
	if !q.Until.IsZero() {
		w.add("at < ?", stamp(q.Until))
	}
	if q.Before != "" {
		at, id, ok := strings.Cut(q.Before, "/")
		if _, err := time.Parse(stampLayout, at); err != nil || !ok {
			return nil, &offload.InputError{Field: "Before", Got: cut(q.Before), Want: "the Cursor of a row"}
		}
		w.add("(at, id) < (?, ?)", at, id)
	}
	return w, nil
}

// Search returns rows, the newest first; those that have no place in the chain yet are among them.
func (l *Log) Search(ctx context.Context, q Query) ([]Row, error) {
	w, err := q.where()
	if err != nil {
		return nil, err
	}
	most := q.Max
	if most <= 0 {
		most = 100
	}
	w.args = append(w.args, min(most, 1000))
	// Each table has a limit of its own, so that the one that is large is read along an index: over both, it would be sorted as a whole.
	tail := fmt.Sprintf(" WHERE %s ORDER BY at DESC, id DESC LIMIT $%d", w, len(w.args))
	statement := fmt.Sprintf(`SELECT seq, %[1]s, hash FROM (
    SELECT * FROM (SELECT seq, %[1]s, hash FROM offload_audit%[2]s) AS chained
    UNION ALL SELECT * FROM (SELECT 0 AS seq, %[1]s, '' AS hash FROM offload_audit_new%[2]s) AS fresh
) AS every ORDER BY at DESC, id DESC LIMIT $%[3]d`, columnList, tail, len(w.args))
	return l.read(ctx, statement, w.args)
}

func (l *Log) read(ctx context.Context, statement string, args []any) (all []Row, err error) {
	rows, err := l.db.QueryContext(ctx, statement, args...)
	if err != nil {
		return nil, fmt.Errorf("search the audit log: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var s stored
		if err := rows.Scan(append(s.places(), &s.hash)...); err != nil {
			return nil, fmt.Errorf("search the audit log: %w", err)
		}
		r := s.row()
		r.Seq = s.n
		all = append(all, *r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("search the audit log: %w", err)
	}
	return all, nil
}

// A Line is a row as an export writes it.
type Line struct {
	Seq        int64           `table:"seq"`
	At         time.Time       `table:"at"`
	Actor      string          `table:"actor"`
	Action     string          `table:"action"`
	EntityType string          `table:"entity_type"`
	EntityID   string          `table:"entity_id"`
	Before     json.RawMessage `table:"before"`
	After      json.RawMessage `table:"after"`
	Meta       json.RawMessage `table:"meta"`
	ID         string          `table:"id"`
	Hash       string          `table:"hash"`
}

// Lines yields the chained rows of a query, oldest first, behind the first skip: export.New("export.audit", trail.Lines, export.To(files)). Before and Max
// don't count.
func (l *Log) Lines(ctx context.Context, q Query, skip int) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		q.Before = ""
		var last int64
		for {
			w, err := q.where()
			if err != nil {
				yield(Line{}, err)
				return
			}
			w.add("seq > ?", last)
			w.args = append(w.args, 1000, skip)
			n := len(w.args)
			page, err := l.read(ctx, fmt.Sprintf("SELECT seq, %s, hash FROM offload_audit WHERE %s ORDER BY seq LIMIT $%d OFFSET $%d",
				columnList, w, n-1, n), w.args)
			if err != nil {
				yield(Line{}, err)
				return
			}
			for i := range page {
				r := &page[i]
				if !yield(Line{
					r.Seq, r.At, r.Actor, r.Action, r.Entity.Type, r.Entity.ID, r.Before, r.After, json.RawMessage(r.metaText()), r.ID, r.Hash,
				}, nil) {
					return
				}
				last = r.Seq
			}
			if skip = 0; len(page) < 1000 {
				return
			}
		}
	}
}

// A Change is a field that is another after than before.
type Change struct {
	Field  string          `json:"field"` // "lines[2].sku"; empty: the whole
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// Changes are the fields in which After differs from Before, in the order of their names. Where one of them is nil it is one change, of the whole.
func (r *Row) Changes() []Change {
	return diff(nil, "", r.Before, r.After, 0)
}

func diff(all []Change, field string, before, after json.RawMessage, depth int) []Change {
	var old, now map[string]json.RawMessage
	if depth < deepest && json.Unmarshal(before, &old) == nil && json.Unmarshal(after, &now) == nil && old != nil && now != nil {
		both := map[string]bool{}
		for name := range old {
			both[name] = true
		}
		for name := range now {
			both[name] = true
		}
		order := make([]string, 0, len(both))
		for name := range both {
			order = append(order, name)
		}
		slices.Sort(order)
		for _, name := range order {
			inner := name
			if field != "" {
				inner = field + "." + name
			}
			all = diff(all, inner, old[name], now[name], depth+1)
		}
		return all
	}
	var olds, nows []json.RawMessage
	if depth < deepest && json.Unmarshal(before, &olds) == nil && json.Unmarshal(after, &nows) == nil && olds != nil && nows != nil {
		for i := range max(len(olds), len(nows)) {
			var a, b json.RawMessage
			if i < len(olds) {
				a = olds[i]
			}
			if i < len(nows) {
				b = nows[i]
			}
			all = diff(all, fmt.Sprintf("%s[%d]", field, i), a, b, depth+1)
		}
		return all
	}
	if !bytes.Equal(before, after) || string(after) == `"`+maskChanged+`"` {
		all = append(all, Change{field, before, after})
	}
	return all
}
