package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/store"
)

// Insert is that of store.Writer. One job is a statement of scalars, jobs alike in all but
// their inputs are one of two arrays, others one of an array for each column; many are copied,
// unless one of them is there already. The processes that sleep are told in the same round trip,
// in a transaction after the commit: a process commits that it sleeps and then claims once more,
// so that one of the two always sees the other.
func (s *Store) Insert(ctx context.Context, jobs []store.NewJob) ([]store.Inserted, error) {
	if len(jobs) == 0 {
		return nil, nil
	}
	b, err := newBatch(jobs)
	if err != nil {
		return nil, err
	}
	if b.keyed {
		return s.insertKeyed(ctx, b)
	}
	var stored map[store.ID]bool
	err = s.on(ctx, s.pool, insertTime(len(jobs)), "insert jobs", func(ctx context.Context, conn *pgx.Conn) (err error) {
		if stored = make(map[store.ID]bool, len(jobs)); len(b.once) >= copyFrom {
			if err = s.copy(ctx, conn, b); err == nil {
				b.storedAll(stored)
			}
			if codeOf(err) != codeDuplicate {
				return err
			}
		}
		steps := append([]step{{sql: s.sql.durable, args: []any{}}}, b.steps(s.sql, collect(stored))...)
		return s.travel(ctx, &trip{conn: conn, steps: steps, after: []step{s.notify(b.wakes)}})
	})
	if err != nil {
		return nil, err
	}
	s.ears.hear(b.wakes)
	return b.answers(stored), nil
}

// insertKeyed is Insert for jobs of which some have terms.
func (s *Store) insertKeyed(ctx context.Context, b *batch) (inserted []store.Inserted, err error) {
	var wakes []store.Wake
	var left *leaving
	err = s.on(ctx, s.pool, insertTime(len(b.jobs)), "insert jobs", func(ctx context.Context, conn *pgx.Conn) (err error) {
		inserted, wakes, left, err = s.enterAll(ctx, conn, b)
		if codeOf(err) == codeDuplicate {
			err = errAgain
		}
		b.again = b.again || errors.Is(err, errAgain)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.ears.hear(wakes)
	s.soon(ctx, left)
	return inserted, nil
}

// insertTime is what an insert of so many jobs has.
func insertTime(jobs int) time.Duration { return callTime + time.Duration(jobs)*200*time.Microsecond }

// collect reads ids into a set.
func collect(into map[store.ID]bool) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		var id [16]byte
		for rows.Next() {
			if err := rows.Scan(&id); err != nil {
				return err
			}
			into[id] = true
		}
		return rows.Err()
	}
}

// A batch is what Insert was given, made ready for statements.
type batch struct {
	jobs  []store.NewJob // as given
	tags  map[store.ID][]byte
	once  []store.NewJob // each id once, in their order, as all who insert lock them
	wakes []store.Wake

	keyed bool              // some have terms
	stale map[string]bool   // see contest
	flow  map[store.ID]bool // jobs that others wait for, and members
	again bool              // some may be there, or keys be taken
}

func newBatch(jobs []store.NewJob) (*batch, error) {
	b := &batch{jobs: jobs, once: jobs, stale: map[string]bool{}}
	if len(jobs) > 1 {
		b.once = slices.Clone(jobs)
		slices.SortStableFunc(b.once, func(x, y store.NewJob) int { return x.ID.Compare(y.ID) })
		b.once = slices.CompactFunc(b.once, func(x, y store.NewJob) bool { return x.ID == y.ID }) // keeps the first
	}
	for i := range b.once {
		n := &b.once[i]
		b.keyed = b.keyed || n.Terms != nil || follows(n)
		w := store.Wake{Queue: n.Queue, Priority: n.Terms.Lane(n.Priority)}
		if n.Delay > 0 || !n.RunAt.IsZero() {
			w = anything // a claim may not find it yet: look when it comes
		}
		if !slices.Contains(b.wakes, w) {
			b.wakes = append(b.wakes, w)
		}
		if len(n.Tags) > 0 {
			tags, err := json.Marshal(n.Tags)
			if err != nil {
				return nil, err
			}
			if b.tags == nil {
				b.tags = map[store.ID][]byte{}
			}
			b.tags[n.ID] = tags
		}
	}
	return b, nil
}

func (b *batch) storedAll(stored map[store.ID]bool) {
	for i := range b.once {
		stored[b.once[i].ID] = true
	}
}

// answers are in the order of what was given. An id that comes twice was stored once.
func (b *batch) answers(stored map[store.ID]bool) []store.Inserted {
	answers := make([]store.Inserted, len(b.jobs))
	for i := range b.jobs {
		id := b.jobs[i].ID
		answers[i] = store.Inserted{ID: id, Existing: !stored[id]}
		delete(stored, id)
	}
	return answers
}

// alike is what jobs have in common that one statement of two arrays can insert.
type alike struct {
	task, queue                  string
	priority, maxAttempts        int
	timeout, giveUpAfter, retain time.Duration
	runAt                        time.Time
	delay                        time.Duration
}

func alikeOf(n *store.NewJob) alike {
	return alike{n.Task, n.Queue, n.Priority, n.MaxAttempts, n.Timeout, n.GiveUpAfter, n.Retain, n.RunAt, n.Delay}
}

// Limits of one statement.
const (
	maxKinds = 4        // kinds of jobs that have a statement each
	maxRows  = 1000     // jobs
	maxBytes = 16 << 20 // of their inputs
)

