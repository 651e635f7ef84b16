package storetest

import (
	"fmt"
	"time"

	"github.com/offloadhq/offload/store"
)

var foldLaws = []law{
	{"Figures/Fold", "figures of minutes long gone are added up by the hour, each once, whoever does it", figuresFold},
	{"Figures/Late", "what is counted late is not lost, though its hour was added up", figuresLate},
	{"Figures/CountsOnly", "counts without durations are the same counts", figuresCountsOnly},
}

// sums are the counts and waits of what has ended, by outcome, and the starts of its figures.
func (s *scene) sums(q store.FigureQuery) (counts map[string]int64, waits store.Histogram, starts []time.Time) {
	s.t.Helper()
	counts = map[string]int64{}
	for _, f := range s.figures(q) {
		if f.Outcome != "enqueued" {
			counts[f.Outcome] += f.Count
			waits.Add(&f.Wait)
			starts = append(starts, f.Start)
		}
	}
	return counts, waits, starts
}

func figuresFold(s *scene) {
	for i := range 6 {
		p, c := s.running("mail", task([]string{"send", "draw"}[i%2]))
		e := completed(c)
		e.Waited = time.Duration(i) * time.Second
		s.finish(p, e)
		s.advance(time.Minute)
	}
	counts, waits, _ := s.sums(store.FigureQuery{})
	s.advance(store.FiguresByMinute + 2*time.Hour)
	others := []store.Store{s.Store}
	if s.Another != nil {
		others = append(others, s.another().Store)
	}
	for range 2 {
		together(len(others), func(i int) {
			if _, err := others[i].Prune(s.ctx(), 100); err != nil {
				s.t.Errorf("Prune: %v", err)
			}
		})
	}
	again, waitsAgain, starts := s.sums(store.FigureQuery{})
	if fmt.Sprint(again) != fmt.Sprint(counts) || waitsAgain != waits || counts["completed"] != 6 {
		s.t.Errorf("figures count %v, waits %v after they were added up; want %v, %v", again, waitsAgain, counts, waits)
	}
	for _, at := range starts {
		if at.Unix()%3600 != 0 {
			s.t.Errorf("a figure starts at %v, want an hour", at)
		}
	}
	if len(starts) > 4 { // two tasks, in two hours if one has begun meanwhile
		s.t.Errorf("there are %d figures, want those of an hour", len(starts))
	}
	if got, _, _ := s.sums(store.FigureQuery{Tasks: []string{"draw"}, Step: 24 * time.Hour}); got["completed"] != 3 {
		s.t.Errorf("figures of one task count %v, want 3", got)
	}
	if got, _, _ := s.sums(store.FigureQuery{Since: s.now().Add(-26 * time.Hour)}); got["completed"] != 0 {
		s.t.Errorf("figures of the last day count %v, want none", got)
	}
	s.advance(store.RetainFigures)
	_, err := s.Store.Prune(s.ctx(), 100)
	s.must(err)
	if got, _, _ := s.sums(store.FigureQuery{Since: s.now().Add(-2 * store.RetainFigures)}); len(got) > 0 {
		s.t.Errorf("figures that had their time count %v", got)
	}
}

func figuresLate(s *scene) {
	passed := s.now().Add(-store.FiguresByMinute - 5*time.Hour).Truncate(time.Hour)
	enqueueAt := func(at time.Time) {
		id, of := store.NewID(), store.IDAt(at)
		copy(id[:6], of[:6])
		s.enqueue(func(n *store.NewJob) { n.ID = id })
	}
	enqueueAt(passed.Add(10 * time.Minute))
	enqueueAt(passed.Add(20 * time.Minute))
	for range 2 {
		s.must(s.Store.CountEnqueued(s.ctx()))
		_, err := s.Store.Prune(s.ctx(), 100)
		s.must(err)
	}
	var sum int64
	for _, f := range s.figures(store.FigureQuery{}) {
		if sum += f.Count; f.Outcome != "enqueued" || !f.Start.Equal(passed) {
			s.t.Errorf("figure of %s at %v, want enqueued at %v", f.Outcome, f.Start, passed)
		}
	}
	if sum != 2 {
		s.t.Errorf("figures count %d enqueued, want 2", sum)
	}
}

func figuresCountsOnly(s *scene) {
	for i := range 4 {
		s.ending("mail", []store.Outcome{store.OutcomeCompleted, store.OutcomeDiscarded}[i%2], task([]string{"send", "draw"}[i/2]))
	}
	for _, step := range []time.Duration{time.Minute, time.Hour, 7 * time.Hour, 24 * time.Hour} {
		for _, f := range []store.FigureQuery{{Step: step}, {Step: step, Tasks: []string{"draw"}}, {Step: step, Queues: []string{"none"}}} {
			want := s.figures(f)
			f.CountsOnly = true
			got := s.figures(f)
			for i := range want {
				want[i].Wait, want[i].Run = store.Histogram{}, store.Histogram{}
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				s.t.Errorf("counts by %v are\n%v, want\n%v", step, got, want)
			}
		}
	}
}
