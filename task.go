package offload

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"slices"
)

// A Task is a named kind of work with an input of type In, kept as JSON. It is immutable,
// knows no App, and may be a package variable. As a Part it makes an App work its jobs;
// to enqueue, an App need not have it.
type Task[In any] struct{ def *definition }

// A definition is what a task is, without its type.
type definition struct {
	name    string
	options []TaskOption
	run     runFunc                  // nil: declared, bound by Handle
	accepts func(input []byte) error // why the input is none of the task's
	input   reflect.Type
	result  reflect.Type // nil: it has none
	paths   knownPaths
}

// A runFunc runs a handler on a job's input and returns its result, both as JSON.
type runFunc func(ctx context.Context, input []byte) ([]byte, error)

// NewTask makes a task of a function. The options are defaults for its jobs.
//
// The function must be safe for concurrent use, and return soon after its context has ended.
// What it returns decides how the job goes on: see Cancel, Discard, RetryIn and Snooze.
//
// An In with a method Validate() error is asked whether it is one: by whatever enqueues it or changes it, as
// far as the App knows the task, which returns its error as an InputError (give it one to name a field); and
// again before the function would run, where its error discards the job.
func NewTask[In any](name string, run func(ctx context.Context, in In) error, opts ...TaskOption) *Task[In] {
	t := Declare[In](name, opts...)
	t.def.run = runTask(name, run)
	return t
}

// Declare makes a task whose function is given later, by Handle: because it needs a
// database, lives in another program, or enqueues this very task.
func Declare[In any](name string, opts ...TaskOption) *Task[In] {
	return &Task[In]{&definition{
		name: name, options: slices.Clone(opts), input: reflect.TypeFor[In](),
		accepts: func(input []byte) error { _, err := accept[In](name, input); return err },
	}}
}

// Handle makes an App run the task's jobs with run, in place of the function the task has.
// The task itself is unchanged.
func (t *Task[In]) Handle(run func(ctx context.Context, in In) error) Part {
	if t == nil {
		return refusedPart{&InputError{Field: "Handle", Want: "a task", Got: "a nil task"}}
	}
	return binding{t.def, runTask(t.def.name, run)}
}

// Name returns the task's name.
func (t *Task[In]) Name() string {
	if t == nil {
		return ""
	}
	return t.def.name
}

// Enqueue stores one job and returns it. When it returns without error the job is durable,
// or, with App.Tx, will be when the transaction commits. If WithID names a job that was there
// already, or a job that is Unique was, it returns that one, with Existing set.
//
// An error means that nothing was stored; but after an ErrUnavailable that is not known. To be
// sure then, enqueue one Call again: it makes no second job.
func (t *Task[In]) Enqueue(ctx context.Context, to Enqueuer, in In, opts ...EnqueueOption) (*Job, error) {
	jobs, err := enqueueTo(ctx, to, t.Call(in, opts...))
	if err != nil {
		return nil, err
	}
	return jobs[0], nil
}

// EnqueueMany stores a job for each input, all or none, in as few round trips as possible.
// The options are those of each job; WithID is refused for more than one input. No input is
// no job, and no error.
func (t *Task[In]) EnqueueMany(ctx context.Context, to Enqueuer, in []In, opts ...EnqueueOption) ([]*Job, error) {
	calls := make([]*Call, len(in))
	for i := range in {
		calls[i] = t.Call(in[i], opts...)
	}
	if len(calls) > 1 && calls[0].def != nil && calls[0].config().id != nil {
		return nil, &InputError{Task: t.Name(), Field: "WithID", Got: fmt.Sprintf("one id for %d inputs", len(in)), Want: "one input"}
	}
	return enqueueTo(ctx, to, calls...)
}

// Call is a job not yet enqueued. A wrong input or option is reported by what takes it.
func (t *Task[In]) Call(in In, opts ...EnqueueOption) *Call {
	if t == nil {
		return &Call{err: &InputError{Field: "task", Got: "nil", Want: "a task made by NewTask or Declare"}}
	}
	input, err := json.Marshal(in)
	if err != nil {
		err = &InputError{Task: t.def.name, Field: "input", Got: err, Want: "a value that encodes as JSON"}
	} else {
		err = validate(t.def.name, in)
	}
	return newCall(t.def, t.def.name, input, opts, err)
}

// Input decodes the input of a job of this task.
func (t *Task[In]) Input(job *Job) (In, error) {
	if t == nil || job == nil {
		var none In
		return none, &InputError{Task: t.Name(), Field: "Input", Got: "nil", Want: "a task and a job"}
	}
	return decode[In](t.def.name, job.Input)
}

