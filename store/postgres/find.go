package postgres

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/store"
)

// ask asks the user's pool. Questions are planned each time with their parameters, so that
// those which are left out cost nothing.
func (s *Store) ask(ctx context.Context, doing, sql string, args []any, read func(pgx.Rows) error) error {
	return s.onPool(ctx, doing, func(ctx context.Context, conn *pgx.Conn) error {
		return s.run(ctx, conn, step{sql: uncompiled}, step{sql: sql, args: args, rows: read, once: true})
	})
}

// uncompiled keeps PostgreSQL from compiling a question, for as long as its transaction: with statistics of millions of jobs each
// would take half a second for that, to run for some milliseconds.
const uncompiled = "SELECT set_config('jit', 'off', true)"

// inFind puts what statements want of jobs, and of where they lie, into one.
func inFind(sql string) string {
	return strings.NewReplacer("{of_job}", read("find_job"), "{in_place}", read("find_place")).Replace(sql)
}

// findAny is find.sql for any filter.
//
//	$1 to $20 those of find_job.sql and find_place.sql   $7 process that runs it, null is any
//	$21 how many at most   $22 with inputs and results of any size
//	$23 look in due   $24 for these states   $25 in lease   $26 in blocked   $27 in done   $28 for these outcomes
func findAny() string {
	const state = "CASE WHEN p.run_at <= now() THEN 'available' WHEN p.failures > 0 THEN 'retryable' ELSE 'scheduled' END"
	return inFind(strings.NewReplacer(
		"{in_due}", "$23 AND $7::uuid IS NULL AND "+state+" = ANY ($24::text[]) AND {in_place}",
		"{in_lease}", "$25 AND ($7::uuid IS NULL OR p.process = $7) AND {in_place}",
		"{in_blocked}", "$26 AND $7::uuid IS NULL AND {in_place}",
		"{in_done}", "$27 AND $7::uuid IS NULL AND p.outcome = ANY ($28::smallint[]) AND {in_place}",
		"{most}", "$21", "{whole}", "$22",
	).Replace(read("find")))
}

// findThese is find.sql for ids alone, $1.
func findThese() string {
	const these = "p.id = ANY ($1::uuid[])"
	return strings.NewReplacer("{in_due}", these, "{in_lease}", these, "{in_blocked}", these, "{in_done}", these,
		"{of_job}", "true", "{most}", "cardinality($1)", "{whole}", "true").Replace(read("find"))
}

// filterArgs are the parameters of find_job.sql and find_place.sql, for ids from one on.
func filterArgs(f *store.Filter, from store.ID) []any {
	tag, value, valued := strings.Cut(f.Tag, "=")
	var priorities any
	if len(f.Priorities) > 0 {
		priorities = f.Priorities
	}
	var text, exact any
	switch needle, as := store.Needle(f.Input); {
	case needle != "" && as:
		exact = []byte(needle)
	case needle != "":
		text = needle
	}
	return []any{
		idsOrNil(f.IDs), names(f.Tasks), names(f.Queues), timeOrNil(f.Since), timeOrNil(f.Until), idOrNil(f.Before), idOrNil(f.Process),
		textOrNil(tag), valueOrNil(value, valued), textOrNil(f.Search), textOrNil(f.Key), textOrNil(f.Limit), textOrNil(f.Schedule),
		idText(f.Flow), idOrNil(f.Batch), idOrNil(from), priorities, text, exact, textOrNil(f.Group),
	}
}

// Find is that of store.Reader: one statement, so that each job is seen in one place.
func (s *Store) Find(ctx context.Context, f store.Filter) (found []store.Job, err error) {
	if f.Searches() {
		all, err := s.Search(ctx, store.Search{Filter: f})
		return all.Jobs, err
	}
	most := f.Max
	if most <= 0 {
		most = 100
	}
	if f.Group != "" && len(f.IDs) == 0 {
		return s.findInGroup(ctx, &f, most)
	}
	if ids := (store.Filter{IDs: f.IDs, Max: f.Max}); len(f.IDs) > 0 && len(f.IDs) <= most && reflect.DeepEqual(f, ids) {
		return s.findThese(ctx, f.IDs)
	}
	return s.find(ctx, &f, most, len(f.IDs) > 0, func(*store.Job) bool { return true })
}

