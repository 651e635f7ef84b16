package main

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/store"
)

func init() {
	register(Trial{
		Name:  "power-loss",
		About: "the disk that the database lies on loses its power at any moment, beside a writer that does not sync and must lose what it had acknowledged",
		Short: 10 * time.Second, Long: 8 * time.Minute,
		Rooted: true,
		Needs:  func(string) string { return lacksDisk() },
		Open:   openPowered,
		Roles:  map[string]Role{"both": both, "unsynced": writeUnsynced},
		Run:    powerLoss,
	})
}

// powered are the disks of trials that go on. Trials that need root are run one after the other.
var powered = map[*Stage]*poweredDisk{}

// A poweredDisk is a disk with a database on it.
type poweredDisk struct {
	disk   *disk
	server *powerServer // nil for SQLite
}

func openPowered(s *Stage) *Database {
	s.Helper()
	p := &poweredDisk{disk: newDisk(s)}
	powered[s] = p
	s.Cleanup(func() { delete(powered, s) })
	if s.Kind == "sqlite" {
		return OnSQLite(filepath.Join(p.disk.at, "chaos.db"))
	}
	p.server = newPowerServer(s, p.disk)
	return OnPostgres(p.server.address(), nil)
}

func powerLoss(s *Stage) {
	p := powered[s]
	prepareUnsynced(s)
	if s.Kind == "postgres" {
		wantFinding(s, "synchronous_commit")
	}
	rounds, unsynced, lost, checked, unheard := 0, 0, 0, 0, 0
	slowest, largest := 0.0, int64(0)
	s.Blind(func() {
		for ; rounds == 0 || s.Left() > 0; rounds++ {
			since := store.IDAt(time.Now())
			load := Both{Worker{Slots: 20}, Enqueuer{Callers: 4, Rate: 400, Tx: 0.3}, time.Now().Add(time.Hour)}.Spec()
			load.MayDie = true
			for range 2 {
				s.Start(load)
			}
			control := s.Start(Spec{Role: "unsynced", MayDie: true})
			s.Wait(s.Between(50*time.Millisecond, 1200*time.Millisecond))
			if s.Kind == "postgres" && s.Rand.IntN(2) == 0 {
				// Each commit that waits for the log carries those along that do not.
				for _, one := range s.Processes("both") {
					one.Pause()
				}
				s.Wait(s.Between(0, 100*time.Millisecond))
			}
			cut := p.lose(s)
			unheard += s.unhear(cut)
			s.Say("round %d: the power is back", rounds+1)
			if s.Kind == "sqlite" {
				largest = max(largest, logSize(s.Database.Address))
			}
			slowest = max(slowest, openTime(s, s.Database))
			checked += checkSince(s, since)
			if s.Kind == "sqlite" {
				checkFile(s, s.Database)
			}
			acked, there := countUnsynced(s, control, cut.From)
			unsynced += acked
			lost += max(acked-there, 0)
		}
		s.Start(Worker{Slots: 20}.Spec())
	})
	s.Settle(2 * time.Minute)
	s.Figure("power losses", float64(rounds), "")
	s.Figure("jobs acknowledged before one and looked for after it", float64(checked), "")
	s.Figure("answers that were under way when the power went", float64(unheard), "")
	s.Figure("rows that the writer without syncs had acknowledged", float64(unsynced), "")
	s.Figure("rows of it that were lost", float64(lost), "")
	if lost == 0 {
		s.Broken("control", "%d power losses took none of the %d rows of a writer that does not sync: this trial cannot find anything", rounds, unsynced)
	}
	s.AtMost("slowest Open", slowest, "s", 1+float64(largest)/(100<<20))
}

// lose cuts the power, ends all that ran, and starts the machine again. It returns from when to
// when the power was cut.
func (p *poweredDisk) lose(s *Stage) (cut Span) {
	s.Helper()
	cut.From = time.Now()
	p.disk.cut()
	cut.To = time.Now()
	s.Wait(s.Between(0, 200*time.Millisecond)) // a disk that answers with errors must not have anything acknowledged
	for _, role := range []string{"both", "unsynced"} {
		for _, one := range s.Processes(role) {
			one.Kill()
		}
	}
	if p.server != nil {
		p.server.kill()
	}
	p.disk.restore()
	if p.server != nil {
		p.server.start()
	}
	return cut
}

// unhear takes back what processes have written down after the power had gone, when in truth
// nobody could: the sync of a file that is under way at that moment may still return without
// an error. It returns how many acknowledgements that were. What was begun later must not be
// acknowledged.
func (s *Stage) unhear(cut Span) (unheard int) {
	s.Helper()
	for id, e := range s.Ledger().Jobs {
		e.Runs = slices.DeleteFunc(e.Runs, func(r Run) bool { return r.Start.After(cut.From) })
		if e.Acked.Before(cut.From) {
			continue
		}
		if e.Tried.After(cut.To) {
			s.Broken("acknowledged", "the enqueue of job %s was begun at %s, after the power had gone at %s, and acknowledged", id, clock(e.Tried), clock(cut.To))
		}
		e.Acked = time.Time{}
		unheard++
	}
	return unheard
}

