package storetest

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/offloadhq/offload/store"
)

var errorLaws = []law{
	{"Errors/Group", "failures that are alike are one group, others are others", errorsGroup},
	{"Errors/Once", "a failure is counted once, however often groups are made", errorsOnce},
	{"Errors/Max", "no more than asked are grouped, oldest first, and fewer only when nothing is left", errorsMax},
	{"Errors/AtOnce", "processes that group at the same time count each failure once", errorsAtOnce},
	{"Errors/Reopen", "a group that is resolved is open again with a failure after that, not with one before", errorsReopen},
	{"Errors/Mute", "a group that is muted stays so, and goes on to be counted", errorsMute},
	{"Errors/Act", "who gives a group a status is recorded; one that is not there is not found", errorsAct},
	{"Errors/Hours", "failures are counted by the hour in which they were", errorsHours},
	{"Errors/Keys", "a group knows some keys and tags of its jobs, and counts the failures of others", errorsKeys},
	{"Errors/Texts", "texts of any bytes and any length are grouped", errorsTexts},
	{"Errors/Sealed", "of an encrypted job no text is told", errorsSealed},
	{"Errors/Erased", "what was erased is told by no title and no sample, what is gone by no sample", errorsErased},
	{"Errors/After", "a job that was cut off by its upstream is in no group", errorsAfter},
	{"Errors/Prune", "a group goes when it has not failed for as long as failed jobs are kept", errorsPrune},
}

// fail makes a job of a queue whose only attempt has failed.
func (s *scene) fail(name, text string, with ...func(*store.NewJob)) store.ID {
	s.t.Helper()
	p, c := s.running(name, with...)
	s.failAs(p, c, store.Problem{Error: text, Kind: "test"})
	return c.ID
}

func (s *scene) failAs(p store.ID, c store.Claimed, problem store.Problem) {
	s.t.Helper()
	e := ended(c, store.OutcomeDiscarded)
	e.Failure = &problem
	s.finish(p, e)
}

// failMany makes jobs of a queue that fail in one way.
func (s *scene) failMany(n int, name, text string) (all []store.ID) {
	s.t.Helper()
	list := jobs(n, queue(name))
	s.insert(list...)
	p := s.join()
	var ends []store.Ended
	for _, c := range s.claimFrom(p, name, n) {
		e := ended(c, store.OutcomeDiscarded)
		e.Failure = &store.Problem{Error: text, Kind: "test"}
		ends, all = append(ends, e), append(all, c.ID)
	}
	s.finish(p, ends...)
	return all
}

// group makes groups of all failures.
func (s *scene) group() (n int) {
	s.t.Helper()
	n, err := s.Store.GroupErrors(s.ctx(), 1000)
	s.must(err)
	return n
}

func (s *scene) groups(q store.GroupQuery) []store.ErrorGroup {
	s.t.Helper()
	groups, err := s.Store.ErrorGroups(s.ctx(), q)
	s.must(err)
	return groups
}

// theGroup is the only one.
func (s *scene) theGroup() store.ErrorGroup {
	s.t.Helper()
	groups := s.groups(store.GroupQuery{Hours: store.MaxErrorHours})
	if len(groups) != 1 {
		s.t.Fatalf("groups are %+v, want one", groups)
	}
	return groups[0]
}

func (s *scene) setError(group string, status store.ErrorStatus) {
	s.t.Helper()
	s.must(s.Store.Control(s.ctx(), store.Control{Who: "ada", SetError: group, Status: status}))
}