// steps are the statements that insert the batch: as many as its size asks for.
func (b *batch) steps(sql *statements, rows func(pgx.Rows) error) (steps []step) {
	if len(b.once) == 1 {
		return []step{{sql: sql.insertOne, args: b.scalars(&b.once[0]), rows: rows}}
	}
	for rest := b.once; len(rest) > 0; {
		n, size := 0, 0
		for n < len(rest) && n < maxRows && (n == 0 || size+len(rest[n].Input) <= maxBytes) {
			size += len(rest[n].Input)
			n++
		}
		steps = append(steps, b.some(sql, rest[:n], rows)...)
		rest = rest[n:]
	}
	return steps
}

// some are the statements that insert some of the batch.
func (b *batch) some(sql *statements, jobs []store.NewJob, rows func(pgx.Rows) error) []step {
	kinds := map[alike][]*store.NewJob{}
	var order []alike
	for i := range jobs {
		n := &jobs[i]
		kind := alikeOf(n)
		if kinds[kind] == nil {
			if order = append(order, kind); len(order) > maxKinds || b.tags != nil {
				return []step{{sql: sql.insertMany, args: b.columns(jobs), rows: rows}}
			}
		}
		kinds[kind] = append(kinds[kind], n)
	}
	steps := make([]step, len(order))
	for i, kind := range order {
		steps[i] = step{sql: sql.insertAlike, args: alikeArgs(kinds[kind]), rows: rows}
	}
	return steps
}

// scalars are the parameters of one job.
func (b *batch) scalars(n *store.NewJob) []any {
	var tags any
	if t := b.tags[n.ID]; t != nil {
		tags = string(t)
	}
	return []any{
		[16]byte(n.ID), n.Task, n.Queue, n.Priority, bytesOf(n.Input), tags, n.MaxAttempts,
		int64(n.Timeout), int64(n.GiveUpAfter), int64(n.Retain), timeOrNil(n.RunAt), n.Delay.Microseconds(), usesOf(n),
	}
}

func alikeArgs(jobs []*store.NewJob) []any {
	ids, inputs := make([][16]byte, len(jobs)), make([][]byte, len(jobs))
	for i, n := range jobs {
		ids[i], inputs[i] = n.ID, bytesOf(n.Input)
	}
	n := jobs[0]
	return []any{
		ids, inputs, n.Task, n.Queue, n.Priority, n.MaxAttempts,
		int64(n.Timeout), int64(n.GiveUpAfter), int64(n.Retain), timeOrNil(n.RunAt), n.Delay.Microseconds(), usesOf(n),
	}
}

// columns are the parameters of jobs that have little in common.
func (b *batch) columns(jobs []store.NewJob) []any {
	n := len(jobs)
	var (
		ids                  = make([][16]byte, n)
		tasks, queues        = make([]string, n), make([]string, n)
		priorities, attempts = make([]int16, n), make([]int32, n)
		inputs               = make([][]byte, n)
		tags                 = make([]*string, n)
		timeouts, giveUps    = make([]int64, n), make([]int64, n)
		retains, delays      = make([]int64, n), make([]int64, n)
		runAts               = make([]*time.Time, n)
		uses                 = make([]int16, n)
	)
	for i := range jobs {
		j := &jobs[i]
		ids[i], tasks[i], queues[i], priorities[i] = j.ID, j.Task, j.Queue, int16(j.Priority)
		inputs[i], attempts[i], uses[i] = bytesOf(j.Input), int32(j.MaxAttempts), usesOf(j)
		timeouts[i], giveUps[i], retains[i] = int64(j.Timeout), int64(j.GiveUpAfter), int64(j.Retain)
		delays[i] = j.Delay.Microseconds()
		if !j.RunAt.IsZero() {
			runAts[i] = &j.RunAt
		}
		if t := b.tags[j.ID]; t != nil {
			text := string(t)
			tags[i] = &text
		}
	}
	return []any{ids, tasks, queues, priorities, inputs, tags, attempts, timeouts, giveUps, retains, runAts, delays, uses}
}

// Bits of the column uses; the migration says what they are.
const (
	usesCancel   = 1
	usesOwn      = 2
	usesFailure  = 4
	usesResult   = 8
	usesCrash    = 16
	usesSystem   = 32
	usesProgress = 64
	usesTerms    = 128
	usesGated    = 256
	usesOpen     = 512
	usesRate     = 1024
	usesBegun    = 2048
	usesFresh    = 4096
	usesSimple   = 8192
	usesFlow     = 16384
	usesNoted    = -32768 // the sign: it has a log or memos
)

// usesOf are the bits of a new job.
func usesOf(n *store.NewJob) (uses int16) {
	if n.Queue == store.SystemQueue {
		uses |= usesSystem
	}
	if n.Terms != nil {
		uses |= usesTerms
	}
	return uses | gatedBits(n.Terms)
}

// gatedBits are the bits that follow from limits and turns.
func gatedBits(t *store.Terms) (uses int16) {
	if t.Gated() {
		uses |= usesGated
		if len(t.Limits) == 1 && t.Limits[0].Weight() == 1 {
			uses |= usesSimple
		}
	}
	return uses
}

// bytesOf is b as a value that is not null.
func bytesOf(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

func timeOrNil(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}

// idsOfJobs are the ids of jobs, as pgx takes them.
func idsOfJobs(jobs []store.NewJob) [][16]byte {
	plain := make([][16]byte, len(jobs))
	for i := range jobs {
		plain[i] = jobs[i].ID
	}
	return plain
}

// idsOf are ids as pgx takes them.
func idsOf(ids []store.ID) [][16]byte {
	plain := make([][16]byte, len(ids))
	for i, id := range ids {
		plain[i] = id
	}
	return plain
}
