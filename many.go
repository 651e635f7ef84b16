package offload

import (
	"context"
	"time"
)

// HandleMany makes an App run up to n due jobs of the task as one call of run, waiting at most
// d for more of them. They end as one: an error is the failure of each, and so are Cancel,
// Discard, RetryIn and Snooze the end of each. Only a job whose input is none of the task's
// fails alone, and is left out.
//
// In run, JobsOf returns the jobs of the call, in the order of its inputs, and JobOf the first.
// Tx.Complete is refused.
func (t *Task[In]) HandleMany(n int, d time.Duration, run func(ctx context.Context, in []In) error) Part {
	return nil
}

// HandleMany is Task.HandleMany for a function with results: one for each input, in their
// order.
func (f *Func[In, Out]) HandleMany(n int, d time.Duration, run func(ctx context.Context, in []In) ([]Out, error)) Part {
	return nil
}

// JobsOf returns the running jobs: several in a call of HandleMany, in the order of its inputs,
// and otherwise the one that JobOf returns. Outside a handler there are none.
func JobsOf(ctx context.Context) []*Job {
	return nil
}
