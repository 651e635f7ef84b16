package status

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/offloadhq/offload"
)

const (
	lookEvery = 500 * time.Millisecond
	// restFor is how many times as long as a look took nothing is done, so that rows take a fifth of a core, unless
	// that would be longer than longRest: looks that are slow then take half of the time.
	restFor  = 4
	longRest = time.Second
	badOnes  = 3 // every so many looks those that have failed are looked at, too
)

// follow keeps the column true while the process runs jobs, and once more when the last has ended.
func (t *Tracker) follow(ctx context.Context) {
	s := newSweeper(t, offload.AppOf(ctx))
	timer := time.NewTimer(0)
	defer timer.Stop()
	silent := false
	sweep := func(ctx context.Context, phase int) {
		err := s.sweep(ctx, phase)
		if err != nil && ctx.Err() == nil && !silent {
			offload.Logger(ctx).Warn("offload: statuses can't be kept true just now", "column", t.name, "error", err)
		}
		silent = err != nil
	}
	for n := 0; ; n++ {
		select {
		case <-timer.C:
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			sweep(last, underWay)
			return
		}
		began := time.Now()
		sweep(ctx, underWay)
		if n%badOnes == 0 {
			sweep(ctx, endedBad)
		}
		took := time.Since(began)
		timer.Reset(max(lookEvery, min(restFor*took, max(longRest, took))))
	}
}

// A sweeper looks at the rows of a tracker. It is of one goroutine.
//
// Of most rows it asks no more than whether their job is in another state than was written, which the database answers by its indexes:
// a few microseconds a row. Whole it reads the jobs of those that run, which may have come further, and in turns
// some others: a job that is gone, or waits for something else than before, is in no other state.
type sweeper struct {
	tracker *Tracker
	app     *offload.App
	turn    map[int]string // by phase: behind this row the next turn begins

	lines int // that are read at a time
	whole int // whose jobs are read whole in a look
	jobs  int // that are read at a time: with their inputs, which may be large
}

func newSweeper(t *Tracker, app *offload.App) *sweeper {
	return &sweeper{tracker: t, app: app, turn: map[int]string{}, lines: 10_000, whole: 4000, jobs: 200}
}

// A tracked is a line of the kit's table.
type tracked struct {
	row, shown string
	job        offload.ID
	version    int64
}

// sweep looks at all rows of a phase.
func (s *sweeper) sweep(ctx context.Context, phase int) error {
	budget, last := s.whole, ""
	var errs []error
	for after := ""; ; {
		lines, err := s.tracker.read(ctx, phase, after, s.lines) // before the jobs: see the package's doc
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		var whole []tracked
		same := map[string][]tracked{} // by the word that was written
		for _, l := range lines {
			word, _, _ := strings.Cut(l.shown, " ")
			switch {
			case l.row > s.turn[phase] && budget > 0:
				budget, last = budget-1, l.row
				whole = append(whole, l)
			case len(states[word]) == 0:
				whole = append(whole, l)
			default:
				same[word] = append(same[word], l)
			}
		}
		errs = append(errs, s.read(ctx, whole, phase))
		for word, lines := range same {
			errs = append(errs, s.changed(ctx, lines, states[word], phase))
		}
		if len(lines) < s.lines {
			break
		}
		after = lines[len(lines)-1].row
	}
	s.turn[phase] = last
	if budget > 0 {
		s.turn[phase] = "" // that was the last of them
	}
	return errors.Join(errs...)
}

// states are those of jobs of which a word is said, if it says all.
var states = map[string][]offload.State{
	string(Queued):    {offload.Scheduled, offload.Available},
	string(Retrying):  {offload.Retryable},
	string(Waiting):   {offload.Blocked},
	string(Failed):    {offload.Discarded, offload.Expired},
	string(Cancelled): {offload.Cancelled},
}

var allStates = []offload.State{
	offload.Scheduled, offload.Available, offload.Running, offload.Retryable, offload.Blocked,
	offload.Completed, offload.Discarded, offload.Cancelled, offload.Expired,
}