func errorsGroup(s *scene) {
	first := s.fail("a", "order 17 of ada@example.com failed")
	last := s.fail("a", "order 4711 of bob@example.com failed")
	s.fail("a", "no connection")
	if n := s.group(); n != 3 {
		s.t.Errorf("%d failures were grouped, want 3", n)
	}
	groups := s.groups(store.GroupQuery{Hours: 1})
	if len(groups) != 2 {
		s.t.Fatalf("groups are %+v, want 2", groups)
	}
	g := groups[1]
	if g.Title != "order <n> of <email> failed" || g.Count != 2 || g.Job != last || g.Attempt != 1 || g.Task != "send" || g.Kind != "test" ||
		g.Status != store.ErrorOpen || g.Error != "order 4711 of bob@example.com failed" || g.Sealed || !g.Changed.IsZero() {
		s.t.Errorf("group is %+v", g)
	}
	if at := s.failures(first)[0].FailedAt; !g.First.Equal(at) {
		s.t.Errorf("first failure was at %v, want %v", g.First, at)
	}
	if at := s.failures(last)[0].FailedAt; !g.Last.Equal(at) {
		s.t.Errorf("last failure was at %v, want %v", g.Last, at)
	}
	s.wantGroups(store.GroupQuery{Tasks: []string{"send"}}, 2)
	s.wantGroups(store.GroupQuery{Tasks: []string{"draw"}}, 0)
	s.wantGroups(store.GroupQuery{Groups: []string{g.Group}}, 1)
	s.wantGroups(store.GroupQuery{Groups: []string{"0123456789abcdef"}}, 0)
	s.wantGroups(store.GroupQuery{Statuses: []store.ErrorStatus{store.ErrorMuted, store.ErrorResolved}}, 0)
	s.wantGroups(store.GroupQuery{Since: groups[0].Last}, 1)
}

func (s *scene) wantGroups(q store.GroupQuery, want int) {
	s.t.Helper()
	if got := s.groups(q); len(got) != want {
		s.t.Errorf("groups of %+v are %+v, want %d", q, got, want)
	}
}

func (s *scene) wantGrouped(want int64) {
	s.t.Helper()
	var sum, hours int64
	for _, g := range s.groups(store.GroupQuery{Hours: store.MaxErrorHours, Max: 1000}) {
		sum += g.Count
		for _, n := range g.Hours {
			hours += n
		}
	}
	if sum != want || hours != want {
		s.t.Errorf("%d failures are counted, %d by hours, want %d", sum, hours, want)
	}
}

func errorsOnce(s *scene) {
	s.failMany(5, "a", "broken")
	for range 3 {
		s.group()
		s.wantGrouped(5)
	}
	id := s.fail("b", "broken")
	s.act(store.Retry, id)
	p := s.join()
	s.failAs(p, s.claimFrom(p, "b", 1)[0], store.Problem{Error: "broken", Kind: "test"})
	if n := s.group(); n != 2 {
		s.t.Errorf("%d failures were grouped of two attempts", n)
	}
	s.wantGrouped(7)
	if g := s.theGroup(); g.Job != id || g.Attempt != 2 {
		s.t.Errorf("last failure is of job %s, attempt %d", g.Job, g.Attempt)
	}
}

func errorsMax(s *scene) {
	s.fail("a", "first")
	s.failMany(6, "a", "second")
	for i, want := range []int{3, 3, 1, 0} {
		n, err := s.Store.GroupErrors(s.ctx(), 3)
		s.must(err)
		if n != want {
			s.t.Errorf("call %d grouped %d, want %d", i, n, want)
		}
		if i == 0 {
			s.wantGroups(store.GroupQuery{}, 2)
		}
	}
	s.wantGrouped(7)
}

func errorsAtOnce(s *scene) {
	for i := range 6 {
		s.failMany(10, fmt.Sprint("q", i%3), fmt.Sprint("broken ", strings.Repeat("x", i)))
	}
	stores := []store.Store{s.Store, s.Store}
	if s.Another != nil {
		stores[1] = s.Another(s.t)
	}
	var sum atomic.Int64
	together(6, func(i int) {
		for range 10 {
			n, err := stores[i%2].GroupErrors(s.ctx(), 7)
			if err != nil {
				s.t.Error(err)
			}
			sum.Add(int64(n))
		}
	})
	sum.Add(int64(s.group()))
	if sum.Load() != 60 {
		s.t.Errorf("calls say that they grouped %d, want 60", sum.Load())
	}
	s.wantGroups(store.GroupQuery{}, 6)
	s.wantGrouped(60)
}

