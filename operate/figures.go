package operate

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/store"
)

// A Queue is a queue as it is now. Counts stop at 1,001, which means more than 1,000.
type Queue struct {
	Name       string    `json:"name"`
	Paused     bool      `json:"paused"`
	Scheduled  int       `json:"scheduled"`
	Available  int       `json:"available"`
	Blocked    int       `json:"blocked"`
	Running    int       `json:"running"`
	Retryable  int       `json:"retryable"`
	Workers    int       `json:"workers"`               // over all processes
	WorkersSet int       `json:"workers_set,omitempty"` // that SetWorkers has set for each process; 0 is none
	Oldest     time.Time `json:"oldest,omitzero"`       // since when the job that waits longest is due
}

// countsStop is where the counts of a listing stop.
const countsStop = 1001

// Queues returns the queues that have jobs, are worked, are paused, or have workers set, by name.
func (o *Operator) Queues(ctx context.Context) ([]Queue, error) {
	s, err := o.store()
	if err != nil {
		return nil, err
	}
	found, err := s.Queues(ctx, countsStop)
	if err != nil {
		return nil, fmt.Errorf("offload: list queues: %w", err)
	}
	processes, err := s.Processes(ctx)
	if err != nil {
		return nil, fmt.Errorf("offload: list queues: %w", err)
	}
	byName := map[string]*Queue{}
	for _, q := range found {
		byName[q.Name] = &Queue{
			Name: q.Name, Paused: q.Paused, WorkersSet: q.Workers, Oldest: q.Oldest,
			Scheduled: q.Counts[store.Scheduled], Available: q.Counts[store.Available], Blocked: q.Counts[store.Blocked],
			Running: q.Counts[store.Running], Retryable: q.Counts[store.Retryable],
		}
	}
	for _, p := range processes {
		for name, workers := range p.Queues {
			if byName[name] == nil {
				byName[name] = &Queue{Name: name}
			}
			byName[name].Workers += workers
		}
	}
	delete(byName, store.SystemQueue)
	queues := make([]Queue, 0, len(byName))
	for _, q := range byName {
		queues = append(queues, *q)
	}
	slices.SortFunc(queues, func(a, b Queue) int { return cmp.Compare(a.Name, b.Name) })
	return queues, nil
}

// A Process is a running program.
type Process struct {
	ID      offload.ID     `json:"id"`
	Name    string         `json:"name,omitempty"`
	Host    string         `json:"host"`
	PID     int            `json:"pid"`
	Version string         `json:"version"` // of offload
	Started time.Time      `json:"started"`
	Beat    time.Time      `json:"beat"`            // when it last showed that it lives
	Queues  map[string]int `json:"queues"`          // that it works now, and how many jobs at once
	Running int            `json:"running"`         // attempts
	Stuck   []offload.ID   `json:"stuck,omitempty"` // jobs whose handler ignores that its context has ended
	Memory  uint64         `json:"memory"`          // bytes
	Quiet   bool           `json:"quiet"`
	Stop    bool           `json:"stop"` // it was told to stop
	Lost    bool           `json:"lost"` // its jobs are being given to others
}

// Processes returns the processes that work jobs, oldest first.
func (o *Operator) Processes(ctx context.Context) ([]Process, error) {
	s, err := o.store()
	if err != nil {
		return nil, err
	}
	found, err := s.Processes(ctx)
	if err != nil {
		return nil, fmt.Errorf("offload: list processes: %w", err)
	}
	processes := make([]Process, len(found))
	for i, p := range found {
		processes[i] = Process{
			ID: p.ID, Name: p.Name, Host: p.Host, PID: p.PID, Version: p.Version, Started: p.Started, Beat: p.Beat,
			Queues: p.Queues, Running: p.Running, Stuck: p.Stuck, Memory: p.Memory, Quiet: p.Quiet, Stop: p.Stop, Lost: p.Lost,
		}
	}
	return processes, nil
}

// A Task is a task that some process has made known.
type Task struct {
	Name      string          `json:"name"`
	Queue     string          `json:"queue"`
	Schema    json.RawMessage `json:"schema,omitempty"` // JSON Schema of the input, where it is known
	Paused    bool            `json:"paused"`
	Dangerous bool            `json:"dangerous,omitempty"` // it is marked offload.Dangerous
	Seen      time.Time       `json:"seen"`                // when a process last made it known
}

// Tasks returns the tasks that processes have made known, by name, offload's own left out.
func (o *Operator) Tasks(ctx context.Context) ([]Task, error) {
	s, err := o.store()
	if err != nil {
		return nil, err
	}
	found, err := s.Tasks(ctx)
	if err != nil {
		return nil, fmt.Errorf("offload: list tasks: %w", err)
	}
	var tasks []Task
	for _, t := range found {
		if t.Queue != store.SystemQueue {
			tasks = append(tasks, Task{Name: t.Name, Queue: t.Queue, Schema: t.Schema, Paused: t.Paused, Dangerous: dangerous(&t), Seen: t.Seen})
		}
	}
	return tasks, nil
}

