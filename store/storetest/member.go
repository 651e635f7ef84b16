package storetest

import (
	"maps"
	"slices"

	"github.com/offloadhq/offload/store"
)

var memberLaws = []law{
	{"Join/Shown", "a process that joined is shown as it is", joinShown},
	{"Join/Again", "joining again, after an error that leaves doubt, is joining once, and a beat", joinAgain},
	{"Beat/Counts", "each beat counts up, and keeps what it says of its process", beatCounts},
	{"Beat/Unknown", "a process that is not there is told that it is lost, and stays away", beatUnknown},
	{"Beat/Ring", "a process observes the next ones by id, as a ring, without itself", beatRing},
}

func (s *scene) process(id store.ID) store.Process {
	s.t.Helper()
	all, err := s.Store.Processes(s.ctx())
	s.must(err)
	at := slices.IndexFunc(all, func(p store.Process) bool { return p.ID == id })
	if at < 0 {
		s.t.Fatalf("process %s is not known", id)
	}
	return all[at]
}

func joinShown(s *scene) {
	before := s.now()
	given := store.Process{
		ID: store.NewID(), Name: "web", Host: "höst", PID: 4321, Version: "1.0.0",
		Queues: map[string]int{"mail": 20, "image": 2}, Running: 3, Memory: 5 << 30,
	}
	s.must(s.Store.Join(s.ctx(), given))

	p := s.process(given.ID)
	if p.Name != given.Name || p.Host != given.Host || p.PID != given.PID || p.Version != given.Version ||
		!maps.Equal(p.Queues, given.Queues) || p.Quiet || p.Stop || p.Lost {
		s.t.Errorf("process is %+v, want as it joined: %+v", p, given)
	}
	s.between("Started", p.Started, before, s.now())
	s.between("Beat", p.Beat, before, s.now())
}

func joinAgain(s *scene) {
	p := store.Process{ID: store.NewID(), Host: "host", PID: 1}
	s.must(s.Store.Join(s.ctx(), p))
	first := s.process(p.ID).Count
	s.must(s.Store.Join(s.ctx(), p))
	s.wantProcesses(p.ID)
	if again := s.process(p.ID).Count; again == first {
		s.t.Errorf("the beat is %d after both: who has observed the first would count from there, and find the process lost too early", again)
	}
}

func beatCounts(s *scene) {
	id := s.join()
	first := s.process(id).Count
	for i := range 3 {
		_, err := s.Store.Beat(s.ctx(), store.Process{
			ID: id, Queues: map[string]int{"mail": i}, Running: i, Memory: uint64(i) << 40, Stuck: []store.ID{id}[:i%2],
		})
		s.must(err)
		p := s.process(id)
		if p.Count != first+int64(i)+1 || p.Running != i || p.Memory != uint64(i)<<40 || p.Queues["mail"] != i || len(p.Stuck) != i%2 {
			s.t.Errorf("after beat %d process is %+v", i, p)
		}
		if p.Name != "worker" || p.PID != 7 || p.Version != "1.2.3" {
			s.t.Errorf("a beat changed who the process is: %+v", p)
		}
	}
}

func beatUnknown(s *scene) {
	gone := s.join()
	s.must(s.Store.Leave(s.ctx(), gone))
	for _, id := range []store.ID{gone, store.NewID()} {
		if b := s.beat(id); !b.Lost {
			s.t.Error("a process that is not there was not told so")
		}
	}
	s.wantProcesses()
}

func beatRing(s *scene) {
	var all []store.ID
	for n := range store.ObservedPeers + 3 {
		all = sorted(append(all, s.join()))
		if n > 3 && n < store.ObservedPeers {
			continue
		}
		for i, me := range all {
			var want []store.ID
			for k := 1; k <= min(n, store.ObservedPeers); k++ {
				want = append(want, all[(i+k)%len(all)])
			}
			var got []store.ID
			for _, p := range s.beat(me).Peers {
				got = append(got, p.ID)
			}
			if !slices.Equal(got, want) {
				s.t.Errorf("of %v, %v observes %v, want %v", all, me, got, want)
			}
		}
	}
}