// read reads the jobs of rows whole, and settles the rows.
func (s *sweeper) read(ctx context.Context, lines []tracked, phase int) error {
	var errs []error
	for some := range slices.Chunk(lines, s.jobs) {
		jobs, err := s.app.Jobs(ctx, offload.Filter{IDs: idsOf(some), Max: len(some)})
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		byID := make(map[offload.ID]*offload.Job, len(jobs))
		for _, job := range jobs {
			byID[job.ID] = job
		}
		for i := range some {
			errs = append(errs, s.tracker.settle(ctx, &some[i], byID[some[i].job], phase))
		}
	}
	return errors.Join(errs...)
}

// changed settles the rows whose jobs are in none of the states.
func (s *sweeper) changed(ctx context.Context, lines []tracked, are []offload.State, phase int) error {
	others := slices.DeleteFunc(slices.Clone(allStates), func(state offload.State) bool { return slices.Contains(are, state) })
	byJob := make(map[offload.ID][]*tracked, len(lines))
	for i := range lines {
		byJob[lines[i].job] = append(byJob[lines[i].job], &lines[i])
	}
	ids := idsOf(lines)
	var errs []error
	for {
		jobs, err := s.app.Jobs(ctx, offload.Filter{IDs: ids, States: others, Max: s.jobs})
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		for _, job := range jobs {
			for _, l := range byJob[job.ID] {
				errs = append(errs, s.tracker.settle(ctx, l, job, phase))
			}
			delete(byJob, job.ID)
		}
		if len(jobs) < s.jobs {
			return errors.Join(errs...)
		}
		ids = slices.DeleteFunc(ids, func(id offload.ID) bool { return byJob[id] == nil })
		if len(ids) == 0 {
			return errors.Join(errs...)
		}
	}
}

func idsOf(lines []tracked) []offload.ID {
	ids := make([]offload.ID, len(lines))
	for i := range lines {
		ids[i] = lines[i].job
	}
	return ids
}

func (t *Tracker) read(ctx context.Context, phase int, after string, most int) (lines []tracked, err error) {
	rows, err := t.db.QueryContext(ctx, `SELECT row_id, job, shown, version FROM offload_status
WHERE name = $1 AND phase = $2 AND row_id > $3 ORDER BY row_id LIMIT $4`, t.name, phase, after, most)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var l tracked
		var job string
		if err := rows.Scan(&l.row, &job, &l.shown, &l.version); err != nil {
			return nil, err
		}
		if l.job, err = offload.ParseID(job); err != nil {
			return nil, err
		}
		lines = append(lines, l)
	}
	return lines, rows.Err()
}

// settle writes the status of a row, if it is another than was written, and nobody has written since it was read.
func (t *Tracker) settle(ctx context.Context, l *tracked, job *offload.Job, phase int) error {
	s := Of(job)
	next, text := underWay, s.String()
	switch {
	case s.State == Failed || s.State == Cancelled && job != nil:
		next = endedBad
	case s.State.Ended():
		next = 0
	}
	if job == nil && phase == endedBad {
		text = l.shown // it has said how it ended, and has gone since
	}
	if text == l.shown && next == phase {
		return nil
	}
	tx, err := t.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	// The row before the line, as Track does: in another order the two could wait for each other.
	if _, err := tx.ExecContext(ctx, t.update, text, l.row); err != nil {
		return err
	}
	query, args := `UPDATE offload_status SET version = version + 1, shown = $4, phase = $5
WHERE name = $1 AND row_id = $2 AND version = $3`, []any{t.name, l.row, l.version, text, next}
	if next == 0 {
		query, args = "DELETE FROM offload_status WHERE name = $1 AND row_id = $2 AND version = $3", args[:3]
	}
	result, err := tx.ExecContext(ctx, query, args...)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return err // somebody has seen something later: nothing is written
	}
	return tx.Commit()
}
