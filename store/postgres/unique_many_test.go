package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/internal/testpg"
	"github.com/offloadhq/offload/store"
)

// many is so many jobs that their keys, and their edges, are copied.
const many = 700

// uniques are jobs with keys of their own.
func uniques(n int, on store.Conflict) []store.NewJob {
	jobs := plain(n)
	for i := range jobs {
		jobs[i].Terms = unique(fmt.Sprint("key-", i))
		jobs[i].Terms.Unique.OnConflict = on
	}
	return jobs
}

// answers inserts jobs and returns the answers.
func answers(t *testing.T, s store.Store, jobs []store.NewJob) []store.Inserted {
	t.Helper()
	inserted, err := s.Insert(t.Context(), jobs)
	must(t, err)
	return inserted
}

func TestManyUniqueKeys(t *testing.T) {
	for _, test := range []struct {
		name string
		// shape changes the jobs, of which held is there before, and returns how many are stored.
		shape func(jobs []store.NewJob) (held []store.NewJob, stored int)
	}{
		{"none is there", func([]store.NewJob) ([]store.NewJob, int) { return nil, many }},
		{"one is there", func(jobs []store.NewJob) ([]store.NewJob, int) { return jobs[300:301], many - 1 }},
		{"two are the same", func(jobs []store.NewJob) ([]store.NewJob, int) {
			jobs[600].Terms = jobs[20].Terms
			return nil, many - 1
		}},
		{"one job is there, without its key", func(jobs []store.NewJob) ([]store.NewJob, int) {
			held := jobs[300]
			held.Terms = nil
			return []store.NewJob{held}, many - 1
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := open(t, testpg.URL(t))
			migrate(t, s)
			jobs := uniques(many, store.ConflictKeep)
			held, want := test.shape(jobs)
			if len(held) > 0 {
				insert(t, s, held...)
			}
			owner := map[string]store.ID{}
			stored := 0
			for i, in := range answers(t, s, jobs) {
				key := jobs[i].Terms.Unique.Key
				if owner[key].IsZero() {
					owner[key] = jobs[i].ID
				}
				if in.ID != owner[key] {
					t.Errorf("key %s is that of %s, want %s", key, in.ID, owner[key])
				}
				if !in.Existing {
					stored++
				}
			}
			if stored != want {
				t.Errorf("%d jobs are stored, want %d", stored, want)
			}
			again := answers(t, s, jobs)
			for i, in := range again {
				if !in.Existing || in.ID != owner[jobs[i].Terms.Unique.Key] {
					t.Fatalf("inserted again, job %d is %+v", i, in)
				}
			}
		})
	}
}

// While somebody's transaction has taken one of the keys, who wants many waits for its end.
func TestManyUniqueKeysWaitForATransaction(t *testing.T) {
	for _, test := range []struct {
		name   string
		on     store.Conflict
		commit bool
	}{
		{"that commits", store.ConflictKeep, true},
		{"that is rolled back", store.ConflictKeep, false},
		{"that commits, and is in conflict", store.ConflictFail, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			address := testpg.URL(t)
			s := open(t, address)
			migrate(t, s)
			jobs := uniques(many, test.on)
			other := plain(1)
			other[0].Terms = jobs[300].Terms
			tx := begin(t, address)
			w, err := s.Within(tx.Value)
			must(t, err)
			_, err = w.Insert(t.Context(), other)
			must(t, err)
			type answer struct {
				inserted []store.Inserted
				err      error
			}
			came := make(chan answer, 1)
			go func() {
				inserted, err := s.Insert(t.Context(), jobs)
				came <- answer{inserted, err}
			}()
			waitsForLock(t, address)
			if test.commit {
				must(t, tx.Commit())
			} else {
				must(t, tx.Rollback())
			}
			got := <-came
			if test.on == store.ConflictFail {
				var conflict *store.ConflictError
				if !errors.As(got.err, &conflict) || conflict.ID != other[0].ID {
					t.Errorf("Insert = %v, want a conflict with job %s", got.err, other[0].ID)
				}
				return
			}
			must(t, got.err)
			for i, in := range got.inserted {
				want := store.Inserted{ID: jobs[i].ID}
				if i == 300 && test.commit {
					want = store.Inserted{ID: other[0].ID, Existing: true}
				}
				if in != want {
					t.Errorf("answer %d is %+v, want %+v", i, in, want)
				}
			}
		})
	}
}

// waitsForLock returns when a session waits for another's transaction.
func waitsForLock(t *testing.T, address string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	must(t, err)
	defer conn.Close(context.Background())
	for waits := false; !waits; {
		must(t, conn.QueryRow(t.Context(), "select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')").Scan(&waits))
	}
}

// Callers that want the same keys at once are told of the same jobs.
func TestManyUniqueKeysAtOnce(t *testing.T) {
	address := testpg.URL(t)
	stores := []store.Store{open(t, address), open(t, address), open(t, address)}
	migrate(t, stores[0])
	came := make(chan []store.Inserted)
	for _, s := range stores {
		go func() {
			inserted, err := s.Insert(t.Context(), uniques(many, store.ConflictKeep))
			if err != nil {
				t.Error(err)
			}
			came <- inserted
		}()
	}
	var first []store.Inserted
	stored := 0
	for range stores {
		all := <-came
		if first == nil {
			first = all
		}
		for i, in := range all {
			if !in.Existing {
				stored++
			}
			if in.ID != first[i].ID {
				t.Fatalf("key %d is that of %s and of %s", i, first[i].ID, in.ID)
			}
		}
	}
	if stored != many {
		t.Errorf("%d jobs are stored, want %d", stored, many)
	}
}

// A key for a time is free when that is over, also if it was taken with many.
func TestManyUniqueKeysForATime(t *testing.T) {
	address := testpg.URL(t)
	s := open(t, address)
	migrate(t, s)
	jobs := uniques(many, store.ConflictKeep)
	for i := range jobs {
		jobs[i].Terms.Unique.Until, jobs[i].Terms.Unique.For = "", store.Tombstone
	}
	insert(t, s, jobs...)
	for i, in := range answers(t, s, uniques(many, store.ConflictKeep)) {
		if in.ID != jobs[i].ID || !in.Existing {
			t.Fatalf("key %d is that of %s, existing %t; want job %s", i, in.ID, in.Existing, jobs[i].ID)
		}
	}
	exec(t, address, "update offload.uniq set expires_at = expires_at - $1 * interval '1 microsecond'", store.Tombstone.Microseconds())
	for i, in := range answers(t, s, uniques(many, store.ConflictKeep)) {
		if in.Existing {
			t.Fatalf("key %d is not free: %+v", i, in)
		}
	}
}

// One job that is a member of a batch twice, since it stands in for another, is one.
func TestManyMembers(t *testing.T) {
	for _, twice := range []bool{false, true} {
		s := open(t, testpg.URL(t))
		migrate(t, s)
		batch := store.NewJob{ID: store.NewID(), Task: store.BatchTask, Queue: store.SystemQueue}
		jobs := []store.NewJob{batch}
		want := many
		for _, n := range uniques(many, store.ConflictKeep) {
			n.Terms.Batch = batch.ID
			jobs = append(jobs, n)
		}
		if twice {
			jobs[600].Terms.Unique.Key = jobs[20].Terms.Unique.Key
			want--
		}
		insert(t, s, append(jobs, after(plain(1)[0], batch.ID))...)
		counts, err := s.Batches(t.Context(), batch.ID)
		must(t, err)
		if got := counts[batch.ID]; got.Members != want || got.Open != want {
			t.Errorf("twice %t: the batch is %+v, want %d open members", twice, got, want)
		}
	}
}
