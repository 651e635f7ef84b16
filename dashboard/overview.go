package dashboard

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/offloadhq/offload/operate"
)

// overviewView is what the first page shows.
type overviewView struct {
	Ranges  []choice
	Charts  []*chart
	Queues  []queueRow
	Errors  []errorRow
	Changes []change
}

// A change is something that was done to the system, or a program that was started.
type change struct {
	Time time.Time
	Text string
	Who  string
}

// An overviewRange is how far back the charts go, and how long a point is.
type overviewRange struct {
	timeRange
	Step time.Duration
}

var overviewRanges = []overviewRange{
	{timeRange{"15m", "15 min", 15 * time.Minute}, time.Minute},
	{timeRange{"1h", "1 h", time.Hour}, time.Minute},
	{timeRange{"6h", "6 h", 6 * time.Hour}, 5 * time.Minute},
	{timeRange{"24h", "24 h", 24 * time.Hour}, 15 * time.Minute},
	{timeRange{"7d", "7 d", 7 * 24 * time.Hour}, 2 * time.Hour},
	{timeRange{"30d", "30 d", 30 * 24 * time.Hour}, 8 * time.Hour},
	{timeRange{"90d", "90 d", 90 * 24 * time.Hour}, 24 * time.Hour},
}

const (
	defaultRange    = 1
	overviewChanges = 10
	overviewErrors  = 6
)

// overview shows how things went, what waits, what failed last, and what changed.
func (d *dashboard) overview(r *request) (*content, error) {
	within := r.URL.Query().Get("within")
	at := slices.IndexFunc(overviewRanges, func(t overviewRange) bool { return t.Value == within })
	if within == "" {
		at = defaultRange
	} else if at < 0 {
		return nil, badField("within", shortened(within, 40), "one of 15m, 1h, 6h, 24h, 7d, 30d, 90d")
	}
	span := overviewRanges[at]
	var v overviewView
	for i, t := range overviewRanges {
		v.Ranges = append(v.Ranges, choice{Label: t.Label, URL: r.link("/", "within", t.Value), Chosen: i == at})
	}
	steps, err := d.readSteps(r, span)
	if err != nil {
		return nil, err
	}
	if v.Changes, err = d.changes(r, span.Length); err != nil {
		return nil, err
	}
	v.Charts = chartsOf(steps, span, v.Changes, r.now, r.prefs.Zone)
	v.Changes = v.Changes[:min(len(v.Changes), overviewChanges)]
	queues, err := d.readQueues(r)
	if err != nil {
		return nil, err
	}
	if v.Queues, err = d.queueRows(r, queues); err != nil {
		return nil, err
	}
	fresh, err := d.newErrors(r, r.now.Add(-span.Length))
	if err != nil {
		return nil, err
	}
	for i := range fresh[:min(len(fresh), overviewErrors)] {
		v.Errors = append(v.Errors, r.errorRow(&fresh[i]))
	}
	return &content{view: "overview", title: "Overview", data: &v}, nil
}

// readSteps reads the figures of a range for whoever needs them now: those of long ones change slowly.
func (d *dashboard) readSteps(r *request, span overviewRange) ([]operate.StatsStep, error) {
	age := min(max(stripAge, span.Step/10), time.Minute)
	return shared(r, "steps "+span.Value, age, func(ctx context.Context) ([]operate.StatsStep, error) {
		stats, err := r.op.Stats(ctx, operate.StatsQuery{Since: r.now.Add(-span.Length).Truncate(span.Step), Until: r.now, Step: span.Step, StepsOnly: true})
		if err != nil {
			return nil, err
		}
		return stats.Steps, nil
	})
}

// changes are what people did and which programs started, newest first.
func (d *dashboard) changes(r *request, length time.Duration) (all []change, err error) {
	acts, err := shared(r, fmt.Sprint("acts ", length), stripAge, func(ctx context.Context) ([]operate.Act, error) {
		return r.op.Acts(ctx, r.now.Add(-length))
	})
	if err != nil {
		return nil, err
	}
	for i := range acts {
		all = append(all, change{acts[i].Time, acts[i].What, acts[i].Who})
	}
	processes, err := d.readProcesses(r)
	if err != nil {
		return nil, err
	}
	for i := range processes {
		if p := r.processRow(&processes[i]); r.now.Sub(p.Started) < length {
			all = append(all, change{p.Started, "started " + p.Title(), ""})
		}
	}
	slices.SortStableFunc(all, func(a, b change) int { return b.Time.Compare(a.Time) })
	return all, nil
}

// chartsOf draws how many jobs ended and how, how long they waited, and how long they ran.
func chartsOf(steps []operate.StatsStep, span overviewRange, changes []change, now time.Time, zone *time.Location) []*chart {
	first := now.Add(-span.Length).Truncate(span.Step).Add(span.Step)
	n := int(span.Length / span.Step)
	times := make([]time.Time, n)
	for i := range times {
		times[i] = first.Add(time.Duration(i) * span.Step)
	}
	row := func(none float64) []float64 {
		values := make([]float64, n)
		for i := range values {
			values[i] = none
		}
		return values
	}
	done, failed, gone := row(0), row(0), row(0)
	var wait, run [3][]float64
	for i := range wait {
		wait[i], run[i] = row(math.NaN()), row(math.NaN())
	}
	minutes := span.Step.Minutes()
	for i := range steps {
		s := &steps[i]
		at := int(s.Start.Sub(first) / span.Step)
		if s.Start.Before(first) || at >= n {
			continue
		}
		done[at] = float64(s.Completed) / minutes
		failed[at] = float64(s.Failed-s.Discarded) / minutes
		gone[at] = float64(s.Discarded) / minutes
		if s.Completed+s.Failed+s.Cancelled == 0 {
			continue
		}
		for q := range wait {
			wait[q][at], run[q][at] = s.Wait[q].Seconds(), s.Run[q].Seconds()
		}
	}
	var marks []mark
	for _, c := range changes {
		marks = append(marks, mark{c.Time, c.Text})
	}
	quantiles := func(title string, of [3][]float64) *chart {
		return &chart{
			Title: title, Times: times, Step: span.Step, Zone: zone, Marks: marks, Say: saySeconds, Nice: niceSeconds,
			Series: []series{{"p50", "p50", of[0]}, {"p95", "p95", of[1]}, {"p99", "p99", of[2]}},
		}
	}
	return []*chart{
		{
			Title: "Ended each minute", Times: times, Step: span.Step, Zone: zone, Marks: marks, Bars: true, Say: sayRate, Nice: niceNumber,
			Series: []series{{"completed", "completed", done}, {"failed", "retryable", failed}, {"discarded", "discarded", gone}},
		},
		quantiles("Wait, from due to start", wait), quantiles("Run, from start to end", run),
	}
}
