package offload

import (
	"context"
	"errors"
	"time"
)

// A Reason says why a job is not running: one sentence, and the facts it is made of.
type Reason struct {
	Code  string    `json:"code"`            // one of those below
	Text  string    `json:"text"`            // a sentence, for people
	Limit string    `json:"limit,omitempty"` // it waits for
	Key   string    `json:"key,omitempty"`   // of that limit
	By    []ID      `json:"by,omitempty"`    // jobs that it waits for: that hold the limit, or stop its key
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
	WhyUnknownTask = "unknown-task" // no process that works its queue knows its task
	WhyNoWorker    = "no-worker"    // no process works its queue
	WhyLimit       = "limit"        // a limit has as many jobs as it allows
	WhyRate        = "rate"         // a limit had as many starts as it allows
	WhyLimitPaused = "limit-paused" // a limit's key is paused
	WhyStopped     = "stopped"      // a job that failed for good stops a strict limit's key
	WhyBehind      = "behind"       // it waits behind a job of the same unique key or schedule
	WhyAlone       = "alone"        // its process died while it ran, more than once: it has to run alone
	WhyBacklog     = "backlog"      // other jobs of its queue come first
	WhyBusy        = "busy"         // every worker of its queue is busy
	WhyNext        = "next"         // nothing: a worker is about to take it
)

// Why says in one sentence why a job is not running, or ErrNotFound.
func (a *App) Why(ctx context.Context, id ID) (Reason, error) {
	return Reason{}, errors.ErrUnsupported
}
