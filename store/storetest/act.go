package storetest

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

var actLaws = []law{
	{"Act/Table", "each verb does to a job in each stage of its life what is promised, says so, and nothing else", actTable},
	{"Act/Many", "an act on many jobs answers for each, in the order asked", actMany},
	{"Act/NotStored", "an act on a job that is not there says so", actNotStored},
	{"Act/None", "an act on no jobs is no error", actNone},
	{"Act/NoVerb", "an unknown verb is refused", actNoVerb},
	{"Act/Deleted", "the record of a few deletes says which jobs are gone", actDeleted},
	{"Act/Recorded", "an act in somebody's name is recorded once, with the number of jobs; others are not", actRecorded},
	{"Act/CancelRunning", "cancel of a running job is a signal: it stays with its process until the attempt ends", actCancelRunning},
	{"Act/Retry", "Retry starts over: due at once, failures 0, the attempt and the history kept", actRetry},
	{"Act/RunNow", "a hurried job is due now, and found by the next claims, however far they are", actRunNow},
	{"Act/RunNowInOrder", "a hurried job comes before what is inserted after it", actRunNowInOrder},
	{"Act/Delete", "a deleted job is gone with all that was known of it, and the same insert makes no second one", actDelete},
	{"Act/DeletePasses", "some time after its delete the id of a job is forgotten", actDeletePasses},
	{"Act/Edit", "an edit moves queue, priority, input and run_at at once, and leaves the rest", actEdit},
	{"Act/EditOne", "an edit of one thing leaves the others", actEditOne},
	{"Act/EditParked", "an edited job that is blocked stays blocked, in its new queue", actEditParked},
	{"Act/EditEnded", "an edited job that was discarded runs with its new input when it is retried", actEditEnded},
	{"Act/WhileClaimed", "an act at the same moment as a claim misses no job and leaves each in one place", actWhileClaimed},
	{"Act/AtOnce", "a job that several people act on at the same time is in one place", actAtOnce},
}

// idle is an effect on a job that stays as it is, whether refused or not needed.
const idle = store.Effect("nothing or refused")

func actTable(s *scene) {
	verbs := []store.Verb{store.Cancel, store.Retry, store.RunNow, store.Delete, store.Change}
	table := []struct {
		stage   string
		effects [5]store.Effect // of those verbs
	}{
		{"scheduled", [5]store.Effect{store.Done, idle, store.Done, store.Done, store.Done}},
		{"available", [5]store.Effect{store.Done, idle, store.Nothing, store.Done, store.Done}},
		{"retryable", [5]store.Effect{store.Done, store.Done, store.Done, store.Done, store.Done}},
		{"snoozed", [5]store.Effect{store.Done, idle, store.Done, store.Done, store.Done}},
		{"released", [5]store.Effect{store.Done, idle, store.Nothing, store.Done, store.Done}},
		{"parked", [5]store.Effect{store.Done, idle, idle, store.Done, store.Done}},
		{"suspect", [5]store.Effect{store.Done, idle, idle, store.Done, store.Done}},
		{"running", [5]store.Effect{store.Done, idle, idle, store.Refused, store.Refused}},
		{"completed", [5]store.Effect{store.Nothing, store.Refused, idle, store.Done, store.Refused}},
		{"discarded", [5]store.Effect{store.Nothing, store.Done, idle, store.Done, store.Done}},
		{"cancelled", [5]store.Effect{store.Nothing, store.Done, idle, store.Done, store.Done}},
		{"cancelled before its start", [5]store.Effect{store.Nothing, store.Done, idle, store.Done, store.Done}},
	}
	stored := 0
	for _, row := range table {
		for i, verb := range verbs {
			in := stageOf(row.stage)
			id := in.bring(s)
			before := s.want(id, in.state)
			a := s.actWith(store.Act{Verb: verb, IDs: []store.ID{id}, Edit: &store.Edit{Input: []byte("edited")}})

			want := row.effects[i]
			if a.Effect != want && (want != idle || a.Effect != store.Nothing && a.Effect != store.Refused) {
				s.t.Errorf("%s of a %s job: %q, want %q", verb, row.stage, a.Effect, want)
			}
			if a.State != in.state {
				s.t.Errorf("%s of a %s job found it %q", verb, row.stage, a.State)
			}
			stored += s.wantActed(verb, want == store.Done, before)
		}
	}
	s.wantAll(stored)
}

