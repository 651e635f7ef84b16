package dashboard

import (
	"time"

	"github.com/offloadhq/offload"
)

// A story is the life of a job from its beginning, in parts drawn to scale.
type story struct {
	Parts []part
	Total time.Duration
}

// A part of a job's life: waiting, or an attempt.
type part struct {
	Name  string
	State offload.State // whose colour it has
	From  time.Time
	Took  time.Duration
	Open  bool   // it goes on
	Error string // of an attempt that failed
	X, W  int    // of 1000
}

// storyOf tells the life of a job by its attempts.
func storyOf(job *offload.Job, failures []offload.Failure, now time.Time) story {
	var parts []part
	at := job.CreatedAt
	wait := func(until time.Time, open bool) {
		if !until.After(at) {
			return
		}
		name, state := "waited", offload.Available
		if len(parts) > 0 {
			name, state = "waited for the next attempt", offload.Retryable
		} else if job.RunAt.After(at) && job.Attempt <= 1 {
			due := job.RunAt
			if due.After(until) {
				due = until
			}
			parts = append(parts, part{Name: "waited for its time", State: offload.Scheduled, From: at, Took: due.Sub(at), Open: open && due.Equal(until)})
			if at = due; !until.After(at) {
				return
			}
		}
		if open && job.State == offload.Blocked {
			state = offload.Blocked
		}
		parts = append(parts, part{Name: name, State: state, From: at, Took: until.Sub(at), Open: open})
		at = until
	}
	for i := range failures {
		f := &failures[i]
		if f.StartedAt.Before(at) && f.FailedAt.Before(at) || f.Kind == "after" {
			continue
		}
		wait(f.StartedAt, false)
		parts = append(parts, part{
			Name: "attempt " + number(f.Attempt) + " failed", State: offload.Discarded, From: f.StartedAt, Took: f.FailedAt.Sub(f.StartedAt), Error: firstLine(f.Error),
		})
		at = f.FailedAt
	}
	switch ran := job.StartedAt.After(at) || job.StartedAt.Equal(at) && !at.IsZero(); {
	case job.State == offload.Running:
		wait(job.StartedAt, false)
		parts = append(parts, part{Name: "attempt " + number(job.Attempt), State: offload.Running, From: job.StartedAt, Took: max(0, now.Sub(job.StartedAt)), Open: true})
	case job.State == offload.Completed && ran:
		wait(job.StartedAt, false)
		parts = append(parts, part{Name: "attempt " + number(job.Attempt) + " completed", State: offload.Completed, From: job.StartedAt, Took: job.FinishedAt.Sub(job.StartedAt)})
	case job.State.Ended():
		wait(job.FinishedAt, false)
	default:
		wait(now, true)
	}
	return scaled(parts)
}

// scaled places parts on a line of 1000, none so small that it is not seen.
func scaled(parts []part) story {
	s := story{Parts: parts}
	for i := range parts {
		s.Total += max(0, parts[i].Took)
	}
	if len(parts) == 0 {
		return s
	}
	const least = 8
	room := 1000 - least*len(parts)
	x := 0
	for i := range parts {
		w := least
		if s.Total > 0 && room > 0 {
			w += int(float64(room) * float64(max(0, parts[i].Took)) / float64(s.Total))
		}
		parts[i].X, parts[i].W = x, w
		x += w
	}
	return s
}
