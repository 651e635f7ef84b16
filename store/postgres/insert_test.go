package postgres_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offloadhq/offload/internal/testpg"
	"github.com/offloadhq/offload/store"
)

// Jobs are the same, whichever of the ways to insert them their number has chosen.
func TestWaysToInsertAreOne(t *testing.T) {
	s := open(t, testpg.URL(t))
	migrate(t, s)
	later := time.Now().Add(time.Hour).Truncate(time.Millisecond)
	odd := func(n *store.NewJob, i int) {
		switch i % 7 {
		case 1:
			n.Tags = map[string]string{"tenant": "7", "näme": "\"a\\b\""}
		case 2:
			n.Delay = time.Hour
		case 3:
			n.RunAt = later
		case 4:
			n.Input, n.Queue = nil, store.SystemQueue
		case 5:
			n.Input = []byte("\x00\xff\\x")
		case 6:
			n.MaxAttempts, n.Timeout, n.GiveUpAfter, n.Retain, n.Priority = 1, 1, 2, 3, 0
		}
	}
	for name, n := range map[string]int{"one by one": 1, "alike": 2, "of any kind": 50, "copied": 700} {
		t.Run(name, func(t *testing.T) {
			want := plain(700)
			for i := range want {
				odd(&want[i], i)
			}
			for rest := want; len(rest) > 0; {
				some := min(n, len(rest))
				insert(t, s, rest[:some]...)
				rest = rest[some:]
			}
			for i := range want {
				found, err := s.Find(t.Context(), store.Filter{IDs: []store.ID{want[i].ID}})
				must(t, err)
				if len(found) != 1 {
					t.Fatalf("job %d is there %d times", i, len(found))
				}
				if diff := cmp.Diff(shown(&want[i], &found[0]), asNew(&found[0])); diff != "" {
					t.Fatalf("job %d (-want +got):\n%s", i, diff)
				}
			}
		})
	}
}

// asNew is a job as it was inserted.
func asNew(j *store.Job) store.NewJob {
	return store.NewJob{
		ID: j.ID, Task: j.Task, Queue: j.Queue, Priority: j.Priority, Input: j.Input, Tags: j.Tags, RunAt: j.RunAt.UTC(),
		MaxAttempts: j.MaxAttempts, Timeout: j.Timeout, GiveUpAfter: j.GiveUpAfter, Retain: j.Retain,
	}
}

// shown is a new job as it must come back: due by its time, or by the store's.
func shown(n *store.NewJob, found *store.Job) store.NewJob {
	want := *n
	if late := found.RunAt.Sub(found.CreatedAt.Add(n.Delay)); n.RunAt.IsZero() && late >= 0 && late < time.Minute {
		want.RunAt = found.RunAt
	}
	if n.Input == nil {
		want.Input = []byte{}
	}
	want.RunAt, want.Delay = want.RunAt.UTC(), 0
	return want
}

func TestCopyOfJobsThatAreThere(t *testing.T) {
	s := open(t, testpg.URL(t))
	migrate(t, s)
	jobs := plain(1200)
	insert(t, s, jobs[700])
	inserted, err := s.Insert(t.Context(), append(jobs, jobs[3]))
	must(t, err)
	for i, in := range inserted {
		if in.Existing != (i == 700 || i == 1200) {
			t.Errorf("answer %d is %+v", i, in)
		}
	}
	counts, err := s.Counts(t.Context())
	must(t, err)
	if counts[store.Available] != 1200 {
		t.Errorf("counts are %v, want 1200 available", counts)
	}
}

// A call of big inputs is more than one statement takes.
func TestInputsOfManyMegabytes(t *testing.T) {
	if testing.Short() {
		t.Skip("40 MiB")
	}
	s := open(t, testpg.URL(t))
	migrate(t, s)
	jobs := plain(40)
	for i := range jobs {
		jobs[i].Input = make([]byte, 1<<20)
	}
	insert(t, s, jobs...)
	inputs, err := s.Inputs(t.Context(), []store.ID{jobs[0].ID, jobs[39].ID})
	if err != nil || len(inputs[jobs[39].ID]) != 1<<20 {
		t.Errorf("Inputs = %d, %v", len(inputs), err)
	}
}
