package sqlite

import (
	_ "embed"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload/store"
)

//go:embed testdata/version1.sql
var version1SQL string

// version1 returns the statements of programs that know version 1 only, by name.
func version1() map[string]string {
	all := map[string]string{}
	for _, part := range strings.Split(version1SQL, "\n-- name: ")[1:] {
		name, text, _ := strings.Cut(part, "\n")
		all[name] = text
	}
	return all
}

// A lastRelease works a database with the statements of version 1.
type lastRelease struct {
	t   *testing.T
	s   *Store
	sql map[string]string
	me  store.ID
}

func openLastRelease(t *testing.T, s *Store) *lastRelease {
	t.Helper()
	me, err := joinAs(t.Context(), s)
	must(t, err)
	return &lastRelease{t, s, version1(), me}
}

func (v *lastRelease) do(f func(tx *txn, process int64) error) {
	v.t.Helper()
	_, err := v.s.writer.do(v.t.Context(), func(tx *txn) error {
		number, _, err := tx.process(v.me)
		if err != nil {
			return err
		}
		return f(tx, number)
	})
	must(v.t, err)
}

func (v *lastRelease) exec(tx *txn, name string, args ...any) {
	v.t.Helper()
	if _, err := tx.exec(v.sql[name], args...); err != nil {
		v.t.Fatalf("%s of version 1: %v", name, err)
	}
}

func (v *lastRelease) insert(n store.NewJob) {
	v.t.Helper()
	v.do(func(tx *txn, _ int64) error {
		args, err := tx.jobArgs(nil, &n)
		must(v.t, err)
		v.exec(tx, "insert_job", args...)
		v.exec(tx, "insert_due", n.Queue, n.Priority, tx.now, n.ID[:], 0)
		return nil
	})
}

// claim leases all due jobs of a queue and priority.
func (v *lastRelease) claim(queue string, priority int) (ids []store.ID) {
	v.t.Helper()
	v.do(func(tx *txn, process int64) error {
		var last int64
		rows, err := tx.query(v.sql["claim"], queue, priority, tx.now, 100, 0)
		must(v.t, err)
		for rows.Next() {
			into := make([]any, 14)
			for i := range into {
				into[i] = new(any)
			}
			var id store.ID
			into[0], into[1] = &last, idInto{&id}
			must(v.t, rows.Scan(into...))
			ids = append(ids, id)
		}
		must(v.t, rows.Close())
		if len(ids) > 0 {
			end := ids[len(ids)-1]
			v.exec(tx, "claim_lease", queue, priority, last, end[:], process, tx.now)
			v.exec(tx, "claim_due", queue, priority, last, end[:])
		}
		return nil
	})
	return ids
}

func (v *lastRelease) finish(id store.ID) {
	v.t.Helper()
	v.do(func(tx *txn, process int64) error {
		v.exec(tx, "finish_done", id[:], process, 1, tx.now, 0, nil)
		v.exec(tx, "finish_lease", id[:], process, 1)
		return nil
	})
}

// cancel cancels a blocked job.
func (v *lastRelease) cancel(id store.ID) {
	v.t.Helper()
	v.do(func(tx *txn, _ int64) error {
		r, err := tx.find(id)
		must(v.t, err)
		_, err = tx.exec("DELETE FROM offload_blocked WHERE id = ?1", id[:])
		must(v.t, err)
		v.exec(tx, "place_put_done", id[:], r.runAt, r.attempt, r.failures, r.uses, r.started, r.closer, r.closed, stateCancelled, tx.now)
		return nil
	})
}

func wantState(t *testing.T, s *Store, id store.ID, want store.State) store.Job {
	t.Helper()
	found, err := s.Find(t.Context(), store.Filter{IDs: []store.ID{id}})
	must(t, err)
	if len(found) != 1 || found[0].State != want {
		t.Fatalf("job %s is %+v, want it %s", id, found, want)
	}
	return found[0]
}

func TestStatementsOfVersion1WorkTheNewestTables(t *testing.T) {
	s := openTest(t)
	for name, text := range version1() {
		explainPlan(t, s, text, 16)
		if name == "" || text == "" {
			t.Errorf("statement %q is %q", name, text)
		}
	}
}

func TestAProgramOfVersion1WorksBesideThisOne(t *testing.T) {
	s := openTest(t)
	v := openLastRelease(t, s)
	theirs, ours := newJob("mail"), newJob("mail")
	v.insert(theirs)
	_, err := s.Insert(t.Context(), []store.NewJob{ours})
	must(t, err)
	if got := v.claim("mail", 5); !slices.Equal(got, []store.ID{theirs.ID, ours.ID}) {
		t.Fatalf("it claims %v, want %s and %s", got, theirs.ID, ours.ID)
	}
	v.finish(ours.ID)
	wantState(t, s, ours.ID, store.Completed)
	must(t, s.Leave(t.Context(), v.me))
	me, err := joinAs(t.Context(), s)
	must(t, err)
	claimed, err := s.Claim(t.Context(), store.ClaimRequest{Process: me, Queue: "mail", Limit: 10})
	must(t, err)
	if len(claimed) != 1 || claimed[0].ID != theirs.ID || claimed[0].Attempt != 2 {
		t.Errorf("what it left gives %+v, want job %s", claimed, theirs.ID)
	}
}

