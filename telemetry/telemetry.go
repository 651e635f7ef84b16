// Package telemetry reads from an app what monitoring wants to know: whether this process is alive
// and ready, how deep the queues are, how long jobs wait and run, and how many processes the
// queues need.
//
// [Live] and [Ready] are http handlers for an orchestrator's probes. A [Collector] reads figures;
// the packages below write them for others: telemetry/prometheus as a page that Prometheus reads,
// telemetry/otel as OpenTelemetry metrics, beside the traces. The packages link nothing but what
// they are for, and package offload imports none of them.
package telemetry

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/inside"
	"github.com/offloadhq/offload/store"
)

// CountsStop is where counts of waiting jobs stop, so that reading them stays cheap.
const CountsStop = 100_000

// A Reading is what a Collector has read.
type Reading struct {
	Time      time.Time // by the store's clock
	Queues    []Queue   // by name
	Processes Processes
	Schedules []Schedule // by name
	Totals    []Total    // by queue, task and outcome
}

// A Queue is a queue as it is now.
type Queue struct {
	Name    string
	Paused  bool
	Jobs    map[offload.State]int // that have not ended; a count stops at CountsStop
	Oldest  time.Duration         // how long the job that is due longest waits for a worker; 0 if none does
	Workers int                   // jobs at once, over all processes
	Need    Need
}

// Processes counts the processes that work jobs.
type Processes struct {
	Working, Quiet, Stopping, Lost int
	Running                        int // attempts, as processes have last said
	Stuck                          int // attempts whose handlers ignore that their context has ended
}

// A Schedule is a schedule as it is now.
type Schedule struct {
	Name    string
	Paused  bool
	Overdue time.Duration // since the tick that should have been taken; 0 if none should
}

// A Total counts what has happened to the jobs of one task in one queue since the minute of the
// Collector's first reading, whichever process did it. It never falls. Those of "enqueued", "completed",
// "retry" and "discarded" are there also while they are 0.
type Total struct {
	Queue, Task string
	Outcome     string // "enqueued", or how an attempt went: "completed", "retry", "snooze", "discarded", "cancelled", "expired"
	Count       int64
	Wait, Run   store.Histogram // from due to start, and from start to end
}

// A Collector reads figures of an app, and remembers what it must for totals. It is safe for
// concurrent use.
type Collector struct {
	app    *offload.App
	within time.Duration

	mu     sync.Mutex // held while it reads, so that who asks at the same time gets one answer
	last   *Reading
	read   time.Time           // when last was read, by this process's clock
	since  time.Time           // the first minute that is read again
	frozen map[totalKey]*Total // of minutes before
	slots  map[string]int      // of a process that works the queue, as last seen
}

type totalKey struct{ queue, task, outcome string }

// How a Collector reads.
const (
	freshFor = time.Second      // readings are shared so long
	window   = 10 * time.Minute // figures of a minute may still grow so long: those of enqueued jobs come late
	drainIn  = 10 * time.Minute // the default of Within
	rateOver = 5 * time.Minute  // that arrivals are taken from
)

// NewCollector makes a collector. It reads nothing yet. Queue.Need is about being done within the
// time given, 10 minutes if that is 0.
func NewCollector(app *offload.App, within time.Duration) *Collector {
	if within <= 0 {
		within = drainIn
	}
	return &Collector{app: app, within: within, frozen: map[totalKey]*Total{}, slots: map[string]int{}}
}

// Collect reads figures, or returns what was read less than a second ago. With an error it returns
// the last reading, nil if there was none: its totals are true still, as far as they go.
// What it returns must not be changed.
func (c *Collector) Collect(ctx context.Context) (*Reading, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last != nil && time.Since(c.read) < freshFor {
		return c.last, nil
	}
	s, err := inside.Store(c.app)
	if err != nil {
		return c.last, err
	}
	r, err := c.collect(ctx, s)
	if err != nil {
		return c.last, fmt.Errorf("offload: read figures: %w", err)
	}
	c.last, c.read = r, time.Now()
	return r, nil
}

func (c *Collector) collect(ctx context.Context, s store.Store) (*Reading, error) {
	now, err := s.Now(ctx)
	if err != nil {
		return nil, err
	}
	queues, err := s.Queues(ctx, CountsStop+1)
	if err != nil {
		return nil, err
	}
	processes, err := s.Processes(ctx)
	if err != nil {
		return nil, err
	}
	schedules, err := s.Schedules(ctx)
	if err != nil {
		return nil, err
	}
	tasks, err := s.Tasks(ctx)
	if err != nil {
		return nil, err
	}
	lately, err := c.figures(ctx, s, now)
	if err != nil {
		return nil, err
	}
	c.begin(tasks, lately)
	r := &Reading{Time: now, Processes: count(processes), Schedules: due(schedules, now), Totals: c.totals(lately, now)}
	r.Queues = c.queues(queues, processes, now)
	c.need(r, lately)
	return r, nil
}

