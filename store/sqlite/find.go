package sqlite

import (
	"context"
	"database/sql"
	_ "embed"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/offloadhq/offload/store"
)

var (
	//go:embed sql/find.sql
	findSQL string
	//go:embed sql/find_where.sql
	findWhereSQL string
)

// findStretch is how many jobs of a place one statement looks through.
const findStretch = 20_000

// A shelf is a place as find.sql reads it.
type shelf struct {
	table   string
	states  []store.State
	byWalk  string // through a stretch of ids
	byIDs   string
	byFlow  string
	inBatch string
	ofTasks string
	step    string // finds the end of a stretch
}

// shelves are the places in the order in which a job moves on: one that moves while they are
// read is then seen twice rather than not at all.
var shelves = []shelf{
	newShelf("offload_due", "", "coalesce(p.due_at, p.run_at)", "NULL",
		"CASE WHEN p.run_at <= ?4 THEN 'available' WHEN p.failures > 0 THEN 'retryable' ELSE 'scheduled' END",
		"''", "NULL", "NULL", store.Scheduled, store.Available, store.Retryable),
	newShelf("offload_blocked", "", "coalesce(p.due_at, p.run_at)", "p.gate", "'blocked'",
		"CASE WHEN p.waits = 1 THEN 'alone' WHEN p.waits = 2 THEN 'limit' WHEN p.waits = 3 THEN 'after' WHEN p.waits = 4 THEN 'held' WHEN instr(p.task, ' ') > 0 THEN 'need' WHEN EXISTS (SELECT 1 FROM offload_task WHERE name = p.task AND paused) THEN 'paused' ELSE 'task' END",
		"NULL", "NULL", store.Blocked),
	newShelf("offload_lease", "", "p.run_at", "NULL", "'running'", "''", "NULL", "p.process", store.Running),
	newShelf("offload_done", "p.state <> 5 AND ", "p.run_at", "NULL", doneState, "''", "p.finished_at", "NULL",
		store.Completed, store.Discarded, store.Cancelled, store.Expired),
}

// oddShelves read what did not complete, by an index of its own: p.state > 1 is its condition,
// which SQLite must find word for word.
var oddShelves = []shelf{
	newShelf("offload_done", "p.state > 1 AND p.state = 2 AND ", "p.run_at", "NULL", doneState, "''", "p.finished_at", "NULL", store.Discarded),
	newShelf("offload_done", "p.state > 1 AND p.state = 3 AND ", "p.run_at", "NULL", doneState, "''", "p.finished_at", "NULL", store.Cancelled),
	newShelf("offload_done", "p.state > 1 AND p.state = 4 AND ", "p.run_at", "NULL", doneState, "''", "p.finished_at", "NULL", store.Expired),
}

const doneState = "CASE p.state WHEN 1 THEN 'completed' WHEN 2 THEN 'discarded' WHEN 3 THEN 'cancelled' ELSE 'expired' END"

// newShelf fills in find.sql for a place. All that is filled in stands above.
func newShelf(table, only, runAt, gate, state, waits, finished, process string, states ...store.State) shelf {
	fill := func(walk string) string {
		query := strings.Replace(findSQL, "{where}\n", findWhereSQL, 1)
		return strings.NewReplacer("{place}", table, "{run_at}", runAt, "{gate}", gate, "{state}", state, "{waits}", waits, "{finished_at}", finished,
			"{process}", process, "{walk}", only+walk).Replace(query)
	}
	return shelf{
		table: table, states: states,
		byWalk: fill("p.id < ?1 AND p.id >= ?2"),
		byIDs: fill("?2 IS NULL AND p.id IN (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 16 FROM n WHERE i + 16 < length(?1)) " +
			"SELECT substr(?1, i, 16) FROM n)"),
		byFlow:  fill("?2 IS NULL AND p.id < ?1 AND p.id IN (SELECT id FROM offload_job WHERE terms ->> '$.flow' IS NOT NULL AND terms ->> '$.flow' = ?20 UNION ALL SELECT ?26)"),
		inBatch: fill("?2 IS NULL AND p.id < ?1 AND p.id IN (SELECT id FROM offload_member WHERE batch = ?21)"),
		ofTasks: fill("?2 IS NULL AND p.id IN (SELECT id FROM offload_job WHERE task IN (SELECT value FROM json_each(?6)) AND id < ?1)"),
		step:    "SELECT p.id FROM " + table + " AS p WHERE " + only + "p.id < ?1 ORDER BY p.id DESC LIMIT 1 OFFSET ?2",
	}
}

