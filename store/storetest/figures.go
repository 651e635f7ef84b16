package storetest

import (
	"maps"
	"time"

	"github.com/offloadhq/offload/store"
)

var figuresLaws = []law{
	{"Figures/Sum", "every finish is counted once, by task, queue and outcome, with its durations", figuresSum},
	{"Figures/Select", "figures are selected by task, queue and time", figuresSelect},
	{"Figures/Order", "figures come by start, task, queue and outcome, one for each", figuresOrder},
	{"Figures/Step", "figures of a longer step are the sums of its minutes", figuresStep},
	{"Figures/Lost", "what a lost attempt would have written is not counted", figuresLost},
	{"Figures/Enqueued", "jobs enqueued in minutes that have passed are counted once", figuresEnqueued},
}

// figures are those that q selects, of about now.
func (s *scene) figures(q store.FigureQuery) []store.Figure {
	s.t.Helper()
	if q.Since.IsZero() {
		q.Since = s.now().Add(-48 * time.Hour)
	}
	if q.Until.IsZero() {
		q.Until = s.now().Add(48 * time.Hour)
	}
	if q.Step == 0 {
		q.Step = time.Minute
	}
	f, err := s.Store.Figures(s.ctx(), q)
	s.must(err)
	return f
}

// wantFigures wants the figures to have counted so many of each outcome.
func (s *scene) wantFigures(want map[string]int64) {
	s.t.Helper()
	got := map[string]int64{}
	for _, f := range s.figures(store.FigureQuery{}) {
		if f.Outcome != "enqueued" {
			got[f.Outcome] += f.Count
		}
	}
	if !maps.Equal(got, want) {
		s.t.Errorf("figures count %v, want %v", got, want)
	}
}

func figuresSum(s *scene) {
	const n = 20
	var wait, run store.Histogram
	for i := range n {
		p, c := s.running("mail")
		e := completed(c)
		e.Waited, e.Ran = time.Duration(i)*time.Millisecond, time.Duration(i*i)*time.Second
		if i == n-1 {
			e.Ran = 100 * 24 * time.Hour
		}
		wait.Count(e.Waited)
		run.Count(e.Ran)
		s.finish(p, e)
	}
	var count int64
	var gotWait, gotRun store.Histogram
	for _, f := range s.figures(store.FigureQuery{}) {
		if f.Task != "send" || f.Queue != "mail" || f.Outcome != "completed" {
			s.t.Errorf("figure is of %s, %s, %s; want of send, mail, completed", f.Task, f.Queue, f.Outcome)
		}
		count += f.Count
		gotWait.Add(&f.Wait)
		gotRun.Add(&f.Run)
	}
	if count != n || gotWait != wait || gotRun != run {
		s.t.Errorf("figures count %d\nwaited %v\nran %v\nwant %d\nwaited %v\nran %v", count, gotWait, gotRun, n, wait, run)
	}
}

func figuresSelect(s *scene) {
	s.ending("mail", store.OutcomeCompleted)
	s.ending("mail", store.OutcomeDiscarded, task("draw"))
	s.ending("image", store.OutcomeCompleted, task("draw"))
	count := func(q store.FigureQuery) (n int64) {
		for _, f := range s.figures(q) {
			n += f.Count
		}
		return n
	}
	now := s.now()
	for _, test := range []struct {
		query store.FigureQuery
		want  int64
	}{
		{store.FigureQuery{}, 3},
		{store.FigureQuery{Tasks: []string{"draw"}}, 2},
		{store.FigureQuery{Queues: []string{"mail"}}, 2},
		{store.FigureQuery{Tasks: []string{"draw", "send"}, Queues: []string{"image"}}, 1},
		{store.FigureQuery{Tasks: []string{"paint"}}, 0},
		{store.FigureQuery{Since: now.Add(time.Hour), Until: now.Add(2 * time.Hour)}, 0},
		{store.FigureQuery{Since: now.Add(-2 * time.Hour), Until: now.Add(-time.Hour)}, 0},
	} {
		if got := count(test.query); got != test.want {
			s.t.Errorf("Figures(%+v) count %d, want %d", test.query, got, test.want)
		}
	}
}

func figuresOrder(s *scene) {
	for _, name := range []string{"b", "a", "c"} {
		for _, outcome := range []store.Outcome{store.OutcomeRetry, store.OutcomeCompleted} {
			s.ending("q-"+name, outcome, task("t-"+name))
			s.ending("q-a", outcome, task("t-"+name))
		}
	}
	figures := s.figures(store.FigureQuery{Step: 24 * time.Hour})
	for i := 1; i < len(figures); i++ {
		a, b := figures[i-1], figures[i]
		if c := a.Start.Compare(b.Start); c > 0 ||
			c == 0 && a.Task+" "+a.Queue+" "+a.Outcome >= b.Task+" "+b.Queue+" "+b.Outcome {
			s.t.Errorf("figure %d is of %v %s %s %s, and the next of %v %s %s %s", i-1,
				a.Start, a.Task, a.Queue, a.Outcome, b.Start, b.Task, b.Queue, b.Outcome)
		}
	}
	s.wantFigures(map[string]int64{"retry": 6, "completed": 6})
}

func figuresStep(s *scene) {
	for i := range 6 {
		s.ending("mail", store.OutcomeCompleted, task([]string{"send", "draw"}[i%2]))
		if i < 5 {
			s.advance(time.Minute)
		}
	}
	var sum int64
	for _, f := range s.figures(store.FigureQuery{Step: time.Hour}) {
		sum += f.Count
		if at := f.Start.Unix(); at%3600 != 0 {
			s.t.Errorf("a figure of an hour starts at %v", f.Start)
		}
	}
	minutes := s.figures(store.FigureQuery{Step: time.Minute})
	if sum != 6 || len(minutes) != 6 {
		s.t.Fatalf("figures of hours count %d and there are %d of minutes, want 6 and 6", sum, len(minutes))
	}
	for i, f := range minutes {
		if want := minutes[0].Start.Add(time.Duration(i) * time.Minute); !f.Start.Equal(want) {
			s.t.Errorf("figure %d starts at %v, want %v", i, f.Start, want)
		}
	}
}

func figuresLost(s *scene) {
	p, c := s.running("mail")
	s.declareLost(p)
	s.finishLost(p, completed(c), retried(c, 0))
	s.wantFigures(map[string]int64{})
}

func figuresEnqueued(s *scene) {
	passed := s.now().Add(-5 * time.Minute)
	for i := range 7 {
		id := store.NewID()
		at := store.IDAt(passed.Add(time.Duration(i%3) * 10 * time.Second))
		copy(id[:6], at[:6])
		s.enqueue(func(n *store.NewJob) { n.ID = id })
	}
	for range 3 {
		s.must(s.Store.CountEnqueued(s.ctx()))
		var sum int64
		for _, f := range s.figures(store.FigureQuery{}) {
			if f.Outcome == "enqueued" && f.Task == "send" && f.Queue == "mail" {
				sum += f.Count
			}
		}
		if sum != 7 {
			s.t.Errorf("figures count %d enqueued, want 7", sum)
		}
	}
}