func (t *Task[In]) part(p *parts) {
	if t == nil {
		p.refuse(&InputError{Field: "part", Got: "a nil task", Want: "a task made by NewTask or Declare"})
		return
	}
	p.bind(t.def, t.def.run, nil)
}

// A Func is a Task whose function returns a result, kept as JSON as long as its job.
type Func[In, Out any] struct{ *Task[In] }

// NewFunc makes a task of a function with a result.
func NewFunc[In, Out any](name string, run func(ctx context.Context, in In) (Out, error), opts ...TaskOption) *Func[In, Out] {
	f := DeclareFunc[In, Out](name, opts...)
	f.def.run = runResult(name, run)
	return f
}

// DeclareFunc is Declare for a function with a result.
func DeclareFunc[In, Out any](name string, opts ...TaskOption) *Func[In, Out] {
	f := &Func[In, Out]{Declare[In](name, opts...)}
	f.def.result = reflect.TypeFor[Out]()
	return f
}

// Handle is Task.Handle for a function with a result.
func (f *Func[In, Out]) Handle(run func(ctx context.Context, in In) (Out, error)) Part {
	if f == nil || f.Task == nil {
		return refusedPart{&InputError{Field: "Handle", Want: "a task", Got: "a nil task"}}
	}
	return binding{f.def, runResult(f.def.name, run)}
}

// Wait blocks until the job has ended, in whatever process, or ctx ends, and returns its
// result. If the job ended other than completed, the error is an *EndedError.
func (f *Func[In, Out]) Wait(ctx context.Context, app *App, id ID) (Out, error) {
	var out Out
	if f == nil || f.Task == nil {
		return out, &InputError{Field: "Wait", Got: "a nil task", Want: "a task made by NewFunc or DeclareFunc"}
	}
	job, err := app.Wait(ctx, id)
	if err != nil {
		return out, err
	}
	if len(job.Result) == 0 {
		return out, fmt.Errorf("offload: job %s of task %q has no result", id, job.Task)
	}
	result, err := app.result(ctx, job)
	if err != nil {
		return out, err
	}
	if err := json.Unmarshal(result, &out); err != nil {
		return out, fmt.Errorf("offload: decode result of task %q: %w", job.Task, err)
	}
	return out, nil
}

// Complete is Tx.Complete for a function with a result: out is kept with the job when the
// transaction commits. What the handler returns afterwards changes nothing.
func (f *Func[In, Out]) Complete(ctx context.Context, tx *Tx, out Out) error {
	result, err := json.Marshal(out)
	if err != nil {
		return &InputError{Task: f.Name(), Field: "result", Got: err, Want: "a value that encodes as JSON"}
	}
	return tx.complete(ctx, result)
}

// runTask makes a runFunc of a handler without result. A nil handler stays nil.
func runTask[In any](name string, run func(context.Context, In) error) runFunc {
	if run == nil {
		return nil
	}
	return func(ctx context.Context, input []byte) (_ []byte, err error) {
		in, err := acceptToRun[In](name, input)
		if err != nil {
			return nil, err
		}
		defer recoverAs(&err)
		return nil, run(ctx, in)
	}
}

// runResult makes a runFunc of a handler with a result. A nil handler stays nil.
func runResult[In, Out any](name string, run func(context.Context, In) (Out, error)) runFunc {
	if run == nil {
		return nil
	}
	return func(ctx context.Context, input []byte) (_ []byte, err error) {
		in, err := acceptToRun[In](name, input)
		if err != nil {
			return nil, err
		}
		defer recoverAs(&err)
		out, err := run(ctx, in)
		if err != nil {
			return nil, err
		}
		result, err := json.Marshal(out)
		if err != nil {
			return nil, fmt.Errorf("encode result of task %q: %w", name, err)
		}
		return result, nil
	}
}

// decode reads a job's input, and says which field does not fit.
func decode[In any](task string, input []byte) (in In, err error) {
	defer recoverAs(&err) // an UnmarshalJSON of the user's
	err = json.Unmarshal(input, &in)
	if s, bad := secretsOf(reflect.TypeFor[In]()); err != nil && (bad != nil || len(s) > 0) {
		err = withoutValue(err)
	}
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil:
		return in, nil
	case errors.As(err, &wrong):
		field := "input"
		if wrong.Field != "" {
			field += "." + wrong.Field
		}
		return in, &InputError{Task: task, Field: field, Got: "a JSON " + wrong.Value, Want: wrong.Type.String()}
	}
	return in, &InputError{Task: task, Field: "input", Got: err, Want: "JSON of " + fmt.Sprintf("%T", in)}
}

// recoverAs makes a PanicError of a panic. It must be deferred itself.
func recoverAs(err *error) {
	if value := recover(); value != nil {
		*err = &PanicError{Value: value, Stack: string(debug.Stack())}
	}
}
