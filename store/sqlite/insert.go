package sqlite

import (
	"context"
	"database/sql"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/offloadhq/offload/store"
)

var (
	//go:embed sql/insert_job.sql
	insertJobSQL string
	//go:embed sql/insert_due.sql
	insertDueSQL string
	//go:embed sql/insert_fresh.sql
	insertFreshSQL string
)

// insertRows is how many jobs a statement stores: from 50 on, more win nothing.
const insertRows = 50

// Statements for 1 to insertRows jobs, at the number of jobs.
var (
	insertJobs = withRows(insertJobSQL, 11, " ON CONFLICT DO NOTHING")
	insertDues = withRows(insertDueSQL, 5, "")
)

// withRows completes an insert for 1 to insertRows rows of parameters.
func withRows(insert string, params int, end string) (all [insertRows + 1]string) {
	row := "(?" + strings.Repeat(", ?", params-1) + ")"
	for n := 1; n <= insertRows; n++ {
		all[n] = insert + "VALUES " + row + strings.Repeat(", "+row, n-1) + end
	}
	return all
}

// Bits of "uses": what else is known of a job.
const (
	usesCrash = 1 << iota
	usesSignal
	usesProgress
	usesFailure
	usesResult
	usesSystem // no table, but: it lies in offload's own queue, and is left out of counts

	usesTerms     // in offload_job; the following only with them
	usesUndecided // limits and turn are decided when it is claimed
	usesFresh     // and what a limit does that is full has a say in that
	usesBegun     // an attempt may have begun; of a lease: one before this
	usesExpires   // unless an attempt begins

	usesLog
	usesMemo

	usesUp     // others wait for it
	usesAfter  // it has edges
	usesBatch  // it is a batch
	usesCut    // it was cut off by an upstream: it goes on when that is retried
	usesMember // of a batch, as its terms say

	usesKeyed = usesUndecided | usesFresh | usesExpires // what goes when the job has ended
)

// withList completes a statement for lists of up to insertRows parameters.
func withList(statement string) (all [insertRows + 1]string) {
	all[0] = statement + "()"
	for n := 1; n <= insertRows; n++ {
		all[n] = statement + "(?" + strings.Repeat(", ?", n-1) + ")"
	}
	return all
}

// Insert is that of store.Writer.
func (s *Store) Insert(ctx context.Context, jobs []store.NewJob) (inserted []store.Inserted, err error) {
	if len(jobs) == 0 {
		return nil, nil
	}
	err = s.write(ctx, "insert jobs", func(t *txn) (err error) {
		inserted, err = t.insert(jobs)
		return err
	})
	if err != nil {
		return nil, err
	}
	return inserted, nil
}

func (t *txn) insert(jobs []store.NewJob) ([]store.Inserted, error) {
	inserted := make([]store.Inserted, len(jobs))
	for i := range jobs {
		inserted[i].ID = jobs[i].ID
	}
	if slices.ContainsFunc(jobs, func(j store.NewJob) bool { return !plain(&j) }) {
		return inserted, t.insertKeyed(jobs, inserted)
	}
	for at := 0; at < len(jobs); at += insertRows {
		end := min(at+insertRows, len(jobs))
		if err := t.insertSome(jobs[at:end], inserted[at:end]); err != nil {
			return nil, err
		}
	}
	return inserted, nil
}

// plain reports whether a new job is due at its time, whatever others do.
func plain(n *store.NewJob) bool {
	return n.Terms == nil && n.After == nil && n.Task != store.BatchTask
}

// insertSome stores at most insertRows jobs.
func (t *txn) insertSome(jobs []store.NewJob, inserted []store.Inserted) error {
	args := make([]any, 0, len(jobs)*11)
	for i := range jobs {
		var err error
		if args, err = t.jobArgs(args, &jobs[i]); err != nil {
			return err
		}
	}
	stored, err := t.exec(insertJobs[len(jobs)], args...)
	if err != nil {
		return err
	}
	if stored < int64(len(jobs)) {
		if jobs, err = t.fresh(jobs, inserted); err != nil || len(jobs) == 0 {
			return err
		}
	}
	return t.insertDue(jobs)
}

// jobArgs adds the parameters of one job to args.
func (t *txn) jobArgs(args []any, j *store.NewJob) ([]any, error) {
	tags, err := tagsOf(j.Tags)
	if err != nil {
		return nil, fmt.Errorf("tags of job %s: %w", j.ID, err)
	}
	return append(args, j.ID[:], j.Task, j.Queue, j.Priority, t.now, j.MaxAttempts,
		micros(j.Timeout), micros(j.GiveUpAfter), micros(j.Retain), tags, orNull(j.Input)), nil
}

// insertDue makes jobs due that have just been stored, at most insertRows.
func (t *txn) insertDue(jobs []store.NewJob) error {
	args := make([]any, 0, len(jobs)*5)
	for i := range jobs {
		j := &jobs[i]
		args = append(args, j.Queue, j.Priority, t.firstRun(j), j.ID[:], systemBit(j.Queue))
		if j.Delay > 0 || !j.RunAt.IsZero() {
			t.wakeToLook() // a claim may not find it yet
		} else {
			t.wake(j.Queue, j.Priority)
		}
	}
	_, err := t.exec(insertDues[len(jobs)], args...)
	return err
}

// fresh returns those jobs that have just been stored, and marks the others.
func (t *txn) fresh(jobs []store.NewJob, inserted []store.Inserted) (stored []store.NewJob, err error) {
	ids := make([]store.ID, len(jobs))
	for i := range jobs {
		ids[i] = jobs[i].ID
	}
	fresh := map[store.ID]bool{}
	err = each(t, func(rows *sql.Rows) error {
		var id store.ID
		err := rows.Scan(idInto{&id})
		fresh[id] = true
		return err
	}, insertFreshSQL, joined(ids))
	for i := range jobs {
		if id := jobs[i].ID; fresh[id] {
			stored = append(stored, jobs[i])
			delete(fresh, id) // the same id again in this call is there already
		} else {
			inserted[i].Existing = true
		}
	}
	return stored, err
}

// firstRun is when a new job may run.
func (t *txn) firstRun(j *store.NewJob) int64 {
	if j.RunAt.IsZero() {
		return t.now + micros(j.Delay)
	}
	return max(j.RunAt.UnixMicro(), t.now)
}

// execRows runs a statement of withRows, or of withList, for any number of rows.
func (t *txn) execRows(stmts *[insertRows + 1]string, params int, args []any) error {
	for len(args) > 0 {
		n := min(len(args)/params, insertRows)
		if _, err := t.exec(stmts[n], args[:n*params]...); err != nil {
			return err
		}
		args = args[n*params:]
	}
	return nil
}

func systemBit(queue string) int {
	if queue == store.SystemQueue {
		return usesSystem
	}
	return 0
}

// tagsOf returns tags as they are kept: JSON, or NULL if there are none.
func tagsOf(tags map[string]string) (any, error) {
	if len(tags) == 0 {
		return nil, nil
	}
	text, err := json.Marshal(tags)
	return string(text), err
}

// tagsInto scans a column of tags.
type tagsInto struct{ tags *map[string]string }

// Scan is that of sql.Scanner.
func (i tagsInto) Scan(value any) error {
	*i.tags = nil
	switch text := value.(type) {
	case string:
		return json.Unmarshal([]byte(text), i.tags)
	case []byte:
		return json.Unmarshal(text, i.tags)
	}
	return nil
}
