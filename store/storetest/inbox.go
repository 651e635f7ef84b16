package storetest

import (
	"slices"
	"strings"
	"time"

	"github.com/offloadhq/offload/store"
)

var inboxLaws = []law{
	{"Inbox/Rows", "rows of the inbox come oldest first, as they were written", inboxRows},
	{"Inbox/Moved", "a row becomes the job that it is said to be, and goes", inboxMoved},
	{"Inbox/Refused", "a row that is refused is kept with its error, and not looked at again", inboxRefused},
	{"Inbox/Mended", "a row that was refused can be moved later", inboxMended},
	{"Inbox/Again", "a row that is gone makes no second job", inboxAgain},
	{"Inbox/Conflict", "a row whose unique key is taken is refused, goes, or gives its input, and holds up no other", inboxConflict},
	{"Inbox/Terms", "the jobs of rows go through their limits, take their keys and their turns", inboxTerms},
	{"Inbox/AtOnce", "processes that move the same rows at once make each one job", inboxAtOnce},
	{"Inbox/Dropped", "a row that is dropped goes, whether it was looked at or not, and makes no job any more", inboxDropped},
	{"Inbox/LookedAgain", "a row that was refused and has no other fate is looked at again; on any other row that changes nothing", inboxLookedAgain},
	{"Inbox/Aged", "rows that were refused go when they have had their time, and those not yet looked at stay", inboxAged},
	{"Inbox/ActedAtOnce", "people may retry and drop rows while processes move and refuse them: each is one job, or gone, or kept", inboxActedAtOnce},
	{"Inbox/None", "moving nothing, or what is not there, is no error", inboxNone},
}

// inbox is what of the inbox was not looked at, or was refused.
func (s *scene) inbox(refused bool) []store.InboxRow {
	s.t.Helper()
	rows, err := s.Store.InboxRows(s.ctx(), refused, 1000)
	s.must(err)
	return rows
}

// posted are rows that another program has written.
func (s *scene) posted(inputs ...string) []store.InboxRow {
	s.t.Helper()
	s.needs("Inbox", s.Inbox != nil)
	for _, in := range inputs {
		s.Inbox(s.t, "send", in, "")
	}
	return s.inbox(false)
}

func (s *scene) move(fates ...store.InboxFate) {
	s.t.Helper()
	s.must(s.Store.MoveInbox(s.ctx(), fates))
}

// asJobs makes a plain job of each row.
func asJobs(rows []store.InboxRow, with ...func(*store.NewJob)) (fates []store.InboxFate, all []store.NewJob) {
	for _, r := range rows {
		n := aJob(append(with, input(r.Input))...)
		all = append(all, n)
		fates = append(fates, store.InboxFate{Number: r.Number, Job: &n})
	}
	return fates, all
}

func inboxRows(s *scene) {
	s.needs("Inbox", s.Inbox != nil)
	if v := s.observed(); v.Inbox {
		s.t.Error("Look shows rows in an empty inbox")
	}
	before := s.now()
	s.Inbox(s.t, "send", `{"to":"ada"}`, `{"queue":"mail"}`)
	s.Inbox(s.t, "draw", "no JSON 'at' all \"", "")
	s.Inbox(s.t, "", "", "")
	rows := s.inbox(false)
	if len(rows) != 3 || rows[0].Number >= rows[1].Number || rows[1].Number >= rows[2].Number {
		s.t.Fatalf("rows are %+v, want three whose numbers rise", rows)
	}
	if r := rows[0]; r.Task != "send" || string(r.Input) != `{"to":"ada"}` || string(r.Options) != `{"queue":"mail"}` || r.Error != "" {
		s.t.Errorf("row is %+v, want it as it was written", r)
	}
	if r := rows[1]; r.Task != "draw" || string(r.Input) != "no JSON 'at' all \"" || r.Options != nil {
		s.t.Errorf("row is %+v, want it as it was written", r)
	}
	s.between("At", rows[0].At, before, s.now())
	if v := s.observed(); !v.Inbox {
		s.t.Error("Look does not show that there are rows")
	}
	first, err := s.Store.InboxRows(s.ctx(), false, 1)
	s.must(err)
	if len(first) != 1 || first[0].Number != rows[0].Number {
		s.t.Errorf("the first row is %+v, want number %d", first, rows[0].Number)
	}
}

func inboxMoved(s *scene) {
	fates, all := asJobs(s.posted("1", "2", "3"))
	s.move(fates[:2]...)
	if rows := s.inbox(false); len(rows) != 1 || string(rows[0].Input) != "3" {
		s.t.Errorf("rows are %+v, want the third", rows)
	}
	s.move(fates[2])
	if v := s.observed(); v.Inbox || len(s.inbox(false)) > 0 {
		s.t.Error("rows are left, or shown, when all were moved")
	}
	got := s.claim(s.join(), 10)
	if !sameIDs(ids(got), idsOf(all)) {
		s.t.Errorf("claimed %v, want %v", ids(got), idsOf(all))
	}
	s.wantAll(3)
}