// findThese returns jobs by their ids, whole. The statement is prepared, unlike other questions: to plan it takes ten times
// as long as to run it, and its plan is the same for all ids.
func (s *Store) findThese(ctx context.Context, ids []store.ID) (found []store.Job, err error) {
	err = s.onPool(ctx, "find jobs", func(ctx context.Context, conn *pgx.Conn) error {
		return s.run(ctx, conn, step{sql: s.sql.planner}, step{sql: s.sql.findThese, args: []any{idsOf(ids)}, rows: func(rows pgx.Rows) (err error) {
			found, err = readJobs(rows, func(*store.Job) bool { return true })
			return err
		}})
	})
	return found, err
}

// find returns the newest jobs of a filter that are to be kept; most is how many are looked at.
func (s *Store) find(ctx context.Context, f *store.Filter, most int, whole bool, keep func(*store.Job) bool) (found []store.Job, err error) {
	err = s.ask(ctx, "find jobs", s.sql.find, findArgs(f, store.ID{}, most, whole), func(rows pgx.Rows) (err error) {
		found, err = readJobs(rows, keep)
		return err
	})
	return found, err
}

// findArgs are the parameters of find.sql.
func findArgs(f *store.Filter, from store.ID, most int, whole bool) []any {
	p := placesOf(f.States)
	return append(filterArgs(f, from), most, whole, p.due, p.states, p.running, p.blocked, p.done, p.outcomes)
}

// Places are where jobs of the states asked for lie.
type places struct {
	due, running, blocked, done bool
	states                      []string // of due
	outcomes                    []int16  // of done
}

func placesOf(states []store.State) places {
	if len(states) == 0 {
		states = store.States
	}
	p := places{states: []string{}, outcomes: []int16{}}
	for _, state := range states {
		switch state {
		case store.Running:
			p.running = true
		case store.Blocked:
			p.blocked = true
		case store.Scheduled, store.Available, store.Retryable:
			p.due, p.states = true, append(p.states, string(state))
		default:
			if code := slices.Index(endStates, state); code >= 0 {
				p.done, p.outcomes = true, append(p.outcomes, int16(code))
			}
		}
	}
	return p
}

// endStates are states by the outcome's code.
var endStates = []store.State{store.Completed, store.Discarded, store.Cancelled, store.Expired}

func idsOrNil(ids []store.ID) any {
	if len(ids) == 0 {
		return nil
	}
	return idsOf(ids)
}

func idOrNil(id store.ID) any {
	if id.IsZero() {
		return nil
	}
	return [16]byte(id)
}

// idText is an id as terms have it.
func idText(id store.ID) any {
	if id.IsZero() {
		return nil
	}
	return id.String()
}

func textOrNil(s string) any {
	if s == "" {
		return nil
	}
	return store.CleanText(s, 3*len(s))
}

func valueOrNil(s string, given bool) any {
	if !given {
		return nil
	}
	return store.CleanText(s, 3*len(s))
}

