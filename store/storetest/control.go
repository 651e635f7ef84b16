package storetest

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/offloadhq/offload/store"
)

var controlLaws = []law{
	{"Control/Queue", "a paused queue is shown as paused until its resume, also when it is empty", controlQueue},
	{"Control/Workers", "workers that were set for a queue are shown, and told to processes, until their reset", controlWorkers},
	{"Control/Process", "to tell a process that is not there something is an error, and is not recorded", controlProcess},
	{"Control/Recorded", "a control in somebody's name is recorded in words, one without a name is not", controlRecorded},
	{"Record/Put", "a record is kept as it was given, and once", recordPut},
	{"Record/List", "records come newest first, since a time, a thousand at most", recordList},
	{"Task/Registered", "tasks that were made known are listed by name, as they were given last", taskRegistered},
	{"Task/KeepsPause", "making a task known again, or for the first time, leaves its pause as it is", taskKeepsPause},
	{"Task/AtOnce", "processes that make the same tasks known at the same time don't disturb each other", taskAtOnce},
}

func (s *scene) control(c store.Control) {
	s.t.Helper()
	s.must(s.Store.Control(s.ctx(), c))
}

func controlQueue(s *scene) {
	s.enqueue()
	s.control(store.Control{PauseQueue: "mail"})
	s.control(store.Control{PauseQueue: "later"})
	paused := func() (names []string) {
		for _, q := range s.queues(0) {
			if q.Paused {
				names = append(names, q.Name)
			}
		}
		return names
	}
	if got := paused(); !slices.Equal(got, []string{"later", "mail"}) {
		s.t.Errorf("paused are %v, want later and mail", got)
	}
	s.control(store.Control{ResumeQueue: "mail"})
	s.control(store.Control{ResumeQueue: "never paused"})
	if got := paused(); !slices.Equal(got, []string{"later"}) {
		s.t.Errorf("paused are %v, want later", got)
	}
	s.control(store.Control{ResumeQueue: "later"})
	if q := s.queues(0); len(q) != 1 || q[0].Name != "mail" {
		s.t.Errorf("queues are %+v, want mail alone", q)
	}
}

func controlWorkers(s *scene) {
	p := s.join()
	s.enqueue()
	if v := s.look(p); len(v.Workers) > 0 {
		s.t.Errorf("Look shows workers %v, want none", v.Workers)
	}
	s.control(store.Control{SetWorkers: "mail", Workers: 7})
	s.control(store.Control{SetWorkers: "mail", Workers: 3})
	s.control(store.Control{SetWorkers: "later", Workers: 10_000})
	s.control(store.Control{PauseQueue: "mail"})
	s.control(store.Control{ResumeQueue: "mail"})
	if v := s.look(p); !maps.Equal(v.Workers, map[string]int{"mail": 3, "later": 10_000}) || len(v.Paused) > 0 {
		s.t.Errorf("Look shows workers %v and paused %v, want 3 of mail and 10,000 of later, none paused", v.Workers, v.Paused)
	}
	if q := s.queues(0); len(q) != 2 || q[0].Name != "later" || q[0].Workers != 10_000 || q[0].Paused || q[1].Name != "mail" || q[1].Workers != 3 {
		s.t.Errorf("queues are %+v, want later and mail with their workers", q)
	}
	s.control(store.Control{ResetWorkers: "later"})
	s.control(store.Control{ResetWorkers: "never set"})
	if v := s.look(p); !maps.Equal(v.Workers, map[string]int{"mail": 3}) {
		s.t.Errorf("Look shows workers %v, want 3 of mail", v.Workers)
	}
	if q := s.queues(0); len(q) != 1 || q[0].Name != "mail" || q[0].Workers != 3 {
		s.t.Errorf("queues are %+v, want mail alone", q)
	}
	s.control(store.Control{ResetWorkers: "mail"})
	if v := s.look(p); len(v.Workers) > 0 {
		s.t.Errorf("Look shows workers %v, want none", v.Workers)
	}
}

func controlProcess(s *scene) {
	for _, c := range []store.Control{
		{QuietProcess: store.NewID(), Who: "ada"},
		{StopProcess: store.NewID(), Who: "ada"},
	} {
		s.wantErr(s.Store.Control(s.ctx(), c), store.ErrNotFound)
	}
	if r := s.records(time.Time{}); len(r) > 0 {
		s.t.Errorf("records are %+v, want none", r)
	}
}

func (s *scene) records(since time.Time) []store.Record {
	s.t.Helper()
	r, err := s.Store.Records(s.ctx(), since)
	s.must(err)
	return r
}

func controlRecorded(s *scene) {
	p := s.join()
	for _, c := range []store.Control{
		{PauseQueue: "mail"},
		{ResumeQueue: "mail"},
		{SetWorkers: "mail", Workers: 2},
		{ResetWorkers: "mail"},
		{PauseTask: "send"},
		{ResumeTask: "send"},
		{QuietProcess: p},
		{StopProcess: p},
	} {
		s.control(c)
		c.Who = "ada"
		s.control(c)
	}
	var what []string
	for _, r := range s.records(time.Time{}) {
		if r.Who != "ada" || r.ID.IsZero() || r.Time.IsZero() {
			s.t.Errorf("record is %+v, want one of ada with id and time", r)
		}
		what = append(what, r.What)
	}
	want := []string{"stop process", "quiet process", "resume task send", "pause task send", "reset workers of queue mail", "set workers of queue mail to 2", "resume queue mail", "pause queue mail"}
	if !slices.EqualFunc(what, want, strings.HasPrefix) {
		s.t.Errorf("records say %q, want %q", what, want)
	}
}

