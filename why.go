package offload

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/offloadhq/offload/internal/seal"
	"github.com/offloadhq/offload/store"
)

// A Reason says why a job is not running: one sentence, and the facts it is made of.
type Reason struct {
	Code  string    `json:"code"`            // one of those below
	Text  string    `json:"text"`            // a sentence, for people
	Limit string    `json:"limit,omitempty"` // it waits for
	Key   string    `json:"key,omitempty"`   // of that limit
	By    []ID      `json:"by,omitempty"`    // jobs that it waits for: that hold the limit, stop its key, or that it is after
	Place int       `json:"place,omitempty"` // in the line before the limit, or of its queue, from 1
	At    time.Time `json:"at,omitzero"`     // when it may start, as far as that can be said
}

// Codes of a Reason.
const (
	WhyEnded       = "ended"        // it has ended
	WhyExpired     = "expired"      // it has ended as expired
	WhyRunning     = "running"      // it is running
	WhyFuture      = "future"       // its time has not come
	WhyRetry       = "retry"        // it failed, and the time of its retry has not come
	WhyPausedQueue = "paused-queue" // its queue is paused
	WhyPausedTask  = "paused-task"  // its task is paused
	WhyUnknownKey  = "unknown-key"  // no process that works its queue has the key that it is encrypted with
	WhyUnknownTask = "unknown-task" // no process that works its queue knows its task
	WhyNoWorker    = "no-worker"    // no process works its queue
	WhyLimit       = "limit"        // a limit has as many jobs as it allows
	WhyRate        = "rate"         // a limit had as many starts as it allows
	WhyLimitPaused = "limit-paused" // a limit's key is paused
	WhyStopped     = "stopped"      // a job that failed for good stops a strict limit's key
	WhyBehind      = "behind"       // it waits behind a job of the same unique key or schedule
	WhyAfter       = "after"        // jobs that it is after have not ended; of a batch, members
	WhyHeld        = "held"         // one of them ended otherwise than it wants: it waits for a person
	WhyAlone       = "alone"        // its process died while it ran, more than once: it has to run alone
	WhyBacklog     = "backlog"      // other jobs of its queue come first
	WhyBusy        = "busy"         // every worker of its queue is busy
	WhyNext        = "next"         // nothing: a worker is about to take it
)

// Why says in one sentence why a job is not running, or ErrNotFound.
func (a *App) Why(ctx context.Context, id ID) (Reason, error) {
	if err := a.open(); err != nil {
		return Reason{}, err
	}
	place, err := a.store.Place(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return Reason{}, fmt.Errorf("job %s: %w", id, ErrNotFound)
	} else if err != nil {
		return Reason{}, fmt.Errorf("offload: place of job %s: %w", id, err)
	}
	w := why{Place: &place}
	if w.now, err = a.store.Now(ctx); err != nil {
		return Reason{}, fmt.Errorf("offload: read the store's time: %w", err)
	}
	if w.processes, err = a.store.Processes(ctx); err != nil {
		return Reason{}, fmt.Errorf("offload: read processes: %w", err)
	}
	if w.tasks, err = a.store.Tasks(ctx); err != nil {
		return Reason{}, fmt.Errorf("offload: read tasks: %w", err)
	}
	if w.upstreams, err = a.upstreamsOf(ctx, &place.Job); err != nil {
		return Reason{}, err
	}
	if place.Job.State == Blocked && place.Job.Waits == store.WaitsNeed {
		if err := w.read(ctx, a); err != nil {
			return Reason{}, err
		}
	}
	reason := w.reason()
	if !place.ExpiresAt.IsZero() && !place.Job.State.Ended() && place.Job.State != Running {
		reason.Text += fmt.Sprintf(" It expires at %s unless it starts before.", moment(place.ExpiresAt))
	}
	return reason, nil
}

// why is what a reason is made of.
type why struct {
	*store.Place
	now       time.Time
	processes []store.Process
	tasks     []store.Task
	upstreams *upstreams // of a job of a flow; nil for any other
	key       string     // that its input is encrypted with, if it waits for one
	unread    error      // why this app can't read it
	result    string     // key that the result of a job is encrypted with that it is after
}

func (w *why) reason() Reason {
	j := &w.Job
	switch j.State {
	case Running:
		return w.running()
	case Scheduled:
		return Reason{Code: WhyFuture, At: j.RunAt, Text: fmt.Sprintf("Its time has not come: it is due at %s.", moment(j.RunAt))}
	case Retryable:
		return Reason{Code: WhyRetry, At: j.RunAt, Text: fmt.Sprintf("It failed, and is tried again at %s: %s.", moment(j.RunAt), brief(j.Error))}
	case Blocked:
		return w.blocked()
	case Available:
		return w.available()
	}
	return w.ended()
}

func (w *why) ended() Reason {
	j := &w.Job
	switch j.State {
	case Expired:
		return Reason{Code: WhyExpired, Text: fmt.Sprintf("It expired at %s: it had not started by %s after it was due.", moment(j.FinishedAt), expiryOf(j))}
	case Discarded:
		return Reason{Code: WhyEnded, Text: fmt.Sprintf("It failed for good at %s: %s.", moment(j.FinishedAt), brief(j.Error))}
	}
	r := Reason{Code: WhyEnded, Text: fmt.Sprintf("It has ended as %s at %s.", j.State, moment(j.FinishedAt))}
	if w.upstreams != nil && j.State == Cancelled {
		w.upstreams.ended(&r)
	}
	return r
}

func expiryOf(j *store.Job) time.Duration {
	if j.Terms == nil {
		return 0
	}
	return j.Terms.Expire
}

