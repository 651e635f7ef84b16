package offload

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"time"

	"github.com/offloadhq/offload/store"
)

// A LogLine is what a handler logged.
type LogLine struct {
	Seq     int64           `json:"seq"` // rises within a job
	Time    time.Time       `json:"time"`
	Attempt int             `json:"attempt"`
	Level   string          `json:"level"` // "INFO"
	Text    string          `json:"text"`
	Attrs   json.RawMessage `json:"attrs,omitempty"` // a JSON object
}

// Logger returns a logger that keeps lines with the job, where App.Logs, the dashboard and the
// command find them, and hands them to the app's logger as well, with job, task and attempt.
//
// It never waits for the store: lines are written a moment later, and all of them before the
// attempt ends. Kept are lines of slog.LevelInfo and above, and those below that the app's
// logger takes. A text is cut at 16 KiB, attributes over 16 KiB are left out, and after 10,000
// lines or 4 MiB a last line says that the log of the job is full. Where the store is away for
// long, or lines come faster than it takes them, some are left out, and a line says how many.
//
// In a call of HandleMany lines go to the app's logger only, with task and the number of jobs;
// elsewhere Logger is the app's (LogTo) where the context has the app, as that of Beside has, and
// otherwise slog.Default().
func Logger(ctx context.Context) *slog.Logger {
	at := attemptOf(ctx)
	if at == nil {
		if app := AppOf(ctx); app != nil {
			return app.log
		}
		return slog.Default()
	}
	at.logOnce.Do(func() { at.logger = at.newLogger(ctx) })
	return at.logger
}

// Logs yields the log lines of a job, oldest first, and with follow goes on with new ones until
// the job has ended: those of this process at once, those of others within half a second. An
// outage of the store is waited out while it follows. An error is the last that is yielded:
// ErrNotFound if there is no such job, or not any more; why ctx ended, if it has.
func (a *App) Logs(ctx context.Context, id ID, follow bool) iter.Seq2[LogLine, error] {
	return func(yield func(LogLine, error) bool) {
		if err := a.logs(ctx, id, follow, func(l LogLine) bool { return yield(l, nil) }); err != nil {
			yield(LogLine{}, err)
		}
	}
}

// logs shows the lines of a job, until the job has ended or show returns false.
func (a *App) logs(ctx context.Context, id ID, follow bool, show func(LogLine) bool) error {
	if err := a.open(); err != nil {
		return err
	}
	var news <-chan struct{}
	if follow {
		heard, forget := a.waiting.add(id)
		defer forget()
		news = heard
	}
	for after, pause := int64(0), followLeast; ; pause = min(pause*3/2, followMost) {
		ended, last, err := a.logsOnce(ctx, id, after, show)
		switch {
		case follow && ctx.Err() != nil:
			return fmt.Errorf("offload: log of job %s: %w", id, ctx.Err())
		case err == errEnough:
			return nil
		case err != nil && (!follow || !store.Temporary(err)):
			return err
		case !follow || err == nil && ended:
			return nil
		}
		if last > after {
			after, pause = last, followLeast
		}
		select {
		case <-ctx.Done():
		case <-news:
		case <-time.After(pause):
		}
	}
}

// How often a log is looked at that is followed: often while lines come.
const (
	followLeast = 100 * time.Millisecond
	followMost  = 500 * time.Millisecond
	logPage     = 1000
)

// errEnough says that whoever reads has left the loop.
var errEnough = errors.New("enough")

// logsOnce shows the lines behind one, and returns the last. ended reports whether there will be
// no more: the job is looked at first, since all that it logged is there when it has ended.
func (a *App) logsOnce(ctx context.Context, id ID, after int64, show func(LogLine) bool) (ended bool, last int64, err error) {
	jobs, err := a.store.Find(ctx, store.Filter{IDs: []ID{id}, Max: 1})
	switch {
	case err != nil:
		return false, after, fmt.Errorf("offload: read job %s: %w", id, err)
	case len(jobs) == 0:
		return false, after, fmt.Errorf("job %s: %w", id, ErrNotFound)
	}
	for {
		lines, err := a.store.Logs(ctx, id, after, logPage)
		if err != nil {
			return false, after, fmt.Errorf("offload: log of job %s: %w", id, err)
		}
		for i := range lines {
			after = lines[i].Seq
			if !show(a.keys.openLine(&lines[i])) {
				return false, after, errEnough
			}
		}
		if len(lines) < logPage {
			return jobs[0].State.Ended(), after, nil
		}
	}
}

func logLineOf(l *store.LogLine) LogLine {
	return LogLine{Seq: l.Seq, Time: l.At, Attempt: l.Attempt, Level: l.Level, Text: l.Text, Attrs: l.Attrs}
}