// wantActed wants a job to be as a verb leaves it, and returns how many of it are stored.
func (s *scene) wantActed(verb store.Verb, done bool, before store.Job) int {
	s.t.Helper()
	if done && verb == store.Delete {
		s.wantGone(before.ID)
		return 0
	}
	state := before.State
	switch {
	case !done:
	case verb == store.Cancel && state != store.Running:
		state = store.Cancelled
	case verb == store.Retry, verb == store.RunNow:
		state = store.Available
	}
	after := s.want(before.ID, state)
	if after.Attempt != before.Attempt || after.Crashes != before.Crashes || after.Waits != before.Waits && state == before.State {
		s.t.Errorf("%s made of %+v a job %+v", verb, before, after)
	}
	if edited := string(after.Input) == "edited"; edited != (done && verb == store.Change) {
		s.t.Errorf("%s of a %s job: input is %q", verb, before.State, after.Input)
	}
	return 1
}

func actMany(s *scene) {
	const n = 1500
	all := jobs(n)
	s.insert(all...)
	slices.Reverse(all)
	p := s.join()
	running := s.claim(p, 10)
	unknown := store.NewID()

	acted, err := s.Store.Act(s.ctx(), store.Act{Verb: store.Delete, IDs: append(idsOf(all), unknown)})

	s.must(err)
	if len(acted) != n+1 {
		s.t.Fatalf("Act on %d jobs gave %d answers", n+1, len(acted))
	}
	for i, a := range acted[:n] {
		want := store.Acted{ID: all[i].ID, Effect: store.Done, State: store.Available}
		if slices.Contains(ids(running), a.ID) {
			want.Effect, want.State = store.Refused, store.Running
		}
		if a != want {
			s.t.Fatalf("answer %d is %+v, want %+v", i, a, want)
		}
	}
	if acted[n] != (store.Acted{ID: unknown, Effect: store.NotStored}) {
		s.t.Errorf("answer for an unknown job is %+v", acted[n])
	}
	s.wantAll(10)
}

func actNotStored(s *scene) {
	for _, verb := range []store.Verb{store.Cancel, store.Retry, store.RunNow, store.Delete, store.Change} {
		a := s.actWith(store.Act{Verb: verb, IDs: []store.ID{store.NewID()}, Edit: &store.Edit{}})
		if a.Effect != store.NotStored || a.State != "" {
			s.t.Errorf("%s of an unknown job: %+v, want not found", verb, a)
		}
	}
	s.wantAll(0)
}

func actNone(s *scene) {
	acted, err := s.Store.Act(s.ctx(), store.Act{Verb: store.Cancel})
	s.must(err)
	if len(acted) > 0 {
		s.t.Errorf("Act = %v, want none", acted)
	}
}

func actNoVerb(s *scene) {
	id := s.enqueue()
	if _, err := s.Store.Act(s.ctx(), store.Act{Verb: "explode", IDs: []store.ID{id}}); err == nil || store.Temporary(err) {
		s.t.Errorf("Act = %v, want an error that does not pass", err)
	}
	s.want(id, store.Available)
}

func actRecorded(s *scene) {
	before := s.now()
	done := s.ending("mail", store.OutcomeCompleted)
	some := []store.ID{s.enqueue(), s.enqueue(), done}
	_, err := s.Store.Act(s.ctx(), store.Act{Verb: store.Cancel, IDs: some, Who: "ada"})
	s.must(err)
	s.act(store.Delete, done)

	records, err := s.Store.Records(s.ctx(), time.Time{})
	s.must(err)
	if len(records) != 1 || records[0].Who != "ada" || records[0].What != "cancel" || records[0].Jobs != 2 || !records[0].Job.IsZero() {
		s.t.Fatalf("records are %+v, want that ada cancelled 2 jobs", records)
	}
	s.between("Time", records[0].Time, before, s.now())
}