// dangerous reads the mark from a task's registered rules. Rules that can't be read are of a program
// that this one does not know: then it is.
func dangerous(t *store.Task) bool {
	if len(t.Rules) == 0 {
		return false
	}
	var rules struct {
		Dangerous bool `json:"dangerous"`
	}
	return json.Unmarshal(t.Rules, &rules) != nil || rules.Dangerous
}

// A StatsQuery says which figures. The zero query is the last hour, minute by minute.
type StatsQuery struct {
	Tasks, Queues []string      // empty is any
	Since, Until  time.Time     // zero: the last hour, until now
	Step          time.Duration // of a StatsStep; 0 is a minute
	StepsOnly     bool          // leaves out Now, which is what takes long
	CountsOnly    bool          // leaves out Now, and Wait and Run of the steps: the cheapest
}

// Stats are counts by state now, and figures per step of time.
type Stats struct {
	Now   map[offload.State]int `json:"now"` // nil with StepsOnly or CountsOnly
	Steps []StatsStep           `json:"steps"`
}

// A StatsStep is what happened in one step of time.
type StatsStep struct {
	Start     time.Time        `json:"start"`
	Enqueued  int64            `json:"enqueued"`
	Completed int64            `json:"completed"`
	Failed    int64            `json:"failed"` // attempts
	Discarded int64            `json:"discarded"`
	Cancelled int64            `json:"cancelled"`
	Wait      [3]time.Duration `json:"wait"` // from due to start: p50, p95, p99; at most 19 % off
	Run       [3]time.Duration `json:"run"`  // from start to end
}

// Stats returns figures. Now counts all jobs and may read the whole history; with the minute
// that passes, steps are complete. What happened more than a day ago is known by the hour alone.
// What completed and failed today is one step since midnight, with CountsOnly.
func (o *Operator) Stats(ctx context.Context, q StatsQuery) (*Stats, error) {
	s, err := o.store()
	if err != nil {
		return nil, err
	}
	now, err := s.Now(ctx)
	if err != nil {
		return nil, fmt.Errorf("offload: figures: %w", err)
	}
	if q.Until.IsZero() {
		q.Until = now
	}
	if q.Since.IsZero() {
		q.Since = q.Until.Add(-time.Hour)
	}
	if q.Step == 0 {
		q.Step = time.Minute
	}
	if q.Step < time.Minute {
		return nil, &offload.InputError{Field: "Step", Got: q.Step, Want: "a minute or more"}
	}
	stats := &Stats{}
	if !q.StepsOnly && !q.CountsOnly {
		if stats.Now, err = s.Counts(ctx); err != nil {
			return nil, fmt.Errorf("offload: count jobs: %w", err)
		}
	}
	figures, err := s.Figures(ctx, store.FigureQuery{
		Tasks: q.Tasks, Queues: q.Queues, Since: q.Since, Until: q.Until, Step: q.Step, CountsOnly: q.CountsOnly,
	})
	if err != nil {
		return nil, fmt.Errorf("offload: figures: %w", err)
	}
	stats.Steps = steps(figures)
	return stats, nil
}

// QueueStats returns what happened in each queue since a time, all of it in one step. As Stats it knows by the hour alone
// what happened more than a day ago. Queues in which nothing did are not there.
func (o *Operator) QueueStats(ctx context.Context, since time.Time) (map[string]StatsStep, error) {
	s, err := o.store()
	if err != nil {
		return nil, err
	}
	figures, err := s.Figures(ctx, store.FigureQuery{Since: since})
	if err != nil {
		return nil, fmt.Errorf("offload: figures of queues: %w", err)
	}
	of := map[string][]store.Figure{}
	for _, f := range figures {
		f.Start = since
		of[f.Queue] = append(of[f.Queue], f)
	}
	all := map[string]StatsStep{}
	for queue, figures := range of {
		all[queue] = steps(figures)[0]
	}
	return all, nil
}

// steps adds up figures by the start of their step.
func steps(figures []store.Figure) []StatsStep {
	var all []StatsStep
	var wait, run store.Histogram
	flush := func() {
		if len(all) > 0 {
			all[len(all)-1].Wait, all[len(all)-1].Run = quantiles(&wait), quantiles(&run)
			wait, run = store.Histogram{}, store.Histogram{}
		}
	}
	for _, f := range figures {
		if len(all) == 0 || !all[len(all)-1].Start.Equal(f.Start) {
			flush()
			all = append(all, StatsStep{Start: f.Start})
		}
		all[len(all)-1].count(&f)
		wait.Add(&f.Wait)
		run.Add(&f.Run)
	}
	flush()
	return all
}

func (s *StatsStep) count(f *store.Figure) {
	switch f.Outcome {
	case "enqueued":
		s.Enqueued += f.Count
	case string(store.OutcomeCompleted):
		s.Completed += f.Count
	case string(store.OutcomeRetry):
		s.Failed += f.Count
	case string(store.OutcomeDiscarded):
		s.Failed += f.Count
		s.Discarded += f.Count
	case string(store.OutcomeCancelled):
		s.Cancelled += f.Count
	}
}

func quantiles(h *store.Histogram) [3]time.Duration {
	return [3]time.Duration{h.Quantile(0.50), h.Quantile(0.95), h.Quantile(0.99)}
}
