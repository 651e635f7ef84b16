package storetest

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/offloadhq/offload/store"
)

var memoLaws = []law{
	{"Memos/Kept", "a memo of a running job is kept under its name, with its attempt and its time, in place of one before it", memosKept},
	{"Memos/Order", "memos come by name, all of them or those that are asked for", memosOrder},
	{"Memos/Bytes", "memos are bytes, and come back as they were", memosBytes},
	{"Memos/Lost", "a memo of an attempt that is gone is refused as a lost lease, and nothing is written", memosLost},
	{"Memos/Stay", "memos outlive a retry, a snooze, a crash, being parked and given back, and a failure for good", memosStay},
	{"Memos/Completed", "memos go when their job has completed, in a transaction too", memosCompleted},
	{"Memos/Deleted", "memos go with their job", memosDeleted},
	{"Memos/Full", "a job that has MaxMemos memos can keep others in their place, and no more", memosFull},
	{"Memos/AtOnce", "memos that are kept at once are all kept", memosAtOnce},
	{"Faults/NotesFail", "whichever statement fails, no line and no memo is lost or doubled when the call is made again", notesFail},
	{"Faults/NotesLoseAnswer", "whichever statement's answer is lost, no memo and no line is lost when the call is made again", notesLoseAnswer},
}

func (s *scene) putMemo(process store.ID, c store.Claimed, name, data string) {
	s.t.Helper()
	s.must(s.Store.PutMemo(s.ctx(), process, c.Fence, store.Memo{Name: name, Data: []byte(data)}))
}

func (s *scene) memos(id store.ID, names ...string) []store.Memo {
	s.t.Helper()
	found, err := s.Store.Memos(s.ctx(), id, names...)
	s.must(err)
	return found
}

// wantMemos wants the memos of a job to read so, as "name=data" joined by spaces.
func (s *scene) wantMemos(id store.ID, want string, names ...string) {
	s.t.Helper()
	var all []string
	for _, m := range s.memos(id, names...) {
		all = append(all, m.Name+"="+string(m.Data))
	}
	if got := strings.Join(all, " "); got != want {
		s.t.Errorf("memos %q of job %s are %q, want %q", names, id, got, want)
	}
}

func memosKept(s *scene) {
	p, c := s.running("mail")
	s.wantMemos(c.ID, "")
	before := s.now()
	s.putMemo(p, c, "", "7")
	s.putMemo(p, c, "charge", "ch_1")
	after := s.now()
	s.wantMemos(c.ID, "=7 charge=ch_1")
	for _, m := range s.memos(c.ID) {
		if m.Attempt != 1 {
			s.t.Errorf("memo %q is of attempt %d, want 1", m.Name, m.Attempt)
		}
		s.between("At", m.At, before, after)
	}
	s.finish(p, retried(c, 0))
	again := s.claimThis(p, c.ID)
	s.putMemo(p, again, "", "8")
	s.wantMemos(c.ID, "=8 charge=ch_1")
	if m := s.memos(c.ID); m[0].Attempt != 2 || m[1].Attempt != 1 {
		s.t.Errorf("memos are %+v, want one of attempt 2 and one of attempt 1", m)
	}
	s.wantMemos(store.NewID(), "")
}

func memosOrder(s *scene) {
	p, c := s.running("mail")
	for _, name := range []string{"b", "é", "a b", "B", "", "a", "Z", "a-b", "10", "9", "🦊"} {
		s.putMemo(p, c, name, "1")
	}
	s.wantMemos(c.ID, "=1 10=1 9=1 B=1 Z=1 a=1 a b=1 a-b=1 b=1 é=1 🦊=1")
	s.wantMemos(c.ID, "=1", "")
	s.wantMemos(c.ID, "B=1 b=1", "b", "none", "B", "b")
	s.wantMemos(c.ID, "", "none")
}

func memosBytes(s *scene) {
	p, c := s.running("mail")
	for name, data := range oddBytes() {
		s.must(s.Store.PutMemo(s.ctx(), p, c.Fence, store.Memo{Name: name, Data: data}))
		if got := s.memos(c.ID, name); len(got) != 1 || !bytes.Equal(got[0].Data, data) {
			s.t.Errorf("%s: a memo of %d bytes does not come back as it was", name, len(data))
		}
	}
	name := strings.Repeat(`'"\$1%?`, store.MaxMemoName)[:store.MaxMemoName]
	s.putMemo(p, c, name, "long")
	s.wantMemos(c.ID, name+"=long", name)
}

func memosLost(s *scene) {
	p, c := s.running("mail")
	s.putMemo(p, c, "", "kept")
	refused := func(process store.ID, f store.Fence) {
		s.t.Helper()
		for _, name := range []string{"", "step"} {
			err := s.Store.PutMemo(s.ctx(), process, f, store.Memo{Name: name, Data: []byte("lost")})
			s.wantErr(err, store.ErrLeaseLost)
		}
		s.wantMemos(c.ID, "=kept")
	}
	refused(s.join(), c.Fence)
	refused(p, store.Fence{ID: c.ID, Attempt: 2})
	refused(p, store.Fence{ID: store.NewID(), Attempt: 1})
	s.finish(p, retried(c, 0))
	refused(p, c.Fence)
	again := s.claimThis(p, c.ID)
	refused(p, c.Fence)
	s.declareLost(p)
	refused(p, again.Fence)
}

