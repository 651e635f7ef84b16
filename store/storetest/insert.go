package storetest

import (
	"bytes"
	"context"
	"maps"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/offloadhq/offload/store"
)

var insertLaws = []law{
	{"Insert/Kept", "a job that was inserted is there, once, as it was given", insertKept},
	{"Insert/None", "inserting no jobs is no error", insertNone},
	{"Insert/Many", "thousands of jobs can be inserted at once", insertMany},
	{"Insert/Again", "inserting an id again changes nothing and says so, whatever became of the job", insertAgain},
	{"Insert/AgainAtOnce", "an id that is twice in one call makes one job, the first", insertAgainAtOnce},
	{"Insert/Answers", "answers come in the order of the jobs", insertAnswers},
	{"Insert/Delay", "a delay counts from the store's now, and keeps the job from being claimed", insertDelay},
	{"Insert/DelayPasses", "a job can be claimed when its delay has passed", insertDelayPasses},
	{"Insert/RunAt", "run_at is kept; one in the past is taken as now", insertRunAt},
	{"Insert/Keeps", "what is given to Insert is not kept: the caller may change it afterwards", insertKeeps},
	{"Insert/AtOnce", "callers that insert the same ids at the same time make each job once", insertAtOnce},
	{"Insert/ContextEnded", "a call whose context has ended returns an error and stores all of its jobs or none", insertContextEnded},
	{"Insert/OtherProcess", "what one process inserts another one finds", insertOtherProcess},
}

func insertKept(s *scene) {
	n := store.NewJob{
		ID: store.NewID(), Task: "send", Queue: "mail", Priority: 3, Input: []byte(`{"a":1}`),
		Tags:        map[string]string{"tenant": "7", "empty": ""},
		MaxAttempts: 4, Timeout: 90 * time.Second, GiveUpAfter: 48 * time.Hour, Retain: 36 * time.Hour,
	}
	before := s.now()
	s.insert(n)
	after := s.now()

	j := s.want(n.ID, store.Available)
	if j.Task != n.Task || j.Queue != n.Queue || j.Priority != n.Priority || !bytes.Equal(j.Input, n.Input) ||
		j.InputSize != len(n.Input) || !maps.Equal(j.Tags, n.Tags) || j.MaxAttempts != n.MaxAttempts ||
		j.Timeout != n.Timeout || j.GiveUpAfter != n.GiveUpAfter || j.Retain != n.Retain {
		s.t.Errorf("job is %+v, want what was inserted: %+v", j, n)
	}
	if j.Attempt != 0 || j.Failures != 0 || j.Crashes != 0 || j.Waits != "" || j.Process != "" || j.Cancelling ||
		j.Error != "" || len(j.Result) > 0 || j.Progress != nil || !j.StartedAt.IsZero() || !j.FinishedAt.IsZero() {
		s.t.Errorf("job is %+v, want one that has not started", j)
	}
	s.between("CreatedAt", j.CreatedAt, before, after)
	s.between("RunAt", j.RunAt, before, after)
	s.wantAll(1)
}

func insertNone(s *scene) {
	s.insert()
	s.wantAll(0)
}

func insertMany(s *scene) {
	all := jobs(*backlog)
	s.insert(all...)
	s.wantAll(len(all))
	if got := s.claim(s.join(), len(all)); !sameIDs(ids(got), idsOf(all)) {
		s.t.Errorf("%d of %d jobs were claimed", len(got), len(all))
	}
}

func insertAgain(s *scene) {
	for _, in := range stages {
		id := in.bring(s)
		before := s.job(id)
		again := aJob(func(n *store.NewJob) { n.ID, n.Queue, n.Input = id, "other", []byte("other") })

		inserted, err := s.Store.Insert(s.ctx(), []store.NewJob{again})

		s.must(err)
		if len(inserted) != 1 || inserted[0] != (store.Inserted{ID: id, Existing: true}) {
			s.t.Errorf("%s: Insert = %+v, want that the job exists", in.name, inserted)
		}
		after := s.job(id)
		if after.State != before.State || after.Queue != before.Queue || after.Attempt != before.Attempt || !bytes.Equal(after.Input, before.Input) {
			s.t.Errorf("%s: Insert changed the job from %+v to %+v", in.name, before, after)
		}
	}
	s.wantAll(len(stages))
}

