package engine

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/offloadhq/offload/store"
)

func TestRate(t *testing.T) {
	const s = time.Second
	// steady does n things in each of a number of steps.
	steady := func(r *rate, at time.Time, step time.Duration, steps, n, done int) (float64, time.Time, int) {
		var got float64
		for range steps {
			at, done = at.Add(step), done+n
			got = r.add(done, at)
		}
		return got, at, done
	}
	for _, test := range []struct {
		name        string
		do          func(r *rate, start time.Time) float64
		least, most float64
	}{
		{"the first word of a first attempt", func(r *rate, start time.Time) float64 {
			return r.add(50, start.Add(10*s))
		}, 5, 5},
		{"the same pace for an hour, word by word", func(r *rate, start time.Time) float64 {
			got, _, _ := steady(r, start, s, 3600, 7, 0)
			return got
		}, 7, 7},
		{"the same pace, seldom said", func(r *rate, start time.Time) float64 {
			got, _, _ := steady(r, start, 5*time.Minute, 10, 300, 0)
			return got
		}, 1, 1},
		{"bursts of 100 each 10 s", func(r *rate, start time.Time) float64 {
			var got float64
			at, done := start, 0
			for range 60 {
				_, at, done = steady(r, at, time.Millisecond, 100, 1, done)
				at = at.Add(10*s - 100*time.Millisecond)
				got = r.add(done, at)
			}
			return got
		}, 8, 12},
		{"slower for two minutes", func(r *rate, start time.Time) float64 {
			_, at, done := steady(r, start, s, 600, 100, 0)
			got, _, _ := steady(r, at, s, 120, 10, done)
			return got
		}, 10, 12},
		{"nothing for five minutes", func(r *rate, start time.Time) float64 {
			_, at, done := steady(r, start, s, 60, 100, 0)
			return r.add(done, at.Add(5*time.Minute))
		}, 0, 0.01},
		{"another round", func(r *rate, start time.Time) float64 {
			_, at, _ := steady(r, start, s, 60, 100, 0)
			r.add(0, at)
			got, _, _ := steady(r, at, s, 10, 1, 0)
			return got
		}, 1, 1},
		{"words that overtake each other", func(r *rate, start time.Time) float64 {
			var got float64
			for i := range 60 {
				r.add(i*10+10, start.Add(time.Duration(i+1)*s))
				got = r.add(i*10+9, start.Add(time.Duration(i+1)*s))
			}
			return got
		}, 10, 10},
		{"no time has passed", func(r *rate, start time.Time) float64 { return r.add(100, start) }, 0, 0},
	} {
		start := time.Now()
		r := &rate{}
		r.start(start)
		const little = 1e-6
		if got := test.do(r, start); got < test.least-little || got > test.most+little || math.IsNaN(got) {
			t.Errorf("%s: %v a second; want %v to %v", test.name, got, test.least, test.most)
		}
	}
}

// An attempt that goes on where an earlier one stopped has not done all that in its first second.
func TestProgressOfALaterAttemptIsReckonedFromItsFirstWord(t *testing.T) {
	inBubble(t, map[string]handler{"t": func(ctx context.Context, job *store.Claimed) error {
		if job.Attempt == 1 {
			return errFailed
		}
		for done := 5000; done <= 5100; done += 10 {
			Progress(ctx, done, 10_000, "")
			time.Sleep(time.Second)
		}
		time.Sleep(time.Hour)
		return nil
	}}, func(r *rig) {
		id := r.insert("t", 1, nil)[0]
		after(time.Minute)
		if p := r.job(id).Progress; p == nil || math.Abs(p.Rate-10) > 1e-6 {
			t.Errorf("progress is %+v; want 10 a second", p)
		}
		after(2 * time.Hour)
	})
}