func errorsReopen(s *scene) {
	s.fail("a", "broken")
	s.group()
	s.fail("a", "broken") // not grouped yet when it is resolved
	g := s.theGroup()
	s.setError(g.Group, store.ErrorResolved)
	resolved := s.theGroup()
	if resolved.Status != store.ErrorResolved || resolved.Changed.IsZero() {
		s.t.Errorf("after it was resolved the group is %+v", resolved)
	}
	s.group()
	if g := s.theGroup(); g.Status != store.ErrorResolved || g.Count != 2 {
		s.t.Errorf("after a failure from before it was resolved the group is %+v", g)
	}
	s.advance(time.Minute)
	s.fail("a", "broken")
	s.group()
	if g := s.theGroup(); g.Status != store.ErrorOpen || g.Count != 3 || !g.Changed.Equal(g.Last) {
		s.t.Errorf("after it came back the group is %+v", g)
	}
}

func errorsMute(s *scene) {
	s.fail("a", "broken")
	s.group()
	s.setError(s.theGroup().Group, store.ErrorMuted)
	s.advance(time.Minute)
	s.fail("a", "broken")
	s.group()
	g := s.theGroup()
	if g.Status != store.ErrorMuted || g.Count != 2 {
		s.t.Errorf("a muted group is %+v", g)
	}
	s.wantGroups(store.GroupQuery{Statuses: []store.ErrorStatus{store.ErrorOpen}}, 0)
	s.setError(g.Group, store.ErrorOpen)
	s.wantGroups(store.GroupQuery{Statuses: []store.ErrorStatus{store.ErrorOpen}}, 1)
}

func errorsAct(s *scene) {
	s.fail("a", "broken")
	s.group()
	g := s.theGroup()
	s.setError(g.Group, store.ErrorMuted)
	if r := s.records(time.Time{}); len(r) != 1 || r[0].Who != "ada" || r[0].What != "mute error "+g.Group {
		s.t.Errorf("records are %+v", r)
	}
	first := s.theGroup().Changed
	s.advance(time.Hour)
	s.setError(g.Group, store.ErrorMuted)
	if again := s.theGroup().Changed; again.After(first) {
		s.t.Errorf("muted twice, it says that it changed at %v and not at %v", again, first)
	}
	err := s.Store.Control(s.ctx(), store.Control{Who: "ada", SetError: "0123456789abcdef", Status: store.ErrorOpen})
	s.wantErr(err, store.ErrNotFound)
	if r := s.records(time.Time{}); len(r) != 2 {
		s.t.Errorf("records are %+v, want those of what was done", r)
	}
}

func errorsHours(s *scene) {
	s.failMany(3, "a", "broken")
	s.group()
	s.advance(5 * time.Hour)
	s.failMany(2, "a", "broken")
	s.group()
	g := s.theGroup()
	now := len(g.Hours) - 1
	if len(g.Hours) != store.MaxErrorHours || g.Hours[now]+g.Hours[now-1] != 2 || g.Hours[now-5]+g.Hours[now-6] != 3 {
		s.t.Errorf("hours are %v", g.Hours[max(0, now-8):])
	}
	if some := s.groups(store.GroupQuery{Hours: 3})[0].Hours; len(some) != 3 {
		s.t.Errorf("3 hours are %v", some)
	}
	if none := s.groups(store.GroupQuery{})[0].Hours; len(none) != 0 {
		s.t.Errorf("no hours are %v", none)
	}
}

func errorsKeys(s *scene) {
	for range 2 {
		s.fail("a", "broken", tags(map[string]string{"customer": "7"}))
	}
	s.group()
	for i := range store.MaxErrorKeys + 4 {
		s.fail("a", "broken", tags(map[string]string{"order": fmt.Sprint(i)}))
	}
	s.fail("a", "broken", func(n *store.NewJob) {
		n.Tags, n.Terms = map[string]string{"customer": "7"}, &store.Terms{Turn: &store.Turn{Key: "tenant-1"}}
	})
	s.group()
	g := s.theGroup()
	if len(g.Keys) != store.MaxErrorKeys || g.Keys[0] != (store.ErrorKey{Key: "customer=7", Count: 3}) || g.OtherKeys != 6 {
		s.t.Errorf("keys are %v, and %d others", g.Keys, g.OtherKeys)
	}
}