func insertAgainAtOnce(s *scene) {
	first := aJob()
	second := first
	second.Input = []byte("second")

	inserted, err := s.Store.Insert(s.ctx(), []store.NewJob{first, second})

	s.must(err)
	if len(inserted) != 2 || inserted[0].Existing || !inserted[1].Existing {
		s.t.Errorf("Insert = %+v, want the second one to exist", inserted)
	}
	if j := s.want(first.ID, store.Available); !bytes.Equal(j.Input, first.Input) {
		s.t.Errorf("input is %q, want that of the first", j.Input)
	}
	s.wantAll(1)
}

func insertAnswers(s *scene) {
	all := jobs(40)
	var half []store.NewJob
	for i := 1; i < len(all); i += 2 {
		half = append(half, all[i])
	}
	s.insert(half...)
	r := rand.New(rand.NewPCG(1, 2))
	old := map[store.ID]bool{}
	for _, n := range half {
		old[n.ID] = true
	}
	r.Shuffle(len(all), func(i, k int) { all[i], all[k] = all[k], all[i] })

	inserted, err := s.Store.Insert(s.ctx(), all)

	s.must(err)
	for i, in := range inserted {
		if in != (store.Inserted{ID: all[i].ID, Existing: old[all[i].ID]}) {
			s.t.Fatalf("answer %d is %+v, want that of job %s, existing %v", i, in, all[i].ID, old[all[i].ID])
		}
	}
	s.wantAll(len(all))
}

func insertDelay(s *scene) {
	before := s.now()
	id := s.enqueue(delay(time.Hour))
	j := s.want(id, store.Scheduled)
	s.between("RunAt", j.RunAt, before.Add(time.Hour), s.now().Add(time.Hour))
	if got := s.claim(s.join(), 10); len(got) > 0 {
		s.t.Errorf("Claim gave %v before its time", ids(got))
	}
}

func insertDelayPasses(s *scene) {
	id := s.enqueue(delay(time.Hour))
	s.advance(time.Hour + time.Second)
	s.want(id, store.Available)
	s.claimThis(s.join(), id)
}

func insertRunAt(s *scene) {
	now := s.now()
	at := now.Add(26 * time.Hour).Truncate(time.Millisecond)
	later := s.enqueue(func(n *store.NewJob) { n.RunAt = at })
	past := s.enqueue(func(n *store.NewJob) { n.RunAt = now.Add(-time.Hour) })

	s.same("RunAt", s.want(later, store.Scheduled).RunAt, at)
	s.between("RunAt of the past", s.want(past, store.Available).RunAt, now, s.now())
}

func insertKeeps(s *scene) {
	n := aJob(input([]byte("as it was")), tags(map[string]string{"a": "as it was"}))
	s.insert(n)
	copy(n.Input, "changed!!")
	n.Tags["a"] = "changed"

	if j := s.job(n.ID); string(j.Input) != "as it was" || j.Tags["a"] != "as it was" {
		s.t.Errorf("the job changed with the caller's slices: input %q, tags %v", j.Input, j.Tags)
	}
}

func insertAtOnce(s *scene) {
	const callers = 8
	all := jobs(60)
	var created atomic.Int64
	together(callers, func(i int) {
		mine := append([]store.NewJob(nil), all...)
		r := rand.New(rand.NewPCG(3, uint64(i)))
		r.Shuffle(len(mine), func(i, k int) { mine[i], mine[k] = mine[k], mine[i] })
		for ; len(mine) > 0; mine = mine[20:] {
			inserted, err := s.Store.Insert(s.ctx(), mine[:20])
			if err != nil {
				s.t.Errorf("Insert: %v", err)
			}
			for _, in := range inserted {
				if !in.Existing {
					created.Add(1)
				}
			}
		}
	})
	if created.Load() != int64(len(all)) {
		s.t.Errorf("%d jobs were said to be new, want %d", created.Load(), len(all))
	}
	s.wantAll(len(all))
}

func insertContextEnded(s *scene) {
	ctx, end := context.WithCancel(s.ctx())
	end()
	all := jobs(3)

	if _, err := s.Store.Insert(ctx, all); err == nil {
		s.t.Error("Insert = nil, want an error")
	}
	if n := len(s.find(idsOf(all)...)); n != 0 && n != len(all) {
		s.t.Errorf("%d of %d jobs were stored", n, len(all))
	}
}

func insertOtherProcess(s *scene) {
	other := s.another()
	id := s.enqueue()
	other.want(id, store.Available)
	other.claimThis(other.join(), id)
	s.want(id, store.Running)
}
