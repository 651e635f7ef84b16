package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// keepEvidence copies ledger, logs and the database to where they outlive the stage.
func (s *Stage) keepEvidence() {
	if s.keep == "" {
		return
	}
	dir := filepath.Join(s.keep, fmt.Sprintf("%s-%s-%d", s.Trial.Name, s.Kind, s.seed))
	err := os.MkdirAll(dir, 0o755)
	if err == nil {
		err = errors.Join(
			os.CopyFS(filepath.Join(dir, "ledger"), os.DirFS(s.ledger.dir)),
			os.CopyFS(filepath.Join(dir, "logs"), os.DirFS(s.logs)),
		)
	}
	if err == nil && s.Database != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), time.Minute)
		defer cancel()
		err = s.Database.copyTo(ctx, dir)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.result.Kept = dir
	if err != nil {
		s.result.Broken = append(s.result.Broken, Broken{"trial", fmt.Sprintf("keep the evidence: %v", err)})
	}
}

// copyTo copies the database: SQLite's files as they are, PostgreSQL's tables as CSV.
func (d *Database) copyTo(ctx context.Context, dir string) error {
	if d.Kind == "sqlite" {
		var errs []error
		for _, suffix := range []string{"", "-wal"} {
			errs = append(errs, copyFile(d.Address+suffix, filepath.Join(dir, "chaos.db"+suffix)))
		}
		return errors.Join(errs...)
	}
	conn, err := pgx.Connect(ctx, d.Address)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	tables, err := d.tables(ctx)
	if err != nil {
		return err
	}
	for _, table := range tables {
		f, err := os.Create(filepath.Join(dir, table+".csv"))
		if err != nil {
			return err
		}
		_, err = conn.PgConn().CopyTo(ctx, f, "COPY "+pgx.Identifier(strings.Split(table, ".")).Sanitize()+" TO STDOUT (FORMAT csv, HEADER)")
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}

func (d *Database) tables(ctx context.Context) (names []string, err error) {
	err = d.with(func(db *sql.DB) error {
		return rows(ctx, db, d.sql.dump, nil, func(r *sql.Rows) error {
			var name string
			err := r.Scan(&name)
			names = append(names, name)
			return err
		})
	})
	return names, err
}

// copyFile copies a file, if it is there.
func copyFile(from, to string) error {
	in, err := os.Open(from)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
