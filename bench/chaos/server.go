package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/internal/testpg"
)

// This file has what trials share that have a PostgreSQL server of their own.

// openServer makes a server for one trial.
func openServer(s *Stage) *Database {
	s.Helper()
	return openServerWith(s)
}

// openServerWith is openServer with lines of postgresql.conf.
func openServerWith(s *Stage, settings ...string) *Database {
	s.Helper()
	server := testpg.Start(s, settings...)
	return OnPostgres(server.Database(s), server)
}

// exec runs statements, each by itself, as the server's superuser.
func (d *Database) exec(ctx context.Context, statements ...string) error {
	conn, err := pgx.Connect(ctx, d.Address)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for _, sql := range statements {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	return nil
}

// answers reports whether the server at an address answers.
func answers(ctx context.Context, address string) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return false
	}
	defer conn.Close(ctx)
	var one int
	return conn.QueryRow(ctx, "select 1").Scan(&one) == nil
}

// one reads one row.
func (d *Database) one(ctx context.Context, sql string, into ...any) error {
	conn, err := pgx.Connect(ctx, d.Address)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	return conn.QueryRow(ctx, sql).Scan(into...)
}

// noneRefused reports enqueues that ended with an error for good. While a database is away each
// error has to be one that the same call can be made again upon; enqueuers with Resend do.
func noneRefused(s *Stage) {
	s.Helper()
	for id, e := range byID(s.Ledger().Jobs) {
		if e.Refused != "" && e.Acked.IsZero() {
			s.Broken("enqueue", "job %s was refused for good: %s", id, e.Refused)
		}
	}
}

// noneDiscarded reports jobs that were given up: no trial here fails them so often by itself.
func noneDiscarded(s *Stage) {
	s.Helper()
	v, err := s.Database.survey(s.ctx, s.Since, nil)
	if err != nil {
		s.Fatalf("survey: %v", err)
	}
	for id, stored := range byID(v.Jobs) {
		if stored.Outcome == Discarded {
			e := s.Ledger().Job(id)
			s.Broken("discarded", "job %s was discarded: %s", id, e.runs())
		}
	}
}

// logLines returns how many lines each process of a role has written to its log from a time
// on, up to another.
func logLines(s *Stage, role string, from, to time.Time) map[string]int {
	s.Helper()
	files, err := filepath.Glob(filepath.Join(s.logs, role+"-*.log"))
	if err != nil {
		s.Fatalf("%v", err)
	}
	lines := map[string]int{}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			s.Fatalf("%v", err)
		}
		process := strings.TrimSuffix(filepath.Base(name), ".log")
		lines[process] += 0
		for line := range strings.Lines(string(text)) {
			stamp, _, _ := strings.Cut(strings.TrimPrefix(line, "time="), " ")
			at, err := time.Parse(time.RFC3339Nano, stamp)
			if err == nil && !at.Before(from) && at.Before(to) {
				lines[process]++
			}
		}
	}
	return lines
}

// mostOf returns the largest of some numbers, 0 of none.
func mostOf(numbers map[string]int) (n int) {
	for _, each := range numbers {
		n = max(n, each)
	}
	return n
}

// ends returns when handlers returned, in order.
func ends(l *Ledger) (times []time.Time) {
	for _, e := range l.Jobs {
		for _, r := range e.Runs {
			if !r.End.IsZero() {
				times = append(times, r.End)
			}
		}
	}
	return inTime(times)
}
