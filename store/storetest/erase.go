package storetest

import (
	"strings"
	"time"

	"github.com/offloadhq/offload/store"
)

var eraseLaws = []law{
	{"Erase/Table", "an erased job has ended, and says nothing any more; one that has not ended is refused", eraseTable},
	{"Erase/Stays", "an erased job stays where it was, is found by its tags, and is removed in its time", eraseStays},
	{"Erase/Retry", "an erased job can't be retried, until it is given an input", eraseRetry},
	{"Erase/Many", "an act on many jobs erases those that have ended, and says so of each", eraseMany},
	{"Erase/Forget", "Forget harms nothing that is kept", eraseForget},
}

// secretText is in all that a job says in these laws.
const secretText = "ada@example.com"

// said is a job that has said much and has ended.
func (s *scene) said(outcome store.Outcome) store.ID {
	s.t.Helper()
	p, c := s.running("said", func(n *store.NewJob) {
		n.Input, n.Tags = []byte(`{"to":"`+secretText+`"}`), map[string]string{"customer": "7"}
	})
	s.writeLogs(p, store.LogLine{Fence: c.Fence, At: time.Now(), Level: "INFO", Text: secretText, Attrs: []byte(`{"to":"` + secretText + `"}`)})
	s.putMemo(p, c, "step", secretText)
	s.must(s.Store.WriteProgress(s.ctx(), p, []store.Progress{{Fence: c.Fence, Done: 1, Note: secretText}}))
	e := ended(c, outcome)
	if e.Failure = nil; outcome != store.OutcomeCompleted {
		e.Failure = &store.Problem{Error: "no such address: " + secretText, Kind: "test", Stack: secretText}
	} else {
		e.Result = []byte(`"` + secretText + `"`)
	}
	s.finish(p, e)
	return c.ID
}

// wantSilent wants nothing of a job to say what it said.
func (s *scene) wantSilent(id store.ID) {
	s.t.Helper()
	j := s.job(id)
	all := []string{string(j.Input), string(j.Result), j.Error}
	if j.Progress != nil {
		all = append(all, j.Progress.Note)
	}
	for _, f := range s.failures(id) {
		all = append(all, f.Error, f.Stack)
	}
	for _, l := range s.logs(id, 0, 100) {
		all = append(all, l.Text, string(l.Attrs))
	}
	for _, m := range s.memos(id) {
		all = append(all, string(m.Data))
	}
	if text := strings.Join(all, "\n"); strings.Contains(text, secretText) {
		s.t.Errorf("job %s still says %q", id, text)
	}
	if !store.IsErased(j.Input) {
		s.t.Errorf("input of an erased job is %q", j.Input)
	}
}

func eraseTable(s *scene) {
	for _, in := range stages {
		id := in.bring(s)
		before := s.job(id)
		a := s.actWith(store.Act{Verb: store.Erase, IDs: []store.ID{id}})
		want := store.Refused
		if in.state.Ended() {
			want = store.Done
		}
		if a.Effect != want || a.State != in.state {
			s.t.Errorf("erase of a %s job: %+v, want %q", in.name, a, want)
		}
		after := s.want(id, in.state)
		if want == store.Refused && string(after.Input) != string(before.Input) {
			s.t.Errorf("erase of a %s job was refused and made its input %q", in.name, after.Input)
		}
	}
	for _, outcome := range []store.Outcome{store.OutcomeCompleted, store.OutcomeDiscarded, store.OutcomeCancelled} {
		id := s.said(outcome)
		if a := s.act(store.Erase, id); a.Effect != store.Done {
			s.t.Errorf("erase: %+v", a)
		}
		s.wantSilent(id)
		if a := s.act(store.Erase, id); a.Effect != store.Nothing {
			s.t.Errorf("erase again: %+v, want nothing", a)
		}
	}
	if a := s.act(store.Erase, store.NewID()); a.Effect != store.NotStored {
		s.t.Errorf("erase of an unknown job: %+v", a)
	}
}

func eraseStays(s *scene) {
	id, before := s.said(store.OutcomeDiscarded), store.Job{}
	before = s.job(id)
	s.act(store.Erase, id)
	after := s.job(id)
	if after.State != before.State || after.Attempt != before.Attempt || after.Failures != before.Failures ||
		!after.FinishedAt.Equal(before.FinishedAt) || after.Tags["customer"] != "7" || after.Error != store.ErasedText {
		s.t.Errorf("erased job is %+v, was %+v", after, before)
	}
	s.wantFound(store.Filter{Tag: "customer=7"}, id)
	f := s.failures(id)
	if len(f) != 1 || f[0].Kind != "test" || f[0].Error != store.ErasedText || f[0].Stack != "" {
		s.t.Errorf("failures are %+v, want one without words", f)
	}
	s.act(store.Delete, id)
	s.wantGone(id)
}

func eraseRetry(s *scene) {
	id := s.said(store.OutcomeDiscarded)
	s.act(store.Erase, id)
	if a := s.act(store.Retry, id); a.Effect != store.Refused || a.State != store.Discarded {
		s.t.Errorf("retry of an erased job: %+v, want it refused", a)
	}
	s.want(id, store.Discarded)
	a := s.actWith(store.Act{Verb: store.Change, IDs: []store.ID{id}, Edit: &store.Edit{Input: []byte(`{"to":"x"}`)}})
	if a.Effect != store.Done {
		s.t.Fatalf("edit of an erased job: %+v", a)
	}
	if a := s.act(store.Retry, id); a.Effect != store.Done {
		s.t.Errorf("retry of a job with a new input: %+v", a)
	}
	s.want(id, store.Available)
}

func eraseMany(s *scene) {
	ended := []store.ID{s.said(store.OutcomeCompleted), s.said(store.OutcomeDiscarded)}
	waits := s.enqueue()
	acted, err := s.Store.Act(s.ctx(), store.Act{Verb: store.Erase, IDs: append(ended, waits), Who: "ada"})
	s.must(err)
	for i, want := range []store.Effect{store.Done, store.Done, store.Refused} {
		if acted[i].Effect != want {
			s.t.Errorf("answer %d is %+v, want %q", i, acted[i], want)
		}
	}
	if r := s.records(time.Time{}); len(r) != 1 || r[0].What != "erase" || r[0].Jobs != 2 {
		s.t.Errorf("records are %+v, want that 2 jobs were erased", r)
	}
}

func eraseForget(s *scene) {
	id := s.said(store.OutcomeCompleted)
	other := s.said(store.OutcomeCompleted)
	waits := s.enqueue()
	s.act(store.Erase, id)
	s.must(s.Store.Forget(s.ctx()))
	s.wantSilent(id)
	s.want(waits, store.Available)
	if j := s.job(other); !strings.Contains(string(j.Result), secretText) || len(s.logs(other, 0, 100)) != 1 {
		s.t.Errorf("a job beside one that was erased is %+v", j)
	}
}
