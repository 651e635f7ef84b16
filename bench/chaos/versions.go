package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/offloadhq/offload/store"
)

func init() {
	register(Trial{
		Name:  "versions",
		About: "the programs of the last release, of this one and of the next work one database, forward and back, while it is migrated",
		Short: 8 * time.Second, Long: 10 * time.Minute,
		Needs: lacksReleases,
		Run:   versions,
	})
}

// released are the options of the program in the folder release.
type released struct {
	Fresh bool // know the task "fresh", or enqueue its jobs, too
	Rate  int
	To    int
}

// releasedRate is how many jobs each enqueuer makes in a second.
const releasedRate = 150

func (s *Stage) startRelease(program, role string, o released) *Process {
	s.Helper()
	return s.Start(Spec{Role: role, Program: program, Options: o})
}

func versions(s *Stage) {
	b := build(s)
	old, now := s.newest(b.old), s.newest(b.now)
	if next := s.newest(b.next); next != now+1 {
		s.Fatalf("the next release knows version %d, and this one %d", next, now)
	}
	s.migrate(b.now, old) // as the last release has left it
	slice := s.For / 8

	// Forward: one process after the other.
	workers := []*Process{s.startRelease(b.old, "worker", released{}), s.startRelease(b.old, "worker", released{})}
	enqueuers := []*Process{s.startRelease(b.old, "enqueuer", released{Rate: releasedRate})}
	s.Wait(slice)
	enqueuers = append(enqueuers, s.startRelease(b.now, "enqueuer", released{Rate: releasedRate, Fresh: true})) // which migrates
	s.wantParked()
	for i := range workers {
		workers[i] = s.replace(workers[i], b.now, released{Fresh: true})
		s.Wait(slice)
	}
	enqueuers[0] = s.replace(enqueuers[0], b.now, released{Rate: releasedRate, Fresh: true})

	s.nextMigration(b.next)

	// Back, on the schema of the next release, which excludes nobody.
	workers[0] = s.replace(workers[0], b.next, released{Fresh: true})
	s.Wait(slice)
	for i := range workers {
		workers[i] = s.replace(workers[i], b.old, released{})
		s.Wait(slice)
	}
	enqueuers[0] = s.replace(enqueuers[0], b.old, released{Rate: releasedRate})
	s.wantParked()
	for _, p := range enqueuers {
		s.wantStop(p)
	}
	s.startRelease(b.now, "worker", released{Fresh: true}) // which takes what was parked
	s.Settle(2 * time.Minute)

	s.wantAllWell()
	s.toAndFro(b.next, now)
}

// replace ends a process, as a deploy does, and starts another build in its place.
func (s *Stage) replace(p *Process, program string, o released) *Process {
	s.Helper()
	s.wantStop(p)
	return s.startRelease(program, p.Spec.Role, o)
}

func (s *Stage) wantStop(p *Process) {
	s.Helper()
	if _, ok := p.Stop(40 * time.Second); !ok {
		s.Broken("process", "%s did not end when it was asked to", p.Name)
	}
}