func actDeleted(s *scene) {
	done := s.ending("mail", store.OutcomeCompleted)
	waits, runs := s.enqueue(queue("idle")), s.enqueue()
	s.claimThis(s.join(), runs)
	_, err := s.Store.Act(s.ctx(), store.Act{Verb: store.Delete, IDs: []store.ID{done, runs, waits}, Who: "ada"})
	s.must(err)

	records := s.records(time.Time{})
	if len(records) != 1 || records[0].What != "delete" || records[0].Jobs != 2 {
		s.t.Fatalf("records are %+v, want that ada deleted 2 jobs", records)
	}
	var named store.Filter
	if err := json.Unmarshal(records[0].Filter, &named); err != nil || !slices.Equal(named.IDs, []store.ID{done, waits}) {
		s.t.Errorf("the record names %v, %v; want %v", named.IDs, err, []store.ID{done, waits})
	}
}

func actCancelRunning(s *scene) {
	p, c := s.running("mail")
	s.cancel(c.ID)
	if j := s.want(c.ID, store.Running); !j.Cancelling || j.Process != processName || j.Attempt != 1 {
		s.t.Errorf("job is %+v, want it running and asked to end", j)
	}
	if got := s.claim(s.join(), 10); len(got) > 0 {
		s.t.Errorf("another process claimed %v", ids(got))
	}
	s.act(store.Cancel, c.ID)
	s.finish(p, ended(c, store.OutcomeCancelled))
	s.want(c.ID, store.Cancelled)
	s.wantAll(1)
}

func actRetry(s *scene) {
	for _, name := range []string{"retryable", "discarded", "cancelled"} {
		before := s.job(stageOf(name).bring(s))
		from := s.now()
		s.act(store.Retry, before.ID)

		j := s.want(before.ID, store.Available)
		if j.Failures != 0 || j.Attempt != before.Attempt || !j.FinishedAt.IsZero() || len(s.failures(j.ID)) != before.Failures {
			s.t.Errorf("%s job after Retry is %+v, want it to start over", name, j)
		}
		if name != "retryable" {
			s.between("RunAt", j.RunAt, before.RunAt, s.now())
		} else if j.RunAt.After(s.now().Add(time.Millisecond)) {
			s.t.Errorf("RunAt is %v, want none after %v", j.RunAt, from)
		}
		p := s.join()
		got := s.claimFrom(p, name, 1)
		if len(got) != 1 || got[0].ID != j.ID || got[0].Attempt != before.Attempt+1 || got[0].Failures != 0 {
			s.t.Fatalf("%s: claimed %+v, want the next attempt without failures", name, got)
		}
		s.finish(p, completed(got[0]))
		s.want(j.ID, store.Completed)
	}
}

func actRunNow(s *scene) {
	for _, verb := range []store.Verb{store.RunNow, store.Retry} {
		p, c := s.running("mail")
		s.finish(p, retried(c, time.Hour))
		for range 3 { // the claims have gone on
			s.insert(jobs(*backlog / 10)...)
			s.claim(p, *backlog)
		}
		s.insert(jobs(20)...)

		s.act(verb, c.ID)

		if j := s.want(c.ID, store.Available); j.RunAt.After(s.now().Add(time.Millisecond)) {
			s.t.Errorf("%s: RunAt is %v, want none after now", verb, j.RunAt)
		}
		if got := ids(s.claim(p, 21)); len(got) != 21 || !slices.Contains(got, c.ID) {
			s.t.Errorf("%s: the next 21 claimed are %d without the job", verb, len(got))
		}
	}
}

func actRunNowInOrder(s *scene) {
	id := s.enqueue(delay(time.Hour))
	s.act(store.RunNow, id)
	late := jobs(*backlog / 10)
	s.insert(late...)
	s.claimThis(s.join(), id)
}