func errorsTexts(s *scene) {
	texts := []string{"", "\x00", "a\x00b\xff\xfe", strings.Repeat("ö\x00", 5000), "'; DROP TABLE x; --", "<script>alert(1)</script>", "\u202eevil", "💥"}
	for _, text := range texts {
		s.fail("a", text)
	}
	p, c := s.running("a")
	s.failAs(p, c, store.Problem{Error: "panic", Kind: "panic\x00\xff", Stack: "x\x00\npanic(1)\n\tf\nmain.\xff\x00(1)\n"})
	if n := s.group(); n != len(texts)+1 {
		s.t.Errorf("%d failures were grouped, want %d", n, len(texts)+1)
	}
	s.wantGrouped(int64(len(texts) + 1))
	for _, g := range s.groups(store.GroupQuery{}) {
		if g.Title != store.CleanText(g.Title, 300) {
			s.t.Errorf("title is %q", g.Title)
		}
	}
}

func errorsSealed(s *scene) {
	sealed := func(n *store.NewJob) {
		n.Input = []byte(`{"offload:sealed":"v1.job.k.` + strings.Repeat("A", 6000) + `"}`)
	}
	s.fail("a", "ada owes much", sealed)
	s.fail("a", "bob has paid", sealed)
	s.group()
	g := s.theGroup()
	if !g.Sealed || g.Title != "" || g.Error != "" || g.Count != 2 || g.Kind != "test" {
		s.t.Errorf("group of encrypted jobs is %+v", g)
	}
}

func errorsErased(s *scene) {
	id := s.said(store.OutcomeDiscarded)
	s.group()
	if g := s.theGroup(); !strings.Contains(g.Error, secretText) || strings.Contains(g.Title, secretText) {
		s.t.Errorf("group is %+v", g)
	}
	s.act(store.Erase, id)
	if g := s.theGroup(); g.Error != store.ErasedText || g.Title != "" {
		s.t.Errorf("of an erased job the sample is %q, the title %q", g.Error, g.Title)
	}
	p, c := s.running("b")
	s.failAs(p, c, store.Problem{Error: "no such address: bob@example.com", Kind: "test", Stack: secretText})
	s.group()
	if g := s.theGroup(); g.Title != "no such address: <email>" || g.Count != 2 {
		s.t.Errorf("when another job has failed so the group is %+v", g)
	}
	s.act(store.Delete, c.ID)
	s.act(store.Delete, id)
	if g := s.theGroup(); g.Error != "" || g.Count != 2 {
		s.t.Errorf("group of a job that is gone is %+v", g)
	}
}

func errorsAfter(s *scene) {
	up := aJob(queue("up"))
	down := aJob(queue("down"), func(n *store.NewJob) {
		n.Terms, n.After = &store.Terms{Flow: up.ID}, []store.Edge{{Upstream: up.ID, On: store.OnCompleted}}
	})
	s.inserts(up, down)
	p := s.join()
	s.failAs(p, s.claimFrom(p, "up", 1)[0], store.Problem{Error: "broken", Kind: "test"})
	for range 3 {
		_, _, err := s.Store.Settle(s.ctx(), 100)
		s.must(err)
	}
	s.want(down.ID, store.Cancelled)
	if n := s.group(); n != 1 {
		s.t.Errorf("%d failures were grouped, want that of the upstream", n)
	}
	s.wantFound(store.Filter{Group: s.theGroup().Group}, up.ID)
}

func errorsPrune(s *scene) {
	s.fail("a", "broken")
	s.group()
	s.advance(store.RetainErrorHours + time.Hour)
	s.prune(100)
	g := s.theGroup()
	for _, n := range g.Hours {
		if n != 0 {
			s.t.Errorf("hours are %v, want none", g.Hours)
		}
	}
	s.fail("a", "broken")
	s.group()
	s.advance(store.RetainErrors - time.Hour)
	s.prune(100)
	if g := s.theGroup(); g.Count != 2 {
		s.t.Errorf("group is %+v", g)
	}
	s.advance(2 * time.Hour)
	s.prune(100)
	s.wantGroups(store.GroupQuery{}, 0)
	s.fail("a", "broken")
	s.group()
	if g := s.theGroup(); g.Count != 1 || g.Status != store.ErrorOpen {
		s.t.Errorf("group that came anew is %+v", g)
	}
}
