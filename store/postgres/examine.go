package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/store"
)

// Examine is that of store.Reader.
func (s *Store) Examine(ctx context.Context) (findings []store.Finding, err error) {
	err = s.onPool(ctx, "examine the database", func(ctx context.Context, conn *pgx.Conn) error {
		findings, err = s.examine(ctx, conn)
		return err
	})
	return findings, err
}

func (s *Store) examine(ctx context.Context, conn *pgx.Conn) ([]store.Finding, error) {
	var e server
	began := time.Now()
	err := conn.QueryRow(ctx, s.sql.examineServer, pgx.QueryExecModeCacheDescribe).Scan(
		&e.version, &e.now, &e.fsync, &e.fullPages, &e.commit, &e.oldest, &e.connections, &e.most)
	if err != nil {
		return nil, err
	}
	middle := began.Add(time.Since(began) / 2)
	findings := []store.Finding{
		{Name: "version", Level: store.Fine, Text: "PostgreSQL " + e.version},
		e.durability(),
		e.commits(),
		clockFinding(e.now.Sub(middle)),
		s.poolerFinding(),
		s.poolFinding(),
		e.room(),
		e.horizon(),
	}
	schema, ready := s.schemaFinding(ctx)
	if findings = append(findings, schema); !ready {
		return findings, nil
	}
	var t tables
	err = conn.QueryRow(ctx, s.sql.examineTables, pgx.QueryExecModeCacheDescribe, s.schema).Scan(
		&t.bytes, &t.dead, &t.live, &t.stray, &t.overdue, &t.stuck)
	if err != nil {
		return nil, err
	}
	origin, err := s.originFinding(ctx, conn)
	if err != nil {
		return nil, err
	}
	return append(findings, origin, t.size(), t.cleaning(), t.leases(), t.waiting()), nil
}

// A server is what examine_server.sql says.
type server struct {
	version           string
	now               time.Time
	fsync, fullPages  string
	commit            string
	oldest            float64 // seconds since the oldest snapshot was taken
	connections, most int
}

func (e *server) durability() store.Finding {
	f := store.Finding{Name: "durability", Level: store.Fine, Text: "fsync and full_page_writes are on"}
	if e.fsync == "off" || e.fullPages == "off" {
		f.Level = store.Bad
		f.Text = fmt.Sprintf("fsync is %s, full_page_writes is %s: a power loss can destroy the database", e.fsync, e.fullPages)
		f.Advice = "set both to on in postgresql.conf and restart the server"
	}
	return f
}

func (e *server) commits() store.Finding {
	f := store.Finding{Name: "synchronous_commit", Level: store.Fine, Text: e.commit}
	if e.commit == "off" {
		f.Level = store.Warning
		f.Text = "off for this role or database; offload's own transactions switch it on"
		f.Advice = "transactions of yours that enqueue can be lost for a moment after their commit: ALTER ROLE … RESET synchronous_commit"
	}
	return f
}

func clockFinding(off time.Duration) store.Finding {
	f := store.Finding{Name: "clock", Level: store.Fine, Text: fmt.Sprintf("this machine and the server differ by %v", off.Abs().Round(time.Millisecond))}
	switch {
	case off.Abs() > time.Hour:
		f.Level, f.Advice = store.Bad, "set the clock of this machine or of the server: ids of jobs hold the time"
	case off.Abs() > 5*time.Second:
		f.Level, f.Advice = store.Warning, "let both machines keep their time by NTP"
	}
	return f
}

func (s *Store) poolerFinding() store.Finding {
	f := store.Finding{Name: "pooler", Level: store.Fine, Text: "none, or one that lends sessions: notifications arrive"}
	if s.pooled {
		f.Level = store.Warning
		f.Text = "a transaction pooler is in between: no notifications, waiting processes ask four times a second"
		f.Advice = "connect to the server itself; a process needs three connections beside its pool"
	}
	return f
}

func (s *Store) poolFinding() store.Finding {
	most := s.pool.Config().MaxConns
	return store.Finding{
		Name: "pool", Level: store.Fine,
		Text: fmt.Sprintf("up to %d connections for the program, %d for the engine, one to listen", most, engineConns),
	}
}

func (e *server) room() store.Finding {
	f := store.Finding{Name: "connections", Level: store.Fine, Text: fmt.Sprintf("%d of %d in use", e.connections, e.most)}
	if e.connections*10 > e.most*9 {
		f.Level, f.Advice = store.Warning, "raise max_connections, or make pools smaller"
	}
	return f
}

func (e *server) horizon() store.Finding {
	oldest := time.Duration(e.oldest * float64(time.Second)).Round(time.Second)
	f := store.Finding{Name: "snapshots", Level: store.Fine, Text: fmt.Sprintf("the oldest is %v old", oldest)}
	if oldest > time.Minute {
		f.Level = store.Warning
		f.Advice = "end transactions that stay open (pg_stat_activity, state \"idle in transaction\"): no dead row is removed meanwhile"
	}
	return f
}

func (s *Store) schemaFinding(ctx context.Context) (f store.Finding, ready bool) {
	f = store.Finding{Name: "schema", Level: store.Fine, Text: fmt.Sprintf("%q is at version %d", s.schema, newest)}
	if err := s.Ready(ctx); err != nil {
		return store.Finding{Name: "schema", Level: store.Bad, Text: strings.TrimPrefix(err.Error(), "offload: "), Advice: "offload migrate"}, false
	}
	return f, true
}

// A tables is what examine_tables.sql says.
type tables struct {
	bytes, dead, live     int64
	stray, overdue, stuck int
}

func (t *tables) size() store.Finding {
	return store.Finding{Name: "size", Level: store.Fine, Text: fmt.Sprintf("%.1f MiB in tables and indexes", float64(t.bytes)/(1<<20))}
}

func (t *tables) cleaning() store.Finding {
	f := store.Finding{Name: "dead rows", Level: store.Fine, Text: fmt.Sprintf("%d dead and %d live rows in due and lease", t.dead, t.live)}
	if t.dead > 1_000_000 && t.dead > t.live {
		f.Level, f.Advice = store.Warning, "look whether autovacuum runs, and for transactions that stay open"
	}
	return f
}

func (t *tables) leases() store.Finding {
	f := store.Finding{Name: "leases", Level: store.Fine, Text: "each is held by a process that is there"}
	if t.stray > 0 {
		f.Level, f.Text = store.Warning, fmt.Sprintf("%d belong to processes that are lost", t.stray)
		f.Advice = "a running worker gives them away within seconds; start one"
	}
	return f
}

func (t *tables) waiting() store.Finding {
	f := store.Finding{Name: "waiting", Level: store.Fine, Text: "no job has been due for over a minute"}
	switch {
	case t.stuck > 0:
		f.Level, f.Text = store.Warning, fmt.Sprintf("%d attempts go on after their context has ended", t.stuck)
		f.Advice = "let their handlers return when ctx.Done() is closed"
	case t.overdue > 0:
		f.Level, f.Text = store.Warning, fmt.Sprintf("the jobs of %d queues that are not paused have been due for over a minute", t.overdue)
		f.Advice = "is there a worker for them? offload processes, offload queues"
	}
	return f
}