func actDelete(s *scene) {
	p, c := s.running("mail")
	s.must(s.Store.WriteProgress(s.ctx(), p, []store.Progress{{Fence: c.Fence, Done: 1}}))
	s.finish(p, ended(c, store.OutcomeDiscarded))
	s.act(store.Delete, c.ID)

	s.wantGone(c.ID)
	if f := s.failures(c.ID); len(f) > 0 {
		s.t.Errorf("failures of a deleted job are %+v", f)
	}
	if a := s.act(store.Cancel, c.ID); a.Effect != store.NotStored {
		s.t.Errorf("cancel of a deleted job: %q", a.Effect)
	}
	waiting := s.enqueue()
	s.act(store.Delete, waiting)
	for _, id := range []store.ID{c.ID, waiting} {
		inserted, err := s.Store.Insert(s.ctx(), []store.NewJob{aJob(func(n *store.NewJob) { n.ID = id })})
		s.must(err)
		if !inserted[0].Existing {
			s.t.Errorf("a deleted job was made again by the same insert")
		}
		s.wantGone(id)
	}
	s.wantAll(0)
	if got := s.claim(s.join(), 10); len(got) > 0 {
		s.t.Errorf("claimed %v, want no deleted job", ids(got))
	}
}

func actDeletePasses(s *scene) {
	id := s.enqueue()
	s.act(store.Delete, id)
	s.advance(2 * store.Tombstone)
	_, err := s.Store.Prune(s.ctx(), 100)
	s.must(err)
	s.insert(aJob(func(n *store.NewJob) { n.ID = id }))
	s.want(id, store.Available)
}

func actEdit(s *scene) {
	for _, name := range []string{"available", "scheduled", "retryable"} {
		before := s.job(stageOf(name).bring(s))
		to, first, at := "edited-"+name, 1, s.now().Add(3*time.Hour).Truncate(time.Millisecond)

		a := s.actWith(store.Act{Verb: store.Change, IDs: []store.ID{before.ID}, Edit: &store.Edit{
			Input: []byte("new"), Queue: &to, Priority: &first, RunAt: &at,
		}})

		j := s.job(before.ID)
		if a.Effect != store.Done || string(j.Input) != "new" || j.InputSize != 3 || j.Queue != to || j.Priority != first {
			s.t.Errorf("%s: %q made %+v", name, a.Effect, j)
		}
		s.same("RunAt", j.RunAt, at)
		if j.Attempt != before.Attempt || j.Failures != before.Failures || j.Task != before.Task || j.MaxAttempts != before.MaxAttempts {
			s.t.Errorf("%s: the edit changed more: %+v, was %+v", name, j, before)
		}
		p := s.join()
		if got := append(s.claimFrom(p, name, 10), s.claimFrom(p, to, 10)...); len(got) > 0 {
			s.t.Errorf("%s: claimed %v before its new time", name, ids(got))
		}
		s.act(store.RunNow, j.ID)
		if got := s.claimFrom(p, to, 10); len(got) != 1 || string(got[0].Input) != "new" || got[0].Priority != first {
			s.t.Errorf("%s: claimed %+v, want the edited job", name, got)
		}
	}
}

func actEditOne(s *scene) {
	n := aJob(tags(map[string]string{"a": "1"}))
	s.insert(n)
	before := s.job(n.ID)
	three, image, none := 3, "image", []byte{}
	for _, e := range []store.Edit{{Priority: &three}, {Queue: &image}, {Input: none}, {}} {
		s.actWith(store.Act{Verb: store.Change, IDs: []store.ID{n.ID}, Edit: &e})
		if e.Priority != nil && !bytes.Equal(s.job(n.ID).Input, n.Input) {
			s.t.Error("an edit of the priority changed the input")
		}
	}
	j := s.want(n.ID, store.Available)
	if j.Priority != 3 || j.Queue != "image" || j.InputSize != 0 || j.Tags["a"] != "1" {
		s.t.Errorf("job is %+v, want priority 3, queue image, no input", j)
	}
	s.same("RunAt", j.RunAt, before.RunAt)
	s.same("CreatedAt", j.CreatedAt, before.CreatedAt)
	s.wantAll(1)
}

