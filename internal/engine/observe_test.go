package engine

import (
	"testing"
	"time"

	"github.com/offloadhq/offload/store"
)

func TestObserverJudgesByChangeThatItHasSeenItself(t *testing.T) {
	peer := store.NewID()
	// A beat of the observer at a time, in seconds, that has seen the peer's count.
	type beat struct {
		at    float64
		count int64
	}
	every3 := func(from, to float64, count int64) (beats []beat) {
		for at := from; at <= to; at += 3 {
			beats = append(beats, beat{at, count})
		}
		return beats
	}
	for _, test := range []struct {
		name  string
		beats []beat
		lost  float64 // when; 0 is never
	}{
		{"a peer that stands still is lost after 12 s", every3(100, 130, 7), 112},
		{"not before", every3(100, 111, 7), 0},
		{"one that beats is not", []beat{{100, 1}, {103, 2}, {106, 3}, {109, 4}, {112, 5}, {115, 6}}, 0},
		{"a beat begins the time anew", append(every3(100, 109, 1), every3(112, 127, 2)...), 124},
		{"so does a count that falls", append(every3(100, 109, 2), every3(112, 124, 1)...), 124},
		{"a gap in the observer's own beats too", append(every3(100, 109, 1), every3(116, 140, 1)...), 128},
		{"a gap of two intervals is allowed", append(every3(100, 106, 1), every3(112, 112, 1)...), 112},
		{"the first look judges nobody", []beat{{1000, 1}}, 0},
	} {
		var o observer
		lost := 0.0
		for _, b := range test.beats {
			at := time.Duration(b.at * float64(time.Second))
			if len(o.observe(at, at, []store.Peer{{ID: peer, Count: b.count}})) > 0 {
				lost = b.at
				break
			}
		}
		if lost != test.lost {
			t.Errorf("%s: lost at %v s, want %v", test.name, lost, test.lost)
		}
	}
}

func TestObserverReckonsTheShortestTime(t *testing.T) {
	var o observer
	peers := []store.Peer{{ID: store.NewID(), Count: 1}}
	// Each beat takes 2 s: it may have been read at its end, and again at its beginning.
	for at := 10 * time.Second; at < 24*time.Second; at += 3 * time.Second {
		if lost := o.observe(at, at+2*time.Second, peers); lost != nil {
			t.Errorf("lost at %v, though 12 s have not passed for certain", at)
		}
	}
	if lost := o.observe(25*time.Second, 27*time.Second, peers); len(lost) != 1 || lost[0].Count != 1 {
		t.Errorf("lost is %v, want the peer at beat 1", lost)
	}
}

func TestObserverSaysWhenToLookAgain(t *testing.T) {
	var o observer
	if _, found := o.next(); found {
		t.Error("an observer without peers wants to look")
	}
	first, second := store.Peer{ID: store.NewID()}, store.Peer{ID: store.NewID()}
	o.observe(1*time.Second, 1*time.Second, []store.Peer{first})
	o.observe(4*time.Second, 4*time.Second, []store.Peer{first, second})
	if at, _ := o.next(); at != 13*time.Second {
		t.Errorf("the next to be judged is so at %v, want 13 s", at)
	}
	o.observe(9*time.Second, 9*time.Second, []store.Peer{first, second})
	o.observe(13*time.Second, 13*time.Second, []store.Peer{first, second})
	if at, _ := o.next(); at != 16*time.Second {
		t.Errorf("after the first, the next is judged at %v, want 16 s", at)
	}
}

func TestObserverForgetsWhoIsGone(t *testing.T) {
	var o observer
	peers := []store.Peer{{ID: store.NewID(), Count: 1}}
	o.observe(0, 0, peers)
	o.observe(3*time.Second, 3*time.Second, nil)
	for at := 6 * time.Second; at < 18*time.Second; at += 3 * time.Second {
		if lost := o.observe(at, at, peers); lost != nil {
			t.Errorf("lost at %v by what was seen before it went", at)
		}
	}
}

func TestPaceCountsEnds(t *testing.T) {
	now := time.Now()
	var p pace
	if p.rate(now) != 0 {
		t.Error("a pace without work is not 0")
	}
	p.begin(now)
	if r := p.rate(now.Add(time.Second)); r != 0 {
		t.Errorf("slow work is reckoned at %v a second", r)
	}
	p = pace{}
	p.begin(now)
	for i := range 3000 {
		p.add(1, now.Add(time.Duration(i)*time.Millisecond))
		if i != 50 && i != 2999 {
			continue
		}
		if r := p.rate(now.Add(time.Duration(i) * time.Millisecond)); r < 900 || r > 1100 {
			t.Errorf("a job a millisecond is reckoned at %v a second after %d ms", r, i)
		}
	}
	if r := p.rate(now.Add(10 * time.Second)); r > 1 {
		t.Errorf("idle for 7 s, the pace is %v", r)
	}
}
