package storetest

import (
	"time"

	"github.com/offloadhq/offload/store"
)

var originLaws = []law{
	{"Origin/Home", "a store that nobody has copied is at home, and adopting it changes nothing", originHome},
	{"Origin/Away", "of a copy nothing is claimed, started or ticked, and nothing is to be seen; it takes jobs", originAway},
	{"Origin/Flows", "in a copy what ends lets go and cancels what waits for it, and nothing of that starts before it is adopted", originFlows},
	{"Origin/Discard", "in a copy of which all that waits is cancelled nothing is left open when it is adopted, whatever ran or was not settled", originDiscard},
	{"Origin/Adopt", "a copy that was adopted works as the original does, for whoever has it open", originAdopt},
}

func originHome(s *scene) {
	before, err := s.Store.Origin(s.ctx())
	s.must(err)
	if before.Away || before.Here == "" || before.Made != before.Here {
		s.t.Errorf("Origin = %+v; want it at home", before)
	}
	s.must(s.Store.Adopt(s.ctx()))
	after, err := s.Store.Origin(s.ctx())
	s.must(err)
	if after != before {
		s.t.Errorf("Origin after Adopt = %+v, want %+v", after, before)
	}
	if v := s.look(s.join()); v.Away {
		s.t.Error("Look says that the store is a copy")
	}
}

// copied returns a scene on a copy of the store, which has a job that is due, one that is parked
// and a schedule whose time has come.
func (s *scene) copied() (away *scene, due store.ID) {
	s.t.Helper()
	if s.Copied == nil {
		s.t.Skip("the store can't be copied in a test")
	}
	due = s.enqueue(queue("mail"))
	s.parking("parked", false)
	s.must(s.Store.PutSchedules(s.ctx(), []store.Schedule{{Name: "hourly", Spec: []byte("{}"), Next: s.now()}}))
	return &scene{t: s.t, Subject: Subject{Store: s.Copied(s.t)}, open: s.open}, due
}

func originAway(s *scene) {
	away, due := s.copied()
	o, err := away.Store.Origin(s.ctx())
	s.must(err)
	if !o.Away || o.Made == "" || o.Here == "" || o.Made == o.Here {
		s.t.Errorf("Origin of the copy = %+v; want it away", o)
	}
	p := away.join()
	if v := away.look(p); !v.Away || len(v.Lanes) > 0 || len(v.Parked) > 0 || !v.Tick.IsZero() {
		s.t.Errorf("Look at the copy = %+v; want nothing but that it is away", v)
	}
	if got := away.claimFrom(p, "mail", 10); len(got) > 0 {
		s.t.Errorf("Claim from the copy gave %v", ids(got))
	}
	parked, err := away.Store.ClaimParked(s.ctx(), store.ParkedRequest{Process: p, Queue: "parked", Tasks: []string{"send"}, Limit: 10})
	s.must(err)
	if len(parked) > 0 {
		s.t.Errorf("ClaimParked from the copy gave %v", ids(parked))
	}
	in, claimed, err := away.Store.Start(s.ctx(), p, aJob(queue("mail")))
	s.must(err)
	if claimed != nil || in.Existing {
		s.t.Errorf("Start on the copy = %+v, %+v; want the job to be due", in, claimed)
	}
	took, err := away.Store.Tick(s.ctx(), 10, func(time.Time, store.Schedule) (store.Ticked, error) {
		s.t.Error("a schedule of the copy was ticked")
		return store.Ticked{}, nil
	})
	s.must(err)
	if took > 0 {
		s.t.Errorf("Tick took %d schedules", took)
	}
	for _, id := range []store.ID{due, in.ID, away.enqueue(queue("mail"))} {
		away.want(id, store.Available)
	}
	if v := s.look(s.join()); v.Away || len(v.Lanes) == 0 {
		s.t.Errorf("Look at the original = %+v; want it to go on", v)
	}
}

func originAdopt(s *scene) {
	away, due := s.copied()
	p := away.join()
	away.look(p)
	s.must(away.Store.Adopt(s.ctx()))
	if o, err := away.Store.Origin(s.ctx()); err != nil || o.Away || o.Made != o.Here {
		s.t.Errorf("Origin of the copy = %+v, %v; want it at home", o, err)
	}
	if v := away.look(p); v.Away || len(v.Lanes) == 0 || v.Tick.IsZero() {
		s.t.Errorf("Look at the copy = %+v; want what the original shows", v)
	}
	if got := away.claimFrom(p, "mail", 10); len(got) != 1 || got[0].ID != due {
		s.t.Errorf("Claim from the copy gave %v, want %s", ids(got), due)
	}
}