// checkSince wants all jobs that were acknowledged since a moment to be stored, each in one
// place, and returns how many there are.
func checkSince(s *Stage, since offload.ID) int {
	s.Helper()
	v, l := &Survey{}, &Ledger{Jobs: map[offload.ID]*Entry{}}
	err := s.Database.with(func(db *sql.DB) error {
		return snapshot(s.ctx, db, func(tx *sql.Tx) (err error) {
			v.Jobs, err = s.Database.gather(s.ctx, tx, s.Database.sql.places, since)
			return err
		})
	})
	if err != nil {
		s.Fatalf("look at the jobs: %v", err)
	}
	acked := 0
	for id, e := range s.Ledger().Jobs {
		if id.Compare(since) >= 0 {
			l.Jobs[id] = e
			if !e.Acked.IsZero() {
				acked++
			}
		}
	}
	for _, rule := range []func(*Ledger, *Survey) []Broken{checkStored, checkPlaces, checkKnown} {
		for _, b := range rule(l, v) {
			s.Broken(b.What, "after a power loss: %s", b.Text)
		}
	}
	return acked
}

// wantFinding wants Examine to find fault with something.
func wantFinding(s *Stage, name string) {
	s.Helper()
	db, err := store.Open(s.ctx, s.Database.Address)
	if err != nil {
		s.Fatalf("%v", err)
	}
	defer db.Close()
	findings, err := db.Examine(s.ctx)
	if err != nil {
		s.Fatalf("examine: %v", err)
	}
	for _, f := range findings {
		if f.Name == name && f.Level != store.Fine {
			return
		}
	}
	s.Broken("warning", "Examine finds no fault with %s: %+v", name, findings)
}

// What follows is the writer that does not sync: in SQLite with synchronous=NORMAL on a file of
// its own, since offload would sync a common one, and in PostgreSQL with synchronous_commit=off
// beside offload.

const noteUnsynced = "unsynced "

// unsyncedFile is where the writer's rows are in SQLite.
func unsyncedFile(address string) string {
	return "file:" + filepath.Join(filepath.Dir(address), "unsynced.db") + "?_pragma=busy_timeout(5000)&_pragma=synchronous(normal)"
}

func openUnsynced(kind, address string) (*sql.DB, error) {
	if kind == "sqlite" {
		return sql.Open("sqlite", unsyncedFile(address))
	}
	return sql.Open("pgx", address)
}

func prepareUnsynced(s *Stage) {
	s.Helper()
	db, err := openUnsynced(s.Kind, s.Database.Address)
	if err != nil {
		s.Fatalf("%v", err)
	}
	defer db.Close()
	statements := []string{"CREATE TABLE chaos_unsynced (process text NOT NULL, n integer NOT NULL)"}
	if s.Kind == "sqlite" {
		statements = append([]string{"PRAGMA journal_mode = WAL"}, statements...)
	} else {
		statements = append([]string{"SET synchronous_commit = on"}, statements...)
		db.SetMaxOpenConns(1)
	}
	for _, statement := range statements {
		if _, err := db.ExecContext(s.ctx, statement); err != nil {
			s.Fatalf("prepare the writer that does not sync: %v", err)
		}
	}
}

// writeUnsynced is the role of that writer.
func writeUnsynced(ctx context.Context, c *Child) error {
	insert := "INSERT INTO chaos_unsynced (process, n) VALUES (?, ?)"
	if c.Kind == "postgres" {
		insert = "INSERT INTO chaos_unsynced (process, n) VALUES ($1, $2)"
	}
	db, err := openUnsynced(c.Kind, c.Address)
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for n := 1; ctx.Err() == nil; n++ {
		if _, err := db.ExecContext(ctx, insert, c.Name, n); err != nil {
			return err
		}
		c.Ledger.Note(offload.ID{}, 0, noteUnsynced+c.Name)
	}
	return nil
}

// countUnsynced returns how many rows such a writer had acknowledged until a time, and how many are there.
func countUnsynced(s *Stage, p *Process, until time.Time) (acked, there int) {
	s.Helper()
	acked = 0
	for _, n := range s.Ledger().NotesOf(noteUnsynced) {
		if n.Process == p.Name && n.Time.Before(until) {
			acked++
		}
	}
	db, err := openUnsynced(s.Kind, s.Database.Address)
	if err != nil {
		s.Fatalf("%v", err)
	}
	defer db.Close()
	if err := db.QueryRowContext(s.ctx, fmt.Sprintf("SELECT count(*) FROM chaos_unsynced WHERE process = '%s'", p.Name)).Scan(&there); err != nil {
		s.Fatalf("count what the writer that does not sync has left: %v", err)
	}
	return acked, there
}
