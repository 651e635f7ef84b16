package storetest

import (
	"slices"

	"github.com/offloadhq/offload/store"
)

var needLaws = []law{
	{"Need/Claims", "a job parked for a need is claimed by who has it, and by nobody who only knows its task", needClaims},
	{"Need/Looks", "Look shows jobs that wait for a need apart from those that wait for their task, also while the task is paused", needLooks},
	{"Need/Place", "a job that has waited for a need is in front of what is behind it, with no failure and no crash", needPlace},
	{"Need/Edit", "a job that is edited waits for its task again: what it needs went by its old input", needEdit},
	{"Need/Cancel", "a job that waits for a need is cancelled, deleted and expires like others", needCancel},
}

// needy parks a new job for a need.
func (s *scene) needy(queue, need string) (store.ID, string) {
	s.t.Helper()
	p, c := s.running(queue)
	s.must(s.Store.ParkFor(s.ctx(), p, need, fences(c)))
	return c.ID, store.TaskNeeding(c.Task, need)
}

func needClaims(s *scene) {
	id, name := s.needy("mail", "key:2026")
	other, otherName := s.needy("mail", "key:2027")
	if j := s.want(id, store.Blocked); j.Waits != store.WaitsNeed {
		s.t.Errorf("it waits for %q, want %q", j.Waits, store.WaitsNeed)
	}
	p := s.join()
	task := s.job(id).Task
	if got := s.claimParked(p, "mail", 10, task); len(got) > 0 {
		s.t.Errorf("a process that knows the task claimed %v", ids(got))
	}
	if got := s.claimParked(p, "mail", 10, task, name); !slices.Equal(ids(got), []store.ID{id}) || got[0].Task != task {
		s.t.Errorf("a process that has what it needs claimed %+v, want job %s", got, id)
	}
	s.want(id, store.Running)
	s.want(other, store.Blocked)
	if got := s.claimParked(s.join(), "mail", 10, otherName); len(got) != 1 {
		s.t.Errorf("claimed %v, want job %s", ids(got), other)
	}
}

func needLooks(s *scene) {
	id, name := s.needy("mail", "key:2026")
	task := s.job(id).Task
	plain := s.parking("mail", false)
	p := s.join()
	want := []store.Parked{{Queue: "mail", Task: task}, {Queue: "mail", Task: name}}
	if v := s.look(p); !slices.Equal(v.Parked, want) {
		s.t.Errorf("Look shows %v, want %v", v.Parked, want)
	}
	s.register(store.Task{Name: task, Queue: "mail"})
	s.control(store.Control{PauseTask: task})
	if v := s.look(p); !slices.Equal(v.Parked, want[1:]) {
		s.t.Errorf("while the task is paused Look shows %v, want %v", v.Parked, want[1:])
	}
	if j := s.want(plain, store.Blocked); j.Waits != store.WaitsPaused {
		s.t.Errorf("a job parked for its task waits for %q", j.Waits)
	}
}

func needPlace(s *scene) {
	p, c := s.running("mail")
	behind := s.enqueue(queue("mail"))
	s.must(s.Store.ParkFor(s.ctx(), p, "key", fences(c)))
	before := c
	got := s.claimParked(p, "mail", 1, store.TaskNeeding(c.Task, "key"))
	if len(got) != 1 || got[0].ID != c.ID || got[0].Attempt != before.Attempt+1 || got[0].Failures != 0 || got[0].Crashes != 0 || !got[0].RunAt.Equal(before.RunAt) {
		s.t.Fatalf("claimed %+v, was %+v", got, before)
	}
	s.must(s.Store.Release(s.ctx(), p, fences(got...)))
	if got := s.claimFrom(p, "mail", 1); len(got) != 1 || got[0].ID != c.ID {
		s.t.Errorf("claimed %v, want %s in front of %s", ids(got), c.ID, behind)
	}
}

func needEdit(s *scene) {
	id, name := s.needy("mail", "key")
	a := s.actWith(store.Act{Verb: store.Change, IDs: []store.ID{id}, Edit: &store.Edit{Input: []byte("new")}})
	if a.Effect != store.Done {
		s.t.Fatalf("edit: %+v", a)
	}
	task := s.job(id).Task
	p := s.join()
	if got := s.claimParked(p, "mail", 10, name); len(got) > 0 {
		s.t.Errorf("claimed %v by its old need", ids(got))
	}
	if got := s.claimParked(p, "mail", 10, task); len(got) != 1 || string(got[0].Input) != "new" {
		s.t.Errorf("claimed %v by its task, want job %s", ids(got), id)
	}
}

func needCancel(s *scene) {
	id, name := s.needy("mail", "key")
	gone, _ := s.needy("mail", "key")
	s.cancel(id)
	s.want(id, store.Cancelled)
	s.act(store.Delete, gone)
	s.wantGone(gone)
	if got := s.claimParked(s.join(), "mail", 10, name); len(got) > 0 {
		s.t.Errorf("claimed %v", ids(got))
	}
}
