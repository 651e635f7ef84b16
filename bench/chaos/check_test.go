package main

import (
	"context"
	"database/sql"
	"slices"
	"testing"
	"time"

	"github.com/offloadhq/offload"
)

// A doctoring makes something wrong in the ledger or in the database of a trial that went
// well.
type doctoring struct {
	name string
	do   func(s *Stage, d *doctor)
	want []string // what must be found broken, and nothing else
}

// A doctor has one transactional and one plain job that are completed.
type doctor struct {
	tx, plain offload.ID
	exec      func(query string, args ...any)
}

// The statements are made of these words of each store.
var dialects = map[string]map[string]string{
	"sqlite": {
		"lose":     "DELETE FROM offload_job WHERE id = ?1",
		"displace": "DELETE FROM offload_done WHERE id = ?1",
		"place": `INSERT INTO offload_due (queue, priority, run_at, id)
			SELECT queue, priority, created_at + 3600000000, id FROM offload_job WHERE id = ?1`,
		"lease": `INSERT INTO offload_lease (id, process, attempt, failures, uses, run_at, started_at)
			SELECT id, 99, 1, 0, 0, created_at, created_at FROM offload_job WHERE id = ?1`,
		"effect":   "INSERT INTO chaos_effects (job, attempt, process) VALUES (?1, 1, 'nobody')",
		"uneffect": "DELETE FROM chaos_effects WHERE job = ?1",
		"figure":   "UPDATE offload_figure SET n = n + 1 WHERE outcome = 'completed'",
	},
	"postgres": {
		"lose":     "DELETE FROM offload.job WHERE id = $1",
		"displace": "DELETE FROM offload.done WHERE id = $1",
		"place": `INSERT INTO offload.due (id, run_at, attempt, failures, priority, uses, queue)
			SELECT id, created_at + interval '1 hour', 1, 0, priority, 0, queue FROM offload.job WHERE id = $1`,
		"lease": `INSERT INTO offload.lease (id, process, run_at, started_at, attempt, failures, uses)
			SELECT id, id, created_at, created_at, 1, 0, 0 FROM offload.job WHERE id = $1`,
		"effect":   "INSERT INTO chaos_effects (job, attempt, process) VALUES ($1, 1, 'nobody')",
		"uneffect": "DELETE FROM chaos_effects WHERE job = $1",
		"figure":   "UPDATE offload.figure SET count = count + 1 WHERE outcome = 'completed'",
	},
}

func (d *doctor) harm(s *Stage, word string, id offload.ID) {
	query := dialects[s.Kind][word]
	if word == "figure" {
		d.exec(query)
		return
	}
	d.exec(query, s.Database.id(id))
}

var doctorings = []doctoring{
	{"nothing", func(*Stage, *doctor) {}, nil},
	{"an acknowledged job is gone", func(s *Stage, d *doctor) {
		d.harm(s, "lose", d.plain)
		d.harm(s, "displace", d.plain)
	}, []string{"I1", "I6"}},
	{"a job has no row", func(s *Stage, d *doctor) { d.harm(s, "lose", d.plain) }, []string{"I1", "I2"}},
	{"a job is nowhere", func(s *Stage, d *doctor) { d.harm(s, "displace", d.plain) }, []string{"I1", "I2", "I6"}},
	{"a job is in two places", func(s *Stage, d *doctor) { d.harm(s, "place", d.plain) }, []string{"I2"}},
	{"an effect is missing", func(s *Stage, d *doctor) { d.harm(s, "uneffect", d.tx) }, []string{"I3"}},
	{"an effect is nobody's", func(s *Stage, d *doctor) { d.harm(s, "effect", offload.NewID()) }, []string{"I3"}},
	{"a plain job has an effect", func(s *Stage, d *doctor) { d.harm(s, "effect", d.plain) }, []string{"I3"}},
	{"an effect was met", func(s *Stage, d *doctor) { s.ownHand().ledger.Note(d.tx, 2, secondEffect) }, []string{"I3"}},
	{"an effect was met by a late process", func(s *Stage, d *doctor) { s.ownHand().ledger.Note(d.tx, 1, secondEffect) }, nil},
	{"a lease is left", func(s *Stage, d *doctor) {
		d.harm(s, "lease", d.plain)
		d.harm(s, "displace", d.plain)
	}, []string{"I4", "I6"}},
	{"a figure is too high", func(s *Stage, d *doctor) { d.harm(s, "figure", d.tx) }, []string{"I6"}},
	{"a job is nobody's", func(s *Stage, d *doctor) {
		_, err := s.App().Enqueue(s.Context(), sleepTask.declare().Call(Work{}))
		if err != nil {
			s.Fatal(err)
		}
	}, []string{"I7"}},
	{"an attempt comes twice", func(s *Stage, d *doctor) { s.ownHand().ledger.write(verbStart, d.plain, 1, "") }, []string{"I8"}},
	{"an attempt falls", func(s *Stage, d *doctor) { s.ownHand().ledger.write(verbStart, d.plain, 0, "") }, []string{"I8"}},
	{"a late result was accepted", func(s *Stage, d *doctor) { s.ownHand().ledger.write(verbStart, d.plain, 2, "") }, []string{"I8"}},
	{"a line is broken", func(s *Stage, d *doctor) {
		if _, err := s.ownHand().ledger.file.WriteString("start nonsense\n"); err != nil {
			s.Fatal(err)
		}
	}, []string{"ledger"}},
}

