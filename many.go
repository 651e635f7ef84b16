package offload

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/offloadhq/offload/internal/engine"
	"github.com/offloadhq/offload/store"
)

// HandleMany makes an App run up to n due jobs of the task as one call of run, waiting at most
// d for more of them, in place of the function the task has. They end as one: an error is the
// failure of each, and so are Cancel, Discard, RetryIn and Snooze the end of each. Only a job
// whose input is none of the task's fails alone, and is left out.
//
// The call takes one place of the queue's workers. Its context ends at the shortest Timeout of
// the jobs, or when all of them were cancelled. In run, JobsOf returns the jobs of the call, in
// the order of its inputs, and JobOf the first. Progress shows nothing, and Tx.Complete is
// refused.
func (t *Task[In]) HandleMany(n int, d time.Duration, run func(ctx context.Context, in []In) error) Part {
	if t == nil {
		return refusedPart{&InputError{Field: "HandleMany", Want: "a task", Got: "a nil task"}}
	}
	if run == nil {
		return t.def.handleMany(n, d, nil)
	}
	return t.def.handleMany(n, d, &manyFunc{
		decode: decodeAny[In](t.def.name),
		run: func(ctx context.Context, in []any) ([][]byte, error) {
			return make([][]byte, len(in)), run(ctx, typed[In](in))
		},
	})
}

// HandleMany is Task.HandleMany for a function with results: one for each input, in their
// order.
func (f *Func[In, Out]) HandleMany(n int, d time.Duration, run func(ctx context.Context, in []In) ([]Out, error)) Part {
	if f == nil || f.Task == nil {
		return refusedPart{&InputError{Field: "HandleMany", Want: "a task", Got: "a nil task"}}
	}
	if run == nil {
		return f.def.handleMany(n, d, nil)
	}
	name := f.def.name
	return f.def.handleMany(n, d, &manyFunc{
		decode: decodeAny[In](name),
		run: func(ctx context.Context, in []any) ([][]byte, error) {
			out, err := run(ctx, typed[In](in))
			if err != nil {
				return nil, err
			}
			return encodeMany(name, out, len(in))
		},
	})
}

// Bounds of HandleMany.
const (
	mostMany     = 10_000
	longestWait  = time.Hour
	mostManyWant = "1 to 10,000"
)

func (def *definition) handleMany(n int, d time.Duration, run *manyFunc) Part {
	refuse := func(field string, got any, want string) Part {
		return refusedPart{&InputError{Task: def.name, Field: "HandleMany " + field, Got: got, Want: want}}
	}
	switch {
	case n < 1 || n > mostMany:
		return refuse("n", n, mostManyWant)
	case d < 0 || d > longestWait:
		return refuse("d", d, "0 to an hour")
	case run == nil:
		return refuse("run", "nil", "a function")
	}
	run.most, run.wait = n, d
	return manyBinding{def, run}
}

// A manyBinding is the Part that HandleMany makes.
type manyBinding struct {
	def *definition
	run *manyFunc
}

func (b manyBinding) part(p *parts) { p.bind(b.def, nil, b.run) }

// A manyFunc runs a handler on the inputs of several jobs.
type manyFunc struct {
	most   int
	wait   time.Duration
	decode func(input []byte) (any, error)
	run    func(ctx context.Context, in []any) (results [][]byte, err error)
}

func decodeAny[In any](name string) func([]byte) (any, error) {
	return func(input []byte) (any, error) { return acceptToRun[In](name, input) }
}

// typed is the way back from decodeAny. An In that is an interface may be nil.
func typed[In any](in []any) []In {
	all := make([]In, len(in))
	for i := range in {
		all[i], _ = in[i].(In)
	}
	return all
}

func encodeMany[Out any](name string, out []Out, n int) ([][]byte, error) {
	if len(out) != n {
		return nil, fmt.Errorf("task %q: its function returned %d results for %d inputs", name, len(out), n)
	}
	results := make([][]byte, n)
	for i := range out {
		var err error
		if results[i], err = json.Marshal(out[i]); err != nil {
			return nil, fmt.Errorf("encode result of task %q: %w", name, err)
		}
	}
	return results, nil
}

// manyRunner returns how the engine runs several jobs of a task as one call.
func (a *App) manyRunner(bound *boundTask) *engine.Many {
	many := bound.many
	return &engine.Many{Most: many.most, Wait: many.wait, Run: func(ctx context.Context, claimed []*store.Claimed) []engine.Verdict {
		verdicts := make([]engine.Verdict, len(claimed))
		at := &attempt{app: a, many: true, started: time.Now()}
		var in []any
		var called []int // which of the jobs
		var hiders hiders
		for i, c := range claimed {
			job, err := a.opened(bound, c)
			if err != nil {
				verdicts[i] = a.parked(c, err)
				continue
			}
			hider := bound.config.secrets.hider(job.Input)
			value, err := many.decode(job.Input)
			if err != nil {
				verdicts[i] = verdictOf(nil, err)
				verdicts[i].Hide = hider
				continue
			}
			hiders = append(hiders, hider)
			in, called, at.jobs = append(in, value), append(called, i), append(at.jobs, job)
		}
		if len(in) == 0 {
			return verdicts
		}
		at.job, at.claimed = at.jobs[0], claimed[called[0]]
		at.seals, at.hide = bound.config.encrypt, hiders.all()
		var results [][]byte
		err := at.call(ctx, bound.config.around, func(ctx context.Context) (err error) {
			defer recoverAs(&err)
			results, err = many.run(ctx, in)
			return err
		})
		for k, i := range called {
			var result []byte
			if err == nil && len(results) > 0 { // there are none if Around has not called it
				result = results[k]
			}
			verdicts[i] = at.verdict(at.jobs[k], result, err)
			pauseLimit(&verdicts[i], err, bound.definition, claimed[i])
		}
		return verdicts
	}}
}

// JobsOf returns the running jobs: several in a call of HandleMany, in the order of its inputs,
// and otherwise the one that JobOf returns. Outside a handler there are none.
func JobsOf(ctx context.Context) []*Job {
	at := attemptOf(ctx)
	switch {
	case at == nil:
		return nil
	case at.many:
		return at.jobs
	}
	return []*Job{at.job}
}

// errMany refuses what belongs to one job.
func errMany(task, field string) error {
	return &InputError{Task: task, Field: field, Got: "called by a function given to HandleMany", Want: "one given to Handle, for one job at a time"}
}

// pauseLimit lets a snooze by a limit pause that limit's key, if the job is under it.
func pauseLimit(v *engine.Verdict, err error, def *definition, claimed *store.Claimed) {
	var outcome *outcomeError
	if !errors.As(err, &outcome) || outcome.limit == nil || claimed.Terms == nil {
		return
	}
	name := outcome.limit.Name
	if name == "" {
		name = def.name
	}
	for _, u := range claimed.Terms.Limits {
		if u.Limit == name {
			v.Pause = name
		}
	}
}
