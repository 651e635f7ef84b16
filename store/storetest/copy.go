package storetest

import (
	"fmt"
	"time"

	"github.com/offloadhq/offload/store"
)

var copyLaws = []law{
	{"Copy/Jobs", "jobs in every stage of their lives come into another store with all that is known of them, once", copyJobs},
	{"Copy/Runs", "what ran, waited for a limit or for a process is due in the other store, with its attempt", copyRuns},
	{"Copy/Keys", "unique keys come along, also those whose jobs are long gone", copyKeys},
	{"Copy/Book", "tasks, limits, schedules and what people have paused come along", copyBook},
	{"Copy/Strict", "a job that keeps a Strict limit between its attempts keeps it in the other store", copyStrict},
	{"Copy/Move", "a store that is part of a move is away until it is adopted", copyMove},
}

// export returns all jobs, read in small pages.
func (s *scene) export() (all []store.Copied) {
	s.t.Helper()
	var after store.ID
	for {
		page, err := s.Store.Export(s.ctx(), after, 3)
		s.must(err)
		if len(page) == 0 {
			return all
		}
		all, after = append(all, page...), page[len(page)-1].ID
	}
}

// other is a scene on another store, with the jobs of this one.
func (s *scene) other() *scene {
	s.t.Helper()
	to := &scene{t: s.t, Subject: s.open(s.t), open: s.open}
	for _, c := range s.export() {
		n, err := to.Store.Import(s.ctx(), []store.Copied{c})
		s.must(err)
		if n != 1 {
			s.t.Fatalf("Import of job %s stored %d", c.ID, n)
		}
	}
	return to
}

func copyJobs(s *scene) {
	for _, in := range stages {
		in.bring(s)
	}
	s.enqueue(tags(map[string]string{"kind": "letter"}), retain(time.Hour), input([]byte{0, 1, 0xff}))
	s.enqueue(queue("late"), delay(time.Hour), func(n *store.NewJob) { n.Terms = &store.Terms{Expire: time.Minute} })
	p, c := s.running("noted")
	s.must(s.Store.WriteProgress(s.ctx(), p, []store.Progress{{Fence: c.Fence, Done: 1, Total: 3, Note: "one"}}))
	s.must(s.Store.PutMemo(s.ctx(), p, c.Fence, store.Memo{Name: "step", Data: []byte("7")}))
	s.must(s.Store.WriteLogs(s.ctx(), p, []store.LogLine{{Fence: c.Fence, At: s.now(), Level: "INFO", Text: "hello", Attrs: []byte(`{"a":1}`)}}))
	gone := s.enqueue()
	_, err := s.Store.Act(s.ctx(), store.Act{Verb: store.Delete, IDs: []store.ID{gone}})
	s.must(err)

	from := s.export()
	to := s.other()
	got := to.export()

	if len(got) != len(from) {
		s.t.Fatalf("%d jobs came, want %d", len(got), len(from))
	}
	for i := range got {
		if got[i].Sum() != from[i].Sum() {
			s.t.Errorf("job %d came as\n%+v, want\n%+v", i, got[i], from[i])
		}
	}
	if n, err := to.Store.Import(s.ctx(), from); err != nil || n != 0 {
		s.t.Errorf("Import again = %d, %v; want nothing stored", n, err)
	}
	if in, err := to.Store.Insert(s.ctx(), []store.NewJob{aJob(func(n *store.NewJob) { n.ID = gone })}); err != nil || !in[0].Existing {
		s.t.Errorf("Insert of a job that was deleted before = %+v, %v; want it to be there", in, err)
	}
}

func copyRuns(s *scene) {
	_, c := s.running("busy")
	parked := s.parking("parked", false)
	s.must(s.Store.PutLimits(s.ctx(), []store.Limit{{Name: "one", Max: 1}}))
	under := func(n *store.NewJob) { n.Terms = &store.Terms{Limits: []store.Use{{Limit: "one"}}} }
	first := s.enqueue(queue("limited"), under)
	second := s.enqueueAs(store.Blocked, queue("limited"), under)
	book, err := s.Store.ExportBook(s.ctx())
	s.must(err)

	to := s.other()
	s.must(to.Store.ImportBook(s.ctx(), book))

	p := to.join()
	again := to.claimFrom(p, "busy", 10)
	if len(again) != 1 || again[0].ID != c.ID || again[0].Attempt != c.Attempt+1 {
		s.t.Errorf("the job that ran is claimed as %+v, want attempt %d of %s", again, c.Attempt+1, c.ID)
	}
	to.want(parked, store.Available)
	if got := to.claimFrom(p, "limited", 10); len(got) != 1 || got[0].ID != first {
		s.t.Errorf("under the limit %v are claimed, want %s", ids(got), first)
	}
	to.want(second, store.Blocked)
}