// Find is that of store.Reader.
func (s *Store) Find(ctx context.Context, f store.Filter) (jobs []store.Job, err error) {
	if f.Searches() {
		all, err := s.Search(ctx, store.Search{Filter: f})
		return all.Jobs, err
	}
	most := f.Max
	if most <= 0 {
		most = 100
	}
	find := func(q *snapshots) (err error) {
		jobs, err = q.find(ctx, &f, most)
		return err
	}
	if n := len(f.IDs); n > 0 && n <= findFew {
		err = s.reader.view(ctx, func(t *txn) error { return find(&snapshots{txn: t}) })
		err = s.explain(ctx, "find jobs", err)
	} else {
		err = s.ask(ctx, "find jobs", find)
	}
	if err != nil {
		return nil, err
	}
	return jobs, nil
}

// findFew is up to how many jobs by id are read on the connection kept for the engine, whose
// statements are prepared: programs ask for one job again and again.
const findFew = 100

func (q *snapshots) find(ctx context.Context, f *store.Filter, most int) (jobs []store.Job, err error) {
	all, err := q.findJobs(ctx, f, most)
	for i := 0; i < len(all) && err == nil; i++ {
		err = q.fillIn(&all[i])
		jobs = append(jobs, all[i].Job)
	}
	return jobs, err
}

func (q *snapshots) findJobs(ctx context.Context, f *store.Filter, most int) ([]found, error) {
	if f.Group != "" && len(f.IDs) == 0 {
		return q.findInGroup(ctx, f, most)
	}
	byID := map[store.ID]found{}
	rare, err := q.rare(f, beforeOf(f))
	if err != nil {
		return nil, err
	}
	for _, shelf := range shelvesFor(f) {
		jobs, err := q.findOn(ctx, &shelf, f, most, rare)
		if err != nil {
			return nil, err
		}
		for _, j := range jobs {
			byID[j.ID] = j
		}
	}
	all := slices.SortedFunc(maps.Values(byID), func(a, b found) int { return b.ID.Compare(a.ID) })
	return all[:min(most, len(all))], nil
}

// shelvesFor returns the shelves on which jobs lie that a filter may select.
func shelvesFor(f *store.Filter) []shelf {
	states := f.States
	switch {
	case !f.Process.IsZero() && (len(states) == 0 || slices.Contains(states, store.Running)):
		return shelves[2:3]
	case !f.Process.IsZero():
		return nil
	case len(states) == 0:
		return shelves
	}
	from := shelves
	if !slices.Contains(states, store.Completed) {
		from = append(slices.Clone(shelves[:3]), oddShelves...)
	}
	return slices.DeleteFunc(slices.Clone(from), func(s shelf) bool {
		return !slices.ContainsFunc(s.states, func(state store.State) bool { return slices.Contains(states, state) })
	})
}

// rareMost is how many jobs of tasks are looked at wherever they are.
var rareMost = findStretch // another in tests

// rare reports whether there are so few jobs of the tasks that a filter names that all of them can be looked at, wherever they are.
func (q *snapshots) rare(f *store.Filter, before []byte) (bool, error) {
	if len(f.Tasks) == 0 || len(f.IDs) > 0 {
		return false, nil
	}
	var n int
	_, err := one(q, []any{&n}, `SELECT count(*) FROM (SELECT 1 FROM offload_job WHERE task IN (SELECT value FROM json_each(?1)) AND id < ?2 LIMIT ?3)`,
		listOrNull(f.Tasks), before, rareMost+1)
	return n <= rareMost, err
}