// figures reads those of the minutes that are not frozen, and of those that rates are taken from.
func (c *Collector) figures(ctx context.Context, s store.Store, now time.Time) ([]store.Figure, error) {
	if c.since.IsZero() {
		c.since = now.Truncate(time.Minute)
	}
	since := now.Add(-rateOver - 2*time.Minute)
	if c.since.Before(since) {
		since = c.since
	}
	return s.Figures(ctx, store.FigureQuery{Since: since.Truncate(time.Minute), Until: now.Add(time.Minute), Step: time.Minute})
}

// always are the outcomes that are told of each task, also while they are 0: who watches a total for
// its growth has to have seen it before.
var always = []string{enqueued, string(store.OutcomeCompleted), string(store.OutcomeRetry), string(store.OutcomeDiscarded)}

// begin begins the totals of tasks that are known or were run, at 0.
func (c *Collector) begin(tasks []store.Task, lately []store.Figure) {
	of := func(queue, task string) {
		if queue == store.SystemQueue {
			return
		}
		for _, outcome := range always {
			k := totalKey{queue, task, outcome}
			if c.frozen[k] == nil {
				c.frozen[k] = &Total{Queue: queue, Task: task, Outcome: outcome}
			}
		}
	}
	for i := range tasks {
		of(tasks[i].Queue, tasks[i].Name)
	}
	for i := range lately {
		if f := &lately[i]; !f.Start.Before(c.since) {
			of(f.Queue, f.Task)
		}
	}
}

// totals adds up what was read and what is frozen, and freezes the minutes that are over for long.
func (c *Collector) totals(lately []store.Figure, now time.Time) (all []Total) {
	begin := now.Add(-window).Truncate(time.Minute)
	sums := map[totalKey]*Total{}
	for k, t := range c.frozen {
		sum := *t
		sums[k] = &sum
	}
	for i := range lately {
		f := &lately[i]
		if f.Start.Before(c.since) || f.Queue == store.SystemQueue {
			continue
		}
		add(sums, f)
		if f.Start.Before(begin) {
			add(c.frozen, f)
		}
	}
	if c.since.Before(begin) {
		c.since = begin
	}
	for _, t := range sums {
		all = append(all, *t)
	}
	slices.SortFunc(all, func(a, b Total) int {
		if by := strings.Compare(a.Queue, b.Queue); by != 0 {
			return by
		}
		if by := strings.Compare(a.Task, b.Task); by != 0 {
			return by
		}
		return strings.Compare(a.Outcome, b.Outcome)
	})
	return all
}

func add(sums map[totalKey]*Total, f *store.Figure) {
	k := totalKey{f.Queue, f.Task, f.Outcome}
	if sums[k] == nil {
		sums[k] = &Total{Queue: f.Queue, Task: f.Task, Outcome: f.Outcome}
	}
	sums[k].Count += f.Count
	sums[k].Wait.Add(&f.Wait)
	sums[k].Run.Add(&f.Run)
}

func count(all []store.Process) (n Processes) {
	for i := range all {
		p := &all[i]
		n.Running += p.Running
		n.Stuck += len(p.Stuck)
		switch {
		case p.Lost:
			n.Lost++
		case p.Stop:
			n.Stopping++
		case p.Quiet:
			n.Quiet++
		default:
			n.Working++
		}
	}
	return n
}

func due(all []store.Schedule, now time.Time) (schedules []Schedule) {
	for i := range all {
		s := Schedule{Name: all[i].Name, Paused: all[i].Paused}
		if !s.Paused && !all[i].Next.IsZero() {
			s.Overdue = max(now.Sub(all[i].Next), 0)
		}
		schedules = append(schedules, s)
	}
	return schedules
}

// queues returns the queues that have jobs, are worked or are paused.
func (c *Collector) queues(found []store.Queue, processes []store.Process, now time.Time) (all []Queue) {
	byName := map[string]*Queue{}
	of := func(name string) *Queue {
		if byName[name] == nil {
			byName[name] = &Queue{Name: name, Jobs: map[offload.State]int{}}
		}
		return byName[name]
	}
	for i := range found {
		q := of(found[i].Name)
		q.Paused = found[i].Paused
		for state, n := range found[i].Counts {
			q.Jobs[state] = min(n, CountsStop)
		}
		if !found[i].Oldest.IsZero() {
			q.Oldest = max(now.Sub(found[i].Oldest), 0)
		}
	}
	for i := range processes {
		p := &processes[i]
		if p.Lost || p.Quiet || p.Stop {
			continue
		}
		for name, workers := range p.Queues {
			of(name).Workers += workers
			of(name).Need.Working++
		}
	}
	delete(byName, store.SystemQueue)
	for _, q := range byName {
		all = append(all, *q)
	}
	slices.SortFunc(all, func(a, b Queue) int { return strings.Compare(a.Name, b.Name) })
	return all
}