func inboxRefused(s *scene) {
	rows := s.posted("1", "2", "3")
	fates, all := asJobs(rows)
	fates[0] = store.InboxFate{Number: rows[0].Number, Error: "task \"send\": no field to\x00\xff"}
	fates[2] = store.InboxFate{Number: rows[2].Number, Error: strings.Repeat("é", store.MaxErrorText)}
	s.move(fates...)
	if v := s.observed(); v.Inbox || len(s.inbox(false)) > 0 {
		s.t.Error("a row that was refused is looked at again")
	}
	refused := s.inbox(true)
	if len(refused) != 2 || refused[0].Number != rows[2].Number || refused[1].Number != rows[0].Number {
		s.t.Fatalf("refused are %+v, want the third and the first", refused)
	}
	if r := refused[1]; r.Error != "task \"send\": no field to\uFFFD\uFFFD" || string(r.Input) != "1" || r.Task != "send" {
		s.t.Errorf("refused row is %+v", r)
	}
	if r := refused[0]; r.Error != strings.Repeat("é", store.MaxErrorText/2) {
		s.t.Errorf("%d bytes of an error are kept, want %d", len(r.Error), store.MaxErrorText)
	}
	s.wantAll(1)
	s.want(all[1].ID, store.Available)
	if newest, err := s.Store.InboxRows(s.ctx(), true, 1); err != nil || len(newest) != 1 || newest[0].Number != rows[2].Number {
		s.t.Errorf("the newest refused is %+v, %v", newest, err)
	}
}

func inboxMended(s *scene) {
	rows := s.posted("1")
	s.move(store.InboxFate{Number: rows[0].Number, Error: "no such task"})
	fates, all := asJobs(rows)
	s.move(fates...)
	s.want(all[0].ID, store.Available)
	if refused := s.inbox(true); len(refused) > 0 {
		s.t.Errorf("refused are %+v, want none", refused)
	}
}

func inboxAgain(s *scene) {
	rows := s.posted("1", "2")
	fates, _ := asJobs(rows)
	s.move(fates...)
	again, _ := asJobs(rows)
	s.move(fates...)
	s.move(again...)
	s.move(store.InboxFate{Number: rows[0].Number, Error: "late"})
	s.wantAll(2)
	if refused := s.inbox(true); len(refused) > 0 {
		s.t.Errorf("refused are %+v, want none", refused)
	}
}

func inboxConflict(s *scene) {
	old := s.enqueue(unique("k", store.UntilEnded, store.ConflictKeep))
	rows := s.posted("1", "2", "3", "4", "5", "6")
	fates, all := asJobs(rows)
	for i, on := range map[int]store.Conflict{0: store.ConflictFail, 1: store.ConflictKeep, 4: store.ConflictReplace} {
		unique("k", store.UntilEnded, on)(fates[i].Job)
	}
	unique("other", store.UntilEnded, store.ConflictFail)(fates[3].Job)
	unique("other", store.UntilEnded, store.ConflictFail)(fates[5].Job)
	s.move(fates...)

	refused := s.inbox(true)
	if len(refused) != 2 || refused[0].Number != rows[5].Number || refused[1].Number != rows[0].Number {
		s.t.Fatalf("refused are %+v, want the sixth and the first", refused)
	}
	for i, by := range []store.ID{all[3].ID, old} {
		if !strings.Contains(refused[i].Error, by.String()) {
			s.t.Errorf("error is %q, want it to name job %s", refused[i].Error, by)
		}
	}
	if rows := s.inbox(false); len(rows) > 0 {
		s.t.Errorf("rows are left: %+v", rows)
	}
	s.wantAll(3)
	s.want(all[2].ID, store.Available)
	if j := s.want(old, store.Available); string(j.Input) != "5" {
		s.t.Errorf("the old job has input %q, want that of the fifth row", j.Input)
	}
}

func inboxTerms(s *scene) {
	s.one("crm")
	fates, all := asJobs(s.posted("1", "2"), under("crm", ""), turn("a", 0))
	s.move(fates...)
	p := s.join()
	c := s.takesThis(p, all[0].ID)
	s.wantWaits(all[1].ID, "crm")
	s.finish(p, completed(c))
	s.takesThis(p, all[1].ID)
}

func inboxAtOnce(s *scene) {
	s.needs("Inbox", s.Inbox != nil)
	stores := []*scene{s}
	if s.Another != nil {
		stores = append(stores, s.another())
	}
	const n = 40
	for range n {
		s.Inbox(s.t, "send", "{}", "")
	}
	together(4, func(i int) {
		s := stores[i%len(stores)]
		for range 10 {
			rows, err := s.Store.InboxRows(s.ctx(), false, 15)
			if err != nil {
				s.t.Errorf("InboxRows: %v", err)
				return
			}
			if i%2 == 1 {
				slices.Reverse(rows)
			}
			fates, _ := asJobs(rows)
			if err := s.Store.MoveInbox(s.ctx(), fates); err != nil {
				s.t.Errorf("MoveInbox: %v", err)
			}
		}
	})
	fates, _ := asJobs(s.inbox(false))
	s.move(fates...)
	s.wantAll(n)
}

