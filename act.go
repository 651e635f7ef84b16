package offload

import (
	"context"
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
	filter := in.Filter
	filter.Max = actPage
	if begun := JobOf(ctx).CreatedAt.Add(time.Microsecond); filter.Until.IsZero() || filter.Until.After(begun) {
		filter.Until = begun // not what comes while it works
	}
	seen, changed := 0, 0
	for {
		jobs, err := a.store.Find(ctx, filter)
		if err != nil {
			return nil, fmt.Errorf("find jobs: %w", err)
		}
		if len(jobs) == 0 {
			Progress(ctx, changed, seen, fmt.Sprintf("%s: %d of %d jobs changed", in.Verb, changed, seen))
			return fmt.Appendf(nil, `{"jobs":%d,"changed":%d}`, seen, changed), nil
		}
		n, err := a.actPage(ctx, in, jobs)
		if err != nil {
			return nil, err
		}
		seen, changed = seen+len(jobs), changed+n
		filter.Before = jobs[len(jobs)-1].ID
		Progress(ctx, changed, 0, fmt.Sprintf("%s: %d jobs looked at", in.Verb, seen))
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
	}
}

// checkActInput refuses what operate would have refused, for acts that were enqueued by name.
func checkActInput(in *inside.ActInput) error {
	if !inside.Meant(in.Filter) {
		return &InputError{Task: inside.ActTask, Field: "filter", Got: "the zero filter", Want: inside.MeantWant}
	}
	act := store.Act{Verb: in.Verb, Edit: in.Edit}
	return act.Check()
}

func (a *App) actPage(ctx context.Context, in inside.ActInput, jobs []store.Job) (changed int, err error) {
	ids := make([]ID, len(jobs))
	for i := range jobs {
		ids[i] = jobs[i].ID
	}
	acted, err := a.store.Act(ctx, store.Act{Verb: in.Verb, IDs: ids, Edit: in.Edit})
	if err != nil {
		return 0, fmt.Errorf("%s: %w", in.Verb, err)
	}
	for _, one := range acted {
		if one.Effect == store.Done {
			changed++
		}
	}
	return changed, nil
}
