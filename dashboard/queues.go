package dashboard

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/offloadhq/offload/operate"
)

// queuesView is what the page of queues shows.
type queuesView struct {
	Queues []queueRow
	Tasks  []taskRow
}

// A taskRow is a task that some program has made known.
type taskRow struct {
	operate.Task
	Acts []act
}

type queueRow struct {
	operate.Queue
	Waited time.Duration // of the job that waits longest
	Rate   float64       // attempts that ended in a second, of late
	Wait   [3]time.Duration
	Drain  time.Duration // until nothing waits, or longer where counting stopped, if it goes on so and nothing comes in; 0 is not known
	Acts   []act
}

// queues shows each queue as it is now.
func (d *dashboard) queues(r *request) (*content, error) {
	found, err := d.readQueues(r)
	if err != nil {
		return nil, err
	}
	rows, err := d.queueRows(r, found)
	if err != nil {
		return nil, err
	}
	v := queuesView{Queues: rows}
	tasks, err := d.readTasks(r)
	if err != nil {
		return nil, err
	}
	for i := range tasks {
		v.Tasks = append(v.Tasks, taskRowOf(&tasks[i]))
	}
	return &content{view: "queues", title: "Queues and tasks", data: v}, nil
}

// late is how far back rates and waits of queues go.
const late = 10 * time.Minute

// queueRows adds to queues how they went of late.
func (d *dashboard) queueRows(r *request, found []operate.Queue) ([]queueRow, error) {
	since := r.now.Add(-late).Truncate(time.Minute)
	stats, err := shared(r, "queue stats", 2*time.Second, func(ctx context.Context) (map[string]operate.StatsStep, error) {
		return r.op.QueueStats(ctx, since)
	})
	if err != nil {
		return nil, err
	}
	rows := make([]queueRow, len(found))
	for i := range found {
		rows[i] = r.queueRow(&found[i])
		step := stats[found[i].Name]
		rows[i].Rate, rows[i].Wait = float64(step.Completed+step.Failed)/r.now.Sub(since).Seconds(), step.Wait
		if waiting := float64(found[i].Available); waiting > 0 && rows[i].Rate > 0 {
			rows[i].Drain = max(time.Duration(waiting/rows[i].Rate*float64(time.Second)), time.Second)
		}
	}
	return rows, nil
}

// Over is "over " where more may wait than was counted.
func (q *queueRow) Over() string {
	if q.Available > countStop {
		return "over "
	}
	return ""
}

func (r *request) queueRow(q *operate.Queue) queueRow {
	row := queueRow{Queue: *q}
	if q.Available > 0 {
		row.Waited = max(0, r.now.Sub(q.Oldest))
	}
	if q.Paused {
		row.Acts = append(row.Acts, do("Resume", "/queues/resume", Operator, "queue", q.Name).main())
	} else {
		row.Acts = append(row.Acts, do("Pause", "/queues/pause", Operator, "queue", q.Name))
	}
	of := []string{"queue", q.Name}
	set := do("Workers", "/queues/workers", Admin, of...).with(input{
		Label: "Workers", Name: "workers", Kind: "number", Value: strconv.Itoa(max(1, q.WorkersSet)),
		Hint: "How many jobs of it each process runs at once, until it is reset. What runs goes on.",
	})
	row.Acts = append(row.Acts, set)
	if q.WorkersSet > 0 {
		row.Acts = append(row.Acts, do("Reset workers", "/queues/workers/reset", Admin, of...))
	}
	return row
}

func (d *dashboard) setWorkers(r *request) (*done, error) {
	name, text := r.PostForm.Get("queue"), strings.TrimSpace(r.PostForm.Get("workers"))
	n, err := strconv.Atoi(text)
	if err != nil {
		return nil, badField("workers", text, "a number, 1 or more")
	}
	if err := r.op.SetWorkers(r.Context(), name, n); err != nil {
		return nil, err
	}
	undo := do("Reset", "/queues/workers/reset", Admin, "queue", name)
	return &done{text: fmt.Sprintf("Each process runs %s of %s at once.", plural(n, "job", "jobs"), name), undo: &undo}, nil
}

func (d *dashboard) resetWorkers(r *request) (*done, error) {
	name := r.PostForm.Get("queue")
	if err := r.op.ResetWorkers(r.Context(), name); err != nil {
		return nil, err
	}
	return &done{text: "Processes run as many of " + name + " as their programs say."}, nil
}

func (d *dashboard) pauseQueue(r *request) (*done, error) {
	name := r.PostForm.Get("queue")
	if err := r.op.PauseQueue(r.Context(), name); err != nil {
		return nil, err
	}
	undo := do("Resume", "/queues/resume", Operator, "queue", name)
	return &done{text: "Paused " + name + ". What runs goes on; nothing new begins.", undo: &undo}, nil
}

func (d *dashboard) resumeQueue(r *request) (*done, error) {
	name := r.PostForm.Get("queue")
	if err := r.op.ResumeQueue(r.Context(), name); err != nil {
		return nil, err
	}
	return &done{text: "Resumed " + name + "."}, nil
}
