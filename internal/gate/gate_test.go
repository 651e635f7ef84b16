package gate

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/offloadhq/offload/store"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestIDs(t *testing.T) {
	for _, u := range []store.Use{{Limit: "crm", Key: "acme"}, {Limit: "crm"}, {Limit: "crm", Key: "a\x1fb"}} {
		if limit, key := Parse(IDOf(u)); limit != u.Limit || key != u.Key {
			t.Errorf("Parse(IDOf(%q, %q)) = %q, %q", u.Limit, u.Key, limit, key)
		}
	}
}

func TestConcurrency(t *testing.T) {
	g := Gate{Limit: store.Limit{Name: "crm", Max: 2}}
	u := store.Use{Limit: "crm"}
	g.Take(u)
	g.Start(noon, u) // holds on
	g.Take(u)
	if g.Room(noon, store.NewID(), u) {
		t.Error("a third job has room")
	}
	if at := g.Opens(noon, u); !at.IsZero() {
		t.Errorf("it opens at %v, though only an end opens it", at)
	}
	g.Leave(u)
	if !g.Room(noon, store.NewID(), u) {
		t.Error("no room after an end")
	}
	g.Leave(u)
	g.Leave(u)
	if g.Held != 0 {
		t.Errorf("%d are held after more ends than starts", g.Held)
	}
}

func TestPauseAndStop(t *testing.T) {
	u, failed := store.Use{Limit: "crm"}, store.NewID()
	g := Gate{Limit: store.Limit{Max: 1}, Paused: noon.Add(time.Minute)}
	if g.Room(noon, failed, u) || !g.Room(noon.Add(time.Minute), failed, u) {
		t.Error("a pause holds until its end, and no longer")
	}
	if at := g.Opens(noon, u); !at.Equal(noon.Add(time.Minute)) {
		t.Errorf("it opens at %v", at)
	}
	g = Gate{Limit: store.Limit{Max: 1, Strict: true}, Stops: failed}
	if g.Room(noon, store.NewID(), u) {
		t.Error("another job goes by the one that stops the key")
	}
	if !g.Room(noon, failed, u) {
		t.Error("the job that stops the key may not be tried again")
	}
	if at := g.Opens(noon, u); !at.IsZero() {
		t.Errorf("a stopped key opens at %v", at)
	}
}

// In any time of length d there are at most Burst + d/Per·Max starts, whenever jobs that were
// let through are started; and as many as that if there are always jobs.
func TestRate(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		l := store.Limit{Max: 1 + random.IntN(20), Per: time.Duration(1+random.IntN(60)) * time.Second, Burst: random.IntN(15)}
		g := Gate{Limit: l}
		var starts []time.Time
		var through []store.Use
		now := noon
		for range 400 {
			u := store.Use{Cost: random.IntN(3)}
			if g.Room(now, store.ID{}, u) {
				g.Take(u)
				through = append(through, u)
			}
			if len(through) > 0 && random.IntN(3) > 0 {
				g.Start(now, through[0])
				for range g.weight(through[0]) {
					starts = append(starts, now)
				}
				through = through[1:]
			}
			now = now.Add(time.Duration(random.Int64N(int64(l.Per) / int64(l.Max))))
		}
		for i := range starts {
			for j := i; j < len(starts); j++ {
				d := starts[j].Sub(starts[i])
				if most := g.burst() + int(int64(d)*int64(l.Max)/int64(l.Per)); j-i+1 > most {
					t.Fatalf("seed %d, %+v: %d starts within %v, at most %d", seed, l, j-i+1, d, most)
				}
			}
		}
	}
}

func TestRateIsReached(t *testing.T) {
	g := Gate{Limit: store.Limit{Max: 10, Per: time.Minute, Burst: 3}}
	u, now, n := store.Use{}, noon, 0
	for now.Before(noon.Add(10 * time.Minute)) {
		if g.Room(now, store.ID{}, u) {
			g.Take(u)
			g.Start(now, u)
			n++
			continue
		}
		next := g.Opens(now, u)
		if !next.After(now) {
			t.Fatalf("no room at %v, and it opens at %v", now, next)
		}
		now = next
	}
	if n != 102 { // 3 at once, and one each 6 s from then on
		t.Errorf("%d starts in 10 minutes", n)
	}
}

func TestRateWithoutStarts(t *testing.T) {
	g := Gate{Limit: store.Limit{Max: 10, Per: time.Minute, Burst: 2}}
	u := store.Use{}
	g.Take(u)
	g.Take(u)
	hour := noon.Add(time.Hour)
	if g.Room(hour, store.ID{}, u) || !g.Opens(hour, u).IsZero() {
		t.Error("jobs that have been let through and do not start let others follow")
	}
	g.Start(hour, u)
	if g.Room(hour, store.ID{}, u) {
		t.Error("three starts at once with a burst of 2")
	}
	if at, want := g.Opens(hour, u), hour.Add(6*time.Second); !at.Equal(want) {
		t.Errorf("it opens at %v, want %v", at, want)
	}
}

// A cost that no longer fits, since the limit was made smaller, waits for all of it.
func TestCostOverTheBurst(t *testing.T) {
	g := Gate{Limit: store.Limit{Max: 2, Per: time.Second}}
	u := store.Use{Cost: 5}
	if !g.Room(noon, store.ID{}, u) {
		t.Fatal("a job is never let through")
	}
	g.Take(u)
	g.Start(noon, u)
	if at, want := g.Opens(noon, u), noon.Add(time.Second); !at.Equal(want) {
		t.Errorf("the next opens at %v, want %v", at, want)
	}
}

func TestSet(t *testing.T) {
	crm, api := store.Use{Limit: "crm", Key: "acme"}, store.Use{Limit: "api"}
	s := Set{IDOf(crm): {Limit: store.Limit{Max: 2}}}
	if lacks := s.Lacks([]store.Use{crm, api}); len(lacks) != 1 || lacks[0] != IDOf(api) {
		t.Errorf("lacks %q", lacks)
	}
	s[IDOf(api)] = &Gate{Limit: store.Limit{Max: 1}}
	both := []store.Use{crm, api}
	if at, _ := s.At(noon, store.ID{}, both); at != "" {
		t.Fatalf("waits at %q", at)
	}
	s.Take(both)
	if at, u := s.At(noon, store.ID{}, both); at != IDOf(api) || u != api {
		t.Errorf("waits at %q by %+v", at, u)
	}
}
