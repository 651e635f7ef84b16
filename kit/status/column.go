package status

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"strings"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/tables"
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
	if err := tables.Have(ctx, db, table, column, id); err != nil {
		return nil, err
	}
	err := tables.Make(ctx, db, tableSQL, "CREATE INDEX IF NOT EXISTS offload_status_phase ON offload_status (name, phase, row_id)")
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
