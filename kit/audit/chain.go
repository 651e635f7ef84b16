package audit

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/tables"
	"github.com/offloadhq/offload/record"
)

// A Row is an entry as it is kept.
type Row struct {
	Seq    int64             `json:"seq"` // in the chain, from 1; 0: it has no place yet
	ID     string            `json:"id"`
	At     time.Time         `json:"at"`
	Actor  string            `json:"actor"`
	Action string            `json:"action"`
	Entity Entity            `json:"entity"`
	Before json.RawMessage   `json:"before,omitempty"`
	After  json.RawMessage   `json:"after,omitempty"`
	Meta   map[string]string `json:"meta,omitempty"`
	Hash   string            `json:"hash,omitempty"` // SHA-256, hexadecimal
}

// A stored row is a row as its columns are, which is what the hash is of.
type stored struct {
	n       int64 // its number in the one table, or the other
	columns [9]string
	hash    string
}

func (s *stored) places() []any {
	to := []any{&s.n}
	for i := range s.columns {
		to = append(to, &s.columns[i])
	}
	return to
}

func (s *stored) id() string { return s.columns[0] }

func (s *stored) row() *Row {
	c := &s.columns
	r := &Row{ID: c[0], Actor: c[2], Action: c[3], Entity: Entity{c[4], c[5]}, Hash: s.hash}
	r.At, _ = time.Parse(stampLayout, c[1]) // what somebody else wrote there is shown as no time
	if c[6] != "" {
		r.Before = json.RawMessage(c[6])
	}
	if c[7] != "" {
		r.After = json.RawMessage(c[7])
	}
	_ = json.Unmarshal([]byte(c[8]), &r.Meta)
	return r
}

// link is the hash of a row: the SHA-256 of the hash before it, its number and its columns, each as a netstring ("5:ada 7,").
func link(before string, seq int64, columns *[9]string) string {
	b := make([]byte, 0, 512)
	add := func(text string) {
		b = strconv.AppendInt(b, int64(len(text)), 10)
		b = append(append(append(b, ':'), text...), ',')
	}
	add(before)
	add(strconv.FormatInt(seq, 10))
	for _, c := range columns {
		add(c)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// A Head is the last row of a chain at some time: whoever has it can tell that the rows up to it are those that were there.
type Head struct {
	Log  string `json:"log,omitempty"` // which log it is of; empty: the one that it is held against
	Seq  int64  `json:"seq"`
	Hash string `json:"hash"`
}

// String is the head as ParseHead reads it: "812:9f86d0…".
func (h Head) String() string { return fmt.Sprintf("%d:%s", h.Seq, h.Hash) }

// ParseHead reads a head.
func ParseHead(text string) (Head, error) {
	number, hash, _ := strings.Cut(strings.TrimSpace(text), ":")
	seq, err := strconv.ParseInt(number, 10, 64)
	if _, hexErr := hex.DecodeString(hash); err != nil || hexErr != nil || seq < 1 || len(hash) != 2*sha256.Size {
		return Head{}, &offload.InputError{Field: "head", Got: cut(text), Want: "a number and a SHA-256, such as 812:9f86d081…"}
	}
	return Head{Seq: seq, Hash: strings.ToLower(hash)}, nil
}

// state is the row of the table offload_audit_head.
type state struct {
	head     Head
	baseSeq  int64
	baseHash string
}

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func readState(ctx context.Context, q querier) (s state, err error) {
	err = q.QueryRowContext(ctx, "SELECT log, seq, hash, base_seq, base_hash FROM offload_audit_head WHERE one = 1").
		Scan(&s.head.Log, &s.head.Seq, &s.head.Hash, &s.baseSeq, &s.baseHash)
	return s, err
}

const (
	chainMost  = 250     // rows at a time: some milliseconds, for which SQLite has other writers wait
	chainBytes = 4 << 20 // of them
)

// Chain gives the rows that were committed their place in the chain, in the order in which they were written. The app does it by itself; it is there
// for programs without one, and for tests. It waits for whoever is doing it.
func (l *Log) Chain(ctx context.Context) error {
	for {
		n, err := l.chain(ctx)
		if err != nil {
			return fmt.Errorf("chain the audit log: %w", err)
		}
		if n == 0 {
			return nil
		}
	}
}

// chain chains some rows, and says how many were waiting.
func (l *Log) chain(ctx context.Context) (n int, err error) {
	var any int
	err = l.db.QueryRowContext(ctx, "SELECT 1 FROM offload_audit_new LIMIT 1").Scan(&any)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	err = l.alone(ctx, func(tx *sql.Tx, s *state) error {
		fresh, err := l.fresh(ctx, tx)
		if err != nil {
			return err
		}
		if n = len(fresh); n == 0 {
			return nil
		}
		if err := l.remove(ctx, tx, fresh); err != nil {
			return err
		}
		if fresh, err = l.unknown(ctx, tx, fresh); err != nil {
			return err
		}
		return s.add(ctx, tx, l.sql.sqlite, fresh)
	})
	return n, err
}

// alone runs f while no other process changes the chain, and keeps what f made of the state.
func (l *Log) alone(ctx context.Context, f func(tx *sql.Tx, s *state) error) error {
	tx, err := l.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	// To write comes first: on SQLite who has read may not be let write any more, and on PostgreSQL the row is the lock.
	if _, err := tx.ExecContext(ctx, "UPDATE offload_audit_head SET one = one WHERE one = 1"); err != nil {
		return err
	}
	s, err := readState(ctx, tx)
	if err != nil {
		return err
	}
	if err := f(tx, &s); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "UPDATE offload_audit_head SET seq = $1, hash = $2, base_seq = $3, base_hash = $4 WHERE one = 1",
		s.head.Seq, s.head.Hash, s.baseSeq, s.baseHash); err != nil {
		return err
	}
	return tx.Commit()
}

func (l *Log) fresh(ctx context.Context, tx *sql.Tx) (fresh []stored, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT n, "+columnList+" FROM offload_audit_new ORDER BY n LIMIT $1", chainMost)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for size := 0; size < chainBytes && rows.Next(); {
		var s stored
		if err := rows.Scan(s.places()...); err != nil {
			return nil, err
		}
		if s.columns[3] == pruneAction { // nobody else may say that rows were let go
			s.columns[3] += " (forged)"
		}
		for _, c := range s.columns {
			size += len(c)
		}
		fresh = append(fresh, s)
	}
	return fresh, rows.Err()
}

