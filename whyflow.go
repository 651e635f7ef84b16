package offload

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/offloadhq/offload/store"
)

// upstreams are what a job is after, as far as it is worth saying.
type upstreams struct {
	edges  []store.EdgeState
	jobs   map[ID]store.Job // that are there
	counts map[ID]store.BatchCount
	own    *store.BatchCount // of the job, if it is a batch
}

// upstreamsOf reads what a job is after, and its members if it is a batch; nil for a job of no
// flow.
func (a *App) upstreamsOf(ctx context.Context, job *store.Job) (*upstreams, error) {
	if job.Terms == nil || job.Terms.Flow.IsZero() {
		return nil, nil
	}
	edges, err := a.store.Edges(ctx, job.ID)
	if err != nil {
		return nil, fmt.Errorf("offload: read what job %s is after: %w", job.ID, err)
	}
	u := &upstreams{edges: edges}
	ids := []ID{job.ID}
	for _, e := range u.edges {
		ids = append(ids, e.Upstream)
	}
	if u.jobs, err = a.byID(ctx, ids); err != nil {
		return nil, err
	}
	if u.counts, err = a.store.Batches(ctx, ids...); err != nil {
		return nil, fmt.Errorf("offload: count the members of batches: %w", err)
	}
	if own, batch := u.counts[job.ID]; batch {
		u.own = &own
	}
	return u, nil
}

// How many jobs a sentence names, and how many its facts.
const (
	mostNamed = 3
	mostBy    = 100
)

// add names the upstream of an edge among what the job waits for.
func (r *Reason) add(e store.EdgeState) {
	if len(r.By) < mostBy {
		r.By = append(r.By, e.Upstream)
	}
}

// after says which jobs a job is after that have not ended, or of a batch how many members.
func (w *why) after() Reason {
	r := Reason{Code: WhyAfter}
	u := w.upstreams
	switch {
	case u == nil:
		r.Text = "It waits for other jobs."
		return r
	case u.own != nil:
		r.Text = fmt.Sprintf("It is a batch, and ends when its members have: %s.", members(*u.own))
		return r
	}
	var open []string
	for _, e := range u.edges {
		if e.State == "" {
			r.add(e)
			open = append(open, fmt.Sprintf("%s (%s)", u.name(e), strings.TrimPrefix(u.standing(e), "that is ")))
		}
	}
	switch {
	case len(open) == 0:
		r.Text = "All jobs that it is after have ended: it goes on within a second."
	case len(u.edges) == 1:
		e := u.edges[0]
		r.Text = fmt.Sprintf("It waits until %s has %s; %s.", u.name(e), wants[e.On], u.standing(e))
	default:
		r.Text = fmt.Sprintf("It is after %s, of which %d have not ended: %s.", jobs(len(u.edges)), len(open), listed(open))
	}
	return r
}

// wants says what an edge waits for.
var wants = map[store.On]string{store.OnCompleted: "completed", store.OnEnded: "ended", store.OnFailed: "failed for good"}

// held says why a job waits for a person.
func (w *why) held() Reason {
	r := Reason{Code: WhyHeld, Text: "It waits for a person, since a job that it is after ended otherwise than it wants."}
	if w.upstreams != nil {
		if but := w.upstreams.but(&r); but != "" {
			r.Text = fmt.Sprintf("It waits for a person, since it was to run %s: run it now, cancel it, or retry what it is after.", but)
		}
	}
	return r
}

// ended adds to why a job has ended as cancelled what it was after.
func (u *upstreams) ended(r *Reason) {
	if but := u.but(r); but != "" {
		r.Text = fmt.Sprintf("%s, since it was to run %s.", strings.TrimSuffix(r.Text, "."), but)
	}
}

// but says what a job waited for that can't come any more, and adds that to the facts; "" if that is
// nothing.
func (u *upstreams) but(r *Reason) string {
	unmet := u.unmet()
	for _, e := range unmet {
		r.add(e)
	}
	if len(unmet) == 0 {
		return ""
	}
	e := unmet[0]
	return fmt.Sprintf("once %s had %s, and %s", u.name(e), wants[e.On], u.standing(e))
}

// unmet returns edges that can't be met any more.
func (u *upstreams) unmet() (unmet []store.EdgeState) {
	failed := slices.ContainsFunc(u.edges, func(e store.EdgeState) bool { return e.On == store.OnFailed && e.State == Discarded })
	for _, e := range u.edges {
		switch {
		case e.State == "", e.On == store.OnEnded:
		case e.On == store.OnCompleted && e.State != Completed, e.On == store.OnFailed && !failed:
			unmet = append(unmet, e)
		}
	}
	return unmet
}

// name says which job or batch an edge means.
func (u *upstreams) name(e store.EdgeState) string {
	job, there := u.jobs[e.Upstream]
	if _, batch := u.counts[e.Upstream]; batch {
		return fmt.Sprintf("batch %s", e.Upstream)
	}
	if !there {
		return fmt.Sprintf("job %s", e.Upstream)
	}
	return fmt.Sprintf("job %s of task %q", e.Upstream, job.Task)
}

// standing says how an upstream stands.
func (u *upstreams) standing(e store.EdgeState) string {
	job, there := u.jobs[e.Upstream]
	switch count, batch := u.counts[e.Upstream]; {
	case !there:
		return "that was deleted"
	case batch && !job.State.Ended():
		return members(count)
	}
	return fmt.Sprintf("that is %s", job.State)
}

// members says how many members of a batch have not ended.
func members(c store.BatchCount) string {
	if c.Members == 1 {
		return fmt.Sprintf("%d of 1 member has not ended", c.Open)
	}
	return fmt.Sprintf("%d of %d members have not ended", c.Open, c.Members)
}

// listed joins the first of some texts.
func listed(texts []string) string {
	text := strings.Join(texts[:min(len(texts), mostNamed)], ", ")
	if more := len(texts) - mostNamed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
