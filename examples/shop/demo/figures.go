package demo

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/offloadhq/offload"

	"github.com/offloadhq/offload/examples/shop"
)

// A figure is what became of the jobs of one task.
type figure struct {
	Task      string
	Enqueued  int
	Completed int
	Retried   int // attempts that failed and were followed by another
	Discarded int
	Ran       []time.Duration // how long each completed attempt took, sorted
}

// figures counts what became of the jobs enqueued since a time, as offload knows them.
func (d *demo) figures(ctx context.Context, since time.Time) ([]figure, error) {
	var figures []figure
	for _, task := range shop.TaskNames {
		jobs, err := d.jobsOf(ctx, offload.Filter{Tasks: []string{task}, Since: since, Max: 1000})
		if err != nil {
			return nil, err
		}
		figures = append(figures, figureOf(task, jobs))
	}
	return figures, nil
}

// jobsOf reads all pages of a filter.
func (d *demo) jobsOf(ctx context.Context, filter offload.Filter) ([]*offload.Job, error) {
	var all []*offload.Job
	for {
		page, err := d.shop.App.Jobs(ctx, filter)
		if err != nil || len(page) == 0 {
			return all, err
		}
		all = append(all, page...)
		filter.Before = page[len(page)-1].ID
	}
}

func figureOf(task string, jobs []*offload.Job) figure {
	f := figure{Task: task, Enqueued: len(jobs)}
	for _, job := range jobs {
		f.Retried += job.Failures
		switch job.State {
		case offload.Completed:
			f.Completed++
			f.Ran = append(f.Ran, job.FinishedAt.Sub(job.StartedAt))
		case offload.Discarded:
			f.Discarded++
			f.Retried-- // the last failure was followed by nothing
		}
	}
	slices.SortFunc(f.Ran, cmp.Compare)
	return f
}

// quantile is the shortest of the durations that a share of them does not exceed.
func quantile(sorted []time.Duration, share float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(int(math.Ceil(share*float64(len(sorted)))), 1)-1]
}

// writeFigures writes a table.
func writeFigures(w io.Writer, figures []figure) error {
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "task\tenqueued\tcompleted\tretried\tdiscarded\tp50\tp95\t")
	for _, f := range figures {
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%s\t%s\t\n", f.Task, f.Enqueued, f.Completed, f.Retried, f.Discarded,
			milliseconds(quantile(f.Ran, 0.50)), milliseconds(quantile(f.Ran, 0.95)))
	}
	return table.Flush()
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3g s", d.Seconds()) }