// remove removes rows one by one, not from the first to the last: another may have been committed in between.
func (l *Log) remove(ctx context.Context, tx *sql.Tx, rows []stored) error {
	numbers := make([]int64, len(rows))
	for i := range rows {
		numbers[i] = rows[i].n
	}
	list, args := inList(l.sql.sqlite, numbers)
	_, err := tx.ExecContext(ctx, "DELETE FROM offload_audit_new WHERE n "+list, args...)
	return err
}

// inList is a condition that a column has one of some values. On PostgreSQL it is one parameter, so that the statement is the same for any number of them, and stays prepared.
func inList[T any](sqlite bool, values []T) (string, []any) {
	if !sqlite {
		return "= ANY ($1)", []any{values}
	}
	args := make([]any, len(values))
	for i := range values {
		args[i] = values[i]
	}
	return "IN " + tables.Values(1, len(values), true), args
}

// unknown leaves out rows whose id is in the chain: their job has run twice.
func (l *Log) unknown(ctx context.Context, tx *sql.Tx, rows []stored) (left []stored, err error) {
	ids := make([]string, len(rows))
	for i := range rows {
		ids[i] = rows[i].id()
	}
	list, args := inList(l.sql.sqlite, ids)
	found, err := tx.QueryContext(ctx, "SELECT id FROM offload_audit WHERE id "+list, args...)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	seen := map[string]bool{}
	for found.Next() {
		var id string
		if err := found.Scan(&id); err != nil {
			return nil, err
		}
		seen[id] = true
	}
	for i := range rows {
		if !seen[rows[i].id()] {
			seen[rows[i].id()] = true
			left = append(left, rows[i])
		}
	}
	return left, found.Err()
}