func (w *why) running() Reason {
	j := &w.Job
	text := fmt.Sprintf("It is running since %s on %s", moment(j.StartedAt), cmp.Or(j.Process, "a process that is gone"))
	if j.Cancelling {
		text += ", and was asked to end"
	}
	return Reason{Code: WhyRunning, Text: text + "."}
}

// blocked says what a job in blocked waits for.
func (w *why) blocked() Reason {
	j := &w.Job
	switch j.Waits {
	case store.WaitsPaused:
		return w.pausedTask()
	case store.WaitsNeed:
		return w.unknownKey()
	case store.WaitsAlone:
		return Reason{Code: WhyAlone, At: later(j.RunAt, w.now), Text: fmt.Sprintf(
			"Its process was lost %d times while it ran, so that it has to run alone: a process takes it when it has no other such job.", j.Crashes)}
	case store.WaitsLimit:
		return w.limited()
	case store.WaitsAfter:
		return w.after()
	case store.WaitsHeld:
		return w.held()
	}
	return w.unknownTask()
}

// available says what a job waits for that is due.
func (w *why) available() Reason {
	j := &w.Job
	workers, places, busy := w.workers()
	switch {
	case w.QueuePaused:
		return Reason{Code: WhyPausedQueue, Text: fmt.Sprintf("Its queue %q is paused.", j.Queue)}
	case w.TaskPaused:
		return w.pausedTask()
	case workers == 0:
		return Reason{Code: WhyNoWorker, Text: fmt.Sprintf("No process works its queue %q: call app.Run, or start offload work.", j.Queue)}
	case !slices.ContainsFunc(w.tasks, func(t store.Task) bool { return t.Name == j.Task }):
		return w.unknownTask()
	case w.Ahead > 0:
		return w.backlog()
	case busy:
		return Reason{Code: WhyBusy, Place: 1, Text: fmt.Sprintf("It is next, but all workers of its queue %q are busy (%d).", j.Queue, places)}
	}
	return Reason{Code: WhyNext, Place: 1, At: w.now, Text: "Nothing stands in its way: a worker takes it within a second."}
}

// workers counts the processes that work the job's queue and what they run at once at most, and tells
// whether they do.
func (w *why) workers() (processes, places int, busy bool) {
	busy = true
	for i := range w.processes {
		p := &w.processes[i]
		if n := p.Queues[w.Job.Queue]; n > 0 && !p.Quiet && !p.Stop && !p.Lost {
			processes, places = processes+1, places+n
			busy = busy && p.Running >= n
		}
	}
	return processes, places, busy
}

func (w *why) pausedTask() Reason {
	return Reason{Code: WhyPausedTask, Text: fmt.Sprintf("Its task %q is paused.", w.Job.Task)}
}

func (w *why) unknownTask() Reason {
	return Reason{Code: WhyUnknownTask, Text: fmt.Sprintf(
		"No process that works its queue %q knows its task %q: start one that does.", w.Job.Queue, w.Job.Task)}
}

// read looks by which key the job is encrypted.
func (w *why) read(ctx context.Context, a *App) error {
	found, err := a.store.Find(ctx, store.Filter{IDs: []ID{w.Job.ID}, Max: 1})
	if err != nil {
		return fmt.Errorf("offload: read job %s: %w", w.Job.ID, err)
	}
	if len(found) > 0 {
		j := &found[0]
		if sealed, ok := seal.FromJSON(j.Input); ok {
			_, w.key, _ = seal.Parse(sealed)
		}
		_, w.unread = a.keys.openInput(j.Input, j.ID, j.Task, j.Terms)
	}
	if w.upstreams == nil {
		return nil
	}
	for _, e := range w.upstreams.edges {
		if sealed, ok := seal.FromJSON(w.upstreams.jobs[e.Upstream].Result); ok && w.result == "" {
			_, w.result, _ = seal.Parse(sealed)
		}
	}
	return nil
}

func (w *why) unknownKey() Reason {
	need, _ := needOf(w.unread)
	text := fmt.Sprintf("It is encrypted with the key %q, or has kept something that is, and no process that works its queue and knows its task "+
		"could read it: give that key to one (offload.Keys).", w.key)
	switch {
	case strings.HasPrefix(need, needOpen):
		text = fmt.Sprintf("It is encrypted, and does not open with the key %q: the key is another than the one that it was encrypted with, "+
			"or its input was changed or moved in the database.", w.key)
	case w.key == "" && w.result != "":
		text = fmt.Sprintf("It is after a job whose result is encrypted with the key %q, and no process that works its queue and knows its task "+
			"could read that: give that key to one (offload.Keys).", w.result)
	case w.key == "":
		text = "Its task is encrypted, or it has kept something that is, and no process that works its queue and knows its task has the key: give it to one (offload.Keys)."
	}
	return Reason{Code: WhyUnknownKey, Text: text}
}

func (w *why) backlog() Reason {
	r := Reason{Code: WhyBacklog, Place: w.Ahead + 1}
	count := jobs(w.Ahead) + " come"
	switch {
	case w.Ahead == 1:
		count = "1 job comes"
	case w.Ahead >= mostAhead:
		count = fmt.Sprintf("%d jobs or more come", mostAhead)
	}
	r.Text = fmt.Sprintf("In its queue %q %s first", w.Job.Queue, count)
	if w.Finished > 0 && w.Ahead < mostAhead {
		wait := time.Duration(float64(w.Ahead) / w.Finished * float64(time.Second))
		r.At = w.now.Add(wait)
		r.Text += fmt.Sprintf("; of late %.3g ended a second, so that it may start in about %v", w.Finished, rough(wait))
	}
	r.Text += "."
	return r
}

// mostAhead is where a store stops to count.
const mostAhead = 10_000