func memosStay(s *scene) {
	p, c := s.running("mail")
	s.putMemo(p, c, "", "kept")
	next := func() {
		s.t.Helper()
		s.wantMemos(c.ID, "=kept")
		c = s.claimThis(p, c.ID)
		s.wantMemos(c.ID, "=kept")
	}
	s.finish(p, retried(c, 0))
	next()
	s.finish(p, snoozed(c, 0))
	next()
	s.must(s.Store.Release(s.ctx(), p, fences(c)))
	next()
	s.declareLost(p)
	p = s.join()
	next()
	s.must(s.Store.Park(s.ctx(), p, false, fences(c)))
	s.wantMemos(c.ID, "=kept")
	c = s.claimParked(p, "mail", 1, "send")[0]
	for _, outcome := range []store.Outcome{store.OutcomeDiscarded, store.OutcomeCancelled, store.OutcomeExpired} {
		s.finish(p, ended(c, outcome))
		s.wantMemos(c.ID, "=kept")
		s.act(store.Retry, c.ID)
		next()
	}
}

func memosCompleted(s *scene) {
	p, c := s.running("mail")
	s.putMemo(p, c, "", "1")
	s.putMemo(p, c, "step", "2")
	s.finish(p, completed(c))
	s.wantMemos(c.ID, "")

	p, c = s.running("mail")
	s.putMemo(p, c, "", "1")
	s.act(store.Cancel, c.ID)
	s.finish(p, completed(c)) // which is what it is, though it was cancelled
	s.wantMemos(c.ID, "")

	p, c = s.running("mail")
	s.putMemo(p, c, "", "1")
	tx, w := s.begin()
	s.must(w.Complete(s.ctx(), p, completed(c)))
	s.must(tx.Rollback())
	s.wantMemos(c.ID, "=1")
	tx, w = s.begin()
	s.must(w.Complete(s.ctx(), p, completed(c)))
	s.must(tx.Commit())
	s.wantMemos(c.ID, "")
}

func memosDeleted(s *scene) {
	p, c := s.running("mail")
	s.putMemo(p, c, "", "1")
	s.finish(p, ended(c, store.OutcomeDiscarded))
	s.act(store.Delete, c.ID)
	s.wantMemos(c.ID, "")

	p, c = s.running("mail", retain(time.Hour))
	s.putMemo(p, c, "", "1")
	s.finish(p, ended(c, store.OutcomeDiscarded))
	s.advance(2 * time.Hour)
	s.prune(10)
	s.wantGone(c.ID)
	s.wantMemos(c.ID, "")
}

func memosFull(s *scene) {
	if !*everyFault {
		s.t.Skip("10,000 memos are written one by one: -storetest.everyfault")
	}
	p, c := s.running("mail")
	const hands = 50
	together(hands, func(i int) {
		for n := i; n < store.MaxMemos; n += hands {
			s.putMemo(p, c, fmt.Sprint(n), "1")
		}
	})
	s.wantErr(s.Store.PutMemo(s.ctx(), p, c.Fence, store.Memo{Name: "more"}), store.ErrFull)
	s.putMemo(p, c, "7", "2")
	s.wantMemos(c.ID, "7=2", "7")
	if n := len(s.memos(c.ID)); n != store.MaxMemos {
		s.t.Errorf("%d memos are kept, want %d", n, store.MaxMemos)
	}
	s.wantErr(s.Store.PutMemo(s.ctx(), s.join(), c.Fence, store.Memo{Name: "more"}), store.ErrLeaseLost)
}

func memosAtOnce(s *scene) {
	p, c := s.running("mail")
	together(8, func(i int) {
		for n := range 10 {
			s.putMemo(p, c, fmt.Sprint(i), fmt.Sprint(n))
			s.putMemo(p, c, "all", "x")
		}
	})
	s.wantMemos(c.ID, "0=9 1=9 2=9 3=9 4=9 5=9 6=9 7=9 all=x")
}

func notesFail(s *scene)       { s.breakNotes(1, Fail) }
func notesLoseAnswer(s *scene) { s.breakNotes(2, LoseAnswer) }

// breakNotes breaks lives in which a running job says something, in one of two laws.
func (s *scene) breakNotes(first int, fault Fault) {
	from, step := shared(first, 2)
	s.breakLives(from, step, fault, false, func(l *life) lived { return &noteLife{life: l, doubles: fault == LoseAnswer} })
}

// A noteLife is one of a job that runs, logs and keeps memos.
type noteLife struct {
	*life
	c       store.Claimed
	doubles bool // its lines may be written twice
}

func (l *noteLife) prepare() { l.process, l.c = l.running(l.name) }

func (l *noteLife) live() {
	l.call("logs", func() error {
		return l.broken.WriteLogs(l.ctx(), l.process, []store.LogLine{line(l.c, "a"), line(l.c, "b")})
	})
	for name, data := range map[string]string{"": "1", "step": "2"} {
		l.call("memo", func() error {
			return l.broken.PutMemo(l.ctx(), l.process, l.c.Fence, store.Memo{Name: name, Data: []byte(data)})
		})
	}
	l.call("logs", func() error {
		_, err := l.broken.Logs(l.ctx(), l.c.ID, 0, 10)
		return err
	})
	l.call("memos", func() error {
		_, err := l.broken.Memos(l.ctx(), l.c.ID)
		return err
	})
}

func (l *noteLife) judge() {
	l.t.Helper()
	l.wantMemos(l.c.ID, "=1 step=2")
	if got := texts(l.logs(l.c.ID, 0, 10)); got != "a b" && (!l.doubles || got != "a b a b") {
		l.t.Errorf("the log reads %q, want what was written", got)
	}
	l.finishes([]store.Ended{completed(l.c)})
	l.wantMemos(l.c.ID, "")
	l.must(l.Store.Leave(l.ctx(), l.process))
}
