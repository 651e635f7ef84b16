// Package loops writes rows.
package loops

import (
	"context"
	"database/sql"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"
)

const insert = `INSERT INTO audit (id) VALUES (?)`

// DBTX is how generated code sees a database.
type DBTX interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
	QueryRowContext(context.Context, string, ...any) *sql.Row
}

type site struct {
	db DBTX
	pg pgx.Tx
}

func (s *site) many(w http.ResponseWriter, r *http.Request) {
	ids := r.Form["id"]
	for _, id := range ids {
		s.db.ExecContext(r.Context(), insert, id) // want `writes rows in a loop while the user waits: site.many → s.db.ExecContext; a task of your own takes it over`
		s.pg.Exec(r.Context(), insert, id)        // want `site.many → s.pg.Exec`
		s.row(r.Context(), id)                    // want `site.many → site.row → s.db.QueryRowContext`
		s.look(r.Context(), id)
		s.db.QueryRowContext(r.Context(), "-- moves\nWITH gone AS (DELETE FROM audit RETURNING id) SELECT id FROM gone") // want `site.many → s.db.QueryRowContext`
	}
	for i := 0; i < len(ids); i++ {
		func() {
			s.pg.Exec(r.Context(), insert, i) // want `writes rows`
		}()
	}
}

func (s *site) row(ctx context.Context, id string) {
	var key int
	s.db.QueryRowContext(ctx, insert+` RETURNING id`, id).Scan(&key)
}

func (s *site) look(ctx context.Context, id string) {
	s.db.QueryRowContext(ctx, `SELECT 1 FROM audit WHERE id = ?`, id)
}

// A few rows, attempts, and reading are no bulk.
func (s *site) few(w http.ResponseWriter, r *http.Request) {
	s.db.ExecContext(r.Context(), insert, 1)
	for range 3 {
		s.db.ExecContext(r.Context(), insert, 2)
	}
	for _, id := range []int{1, 2, 3} {
		s.db.ExecContext(r.Context(), insert, id)
	}
	for attempt := 0; attempt < 5; attempt++ {
		s.row(r.Context(), "7")
	}
	for {
		if _, err := s.db.ExecContext(r.Context(), insert, 3); err == nil {
			break
		}
	}
	for _, id := range r.Form["id"] {
		s.look(r.Context(), id)
		s.db.ExecContext(r.Context(), `SAVEPOINT one`)
		s.db.QueryRowContext(r.Context(), `WITH one AS (SELECT 1) SELECT * FROM one`)
	}
	time.Now()
}
