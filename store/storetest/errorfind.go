package storetest

import (
	"strings"

	"github.com/offloadhq/offload/store"
)

var errorFindLaws = []law{
	{"Errors/Pages", "groups come in pages, the one that failed last first", errorsPages},
	{"Errors/Find", "jobs are found by the group of their last failure", errorsFind},
	{"Errors/FindMany", "a group of many jobs is found in pages, each job once", errorsFindMany},
	{"Errors/Fail", "whichever statement fails, each failure is counted once", func(s *scene) { s.breakGroups(Fail) }},
	{"Errors/LoseAnswer", "so it is whichever statement's answer is lost", func(s *scene) { s.breakGroups(LoseAnswer) }},
}

func errorsPages(s *scene) {
	for _, text := range []string{"a", "b", "c", "d", "e"} {
		s.fail("a", text)
	}
	p := s.join() // two that failed at one time
	s.insert(jobs(2, queue("b"))...)
	var ends []store.Ended
	for i, c := range s.claimFrom(p, "b", 2) {
		e := ended(c, store.OutcomeDiscarded)
		e.Failure = &store.Problem{Error: []string{"f", "g"}[i], Kind: "test"}
		ends = append(ends, e)
	}
	s.finish(p, ends...)
	s.group()
	var got []string
	q := store.GroupQuery{Max: 2}
	for range 10 {
		page := s.groups(q)
		for _, g := range page {
			got = append(got, g.Title)
			q.Before, q.BeforeID = g.Last, g.Group
		}
		if len(page) < q.Max {
			break
		}
	}
	if text := strings.Join(got, ""); text != "fgedcba" && text != "gfedcba" {
		s.t.Errorf("pages are %q", text)
	}
}

func errorsFind(s *scene) {
	a, b := s.fail("a", "broken 1"), s.fail("a", "other")
	s.group()
	groups := s.groups(store.GroupQuery{})
	other, broken := groups[0].Group, groups[1].Group
	s.wantFound(store.Filter{Group: broken}, a)
	s.wantFound(store.Filter{Group: other}, b)
	s.wantFound(store.Filter{Group: other, States: []store.State{store.Discarded}}, b)
	s.wantFound(store.Filter{Group: other, States: []store.State{store.Retryable}})
	s.wantFound(store.Filter{Group: other, IDs: []store.ID{a, b}}, b)
	s.wantFound(store.Filter{Group: other, Before: b})
	s.wantFound(store.Filter{Group: "0123456789abcdef"})
	s.act(store.Retry, a) // and it fails otherwise
	p := s.join()
	s.failAs(p, s.claimFrom(p, "a", 1)[0], store.Problem{Error: "other", Kind: "test"})
	s.group()
	s.wantFound(store.Filter{Group: broken})
	s.wantFound(store.Filter{Group: other}, b, a)
	system := s.fail(store.SystemQueue, "other")
	s.group()
	s.wantFound(store.Filter{Group: other}, b, a)
	s.wantFound(store.Filter{Group: other, Queues: []string{store.SystemQueue}}, system)
}

func errorsFindMany(s *scene) {
	const n = 1200
	all := s.failMany(n, "a", "broken")
	s.failMany(30, "a", "other")
	for s.group() > 0 {
	}
	group := s.groups(store.GroupQuery{})[1].Group
	seen := map[store.ID]bool{}
	f := store.Filter{Group: group, States: []store.State{store.Discarded}, Max: 500}
	for {
		page, err := s.Store.Find(s.ctx(), f)
		s.must(err)
		for _, j := range page {
			if seen[j.ID] || !f.Before.IsZero() && j.ID.Compare(f.Before) >= 0 {
				s.t.Fatalf("job %s comes twice or out of order", j.ID)
			}
			seen[j.ID], f.Before = true, j.ID
		}
		if len(page) < f.Max {
			break
		}
	}
	if len(seen) != len(all) {
		s.t.Errorf("%d jobs are found, want %d", len(seen), len(all))
	}
}

// breakGroups breaks each statement of grouping, and of giving a status.
func (s *scene) breakGroups(fault Fault) {
	s.breakLives(1, 1, fault, false, func(l *life) lived { return &groupLife{life: l} })
}

// A groupLife groups failures of a kind of its own.
type groupLife struct{ *life }

func (l *groupLife) prepare() {
	l.failMany(3, l.name, "broken "+strings.ReplaceAll(l.name, "-", ""))
	l.failMany(2, l.name, "other")
}

func (l *groupLife) live() {
	l.call("group", func() error {
		_, err := l.broken.GroupErrors(l.ctx(), 100)
		return err
	})
	l.call("read groups", func() error {
		_, err := l.broken.ErrorGroups(l.ctx(), store.GroupQuery{Hours: 24})
		return err
	})
}

func (l *groupLife) judge() {
	l.t.Helper()
	var want int64
	for _, j := range l.findAll(store.Filter{Max: 10_000}) {
		want += int64(len(l.failures(j.ID)))
	}
	l.group()
	l.wantGrouped(want)
}
