package postgres

import (
	"testing"
	"time"

	"github.com/offloadhq/offload/store"
)

var noon = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }

// claimed are jobs of a priority, the last one due at a time.
func claimed(n, priority int, last time.Time) []drawn {
	all := make([]drawn, n)
	for i := range all {
		all[i] = drawn{lane: priority, order: last}
	}
	return all
}

// settled begins a scan of priority 5 that is not one from the left.
func settled(t *testing.T, m *marks) scan {
	t.Helper()
	q := m.queues["mail"]
	if q == nil {
		m.begin("mail", []int{5})
		q = m.queues["mail"]
		q.epoch = 0
	}
	q.fullAt = time.Now().Add(time.Hour)
	return m.begin("mail", []int{5})
}

func TestMarkWaitsForTransactionsThatMayComeLate(t *testing.T) {
	m := &marks{}
	m.end(settled(t, m), claimView{now: at(9), xmin: 90, number: 100}, claimed(2, 5, at(1)), 2)
	if c := settled(t, m); !c.marks[0].Equal(never) {
		t.Errorf("a transaction of before 100 may still add rows, and the mark is %v", c.marks[0])
	}
	m.end(settled(t, m), claimView{now: at(9), xmin: 100, number: 120}, claimed(2, 5, at(3)), 2)
	if c := settled(t, m); !c.marks[0].Equal(at(1)) {
		t.Errorf("all before 100 have ended: the mark is %v, want that of the first claim", c.marks[0])
	}
	m.end(settled(t, m), claimView{now: at(9), xmin: 130, number: 130}, nil, 2)
	if c := settled(t, m); !c.marks[0].Equal(at(9)) {
		t.Errorf("nothing was left and all have ended: the mark is %v, want the claim's now", c.marks[0])
	}
}

func TestMarkGoesBackToWhereAClaimStopped(t *testing.T) {
	m := &marks{}
	m.end(settled(t, m), claimView{now: at(9), xmin: 100, number: 100}, nil, 2)
	m.end(settled(t, m), claimView{now: at(9), xmin: 100, number: 100}, claimed(2, 5, at(4)), 2)
	if c := settled(t, m); !c.marks[0].Equal(at(4)) {
		t.Errorf("a scan from the left stopped at its limit: the mark is %v, want %v", c.marks[0], at(4))
	}
}

func TestEpochSendsClaimsToTheLeft(t *testing.T) {
	m := &marks{}
	m.end(settled(t, m), claimView{now: at(9), xmin: 100, number: 100}, nil, 2)
	m.queues["mail"].lanes[7] = &lane{mark: at(9)}
	m.end(settled(t, m), claimView{now: at(10), epoch: 1, xmin: 100, number: 100}, claimed(2, 5, at(2)), 2)

	if c := settled(t, m); c.epoch != 1 || !c.marks[0].Equal(at(2)) {
		t.Errorf("next scan has epoch %d and mark %v", c.epoch, c.marks[0])
	}
	if m.queues["mail"].lanes[7] != nil {
		t.Error("a lane that the scan did not reach keeps its mark")
	}
}

func TestLateAnswersDontMoveMarks(t *testing.T) {
	m := &marks{}
	slow := settled(t, m)
	m.end(settled(t, m), claimView{now: at(5), epoch: 1, xmin: 100, number: 100}, claimed(2, 5, at(1)), 2)
	m.end(slow, claimView{now: at(9), epoch: 0, xmin: 100, number: 100}, nil, 2)
	if c := settled(t, m); !c.marks[0].Equal(at(1)) {
		t.Errorf("a claim that began before the epoch moved the mark to %v", c.marks[0])
	}
	slow = settled(t, m)
	m.forget("mail")
	m.end(slow, claimView{now: at(9), epoch: 1, xmin: 100, number: 100}, nil, 2)
	if c := settled(t, m); !c.marks[0].Equal(never) {
		t.Errorf("a claim that began before a failure moved the mark to %v", c.marks[0])
	}
}

func TestMarkDoesNotWaitForeverForATransaction(t *testing.T) {
	l := &lane{}
	began := time.Now()
	l.advance(at(1), claimView{xmin: 50, number: 100}, began)
	l.advance(at(2), claimView{xmin: 50, number: 110}, began.Add(maxLag+time.Second))
	if !l.mark.Equal(at(1)) {
		t.Errorf("mark is %v, want %v", l.mark, at(1))
	}
	for i := range 1000 {
		l.advance(at(10+i), claimView{xmin: 50, number: 200 + int64(i)}, began.Add(maxLag+time.Second))
	}
	if len(l.ahead) > maxAhead {
		t.Errorf("%d marks wait, want %d at most", len(l.ahead), maxAhead)
	}
}

func TestReachOfPriorities(t *testing.T) {
	m := &marks{}
	m.begin("mail", []int{9, 0, 5})
	m.queues["mail"].epoch = 0
	c := m.begin("mail", []int{9, 0, 5})
	m.end(c, claimView{now: at(9), xmin: 100, number: 100}, claimed(3, 0, at(2)), 3)
	lanes := m.queues["mail"].lanes
	if !lanes[9].mark.Equal(at(9)) || !lanes[0].mark.Equal(at(2)) || lanes[5] != nil {
		t.Errorf("lanes are %+v: want 9 read to the end, 0 to its last job, 5 not at all", lanes)
	}
}

func TestWakesComeBackAsTheyWere(t *testing.T) {
	for _, w := range []store.Wake{{Queue: "mail", Priority: 5}, {Queue: "a:b", Priority: 0}, {Priority: -1}} {
		if got := decodeWake(encodeWake(w)); got != w {
			t.Errorf("%+v comes back as %+v", w, got)
		}
	}
	if got := decodeWake("of a later release"); got != anything {
		t.Errorf("what is not understood is %+v, want anything", got)
	}
}