func actEditParked(s *scene) {
	to := "image"
	for _, suspect := range []bool{false, true} {
		id := s.parking("mail", suspect)
		s.actWith(store.Act{Verb: store.Change, IDs: []store.ID{id}, Edit: &store.Edit{Queue: &to}})
		if j := s.want(id, store.Blocked); j.Queue != to {
			s.t.Errorf("queue is %s, want %s", j.Queue, to)
		}
		p := s.join()
		got := s.claimParked(p, to, 10, "send")
		if suspect {
			got = s.claimSuspect(p, to, 1)
		}
		if !slices.Equal(ids(got), []store.ID{id}) {
			s.t.Errorf("claimed %v from the new queue, want %v", ids(got), id)
		}
	}
}

func actEditEnded(s *scene) {
	id := s.ending("mail", store.OutcomeDiscarded)
	a := s.actWith(store.Act{Verb: store.Change, IDs: []store.ID{id}, Edit: &store.Edit{Input: []byte("mended")}})
	if j := s.want(id, store.Discarded); a.Effect != store.Done || string(j.Input) != "mended" {
		s.t.Errorf("%q made %+v, want it discarded with its new input", a.Effect, j)
	}
	s.act(store.Retry, id)
	if c := s.claimThis(s.join(), id); string(c.Input) != "mended" {
		s.t.Errorf("claimed with input %q, want the new one", c.Input)
	}
}

func actWhileClaimed(s *scene) {
	to := 2
	for _, act := range []store.Act{
		{Verb: store.Cancel}, {Verb: store.Delete}, {Verb: store.Change, Edit: &store.Edit{Priority: &to}},
	} {
		for range 10 {
			all := jobs(10)
			s.insert(all...)
			act.IDs = idsOf(all)
			p := s.join()
			var claimed []store.Claimed
			var acted []store.Acted
			together(2, func(i int) {
				if i == 0 {
					claimed = s.claim(p, 10)
					return
				}
				var err error
				acted, err = s.Store.Act(s.ctx(), act)
				s.must(err)
			})
			for _, a := range acted {
				s.wantOnePlace(act.Verb, a, slices.Contains(ids(claimed), a.ID))
			}
			s.must(s.Store.Leave(s.ctx(), p))
			for _, n := range all {
				s.act(store.Delete, n.ID)
			}
		}
	}
	s.wantAll(0)
}

// wantOnePlace wants a job that was acted on while others claimed to be where both agree.
func (s *scene) wantOnePlace(verb store.Verb, a store.Acted, claimed bool) {
	s.t.Helper()
	switch {
	case a.Effect == store.NotStored:
		s.t.Errorf("%s missed job %s that was moving", verb, a.ID)
	case verb == store.Delete && a.Effect == store.Done:
		if s.wantGone(a.ID); claimed {
			s.t.Errorf("job %s was both deleted and claimed", a.ID)
		}
	case claimed:
		if j := s.want(a.ID, store.Running); j.Cancelling != (verb == store.Cancel) {
			s.t.Errorf("job %s that was claimed and acted on (%s: %q) is %+v", a.ID, verb, a.Effect, j)
		}
	case verb == store.Cancel:
		s.want(a.ID, store.Cancelled)
	default:
		s.want(a.ID, store.Available)
	}
}

func actAtOnce(s *scene) {
	verbs := []store.Verb{store.Cancel, store.Retry, store.RunNow, store.Delete}
	for _, in := range stages {
		id := in.bring(s)
		effects := make([]store.Effect, len(verbs))
		together(len(verbs), func(i int) { effects[i] = s.act(verbs[i], id).Effect })
		if n := len(s.find(id)); n > 1 || n == 0 && effects[3] != store.Done || n == 1 && effects[3] == store.Done {
			s.t.Errorf("%s job is in %d places after %v: %v", in.name, n, verbs, effects)
		}
	}
}