func copyKeys(s *scene) {
	unique := func(key string, u store.Unique) func(*store.NewJob) {
		return func(n *store.NewJob) {
			u.Key, u.OnConflict = key, store.ConflictKeep
			n.Terms = &store.Terms{Unique: &u}
		}
	}
	s.enqueue(unique("ended", store.Unique{Until: store.UntilEnded}))
	s.enqueue(unique("window", store.Unique{For: time.Hour}))
	s.ending("never", store.OutcomeCompleted, unique("never", store.Unique{Until: store.Never}))
	to := s.other()
	var after store.CopiedKey
	for range 3 {
		keys, err := s.Store.ExportKeys(s.ctx(), after, 1)
		s.must(err)
		if len(keys) != 1 {
			s.t.Fatalf("ExportKeys after %+v = %+v, want one", after, keys)
		}
		s.must(to.Store.ImportKeys(s.ctx(), keys))
		after = keys[0]
	}
	if keys, err := s.Store.ExportKeys(s.ctx(), after, 1); err != nil || len(keys) > 0 {
		s.t.Errorf("ExportKeys after the last = %+v, %v", keys, err)
	}
	for _, key := range []string{"ended", "window", "never"} {
		in, err := to.Store.Insert(s.ctx(), []store.NewJob{aJob(unique(key, store.Unique{Until: store.UntilEnded}))})
		if err != nil || !in[0].Existing {
			s.t.Errorf("Insert under the key %q = %+v, %v; want it to be taken", key, in, err)
		}
	}
}

func copyBook(s *scene) {
	s.must(s.Store.RegisterTasks(s.ctx(), []store.Task{{Name: "send", Queue: "mail", Rules: []byte(`{"a":1}`)}}))
	s.must(s.Store.PutLimits(s.ctx(), []store.Limit{{Name: "crm", Max: 5}, {Name: "api", Max: 2, Per: time.Minute}, {Name: store.OwnLimit + "own", Max: 1}}))
	s.must(s.Store.PutSchedules(s.ctx(), []store.Schedule{
		{Name: "nightly", Spec: []byte(`{"cron":"0 3 * * *"}`), Next: s.now().Add(time.Hour)},
		{Name: "coded", Spec: []byte(`{}`), InCode: true, Next: s.now().Add(time.Minute)},
	}))
	for _, c := range []store.Control{
		{PauseTask: "send", Who: "ada"},
		{PauseQueue: "mail"},
		{SetWorkers: "image", Workers: 2},
		{PauseSchedule: "nightly"},
		{SetLimit: "crm", Max: 9},
		{PauseLimit: store.Use{Limit: "crm", Key: "acme"}, PauseFor: time.Hour},
	} {
		s.must(s.Store.Control(s.ctx(), c))
	}
	for _, d := range []store.Document{{Kind: "view", Key: "late", Value: []byte(`{"state":"discarded"}`)}, {Kind: "", Key: "", Value: []byte("x")}} {
		_, err := s.Store.PutDocument(s.ctx(), d, store.AnyVersion, time.Hour)
		s.must(err)
	}
	want, err := s.Store.ExportBook(s.ctx())
	s.must(err)
	if len(want.Documents) != 2 || len(want.Gates) != 1 || len(want.Limits) != 3 || len(want.Schedules) != 2 || len(want.Tasks) != 1 || len(want.Queues) != 1 || len(want.Workers) != 1 || len(want.Records) != 1 {
		s.t.Fatalf("ExportBook = %+v", want)
	}
	to := s.other()
	for range 2 {
		s.must(to.Store.ImportBook(s.ctx(), want))
	}
	got, err := to.Store.ExportBook(s.ctx())
	s.must(err)
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		s.t.Errorf("the book came as\n%+v, want\n%+v", got, want)
	}
}

func copyStrict(s *scene) {
	s.must(s.Store.PutLimits(s.ctx(), []store.Limit{{Name: "order", Max: 1, Strict: true}}))
	under := func(key string) func(*store.NewJob) {
		return func(n *store.NewJob) { n.Terms = &store.Terms{Limits: []store.Use{{Limit: "order", Key: key}}} }
	}
	retried := s.ending("first", store.OutcomeRetry, under("a"))
	gaveUp := s.ending("second", store.OutcomeDiscarded, under("b"))
	for _, key := range []string{"a", "b"} {
		s.enqueueAs(store.Blocked, queue("mail"), under(key))
	}
	book, err := s.Store.ExportBook(s.ctx())
	s.must(err)
	to := s.other()
	s.must(to.Store.ImportBook(s.ctx(), book))
	if got := to.claimFrom(to.join(), "mail", 10); len(got) > 0 {
		s.t.Errorf("%v are claimed past %s, which is to be retried, or past %s, which stops its key", ids(got), retried, gaveUp)
	}
}

func copyMove(s *scene) {
	o, err := s.Store.Origin(s.ctx())
	s.must(err)
	if o.Move != nil {
		s.t.Fatalf("Origin of a new store = %+v", o)
	}
	id := s.enqueue(queue("mail"))
	p := s.join()
	for _, m := range []store.Move{{ID: store.NewID(), From: "here", To: "there"}, {ID: store.NewID(), From: "here", To: "there", Ended: true}} {
		s.must(s.Store.SetMove(s.ctx(), m))
		o, err = s.Store.Origin(s.ctx())
		s.must(err)
		if o.Move == nil || *o.Move != m || !o.Away || !s.look(p).Away {
			s.t.Errorf("Origin after SetMove = %+v", o)
		}
		if got := s.claimFrom(p, "mail", 1); len(got) > 0 {
			s.t.Error("a job of a store that is moved was claimed")
		}
	}
	s.must(s.Store.Adopt(s.ctx()))
	s.look(p)
	if got := s.claimFrom(p, "mail", 1); len(got) != 1 || got[0].ID != id {
		s.t.Errorf("Claim after Adopt = %v, want %s", ids(got), id)
	}
}