// newest is the newest version of the schema that a program knows.
func (s *Stage) newest(program string) int {
	s.Helper()
	text, err := json.Marshal(order{Role: "newest", Name: "newest", Address: s.Database.Address})
	if err != nil {
		s.Fatalf("%v", err)
	}
	cmd := exec.CommandContext(s.ctx, program)
	cmd.Env = append(os.Environ(), childVariable+"="+string(text))
	stdin, err := cmd.StdinPipe() // it ends when this does
	if err != nil {
		s.Fatalf("%v", err)
	}
	defer stdin.Close()
	out, err := cmd.Output()
	if err != nil {
		s.Fatalf("ask %s for the newest version it knows: %v", program, err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		s.Fatalf("%v", err)
	}
	return n
}

// migrate has a program migrate the database.
func (s *Stage) migrate(program string, to int) {
	s.Helper()
	p := s.startRelease(program, "migrator", released{To: to})
	if !p.Await(5 * time.Minute) {
		s.Broken("migration", "a migration to version %d did not end", to)
		p.Kill()
	}
}

// wantParked wants jobs of a task that only newer programs know to be put aside by those who do
// not.
func (s *Stage) wantParked() {
	s.Helper()
	s.Until("jobs of an unknown task are parked", time.Minute, func() bool {
		counts, err := s.Database.counts(s.ctx, s.Since)
		return err == nil && counts[Blocked] > 0
	})
}

// nextMigration has the next release migrate the database while others work it: killed in the
// middle a few times, and on PostgreSQL while somebody reads for long.
func (s *Stage) nextMigration(next string) {
	s.Helper()
	began := time.Now()
	release := func() {}
	if s.Kind == "postgres" {
		release = s.holdTable()
	}
	kills := 0
	for range 5 {
		p := s.startRelease(next, "migrator", released{To: store.Newest})
		if p.Await(s.Between(5*time.Millisecond, 150*time.Millisecond)) {
			break
		}
		p.Kill()
		kills++
	}
	last := s.startRelease(next, "migrator", released{To: store.Newest})
	if s.Kind == "postgres" {
		held := 5 * time.Second
		if !s.Short {
			held = time.Minute
		}
		s.Wait(max(held-time.Since(began), 0))
	}
	release()
	if !last.Await(time.Minute) {
		s.Broken("migration", "a minute after nobody reads any more, the migration has not ended")
		last.Kill()
	}
	s.Wait(500 * time.Millisecond)
	var waits []time.Duration
	for _, e := range s.Ledger().Jobs {
		if e.Acked.After(began) {
			waits = append(waits, e.Acked.Sub(e.Tried))
		}
	}
	share := float64(len(waits)) / (2 * releasedRate * time.Since(began).Seconds())
	s.Figure("migrations killed", float64(kills), "")
	if s.Kind == "postgres" { // in SQLite who migrates has the file for himself
		s.AtLeast("enqueued while migrated, of what was wanted", share, "", 0.6)
	}
	s.Figure("enqueue p99 while migrated", Quantile(waits, 0.99), "s")
	s.AtMost("longest enqueue while migrated", Quantile(waits, 1), "s", 2)
}

// holdTable holds a table as a long query does, until release is called.
func (s *Stage) holdTable() (release func()) {
	s.Helper()
	db, err := s.Database.open()
	if err != nil {
		s.Fatalf("%v", err)
	}
	tx, err := db.BeginTx(s.ctx, nil)
	if err != nil {
		s.Fatalf("hold a table: %v", err)
	}
	var n int
	if err := tx.QueryRowContext(s.ctx, "SELECT count(*) FROM (SELECT FROM offload.job LIMIT 1) AS one").Scan(&n); err != nil {
		s.Fatalf("hold a table: %v", err)
	}
	return func() {
		_ = tx.Rollback()
		_ = db.Close()
	}
}

// wantAllWell wants nobody to have seen an error, and no job to be discarded.
func (s *Stage) wantAllWell() {
	s.Helper()
	for id, e := range byID(s.Ledger().Jobs) {
		if e.Refused != "" {
			s.Broken("refused", "the enqueue of job %s was refused: %s", id, e.Refused)
		}
		for _, r := range e.Runs {
			if r.How != "" {
				s.Broken("handler", "attempt %d of job %s: %s", r.Attempt, id, r.How)
			}
		}
	}
	v, err := s.Database.survey(s.ctx, s.Since, nil)
	if err != nil {
		s.Fatalf("%v", err)
	}
	for id, stored := range byID(v.Jobs) {
		if stored.Outcome != Completed {
			s.Broken("outcome", "job %s is %v %s", id, stored.Places, stored.Outcome)
		}
	}
}

// toAndFro takes the migration of the next release back and makes it again, each twice.
func (s *Stage) toAndFro(next string, now int) {
	s.Helper()
	before := s.jobs()
	for _, to := range []int{store.Newest, now, now, store.Newest, store.Newest} {
		s.migrate(next, to)
		db, err := store.Open(s.ctx, s.Database.Address)
		if err != nil {
			s.Fatalf("%v", err)
		}
		if err := db.Ready(s.ctx); err != nil {
			s.Broken("migration", "after a migration to %d: %v", to, err)
		}
		if err := db.Close(); err != nil {
			s.Fatalf("%v", err)
		}
	}
	if after := s.jobs(); after != before {
		s.Broken("migration", "migrations to and fro make %d jobs of %d", after, before)
	}
}

// jobs returns how many jobs are stored.
func (s *Stage) jobs() int {
	s.Helper()
	v, err := s.Database.survey(s.ctx, s.Since, nil)
	if err != nil {
		s.Fatalf("%v", err)
	}
	return len(v.Jobs)
}
