package offload

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/offloadhq/offload/internal/inside"
	"github.com/offloadhq/offload/store"
)

// actTask does something to all jobs of a filter, in pages, as a job of offload's own. Every
// App knows it. Cancelling the job ends it between two pages; what is done stays done.
var actTask = Declare[inside.ActInput](inside.ActTask, Queue(store.SystemQueue), MaxAttempts(100), Timeout(0), Offline())

// actPage is how many jobs are read and changed at a time.
const actPage = 500

// runAct goes through the jobs from the newest to the oldest. A page that is done twice, after
// a crash, is no harm: every verb does nothing to a job that is so already.
func (a *App) runAct(ctx context.Context, input []byte) (_ []byte, err error) {
	in, err := decode[inside.ActInput](inside.ActTask, input)
	if err != nil {
		return nil, Discard(err)
	}
	if err := checkActInput(&in); err != nil {
		return nil, Discard(err)
	}
	if in.Verb == inside.Reencrypt || in.Verb == inside.CountKeys {
		return a.runKeys(ctx, &in)
	}
	filter := in.Filter
	filter.Max = actPage
	if begun := JobOf(ctx).CreatedAt.Add(time.Microsecond); filter.Until.IsZero() || filter.Until.After(begun) {
		filter.Until = begun // not what comes while it works
	}
	if in.Heed {
		return a.retryFlow(ctx, in, filter)
	}
	var count actCount
	for more := true; more; {
		var jobs []store.Job
		if jobs, more, err = a.next(ctx, &filter); err != nil {
			return nil, fmt.Errorf("find jobs: %w", err)
		}
		if len(jobs) > 0 {
			if err := a.actPage(ctx, in, jobs, &count); err != nil {
				return nil, err
			}
		}
		Progress(ctx, count.Changed, 0, fmt.Sprintf("%s: %d jobs looked at", in.Verb, count.Jobs))
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
	}
	if in.Verb == store.Erase {
		if err := a.store.Forget(ctx); err != nil {
			return nil, fmt.Errorf("forget what was erased: %w", err)
		}
	}
	Progress(ctx, count.Changed, count.Jobs, fmt.Sprintf("%s: %s", in.Verb, count))
	return json.Marshal(count)
}

// An actCount is the result of an act: what became of the jobs.
type actCount struct {
	Jobs    int `json:"jobs"` // looked at
	Changed int `json:"changed"`
	Taken   int `json:"taken,omitempty"`   // left alone, since another job has their unique key
	Refused int `json:"refused,omitempty"` // not erased, since they have not ended
}

func (c actCount) String() string {
	text := fmt.Sprintf("%d of %d jobs changed", c.Changed, c.Jobs)
	if c.Taken > 0 {
		text += fmt.Sprintf("; another job has the unique key of %d", c.Taken)
	}
	if c.Refused > 0 {
		text += fmt.Sprintf("; %d have not ended", c.Refused)
	}
	return text
}

// checkActInput refuses what operate would have refused, for acts that were enqueued by name.
func checkActInput(in *inside.ActInput) error {
	if !inside.Meant(in.Filter) {
		return &InputError{Task: inside.ActTask, Field: "filter", Got: "the zero filter", Want: inside.MeantWant}
	}
	if in.Verb == inside.Reencrypt || in.Verb == inside.CountKeys {
		return nil
	}
	if err := (*Filter)(&in.Filter).checkSearch(); err != nil {
		return err
	}
	act := store.Act{Verb: in.Verb, Edit: in.Edit}
	return act.Check()
}

func (a *App) actPage(ctx context.Context, in inside.ActInput, jobs []store.Job, count *actCount) error {
	ids := make([]ID, len(jobs))
	for i := range jobs {
		ids[i] = jobs[i].ID
	}
	acted, err := a.store.Act(ctx, store.Act{Verb: in.Verb, IDs: ids, Edit: in.Edit, Heed: in.Heed})
	if err != nil {
		return fmt.Errorf("%s: %w", in.Verb, err)
	}
	count.Jobs += len(jobs)
	for _, one := range acted {
		switch one.Effect {
		case store.Done:
			count.Changed++
		case store.Taken:
			count.Taken++
		case store.Refused:
			if in.Verb == store.Erase {
				count.Refused++
			}
		}
	}
	return nil
}