func recordPut(s *scene) {
	given := store.Record{
		ID: store.NewID(), Time: s.now().Truncate(time.Millisecond), Who: `ada "the first" <a@b.c>`, What: "edit all",
		Filter: []byte(`{"states":["discarded"],  "odd":"\u0000"}`), Jobs: 12345, Job: store.NewID(),
	}
	s.must(s.Store.PutRecord(s.ctx(), given))
	s.must(s.Store.PutRecord(s.ctx(), given)) // after an error that leaves doubt

	got := s.records(time.Time{})
	if len(got) != 1 {
		s.t.Fatalf("there are %d records, want one", len(got))
	}
	r := got[0]
	if r.ID != given.ID || r.Who != given.Who || r.What != given.What || !bytes.Equal(r.Filter, given.Filter) ||
		r.Jobs != given.Jobs || r.Job != given.Job {
		s.t.Errorf("record is %+v, want %+v", r, given)
	}
	s.same("Time", r.Time, given.Time)
}

func recordList(s *scene) {
	now := s.now().Truncate(time.Second)
	const n = 1010
	for i := range n {
		s.must(s.Store.PutRecord(s.ctx(), store.Record{
			ID: store.NewID(), Time: now.Add(-time.Duration(i) * time.Second), Who: "ada", What: fmt.Sprint("act ", i),
		}))
	}
	all := s.records(time.Time{})
	if len(all) != 1000 {
		s.t.Fatalf("there are %d records listed, want 1000", len(all))
	}
	for i, r := range all {
		if r.What != fmt.Sprint("act ", i) {
			s.t.Fatalf("record %d is %q, want newest first", i, r.What)
		}
	}
	if some := s.records(now.Add(-9 * time.Second)); len(some) != 10 {
		s.t.Errorf("since 9 s ago there are %d records, want 10", len(some))
	}
}

func (s *scene) tasks() []store.Task {
	s.t.Helper()
	all, err := s.Store.Tasks(s.ctx())
	s.must(err)
	return all
}

func (s *scene) register(tasks ...store.Task) {
	s.t.Helper()
	s.must(s.Store.RegisterTasks(s.ctx(), tasks))
}

func taskRegistered(s *scene) {
	if got := s.tasks(); len(got) > 0 {
		s.t.Errorf("tasks are %+v, want none", got)
	}
	s.register()
	before := s.now()
	s.register(
		store.Task{Name: "send", Queue: "mail", Rules: []byte(`{"old":1}`)},
		store.Task{Name: "draw", Queue: "image"},
	)
	s.register(store.Task{Name: "send", Queue: "post", Rules: []byte(`{"a": 1}`), Schema: []byte(`{"type":"object"}`)})

	got := s.tasks()
	if len(got) != 2 || got[0].Name != "draw" || got[1].Name != "send" {
		s.t.Fatalf("tasks are %+v, want draw and send", got)
	}
	if t := got[0]; t.Queue != "image" || len(t.Rules)+len(t.Schema) > 0 || t.Paused {
		s.t.Errorf("draw is %+v", t)
	}
	if t := got[1]; t.Queue != "post" || string(t.Rules) != `{"a": 1}` || string(t.Schema) != `{"type":"object"}` || t.Paused {
		s.t.Errorf("send is %+v, want it as given last", t)
	}
	for _, t := range got {
		s.between("Seen", t.Seen, before, s.now())
	}
}

func taskKeepsPause(s *scene) {
	s.control(store.Control{PauseTask: "early"})
	s.register(store.Task{Name: "early"}, store.Task{Name: "late"})
	s.control(store.Control{PauseTask: "late"})
	s.register(store.Task{Name: "early"}, store.Task{Name: "late"}, store.Task{Name: "never"})
	for _, t := range s.tasks() {
		if t.Paused != (t.Name != "never") {
			s.t.Errorf("task %s: paused is %v", t.Name, t.Paused)
		}
	}
	s.control(store.Control{ResumeTask: "late"})
	s.register(store.Task{Name: "late"})
	for _, t := range s.tasks() {
		if t.Paused != (t.Name == "early") {
			s.t.Errorf("after the resume of late, task %s: paused is %v", t.Name, t.Paused)
		}
	}
}

func taskAtOnce(s *scene) {
	var all []store.Task
	for i := range 20 {
		all = append(all, store.Task{Name: fmt.Sprintf("task-%02d", i)})
	}
	together(6, func(i int) {
		mine := slices.Concat(all[i:], all[:i]) // each in an order of its own
		s.register(mine...)
	})
	if got := s.tasks(); len(got) != len(all) {
		s.t.Errorf("there are %d tasks, want %d", len(got), len(all))
	}
}
