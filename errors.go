package offload

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/offloadhq/offload/internal/engine"
	"github.com/offloadhq/offload/store"
)

// What a call can meet.
var (
	ErrNotFound    = store.ErrNotFound                             // no such job, queue, process, …
	ErrClosed      = errors.New("offload: app is closed")          // the call came after Close, or on a nil App
	ErrUnknownTask = errors.New("offload: unknown task")           // NewCall: nobody has made that name known
	ErrUnknownKey  = errors.New("offload: unknown encryption key") // this app lacks it; a job waits until its process has it
	ErrUpstream    = store.ErrUpstream                             // After or InBatch: no such job, no batch, or one that has ended
	ErrSchema      = store.ErrSchema                               // excludes this program, or NoMigrate and older
	ErrUnavailable = store.ErrUnavailable                          // nothing is known to be stored; try again
	ErrRefused     = store.ErrRefused                              // the address or database can't be used as it is
)

// Why a handler's context ended: context.Cause(ctx) is one of these.
var (
	ErrTimeout   = engine.ErrTimeout   // the attempt took longer than Timeout
	ErrCancelled = engine.ErrCancelled // by a person or a program
	ErrStopping  = engine.ErrStopping  // the process stops; the attempt will not count
	ErrLeaseLost = store.ErrLeaseLost  // the attempt is another's now; nothing it returns is written
)

// An InputError says which value was refused and what would be accepted. It is permanent:
// the same call will fail again.
type InputError struct {
	Task  string // as the user wrote it: "thumbnail"; "" if it concerns no task
	Field string // as the user wrote it: "Delay"
	Got   any
	Want  string // in words: "0 or more", "valid UTF-8"
}

// Error says it in one line.
func (e *InputError) Error() string {
	at := "offload: "
	if e.Task != "" {
		at += fmt.Sprintf("task %q: ", e.Task)
	}
	return fmt.Sprintf("%s%s is %s; want %s", at, e.Field, show(e.Got), e.Want)
}

// show writes a refused value so that any bytes of it can stand in a line, cut when long.
func show(got any) string {
	var text string
	switch got := got.(type) {
	case nil:
		return "nil"
	case string:
		text = fmt.Sprintf("%q", cut(got, 100))
	case error:
		text = got.Error()
	default:
		text = fmt.Sprint(got)
	}
	return cut(text, 300)
}

func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most] + "…"
}

// An EndedError reports a job that was waited for and did not complete. It wraps
// ErrCancelled when the job was cancelled.
type EndedError struct{ Job *Job }

// Error says how the job ended, with the error of its last attempt.
func (e *EndedError) Error() string {
	text := fmt.Sprintf("offload: job %s of task %q ended as %s", e.Job.ID, e.Job.Task, e.Job.State)
	if e.Job.Error != "" {
		text += ": " + e.Job.Error
	}
	return text
}

// Unwrap returns ErrCancelled when the job was cancelled.
func (e *EndedError) Unwrap() error {
	if e.Job.State == Cancelled {
		return ErrCancelled
	}
	return nil
}

// A PanicError is a handler's panic: a failure of the attempt.
type PanicError struct {
	Value any
	Stack string
}

// Error says what the panic said.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap returns the value of the panic if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}
