package audit

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/offloadhq/offload"
)

const (
	pruneMost   = 2000 // rows at a time
	pruneAction = "audit.prune"
)

// Prune lets the rows go that are older than Keep says, as far as none before them is younger. The app does it by itself, every minute.
func (l *Log) Prune(ctx context.Context) error {
	if l.keep == 0 {
		return nil
	}
	for {
		more, err := l.prune(ctx, stamp(time.Now().Add(-l.keep)))
		if err != nil {
			return fmt.Errorf("prune the audit log: %w", err)
		}
		if !more {
			return nil
		}
	}
}

// prune lets some rows go, and says so in the chain: with the number and the hash of the last, from which on the chain is verified.
func (l *Log) prune(ctx context.Context, before string) (more bool, err error) {
	s, err := readState(ctx, l.db)
	if err != nil {
		return false, err
	}
	if through, err := through(ctx, l.db, &s, before); err != nil || through == s.baseSeq {
		return false, err
	}
	err = l.alone(ctx, func(tx *sql.Tx, s *state) error {
		last, err := through(ctx, tx, s, before)
		if err != nil || last == s.baseSeq {
			return err
		}
		more = last-s.baseSeq == pruneMost
		var gone base
		gone.Through = last
		if err := tx.QueryRowContext(ctx, "SELECT hash FROM offload_audit WHERE seq = $1", last).Scan(&gone.Hash); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM offload_audit WHERE seq <= $1", last); err != nil {
			return err
		}
		after, err := json.Marshal(gone)
		if err != nil {
			return err
		}
		s.baseSeq, s.baseHash = gone.Through, gone.Hash
		says := stored{columns: [9]string{offload.NewID().String(), stamp(time.Now()), "offload", pruneAction, "audit", s.head.Log, "", string(after), ""}}
		return s.add(ctx, tx, l.sql.sqlite, []stored{says})
	})
	return more && err == nil, err
}

// A base is what the entry of a prune says in After.
type base struct {
	Through int64  `json:"through"`
	Hash    string `json:"hash"`
}

// through is the last row that goes: the one before the first that is young enough. An entry of a prune is never the last to stay.
func through(ctx context.Context, q querier, s *state, before string) (int64, error) {
	var first int64
	err := q.QueryRowContext(ctx, "SELECT seq FROM offload_audit WHERE seq > $1 AND at >= $2 ORDER BY seq LIMIT 1", s.baseSeq, before).Scan(&first)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		first = s.head.Seq + 1
	case err != nil:
		return 0, err
	}
	last := min(first-1, s.baseSeq+pruneMost)
	if last == s.head.Seq && last == s.baseSeq+1 {
		// A lone old row may be the entry of the last prune: it would go for ever, each time for a new one.
		var action string
		err := q.QueryRowContext(ctx, "SELECT action FROM offload_audit WHERE seq = $1", last).Scan(&action)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return 0, err
		}
		if action == pruneAction {
			return s.baseSeq, nil
		}
	}
	return max(last, s.baseSeq), nil
}