// copiedFlows returns a scene on a copy of the store, as copied does.
func (s *scene) copiedFlows() *scene {
	s.t.Helper()
	if s.Copied == nil {
		s.t.Skip("the store can't be copied in a test")
	}
	return &scene{t: s.t, Subject: Subject{Store: s.Copied(s.t)}, open: s.open}
}

func originFlows(s *scene) {
	batch := aBatch()
	all := chain(3, in(batch.ID), queue("chain"))
	gone := aJob(queue("gone"))
	held := aJob(by(store.OnCompleted, store.ElseHold, gone.ID), queue("held"))
	let := aJob(by(store.OnEnded, store.ElseCancel, gone.ID), queue("let"))
	cut := aJob(after(gone.ID), queue("cut"))
	s.plans(append([]store.NewJob{batch, gone, held, let, cut}, all...)...)
	s.runs(s.join(), "chain", store.OutcomeCompleted)

	away := s.copiedFlows()
	p := away.join()
	away.cancel(gone.ID)
	later := away.plan(after(all[0].ID), queue("later")) // it has completed
	if a := away.act(store.RunNow, held.ID); a.Effect != store.Done {
		s.t.Errorf("RunNow of a held job of the copy: %+v, want it done", a)
	}
	away.settle()
	away.spurned(cut.ID, gone.ID, store.Cancelled)
	away.awaits(all[2].ID, batch.ID)
	free := []store.NewJob{all[1], held, let, aJob(queue("later"))}
	if v := away.look(p); !v.Away || v.Settle || len(v.Lanes) > 0 {
		s.t.Errorf("Look at the copy = %+v; want nothing but that it is away", v)
	}
	for _, n := range free {
		if got := away.claimFrom(p, n.Queue, 10); len(got) > 0 {
			s.t.Errorf("Claim from the copy gave %v", ids(got))
		}
	}
	for _, id := range []store.ID{all[1].ID, held.ID, let.ID, later} {
		away.want(id, store.Available)
	}

	s.must(away.Store.Adopt(s.ctx()))
	away.look(p)
	away.settle()
	for _, n := range free {
		away.runs(p, n.Queue, store.OutcomeCompleted)
	}
	away.runs(p, "chain", store.OutcomeCompleted)
	away.want(batch.ID, store.Completed)
	for _, n := range all[1:] {
		s.want(n.ID, map[bool]store.State{true: store.Available, false: store.Blocked}[n.ID == all[1].ID])
	}
}

func originDiscard(s *scene) {
	outer, batch, empty := aBatch(), aBatch(), aBatch()
	in(outer.ID)(&batch)
	runs := aJob(queue("runs"), in(batch.ID))
	member := aJob(after(runs.ID), in(batch.ID))
	always := aJob(by(store.OnEnded, store.ElseCancel, batch.ID))
	failed := aJob(by(store.OnFailed, store.ElseHold, batch.ID), in(outer.ID))
	s.plans(outer, batch, runs, member, always, failed)
	p := s.join()
	if got := s.claimFrom(p, "runs", 10); len(got) != 1 {
		s.t.Fatalf("claimed %v, want %s", ids(got), runs.ID)
	}
	tx, w := s.begin() // whose batch nobody has settled
	_, err := w.Insert(s.ctx(), []store.NewJob{empty})
	s.must(err)
	s.must(tx.Commit())

	away := s.copiedFlows()
	all := []store.ID{failed.ID, always.ID, member.ID, runs.ID, batch.ID, outer.ID, empty.ID}
	_, err = away.Store.Act(s.ctx(), store.Act{Verb: store.Cancel, IDs: all})
	s.must(err)
	s.must(away.Store.Adopt(s.ctx()))
	_, err = away.Store.Reap(s.ctx(), []store.Beaten{{ID: p, Count: -1}}) // it runs the original
	s.must(err)
	away.settle()
	for _, id := range all {
		if j := away.job(id); !j.State.Ended() {
			s.t.Errorf("job %s of task %s is %s %s in the copy, want it ended", id, j.Task, j.State, j.Waits)
		}
	}
	s.want(runs.ID, store.Running)
}
