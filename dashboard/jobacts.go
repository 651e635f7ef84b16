package dashboard

import (
	"context"
	"fmt"
	"net/url"
	"strconv"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
)

// rowActs are what can be done with one job of a list.
func (r *request) rowActs(job *offload.Job) (acts []act) {
	id := job.ID.String()
	switch job.State {
	case offload.Retryable, offload.Discarded:
		acts = append(acts, do("Retry now", "/jobs/act", Operator, "verb", "retry", "id", id))
	case offload.Scheduled:
		acts = append(acts, do("Run now", "/jobs/act", Operator, "verb", "run", "id", id))
	}
	switch job.State {
	case offload.Retryable, offload.Scheduled:
		acts = append(acts, do("Cancel", "/jobs/act", Operator, "verb", "cancel", "id", id))
	case offload.Discarded:
		acts = append(acts, do("Delete", "/jobs/act", Operator, "verb", "delete", "id", id))
	}
	return acts
}

// A bulk is an act on the jobs that were chosen, or on all that match.
type bulk struct {
	did  string // "Retried"
	some func(o *operate.Operator, ctx context.Context, ids ...offload.ID) error
	all  func(o *operate.Operator, ctx context.Context, f offload.Filter) (*offload.Job, error)
}

var bulks = map[string]bulk{
	"retry":  {"Retried", (*operate.Operator).Retry, (*operate.Operator).RetryAll},
	"run":    {"Made due", (*operate.Operator).RunNow, (*operate.Operator).RunNowAll},
	"cancel": {"Cancelled", (*operate.Operator).Cancel, (*operate.Operator).CancelAll},
	"delete": {"Deleted", nil, (*operate.Operator).DeleteAll}, // always in the background: it can be undone for a minute
}

// actOnJobs does something with the jobs that were chosen in a list, or with all that match it, in the background.
func (d *dashboard) actOnJobs(r *request) (*done, error) {
	verb := r.PostForm.Get("verb")
	b, known := bulks[verb]
	edit, err := editOf(r.PostForm)
	switch {
	case verb == "edit" && err != nil:
		return nil, err
	case verb == "edit":
		b = bulk{did: "Changed", all: func(o *operate.Operator, ctx context.Context, f offload.Filter) (*offload.Job, error) {
			return o.EditAll(ctx, f, edit)
		}}
	case !known:
		return nil, badField("act", shortened(verb, 40), "retry, run, cancel, delete or edit")
	}
	f, n, err := r.chosen()
	if err != nil {
		return nil, err
	}
	if n > 0 && b.some != nil {
		if err := b.some(r.op, r.Context(), f.IDs...); err != nil {
			return nil, err
		}
		return &done{text: fmt.Sprintf("%s %s.", b.did, plural(n, "job", "jobs"))}, nil
	}
	job, err := b.all(r.op, r.Context(), f)
	if err != nil {
		return nil, err
	}
	which := "All that match"
	if n > 0 {
		which = plural(n, "job", "jobs")
	}
	if verb != "delete" {
		return &done{text: which + ": " + verb + ", in the background. Operations shows how far it is."}, nil
	}
	undo := do("Undo", "/operations/cancel", Operator, "id", job.ID.String())
	return &done{text: which + ": deleted in a minute, if nobody undoes it.", undo: &undo}, nil
}

// chosen are the jobs an act is for: n of them by id, or with n 0 all that match the list.
func (r *request) chosen() (f offload.Filter, n int, err error) {
	if r.PostForm.Get("all") == "" {
		for _, text := range r.PostForm["id"] {
			id, err := needID("id", text)
			if err != nil {
				return f, 0, err
			}
			f.IDs = append(f.IDs, id)
		}
		if len(f.IDs) == 0 {
			return f, 0, badField("jobs", "none", "some that are chosen, or all that match")
		}
		return f, len(f.IDs), nil
	}
	values, err := url.ParseQuery(r.PostForm.Get("query"))
	if err != nil {
		return f, 0, badField("query", shortened(r.PostForm.Get("query"), 60), "the parameters of a list of jobs")
	}
	q, err := r.jobQuery(values)
	if err != nil {
		return f, 0, err
	}
	f = q.filter
	f.After, f.All = offload.Cursor{}, true
	return f, 0, nil
}

// editOf reads what is to be changed of jobs.
func editOf(form url.Values) (e operate.Edit, err error) {
	e.Queue = form.Get("to-queue")
	if text := form.Get("to-priority"); text != "" {
		p, err := strconv.Atoi(text)
		if err != nil || p < 0 || p > 9 {
			return e, badField("priority", shortened(text, 20), "0 to 9")
		}
		e.Priority = &p
	}
	if e.Queue == "" && e.Priority == nil {
		return e, badField("change", "nothing", "a queue or a priority")
	}
	return e, nil
}