// What is wrong is found, and named by its invariant; without that no trial proves anything.
func TestCheckFindsWhatIsWrong(t *testing.T) {
	for _, kind := range []string{"sqlite", "postgres"} {
		for _, doctoring := range doctorings {
			t.Run(kind+"/"+doctoring.name, func(t *testing.T) {
				t.Parallel()
				wantBroken(t, perform(t, kind, func(s *Stage, d *doctor) {
					doctoring.do(s, d)
					s.check()
				}), doctoring.want...)
			})
		}
	}
}

// perform runs two jobs to their end, and then do.
func perform(t *testing.T, kind string, do func(s *Stage, d *doctor)) Result {
	trial := Trial{Name: "doctored", Run: func(s *Stage) {
		var d doctor
		d.tx, d.plain = s.Enqueue(Kind{Task: "sleep"}, Work{Tx: true}), s.Enqueue(Kind{Task: "sleep"}, Work{})
		s.Start(Worker{}.Spec())
		s.Settle(time.Minute)
		if s.Failed() {
			return
		}
		db, err := sql.Open(drivers[s.Kind], s.Database.writeAddress())
		if err != nil {
			s.Fatal(err)
		}
		s.Cleanup(func() { db.Close() })
		d.exec = func(query string, args ...any) {
			if _, err := db.ExecContext(s.Context(), query, args...); err != nil {
				s.Fatalf("%s: %v", query, err)
			}
		}
		do(s, &d)
	}}
	s := newStage(context.WithoutCancel(t.Context()), &trial, kind, openFolder(t), 1)
	return s.run()
}

func wantBroken(t *testing.T, r Result, want ...string) {
	t.Helper()
	var got []string
	for _, b := range r.Broken {
		if !slices.Contains(got, b.What) {
			got = append(got, b.What)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("found %v; want %v: %v", got, want, r.Broken)
	}
}

// While work goes on, jobs that are torn and leases whose process is gone are found, too; a
// lease that has just lost its process is not.
func TestGlanceFindsWhatIsWrong(t *testing.T) {
	for _, kind := range []string{"sqlite", "postgres"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			wantBroken(t, perform(t, kind, func(s *Stage, d *doctor) {
				w := watcher{stage: s, strays: map[Lease]time.Time{}}
				w.look(s.Context())
				d.harm(s, "place", d.plain)
				d.harm(s, "lease", d.tx)
				d.harm(s, "displace", d.tx)
				if w.look(s.Context()); len(w.strays) != 1 || w.misses != 0 {
					s.Errorf("%d leases without a process, %d looks without an answer; want 1, 0", len(w.strays), w.misses)
				}
				for lease := range w.strays {
					w.strays[lease] = time.Now().Add(-strayGrace)
				}
				w.look(s.Context())
			}), "I2", "I4")
		})
	}
}

// A process that ends by itself breaks a trial, and is named with what it said.
func TestProcessThatEndsIsFound(t *testing.T) {
	r := perform(t, "sqlite", func(s *Stage, _ *doctor) {
		s.Start(Spec{Role: "nobody"}).Await(time.Minute)
	})
	wantBroken(t, r, "process")
}
