package offload

import (
	"fmt"
	"strings"
	"time"

	"github.com/offloadhq/offload/store"
)

// limited says why a limit has no room for the job.
func (w *why) limited() Reason {
	u := w.Job.Limit
	r := Reason{Code: WhyLimit, Limit: u.Limit, Key: u.Key, Place: w.Line}
	if w.Limit == nil {
		r.Text = fmt.Sprintf("No program has made its limit %q known.", u.Limit)
		return r
	}
	var key store.KeyState
	if len(w.Limit.Keys) > 0 {
		key = w.Limit.Keys[0]
	}
	name := fmt.Sprintf("limit %q", u.Limit)
	if u.Key != "" {
		name += fmt.Sprintf(" for %q", cut(u.Key, 60))
	}
	switch {
	case strings.HasPrefix(u.Limit, store.OwnLimit):
		return w.behind(key)
	case !key.Stopped.IsZero():
		r.Code, r.By = WhyStopped, []ID{key.Stopped}
		r.Text = fmt.Sprintf("The %s is stopped by job %s, which failed for good: retry, delete or skip that", name, key.Stopped)
	case key.Paused.After(w.now):
		r.Code, r.At = WhyLimitPaused, w.turn(key.Paused)
		r.Text = fmt.Sprintf("The %s is paused until %s", name, moment(key.Paused))
	case w.Limit.Per > 0:
		r.Code, r.By = WhyRate, key.Holders
		r.At = w.turn(later(key.Next, w.now))
		r.Text = fmt.Sprintf("The %s allows %d starts in %v%s", name, w.Limit.Max, w.Limit.Per, w.changed())
	default:
		r.By = key.Holders
		r.Text = fmt.Sprintf("The %s allows %s at once%s, held by %s", name, jobs(w.Limit.Max), w.changed(), held(key))
	}
	r.Text += w.inLine(r.At)
	return r
}

// behind is about the limits that offload makes for itself.
func (w *why) behind(key store.KeyState) Reason {
	r := Reason{Code: WhyBehind, By: key.Holders, Place: w.Line}
	what := "an earlier job of its unique key"
	if strings.HasPrefix(w.Job.Limit.Limit, scheduleLimit) {
		what = fmt.Sprintf("an earlier job of its schedule %q", strings.TrimPrefix(w.Job.Limit.Limit, scheduleLimit))
	}
	r.Text = fmt.Sprintf("It waits until %s has ended: %s.", what, held(key))
	return r
}

// turn is when the job may start if the first in line may at a time; zero if nobody can say.
func (w *why) turn(first time.Time) time.Time {
	if w.Line <= 1 {
		return first
	}
	if w.Limit.Per == 0 {
		return time.Time{}
	}
	return first.Add(time.Duration(w.Line-1) * w.Limit.Per / time.Duration(w.Limit.Max))
}

// changed tells that a person has changed the limit.
func (w *why) changed() string {
	if !w.Limit.ByHand {
		return ""
	}
	return fmt.Sprintf(" (set by hand; the program says %d)", w.Limit.Declared.Max)
}

// inLine ends a sentence about a limit with the job's place.
func (w *why) inLine(at time.Time) string {
	text := "."
	if w.Line > 0 {
		text = fmt.Sprintf("; it is number %d in line", w.Line)
		if !at.IsZero() {
			text += " and may start at about " + moment(at)
		}
		text += "."
	}
	return text
}

// held names the jobs that hold a key.
func held(key store.KeyState) string {
	if len(key.Holders) == 0 {
		return "jobs that are about to end"
	}
	names := make([]string, len(key.Holders))
	for i, id := range key.Holders {
		names[i] = id.String()
	}
	text := strings.Join(names, ", ")
	if more := key.Held - len(key.Holders); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

func jobs(n int) string {
	if n == 1 {
		return "1 job"
	}
	return fmt.Sprintf("%d jobs", n)
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// moment writes a time for people.
func moment(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// rough rounds a duration to what an estimate is worth.
func rough(d time.Duration) time.Duration {
	if d < time.Minute {
		return d.Round(time.Second)
	}
	return d.Round(time.Minute)
}

// brief is the first line of an error, without the stop that a sentence brings.
func brief(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	line = strings.TrimRight(cut(line, 200), ". ")
	if line == "" {
		return "it said nothing"
	}
	return line
}
