package offload_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/offloadtest"
)

func TestWhyAJobOfAFlowDoesNotRun(t *testing.T) {
	c := newCourse()
	app := offloadtest.New(c.step)
	defer app.Close()
	c.fails("bad", true)
	one, bad := c.step.Call("one"), c.step.Call("bad")
	batch := offload.Batch(c.step.Call("x"))
	several := c.step.Call("several", offload.AfterEnd(one, bad), offload.After(batch))
	end := c.step.Call("end", offload.AfterEnd(one))
	fail := c.step.Call("fail", offload.AfterFailure(one))
	held := c.step.Call("held", offload.AfterHold(bad))
	cancelled := c.step.Call("cancelled", offload.After(bad))
	enqueueAll(t, app, one, bad, batch, several, end, fail, held, cancelled)

	why := wantWhy(t, app.App, several.ID(), offload.WhyAfter, "It is after 3 jobs, of which 3 have not ended: job "+one.ID().String()+` of task "step" (available), `,
		", batch "+batch.ID().String()+" (1 of 1 member has not ended).")
	if !slices.Equal(why.By, []offload.ID{one.ID(), bad.ID(), batch.ID()}) {
		t.Errorf("it waits for %v", why.By)
	}
	wantWhy(t, app.App, end.ID(), offload.WhyAfter, "It waits until job "+one.ID().String()+` of task "step" has ended; that is available.`)
	wantWhy(t, app.App, fail.ID(), offload.WhyAfter, " has failed for good; that is available.")
	wantWhy(t, app.App, batch.ID(), offload.WhyAfter, "It is a batch, and ends when its members have: 1 of 1 member has not ended.")

	app.Drain()

	wantWhy(t, app.App, fail.ID(), offload.WhyEnded, ", since it was to run once job "+one.ID().String(), "had failed for good, and that is completed.")
	if why := wantWhy(t, app.App, cancelled.ID(), offload.WhyEnded, bad.ID().String(), "had completed, and that is discarded."); len(why.By) != 1 {
		t.Errorf("it names %v", why.By)
	}
	wantWhy(t, app.App, held.ID(), offload.WhyHeld, "It waits for a person, since it was to run once job "+bad.ID().String(), "had completed, and that is discarded: run it now, cancel it, or retry")
	if err := app.Delete(t.Context(), bad.ID()); err != nil {
		t.Fatal(err)
	}
	wantWhy(t, app.App, held.ID(), offload.WhyHeld, "and that was deleted: ")
	job, err := app.Job(t.Context(), cancelled.ID())
	if err != nil || !strings.Contains(job.Error, bad.ID().String()) {
		t.Errorf("its error is %q, %v", job.Error, err)
	}
}

// A job cancelled by a person names no upstream, and many upstreams are cut.
func TestWhyNamesNoMoreThanHelps(t *testing.T) {
	c := newCourse()
	app := offloadtest.New(c.step)
	defer app.Close()
	var many []*offload.Call
	for range 200 {
		many = append(many, c.step.Call("x"))
	}
	last := c.step.Call("last", offload.After(many...))
	enqueueAll(t, app, append(many, last)...)
	if why := wantWhy(t, app.App, last.ID(), offload.WhyAfter, "It is after 200 jobs, of which 200 have not ended", " and 197 more."); len(why.By) != 100 {
		t.Errorf("it names %d", len(why.By))
	}
	if err := app.Cancel(t.Context(), last.ID()); err != nil {
		t.Fatal(err)
	}
	if why := wantWhy(t, app.App, last.ID(), offload.WhyEnded, "It has ended as cancelled at "); strings.Contains(why.Text, "since") {
		t.Errorf("why: %s", why.Text)
	}
}
