package offload

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/offloadhq/offload/internal/inside"
	"github.com/offloadhq/offload/store"
)

// Resume returns what the last Checkpoint of this job has kept, in whatever attempt; the zero T if
// there was none, or outside a handler.
func Resume[T any](ctx context.Context) (T, error) {
	var v T
	at := attemptOf(ctx)
	switch {
	case at == nil:
		return v, nil
	case at.many:
		return v, errMany(at.job.Task, "Resume")
	}
	data, err := at.readMemo(ctx, checkpoint)
	if err != nil || data == nil {
		return v, err
	}
	if err := json.Unmarshal(data, &v); err != nil {
		var none T
		return none, fmt.Errorf("offload: the checkpoint of job %s is no %T: %w", at.job.ID, v, err)
	}
	return v, nil
}

// Checkpoint keeps v, in place of what was kept before, for Resume: once it has returned nil, also
// over a crash. v is kept as JSON of 1 MiB at most, until the job has completed; a job that has ended
// otherwise finds it again when it is retried. It makes one round trip, and without a store tries
// again for up to 10 s. ErrLeaseLost says that the job is another's now. When ctx has ended there is
// still a second for it, so that a handler can keep where it was stopped.
//
// Outside a handler it keeps nothing, but refuses what could not be kept.
func Checkpoint(ctx context.Context, v any) error {
	return keepMemo(ctx, "Checkpoint", checkpoint, v)
}

// checkpoint is the name of the memo of Checkpoint.
const checkpoint = ""

// Step calls f once for the job, over all its attempts, and returns what it returned: an attempt
// that comes to a step which an earlier one has done is given its result, kept as JSON of 1 MiB at
// most. An error of f is returned and not kept: the next attempt calls f again. So does one after a
// crash between the return of f and the end of Step, which waits until the result is stored.
//
// The name tells the steps of a job apart: 1 to 256 bytes of text, not beginning with "~", each
// once in an attempt. Steps are kept as Checkpoint keeps, at most 10,000 of a job. Outside a handler
// Step only calls f.
func Step[T any](ctx context.Context, name string, f func(context.Context) (T, error)) (T, error) {
	var none T
	at := attemptOf(ctx)
	if err := at.beginStep(name, f == nil); err != nil {
		return none, err
	}
	if at == nil {
		return f(ctx)
	}
	data, err := at.readMemo(ctx, name)
	if err != nil {
		return none, err
	}
	if data != nil {
		var kept T
		if err := json.Unmarshal(data, &kept); err != nil {
			return none, fmt.Errorf("offload: what step %q of job %s has returned is no %T: %w", name, at.job.ID, kept, err)
		}
		return kept, nil
	}
	if ctx.Err() != nil {
		return none, context.Cause(ctx)
	}
	result, err := f(ctx)
	if err != nil {
		return none, err
	}
	if err := keepMemo(ctx, fmt.Sprintf("Step %q result", name), name, result); err != nil {
		return none, err
	}
	return result, nil
}

// beginStep refuses what is wrong with a step.
func (at *attempt) beginStep(name string, noFunction bool) error {
	task := ""
	if at != nil {
		task = at.job.Task
	}
	switch {
	case at != nil && at.many:
		return errMany(task, "Step")
	case name == "" || len(name) > store.MaxMemoName || !inside.IsText(name) || strings.HasPrefix(name, "~"):
		return &InputError{Task: task, Field: "Step name", Got: name, Want: `1 to 256 bytes of valid UTF-8 without NUL, not beginning with "~"`}
	case noFunction:
		return &InputError{Task: task, Field: fmt.Sprintf("Step %q", name), Got: "nil", Want: "a function"}
	case at == nil:
		return nil
	}
	at.mu.Lock()
	defer at.mu.Unlock()
	if at.steps[name] {
		return &InputError{Task: task, Field: "Step name", Got: name, Want: "a name that no other step of this attempt had; in a loop with its item"}
	}
	if at.steps == nil {
		at.steps = map[string]bool{}
	}
	at.steps[name] = true
	return nil
}