func inboxActedAtOnce(s *scene) {
	s.needs("Inbox", s.Inbox != nil)
	stores := []*scene{s}
	if s.Another != nil {
		stores = append(stores, s.another())
	}
	const n = 30
	for range n {
		s.Inbox(s.t, "send", "{}", "")
	}
	rows := s.inbox(false)
	together(4, func(i int) {
		s := stores[i%len(stores)]
		for round := range 8 {
			var fates []store.InboxFate
			for k, r := range rows {
				f := store.InboxFate{Number: r.Number}
				switch {
				case i == 3 && k%3 == 0:
					f.Drop = true
				case i == 2 || i == 3: // look at it again
				case (k+i+round)%2 == 0:
					f.Error = "no"
				case k%3 == 1:
					n := aJob()
					f.Job = &n
				default:
					continue
				}
				fates = append(fates, f)
			}
			if i%2 == 1 {
				slices.Reverse(fates)
			}
			if err := s.Store.MoveInbox(s.ctx(), fates); err != nil {
				s.t.Errorf("MoveInbox: %v", err)
			}
		}
	})
	left := append(s.inbox(false), s.inbox(true)...)
	if len(left) != n/3 {
		s.t.Errorf("%d rows are left, want the third that was neither dropped nor made a job", len(left))
	}
	if jobs := len(s.findAll(store.Filter{Max: 1000})); jobs != n/3 {
		s.t.Errorf("%d jobs are stored, want %d", jobs, n/3)
	}
}

func inboxNone(s *scene) {
	s.move()
	n := aJob()
	s.move(store.InboxFate{Number: 42, Job: &n}, store.InboxFate{Number: 43, Error: "no"})
	s.wantAll(0)
	if rows := append(s.inbox(false), s.inbox(true)...); len(rows) > 0 {
		s.t.Errorf("rows are %+v, want none", rows)
	}
}

func inboxDropped(s *scene) {
	rows := s.posted("1", "2", "3", "4")
	s.move(store.InboxFate{Number: rows[0].Number, Error: "no"}, store.InboxFate{Number: rows[1].Number, Error: "no"})
	fates, all := asJobs(rows)
	s.move(store.InboxFate{Number: rows[0].Number, Drop: true}, store.InboxFate{Number: rows[2].Number, Drop: true}, fates[3])
	if refused := s.inbox(true); len(refused) != 1 || refused[0].Number != rows[1].Number {
		s.t.Errorf("refused are %+v, want the second", refused)
	}
	if left := s.inbox(false); len(left) > 0 {
		s.t.Errorf("rows are left: %+v", left)
	}
	if v := s.observed(); v.Inbox {
		s.t.Error("Look shows rows that are gone")
	}
	s.move(fates[0], fates[2], store.InboxFate{Number: rows[2].Number, Drop: true}, store.InboxFate{Number: rows[0].Number})
	s.wantAll(1)
	s.want(all[3].ID, store.Available)
}

func inboxLookedAgain(s *scene) {
	rows := s.posted("1", "2", "3")
	s.move(store.InboxFate{Number: rows[0].Number, Error: "no"}, store.InboxFate{Number: rows[1].Number, Error: "no"})
	s.move(store.InboxFate{Number: rows[0].Number}, store.InboxFate{Number: rows[2].Number})
	if refused := s.inbox(true); len(refused) != 1 || refused[0].Number != rows[1].Number || refused[0].Error != "no" {
		s.t.Errorf("refused are %+v, want the second", refused)
	}
	left := s.inbox(false)
	if len(left) != 2 || left[0].Number != rows[0].Number || left[1].Number != rows[2].Number || left[0].Error != "" {
		s.t.Fatalf("rows to look at are %+v, want the first and the third", left)
	}
	if v := s.observed(); !v.Inbox {
		s.t.Error("Look does not show that there are rows")
	}
	fates, _ := asJobs(left)
	s.move(fates...)
	s.wantAll(2)
}

func inboxAged(s *scene) {
	rows := s.posted("1", "2", "3")
	s.advance(time.Hour)
	s.move(store.InboxFate{Number: rows[0].Number, Error: "no"}, store.InboxFate{Number: rows[1].Number, Error: "no"})
	s.move(store.InboxFate{Number: rows[0].Number})
	s.advance(store.RetainEnded - 2*time.Hour)
	s.prune(100)
	if refused := s.inbox(true); len(refused) != 1 || refused[0].Number != rows[1].Number {
		s.t.Errorf("early, refused are %+v, want the second", refused)
	}
	s.advance(2 * time.Hour)
	if n := s.prune(100); n > 0 {
		s.t.Errorf("%d rows were counted as jobs", n)
	}
	if refused := s.inbox(true); len(refused) > 0 {
		s.t.Errorf("after %v refused are %+v, want none", store.RetainEnded, refused)
	}
	if left := s.inbox(false); len(left) != 2 {
		s.t.Errorf("rows to look at are %+v, want the first and the third", left)
	}
}
