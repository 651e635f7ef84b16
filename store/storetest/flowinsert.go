package storetest

import (
	"slices"
	"strings"

	"github.com/offloadhq/offload/store"
)

var flowInsertLaws = []law{
	{"Flow/Unknown", "a job after one that is not stored, comes later or is itself, is refused with all its call", flowUnknown},
	{"Flow/Again", "the same call again is passed over, whatever has become of the upstream", flowAgain},
	{"Flow/Edges", "Edges tells for what jobs wait, in the order given, and how that has ended", flowEdges},
	{"Flow/Twice", "a job may be after another in two ways", flowTwice},
}

// refusedAfter wants an insert to be refused, saying which upstream or batch is the reason.
func (s *scene) refusedAfter(w store.Writer, upstream store.ID, all ...store.NewJob) {
	s.t.Helper()
	_, err := w.Insert(s.ctx(), all)
	s.wantErr(err, store.ErrUpstream)
	if err != nil && !strings.Contains(err.Error(), upstream.String()) {
		s.t.Errorf("the error is %q, want it to name %s", err, upstream)
	}
}

func flowUnknown(s *scene) {
	unknown, self := store.NewID(), aJob()
	after(self.ID)(&self)
	later := aJob()
	plain := aJob()
	s.refusedAfter(s.Store, unknown, plain, aJob(after(unknown)))
	s.refusedAfter(s.Store, later.ID, plain, aJob(after(later.ID)), later)
	s.refusedAfter(s.Store, self.ID, plain, self)
	s.wantAll(0)
	if v := s.observed(); v.Settle {
		s.t.Error("after what was refused there is something to settle")
	}
	s.insert(plain, later)
}

func flowAgain(s *scene) {
	p := s.join()
	all := chain(3)
	s.plans(all...)
	again := func() {
		s.t.Helper()
		for i, in := range s.inserts(all...) {
			if in != (store.Inserted{ID: all[i].ID, Existing: true}) {
				s.t.Errorf("Insert again of job %d = %+v, want it passed over", i, in)
			}
		}
		s.settle()
	}
	again()
	s.awaits(all[1].ID, all[2].ID)
	s.ends(p, all[0].ID, store.OutcomeCompleted)
	s.act(store.Delete, all[0].ID)
	again()
	if got := s.runAll(p); !slices.Equal(got, idsOf(all[1:])) {
		s.t.Errorf("%v ran, want %v", got, idsOf(all[1:]))
	}
	again()
	s.wantAll(2)
}

func flowEdges(s *scene) {
	p := s.join()
	up := jobs(3)
	s.insert(up...)
	first := []store.Edge{
		{Upstream: up[2].ID, On: store.OnCompleted, Else: store.ElseCancel},
		{Upstream: up[0].ID, On: store.OnEnded, Else: store.ElseHold},
		{Upstream: up[1].ID, On: store.OnFailed, Else: store.ElseHold},
	}
	second := first[1:2]
	a, b := s.plan(edges(first...), queue("after")), s.plan(edges(second...), queue("after"))
	want := func(states map[store.ID]store.State) {
		s.t.Helper()
		var want []store.EdgeState
		for _, e := range first {
			want = append(want, store.EdgeState{Job: a, Edge: e, State: states[e.Upstream]})
		}
		want = append(want, store.EdgeState{Job: b, Edge: second[0], State: states[second[0].Upstream]})
		if got := s.edgesOf(a, store.NewID(), up[0].ID, b); !slices.Equal(got, want) {
			s.t.Errorf("Edges = %+v\nwant %+v", got, want)
		}
	}
	want(nil)
	claimed := s.wantTakes(p, up[0].ID, up[1].ID, up[2].ID)
	s.finish(p, ended(claimed[1], store.OutcomeDiscarded))
	s.settle()
	want(map[store.ID]store.State{up[1].ID: store.Discarded})
	s.finish(p, completed(claimed[2]), ended(claimed[0], store.OutcomeExpired))
	s.settle()
	want(map[store.ID]store.State{up[0].ID: store.Expired, up[1].ID: store.Discarded, up[2].ID: store.Completed})
	s.want(a, store.Available)
	if got := s.edgesOf(); len(got) > 0 {
		s.t.Errorf("Edges of no job = %+v", got)
	}
}

func flowTwice(s *scene) {
	p := s.join()
	first := s.enqueue()
	same := s.plan(after(first, first))
	both := s.plan(by(store.OnEnded, store.ElseHold, first), by(store.OnCompleted, store.ElseCancel, first))
	never := s.plan(by(store.OnFailed, store.ElseCancel, first), after(first))
	s.ends(p, first, store.OutcomeCompleted)
	s.wantTakes(p, same, both)
	s.spurned(never, first, store.Completed)
}
