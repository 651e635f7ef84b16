package status

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/offloadhq/offload"
)

// A Tracker keeps a column true. It is a Part, and safe for concurrent use.
type Tracker struct {
	offload.Part
	db     *sql.DB
	name   string // "orders.payment_status"
	update string // of the user's table
}

// Column is a column of texts of a table of yours, in which id is the primary key, of a type that can be written as text: a number, a text, a
// UUID. Names may have a schema: "shop.orders". It makes the table offload_status beside yours, if it is not there. The database may be SQLite or
// PostgreSQL, and the one that the jobs are in or another: pgx is opened for it by its package stdlib.
func Column(ctx context.Context, db *sql.DB, table, column, id string) (*Tracker, error) {
	for field, name := range map[string]string{"table": table, "column": column, "id": id} {
		if !isName.MatchString(name) || field != "table" && strings.Contains(name, ".") {
			return nil, &offload.InputError{Field: field, Got: name, Want: "a name of letters, digits and _, such as orders"}
		}
	}
	if db == nil {
		return nil, &offload.InputError{Field: "db", Got: "nil", Want: "a database"}
	}
	t := &Tracker{
		db: db, name: table + "." + column,
		update: fmt.Sprintf("UPDATE %s SET %s = $1 WHERE %s = $2", quoted(table), quoted(column), quoted(id)),
	}
	var err error
	for range 3 { // two processes may make it at once, and PostgreSQL then fails one of them
		if _, err = db.ExecContext(ctx, tableSQL); err == nil {
			_, err = db.ExecContext(ctx, "CREATE INDEX IF NOT EXISTS offload_status_phase ON offload_status (name, phase, row_id)")
		}
		if err == nil {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("make table offload_status: %w", err)
	}
	t.Part = offload.Beside(t.follow)
	return t, nil
}

// A line of the table is there until its job has ended well, or is gone.
const tableSQL = `CREATE TABLE IF NOT EXISTS offload_status (
    name    varchar(200) NOT NULL, -- of table and column
    row_id  varchar(200) NOT NULL,
    job     varchar(36)  NOT NULL,
    shown   text         NOT NULL, -- what was written last
    phase   smallint     NOT NULL, -- 1 under way, 2 failed or cancelled: a person may retry it
    version bigint       NOT NULL, -- goes up with each write
    PRIMARY KEY (name, row_id)
)`

const (
	underWay = 1
	endedBad = 2
)

var isName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,62}(\.[A-Za-z_][A-Za-z0-9_]{0,62})?$`)

func quoted(name string) string { return `"` + strings.ReplaceAll(name, ".", `"."`) + `"` }

// An Execer is a *sql.Tx, a *sql.Conn or a *sql.DB.
type Execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// Track says that a job is behind a row from now on, in place of one that was before, and writes its status there. In a transaction it takes effect
// with it: give the one in which the job was enqueued.
func (t *Tracker) Track(ctx context.Context, tx Execer, row any, job *offload.Job) error {
	if job == nil {
		return &offload.InputError{Field: "job", Got: "nil", Want: "a job"}
	}
	id := fmt.Sprint(row)
	if id == "" || len(id) > 200 {
		return &offload.InputError{Field: "row", Got: id, Want: "the primary key of a row, as text 1 to 200 bytes"}
	}
	text := Status{State: Queued}.String()
	result, err := tx.ExecContext(ctx, t.update, text, id)
	if err != nil {
		return fmt.Errorf("write %s: %w", t.name, err)
	}
	if n, err := result.RowsAffected(); err == nil && n != 1 {
		return &offload.InputError{Field: "row", Got: id, Want: "the primary key of a row that is there"}
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO offload_status (name, row_id, job, shown, phase, version) VALUES ($1, $2, $3, $4, $5, 1)
ON CONFLICT (name, row_id) DO UPDATE SET job = excluded.job, shown = excluded.shown, phase = excluded.phase, version = offload_status.version + 1`,
		t.name, id, job.ID.String(), text, underWay)
	if err != nil {
		return fmt.Errorf("track %s of row %s: %w", t.name, id, err)
	}
	return nil
}

const (
	lookEvery = 500 * time.Millisecond
	lookMost  = 1000 // rows at a time
	retryable = 3    // every so many looks those that have failed are looked at, too
)

// follow keeps the column true while the process runs jobs, and once more when the last has ended.
func (t *Tracker) follow(ctx context.Context) {
	app := offload.AppOf(ctx)
	after := map[int]string{} // by phase: where the last look ended
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	silent := false
	look := func(ctx context.Context, phase int) {
		err := t.look(ctx, app, phase, after)
		if err != nil && ctx.Err() == nil && !silent {
			offload.Logger(ctx).Warn("offload: statuses can't be kept true just now", "column", t.name, "error", err)
		}
		silent = err != nil
	}
	for n := 0; ; n++ {
		look(ctx, underWay)
		if n%retryable == 0 {
			look(ctx, endedBad)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			look(last, underWay)
			return
		}
	}
}

// A tracked is a line of the kit's table.
type tracked struct {
	row, shown string
	job        offload.ID
	version    int64
}

// look looks at the rows of a phase, from where the last look ended.
func (t *Tracker) look(ctx context.Context, app *offload.App, phase int, after map[int]string) error {
	lines, err := t.read(ctx, phase, after[phase]) // before the jobs: see the package's doc
	if err != nil {
		return err
	}
	after[phase] = ""
	if len(lines) == lookMost {
		after[phase] = lines[len(lines)-1].row
	}
	if len(lines) == 0 {
		return nil
	}
	ids := make([]offload.ID, len(lines))
	for i := range lines {
		ids[i] = lines[i].job
	}
	found, err := app.Jobs(ctx, offload.Filter{IDs: ids, Max: len(ids)})
	if err != nil {
		return err
	}
	jobs := make(map[offload.ID]*offload.Job, len(found))
	for _, job := range found {
		jobs[job.ID] = job
	}
	var errs []error
	for i := range lines {
		errs = append(errs, t.settle(ctx, &lines[i], jobs[lines[i].job], phase))
	}
	return errors.Join(errs...)
}

func (t *Tracker) read(ctx context.Context, phase int, after string) (lines []tracked, err error) {
	rows, err := t.db.QueryContext(ctx, `SELECT row_id, job, shown, version FROM offload_status
WHERE name = $1 AND phase = $2 AND row_id > $3 ORDER BY row_id LIMIT $4`, t.name, phase, after, lookMost)
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
	var result sql.Result
	if next == 0 {
		result, err = tx.ExecContext(ctx, "DELETE FROM offload_status WHERE name = $1 AND row_id = $2 AND version = $3", t.name, l.row, l.version)
	} else {
		result, err = tx.ExecContext(ctx, `UPDATE offload_status SET shown = $1, phase = $2, version = version + 1
WHERE name = $3 AND row_id = $4 AND version = $5`, text, next, t.name, l.row, l.version)
	}
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return err // somebody has seen something later
	}
	if _, err := tx.ExecContext(ctx, t.update, text, l.row); err != nil {
		return err
	}
	return tx.Commit()
}