// readJobs reads those of what find.sql returns that are to be kept.
func readJobs(rows pgx.Rows, keep func(*store.Job) bool) (found []store.Job, err error) {
	for rows.Next() {
		var (
			j                            store.Job
			id                           [16]byte
			state                        string
			tags                         []byte
			timeout, giveUpAfter, retain int64
			started, finished, at        *time.Time
			done, total                  *int64
			note, waits                  *string
			rate                         *float64
			terms                        []byte
		)
		err := rows.Scan(&id, &state, &j.Waits, &j.Attempt, &j.Failures, &j.RunAt, &started, &finished, &j.Process, &j.Cancelling,
			&j.Task, &j.Queue, &j.Priority, &j.MaxAttempts, &timeout, &giveUpAfter, &retain, &j.CreatedAt, &tags,
			&j.InputSize, &j.Input, &j.Error, &j.Crashes, &j.Result, &done, &total, &at, &note, &rate, &terms, &waits)
		if err != nil {
			return nil, err
		}
		j.ID, j.State = id, store.State(state)
		j.Timeout, j.GiveUpAfter, j.Retain = time.Duration(timeout), time.Duration(giveUpAfter), time.Duration(retain)
		if started != nil {
			j.StartedAt = *started
		}
		if finished != nil {
			j.FinishedAt = *finished
		}
		if at != nil {
			j.Progress = &store.Progress{
				Fence: store.Fence{ID: id, Attempt: j.Attempt},
				Done:  int(*done), Total: int(*total), Note: *note, At: *at, Rate: *rate,
			}
		}
		if tags != nil {
			if err := json.Unmarshal(tags, &j.Tags); err != nil {
				return nil, err
			}
		}
		if j.Terms, err = decodeTerms(j.Task, terms); err != nil {
			return nil, err
		}
		if waits != nil && *waits != "" {
			c := candidate{terms: j.Terms}
			j.Limit = c.use(*waits)
		}
		if keep(&j) {
			found = append(found, j)
		}
	}
	return found, rows.Err()
}

// Failures is that of store.Reader.
func (s *Store) Failures(ctx context.Context, id store.ID) (failures []store.Failure, err error) {
	err = s.ask(ctx, "read failures", s.sql.failures, []any{[16]byte(id)}, func(rows pgx.Rows) error {
		failures = nil
		for rows.Next() {
			var f store.Failure
			if err := rows.Scan(&f.Attempt, &f.Error, &f.Kind, &f.Stack, &f.Process, &f.StartedAt, &f.FailedAt); err != nil {
				return err
			}
			failures = append(failures, f)
		}
		return rows.Err()
	})
	return failures, err
}

// Counts is that of store.Reader.
func (s *Store) Counts(ctx context.Context) (counts map[store.State]int, err error) {
	err = s.ask(ctx, "count jobs", s.sql.counts, nil, func(rows pgx.Rows) error {
		counts = map[store.State]int{}
		var state string
		var n int
		for rows.Next() {
			if err := rows.Scan(&state, &n); err != nil {
				return err
			}
			if n > 0 {
				counts[store.State(state)] = n
			}
		}
		return rows.Err()
	})
	return counts, err
}

// Queues is that of store.Reader.
func (s *Store) Queues(ctx context.Context, most int) (queues []store.Queue, err error) {
	var limit any
	if most > 0 {
		limit = most
	}
	states := []store.State{store.Available, store.Scheduled, store.Retryable, store.Running, store.Blocked}
	err = s.ask(ctx, "read queues", s.sql.queues, []any{limit}, func(rows pgx.Rows) error {
		queues = nil
		for rows.Next() {
			q := store.Queue{Counts: map[store.State]int{}}
			var counts [5]int
			var oldest *time.Time
			err := rows.Scan(&q.Name, &q.Paused, &q.Workers, &counts[0], &counts[1], &counts[2], &counts[3], &counts[4], &oldest)
			if err != nil {
				return err
			}
			for i, n := range counts {
				if n > 0 {
					q.Counts[states[i]] = n
				}
			}
			if oldest != nil {
				q.Oldest = *oldest
			}
			queues = append(queues, q)
		}
		return rows.Err()
	})
	return queues, err
}

// Tasks is that of store.Reader.
func (s *Store) Tasks(ctx context.Context) (tasks []store.Task, err error) {
	err = s.ask(ctx, "read tasks", s.sql.tasks, nil, func(rows pgx.Rows) error {
		tasks = nil
		for rows.Next() {
			var t store.Task
			if err := rows.Scan(&t.Name, &t.Queue, &t.Rules, &t.Schema, &t.Paused, &t.Seen); err != nil {
				return err
			}
			tasks = append(tasks, t)
		}
		return rows.Err()
	})
	return tasks, err
}

// Now is that of store.Reader.
func (s *Store) Now(ctx context.Context) (now time.Time, err error) {
	err = s.ask(ctx, "read the clock", s.sql.now, nil, func(rows pgx.Rows) error {
		for rows.Next() {
			if err := rows.Scan(&now); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	return now, err
}