// keyedJob is a job under a limit of one job, with a unique key.
func keyedJob(key string) store.NewJob {
	n := newJob("mail")
	n.Terms = &store.Terms{
		Limits: []store.Use{{Limit: "crm", Key: "acme"}},
		Unique: &store.Unique{Key: key, Until: store.UntilEnded, OnConflict: store.ConflictFail},
	}
	return n
}

func TestWhatVersion1LeavesIsHealed(t *testing.T) {
	s := openTest(t)
	must(t, s.PutLimits(t.Context(), []store.Limit{{Name: "crm", Max: 1}}))
	v := openLastRelease(t, s)
	first, second := keyedJob("1"), keyedJob("2")
	_, err := s.Insert(t.Context(), []store.NewJob{first, second})
	must(t, err)
	wantState(t, s, second.ID, store.Blocked)
	if got := v.claim("mail", 5); !slices.Equal(got, []store.ID{first.ID}) {
		t.Fatalf("it claims %v, want %s", got, first.ID)
	}
	v.finish(first.ID)

	again := keyedJob("1")
	_, err = s.Insert(t.Context(), []store.NewJob{again})
	must(t, err) // the key is free, though nobody has freed it
	wantState(t, s, second.ID, store.Blocked)
	_, err = s.Prune(t.Context(), 10)
	must(t, err)
	wantState(t, s, second.ID, store.Available)
	wantState(t, s, again.ID, store.Blocked)
}

func TestAWaiterThatVersion1TookAway(t *testing.T) {
	s := openTest(t)
	must(t, s.PutLimits(t.Context(), []store.Limit{{Name: "crm", Max: 1}}))
	v := openLastRelease(t, s)
	jobs := []store.NewJob{keyedJob("1"), keyedJob("2"), keyedJob("3"), keyedJob("4")}
	_, err := s.Insert(t.Context(), jobs)
	must(t, err)
	v.cancel(jobs[1].ID)
	v.cancel(jobs[2].ID)
	for _, n := range []store.NewJob{jobs[0], jobs[3]} {
		claimed, err := s.Claim(t.Context(), store.ClaimRequest{Process: v.me, Queue: "mail", Limit: 10})
		must(t, err)
		if len(claimed) != 1 || claimed[0].ID != n.ID {
			t.Fatalf("Claim = %+v, want job %s", claimed, n.ID)
		}
		_, err = s.Finish(t.Context(), v.me, []store.Ended{{Fence: claimed[0].Fence, Outcome: store.OutcomeCompleted, Terms: claimed[0].Terms}})
		must(t, err)
	}
	limits, err := s.Limits(t.Context())
	must(t, err)
	if len(limits) != 1 || len(limits[0].Keys) != 0 {
		t.Errorf("Limits = %+v, want nothing to be said of any key", limits)
	}
}

func TestMigrateFromVersion1(t *testing.T) {
	s := openTest(t)
	must(t, s.Migrate(t.Context(), 0))
	must(t, s.Migrate(t.Context(), 1))
	v := openLastRelease(t, s)
	done, running, due := newJob("mail"), newJob("mail"), newJob("mail")
	v.insert(done)
	v.insert(running)
	v.claim("mail", 5)
	v.finish(done.ID)
	v.insert(due)

	must(t, s.Migrate(t.Context(), store.Newest))

	must(t, s.Ready(t.Context()))
	for id, want := range map[store.ID]store.State{done.ID: store.Completed, running.ID: store.Running, due.ID: store.Available} {
		if j := wantState(t, s, id, want); string(j.Input) != string(due.Input) || j.Timeout != time.Hour || j.Terms != nil {
			t.Errorf("the %s job is %+v", want, j)
		}
	}
}

func TestMigrateBackToVersion1(t *testing.T) {
	s := openTest(t)
	must(t, s.Migrate(t.Context(), 1))
	before := dump(t, s)
	must(t, s.Migrate(t.Context(), store.Newest))
	must(t, s.PutLimits(t.Context(), []store.Limit{{Name: "crm", Max: 1}}))
	fair := newJob("mail")
	fair.Terms = &store.Terms{Turn: &store.Turn{Key: "acme"}, Expire: time.Hour}
	later := keyedJob("3")
	later.Delay = time.Hour
	all := []store.NewJob{newJob("mail"), keyedJob("1"), keyedJob("2"), fair, later}
	_, err := s.Insert(t.Context(), all)
	must(t, err)

	must(t, s.Migrate(t.Context(), 1))

	if got := dump(t, s); got != before {
		t.Errorf("back at version 1 there is\n%s\nwant\n%s", got, before)
	}
	v := openLastRelease(t, s)
	got := v.claim("mail", 5)
	want := []store.ID{all[0].ID, all[1].ID, all[2].ID, all[3].ID}
	slices.SortFunc(got, store.ID.Compare)
	slices.SortFunc(want, store.ID.Compare)
	if !slices.Equal(got, want) {
		t.Errorf("a program of version 1 claims %v, want all that is due: %v", got, want)
	}
	for _, id := range got {
		v.finish(id)
	}
	must(t, s.Migrate(t.Context(), store.Newest))
	wantState(t, s, all[3].ID, store.Completed)
	wantState(t, s, later.ID, store.Scheduled)
}