// add appends rows to the chain.
func (s *state) add(ctx context.Context, tx *sql.Tx, sqlite bool, rows []stored) error {
	if len(rows) == 0 {
		return nil
	}
	seqs := make([]int64, len(rows))
	hashes := make([]string, len(rows))
	for i := range rows {
		s.head.Seq++
		s.head.Hash = link(s.head.Hash, s.head.Seq, &rows[i].columns)
		seqs[i], hashes[i] = s.head.Seq, s.head.Hash
	}
	if sqlite {
		args := make([]any, 0, 11*len(rows))
		for i := range rows {
			args = append(args, seqs[i])
			for _, c := range rows[i].columns {
				args = append(args, c)
			}
			args = append(args, hashes[i])
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO offload_audit (seq, "+columnList+", hash) VALUES "+tables.Values(len(rows), 11, true), args...)
		return err
	}
	args := []any{seqs}
	for c := range newColumns {
		column := make([]string, len(rows))
		for i := range rows {
			column[i] = rows[i].columns[c]
		}
		args = append(args, column)
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO offload_audit (seq, "+columnList+`, hash) SELECT * FROM unnest($1::bigint[],
    $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[])`, append(args, hashes)...)
	return err
}

const (
	lookEvery   = 500 * time.Millisecond
	anchorEvery = 10 * time.Second
	pruneEvery  = time.Minute
)

// follow chains while the process runs jobs, and once more when the last has ended.
func (l *Log) follow(ctx context.Context) {
	app := offload.AppOf(ctx)
	log := offload.Logger(ctx)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var anchored, pruned time.Time
	said := ""
	look := func(ctx context.Context, last bool) {
		err := l.Chain(ctx)
		if err == nil && (last || time.Since(anchored) >= anchorEvery) {
			anchored = time.Now()
			err = l.anchor(ctx, app)
		}
		if err == nil && l.keep > 0 && time.Since(pruned) >= pruneEvery {
			pruned = time.Now()
			err = l.Prune(ctx)
		}
		switch {
		case err == nil:
			said = ""
		case ctx.Err() == nil && err.Error() != said:
			said = err.Error()
			log.Error("offload: the audit log can't be kept just now", "error", err)
		}
	}
	for {
		look(ctx, false)
		select {
		case <-tick.C:
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			look(last, true)
			return
		}
	}
}

const headKind = "audit.head"

// errCut is what the app's own record of the head says, if rows are not there any more.
var errCut = errors.New("the audit log is not the one that it was: `offload audit verify` says what is missing")

// anchor keeps the head apart. One that was kept and isn't in the chain any more stays: it shows that somebody has cut it.
func (l *Log) anchor(ctx context.Context, app *offload.App) error {
	s, err := readState(ctx, l.db)
	if err != nil || s.head.Seq == 0 {
		return err
	}
	heads := record.Of[Head](app, headKind)
	kept, err := heads.Get(ctx, s.head.Log)
	switch {
	case errors.Is(err, offload.ErrNotFound):
		kept = record.Record[Head]{Key: s.head.Log}
	case err != nil:
		return err
	default:
		if err := l.holds(ctx, kept.Value); err != nil {
			return err
		}
	}
	if kept.Value.Seq >= s.head.Seq {
		return nil // another process has kept a later one
	}
	kept.Value = s.head
	if err := heads.Swap(ctx, &kept); err != nil {
		if errors.Is(err, record.ErrStale) {
			return nil
		}
		return err
	}
	for _, f := range l.onHead {
		f(ctx, s.head)
	}
	return nil
}

// holds reports errCut, if a head is not in the chain.
func (l *Log) holds(ctx context.Context, h Head) error {
	var hash string
	err := l.db.QueryRowContext(ctx, "SELECT hash FROM offload_audit WHERE seq = $1", h.Seq).Scan(&hash)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if err == nil {
		if hash != h.Hash {
			return errCut
		}
		return nil
	}
	s, err := readState(ctx, l.db) // after the row: it may have been let go meanwhile
	if err == nil && h.Seq > s.baseSeq {
		err = errCut
	}
	return err
}

// Heads are the heads that an app has kept of its logs.
func Heads(ctx context.Context, app *offload.App) ([]Head, error) {
	kept, err := record.Of[Head](app, headKind).List(ctx, "")
	heads := make([]Head, len(kept))
	for i := range kept {
		heads[i] = kept[i].Value
	}
	return heads, err
}
