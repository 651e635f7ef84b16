package storetest

import (
	"time"

	"github.com/offloadhq/offload/store"
)

var originLaws = []law{
	{"Origin/Home", "a store that nobody has copied is at home, and adopting it changes nothing", originHome},
	{"Origin/Away", "of a copy nothing is claimed, started or ticked, and nothing is to be seen; it takes jobs", originAway},
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