// beforeOf is where a filter begins to look.
func beforeOf(f *store.Filter) []byte {
	if f.Before.IsZero() {
		return beyondID
	}
	return f.Before[:]
}

// findOn returns the newest jobs of a shelf that a filter selects. Rare says that its tasks are.
func (q *snapshots) findOn(ctx context.Context, s *shelf, f *store.Filter, most int, rare bool) (all []found, err error) {
	args, err := q.filterArgs(f, len(f.IDs) > 0)
	if err != nil {
		return nil, err
	}
	if len(f.IDs) > 0 {
		all, err = q.readJobs(s.byIDs, containing(f), append([]any{joined(f.IDs), nil, -1}, args...))
		all = slices.DeleteFunc(all, func(j found) bool { return !f.Before.IsZero() && j.ID.Compare(f.Before) >= 0 })
		return all[:min(most, len(all))], err
	}
	before := beforeOf(f)
	if query := s.few(f, rare); query != "" {
		limit := most
		if f.Search != "" {
			limit = -1
		}
		all, err = q.readJobs(query, containing(f), append([]any{before, nil, limit}, args...))
		return all[:min(most, len(all))], err
	}
	for len(all) < most {
		if before, err = q.skip(f, before); err != nil || before == nil {
			return all, err
		}
		var first store.ID
		more, err := one(q, []any{idInto{&first}}, s.step, before, findStretch)
		if err != nil {
			return nil, err
		}
		limit := most - len(all)
		if f.Search != "" {
			limit = -1 // what is found is looked through here
		}
		some, err := q.readJobs(s.byWalk, containing(f), append([]any{before, first[:], limit}, args...))
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
		if !more {
			break
		}
		before = first[:]
		if err := q.renew(ctx); err != nil {
			return nil, err
		}
	}
	return all[:min(most, len(all))], nil
}

// skip passes over what is newer than the newest job of the tasks that a filter names: days of jobs of others, as the case may be. It is
// nil if there is none.
func (q *snapshots) skip(f *store.Filter, before []byte) ([]byte, error) {
	if len(f.Tasks) == 0 {
		return before, nil
	}
	var newest store.ID
	there, err := one(q, []any{idInto{&newest}}, `SELECT id FROM (SELECT (SELECT id FROM offload_job WHERE task = t.value AND id < ?2 ORDER BY id DESC LIMIT 1) AS id
		FROM json_each(?1) AS t) WHERE id IS NOT NULL ORDER BY id DESC LIMIT 1`, listOrNull(f.Tasks), before)
	if err != nil || !there {
		return nil, err
	}
	return append(newest[:], 0), nil // the first that sorts behind it
}

// few is the statement for jobs of a flow, of a batch, or of rare tasks; "" if others are wanted.
func (s *shelf) few(f *store.Filter, rare bool) string {
	switch {
	case !f.Batch.IsZero():
		return s.inBatch
	case !f.Flow.IsZero():
		return s.byFlow
	case rare:
		return s.ofTasks
	}
	return ""
}

// beyondID sorts behind every id.
var beyondID = append(slices.Clone(lastID[:]), 0)

// filterArgs are the parameters of find.sql from ?4 on.
func (q *snapshots) filterArgs(f *store.Filter, whole bool) ([]any, error) {
	states := make([]string, len(f.States))
	for i, s := range f.States {
		states[i] = string(s)
	}
	var tag, value, process, since, until, flow any
	if f.Tag != "" {
		name, val, valued := strings.Cut(f.Tag, "=")
		if tag = name; valued {
			value = val
		}
	}
	if !f.Process.IsZero() {
		number, _, err := q.process(f.Process)
		if err != nil {
			return nil, err
		}
		process = number
	}
	if !f.Since.IsZero() {
		since = f.Since.UnixMicro()
	}
	if !f.Until.IsZero() {
		until = f.Until.UnixMicro()
	}
	if !f.Flow.IsZero() {
		flow = f.Flow.String()
	}
	var priorities, needle any
	text, exact := store.Needle(f.Input)
	if text != "" {
		needle = []byte(text)
	}
	if len(f.Priorities) > 0 {
		text, _ := json.Marshal(f.Priorities) // of numbers
		priorities = string(text)
	}
	return []any{
		q.now, listOrNull(states), listOrNull(f.Tasks), listOrNull(f.Queues), len(f.Queues) == 0 && len(f.IDs) == 0,
		tag, value, process, since, until, f.Search != "", whole, q.forgotten(),
		textOrNull(f.Key), textOrNull(f.Limit), textOrNull(f.Schedule), flow, idOrNull(f.Batch),
		priorities, needle, exact, textOrNull(f.Group), idOrNull(f.Flow),
	}, nil
}

func textOrNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// containing tells of which jobs the error holds the text that a filter looks for: SQLite knows
// upper and lower case of ASCII alone.
func containing(f *store.Filter) func(*found) bool {
	text := strings.ToLower(f.Search)
	return func(j *found) bool { return strings.Contains(strings.ToLower(j.Error), text) }
}

// readJobs reads those of an answer of find.sql that are to be kept.
func (q *snapshots) readJobs(query string, keep func(*found) bool, args []any) (jobs []found, err error) {
	err = each(q, func(rows *sql.Rows) error {
		j, err := scanJob(rows)
		if err == nil && keep(&j) {
			jobs = append(jobs, j)
		}
		return err
	}, query, args...)
	return jobs, err
}

// A found is a job, and what is looked up only if it is shown.
type found struct {
	store.Job
	process  sql.NullInt64
	progress bool
}

func scanJob(rows *sql.Rows) (j found, err error) {
	var crashes sql.NullInt64
	var problem, gate sql.NullString
	err = rows.Scan(idInto{&j.ID}, &j.Task, &j.Queue, &j.State, &j.Waits, &j.Priority, &j.Attempt, &j.Failures,
		&crashes, &j.MaxAttempts, spanInto{&j.Timeout}, spanInto{&j.GiveUpAfter}, spanInto{&j.Retain},
		timeInto{&j.RunAt}, timeInto{&j.CreatedAt}, timeInto{&j.StartedAt}, timeInto{&j.FinishedAt},
		&j.process, &j.Cancelling, tagsInto{&j.Tags}, &problem, &j.InputSize, &j.Input, &j.Result, &j.progress, termsInto{&j.Terms}, &gate)
	j.Crashes, j.Error = int(crashes.Int64), problem.String
	ofTask(j.Terms, j.Task)
	if gate.Valid && j.Terms != nil {
		j.Limit = useOf(j.Terms.Limits, gate.String)
	}
	return j, err
}

// fillIn looks up the rest of a job that is shown.
func (q *snapshots) fillIn(j *found) error {
	if j.process.Valid {
		var p store.Process
		_, err := one(q, []any{&p.Name, &p.Host, &p.PID}, "SELECT name, host, pid FROM offload_process WHERE number = ?1", j.process)
		if err != nil {
			return err
		}
		j.Process = p.String()
	}
	if !j.progress {
		return nil
	}
	p := store.Progress{Fence: store.Fence{ID: j.ID, Attempt: j.Attempt}}
	there, err := one(q, []any{&p.Done, &p.Total, &p.Note, timeInto{&p.At}, &p.Rate},
		"SELECT done, total, note, written_at, rate FROM offload_progress WHERE id = ?1 AND attempt = ?2", j.ID[:], j.Attempt)
	if there {
		j.Progress = &p
	}
	return err
}

// Failures is that of store.Reader.
func (s *Store) Failures(ctx context.Context, id store.ID) (failures []store.Failure, err error) {
	err = s.ask(ctx, "read failures", func(q *snapshots) error {
		return each(q, func(rows *sql.Rows) error {
			var f store.Failure
			err := rows.Scan(&f.Attempt, &f.Error, &f.Kind, &f.Stack, &f.Process, timeInto{&f.StartedAt}, timeInto{&f.FailedAt})
			failures = append(failures, f)
			return err
		}, "SELECT attempt, error, kind, stack, process, started_at, failed_at FROM offload_failure WHERE id = ?1 ORDER BY attempt", id[:])
	})
	return failures, err
}
