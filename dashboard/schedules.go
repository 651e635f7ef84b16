package dashboard

import (
	"context"
	"net/url"
	"slices"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
)

// schedulesView is what the page of schedules shows.
type schedulesView struct {
	Schedules []scheduleRow
	New       bool // who looks may add one
}

type scheduleRow struct {
	operate.Schedule
	Path string // of its page
	Acts []act
}

// Words says when it ticks.
func (s *scheduleRow) Words() string { return s.Schedule.Words() }

// Standing says why it does not tick, "" if it does.
func (s *scheduleRow) Standing() string {
	switch {
	case s.Paused:
		return "paused"
	case s.Orphaned:
		return "declared by no program"
	case s.Next.IsZero():
		return "over"
	}
	return ""
}

// schedules shows what ticks, when next, and how it went last.
func (d *dashboard) schedules(r *request) (*content, error) {
	found, err := d.readSchedules(r)
	if err != nil {
		return nil, err
	}
	v := schedulesView{Schedules: make([]scheduleRow, len(found)), New: r.may(Admin)}
	for i := range found {
		v.Schedules[i] = r.scheduleRow(&found[i])
	}
	return &content{view: "schedules", title: "Schedules", data: &v}, nil
}

// readSchedules reads all schedules for whoever needs them now.
func (d *dashboard) readSchedules(r *request) ([]operate.Schedule, error) {
	return shared(r, "schedules", stripAge, func(ctx context.Context) ([]operate.Schedule, error) { return r.op.Schedules(ctx) })
}

func schedulePath(name string) string { return "/schedules/of/" + url.PathEscape(name) }

func (r *request) scheduleRow(s *operate.Schedule) scheduleRow {
	row := scheduleRow{Schedule: *s, Path: schedulePath(s.Name)}
	of := []string{"schedule", s.Name}
	row.Acts = append(row.Acts, do("Run now", "/schedules/run", Operator, of...))
	if s.Paused {
		row.Acts = append(row.Acts, do("Resume", "/schedules/resume", Operator, of...).main())
	} else {
		row.Acts = append(row.Acts, do("Pause", "/schedules/pause", Operator, of...))
	}
	return row
}

func (d *dashboard) runSchedule(r *request) (*done, error) {
	name := r.PostForm.Get("schedule")
	job, err := r.op.RunSchedule(r.Context(), name)
	if err != nil {
		return nil, err
	}
	return &done{text: "Enqueued the job of " + name + ": " + job.ID.String() + ".", to: "/jobs/" + job.ID.String()}, nil
}

func (d *dashboard) pauseSchedule(r *request) (*done, error) {
	name := r.PostForm.Get("schedule")
	if err := r.op.PauseSchedule(r.Context(), name); err != nil {
		return nil, err
	}
	undo := do("Resume", "/schedules/resume", Operator, "schedule", name)
	return &done{text: "Paused " + name + ". It ticks no more until it is resumed.", undo: &undo}, nil
}

func (d *dashboard) resumeSchedule(r *request) (*done, error) {
	name := r.PostForm.Get("schedule")
	if err := r.op.ResumeSchedule(r.Context(), name); err != nil {
		return nil, err
	}
	return &done{text: "Resumed " + name + "."}, nil
}

func (d *dashboard) removeSchedule(r *request) (*done, error) {
	name := r.PostForm.Get("schedule")
	if err := r.op.RemoveSchedule(r.Context(), name); err != nil {
		return nil, err
	}
	return &done{text: "Removed " + name + ". One of that name in code comes back within a minute.", to: "/schedules"}, nil
}

// scheduleView is what the page of one schedule shows.
type scheduleView struct {
	scheduleRow
	Edit  string // the address of its form; "" is not for who looks
	Input string // as JSON
	Hides bool   // the input is not for who looks
	Ticks []tick // to come
	Runs  []run  // newest first
}

// A tick is a moment at which a schedule enqueues a job.
type tick struct {
	At    time.Time // in the schedule's zone
	Shift string    // how the clock has changed since the tick before; "" is not
}

// Wall is what the clock of its zone shows then.
func (t tick) Wall() string { return t.At.Format("Mon 2006-01-02 15:04:05 MST") }

// A run is a tick that has passed, with its job.
type run struct {
	Tick time.Time
	Job  *offload.Job // nil: none was enqueued, or it is gone
}

// Took is how long the job ran.
func (r run) Took() time.Duration {
	if r.Job == nil || r.Job.StartedAt.IsZero() || r.Job.FinishedAt.IsZero() {
		return 0
	}
	return r.Job.FinishedAt.Sub(r.Job.StartedAt)
}

const (
	shownTicks = 12
	shownRuns  = 20
)

// schedule shows one schedule: when it ticks, and what became of its ticks.
func (d *dashboard) schedule(r *request) (*content, error) {
	name := r.PathValue("name")
	found, err := r.op.Schedules(r.Context(), name)
	if err != nil {
		return nil, err
	}
	s := &found[0]
	v := scheduleView{scheduleRow: r.scheduleRow(s), Hides: !r.role.may(Operator)}
	if !v.Hides {
		v.Input = indented(s.Call.Input())
	}
	if r.may(Admin) {
		v.Edit = r.link("/schedules/set", "name", s.Name)
		v.Acts = append(v.Acts, do("Remove", "/schedules/remove", Admin, "schedule", s.Name).asking("It ticks no more. Jobs that it has enqueued stay."))
	}
	if v.Ticks, err = ticksOf(&s.Schedule, r.now, shownTicks); err != nil {
		return nil, err
	}
	jobs, err := d.app.Jobs(r.Context(), offload.Filter{Schedule: s.Name, Max: shownRuns})
	if err != nil {
		return nil, err
	}
	if v.Runs, err = runsOf(s, jobs, r.now); err != nil {
		return nil, err
	}
	return &content{view: "schedule", title: s.Name, data: &v}, nil
}

// ticksOf are the next ticks, each with what the clock did before it.
func ticksOf(s *offload.Schedule, now time.Time, n int) ([]tick, error) {
	times, err := s.Next(now, n)
	if err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(s.Zone)
	if err != nil {
		return nil, err
	}
	ticks := make([]tick, len(times))
	_, before := now.In(zone).Zone()
	for i, t := range times {
		ticks[i].At = t.In(zone)
		_, offset := ticks[i].At.Zone()
		if d := time.Duration(offset-before) * time.Second; d > 0 {
			ticks[i].Shift = "the clock was put forward by " + span(d)
		} else if d < 0 {
			ticks[i].Shift = "the clock was put back by " + span(-d)
		}
		before = offset
	}
	return ticks, nil
}

// runsOf are the ticks that have passed since the oldest of jobs, newest first: those with none of the jobs
// were missed, left out because of an overlap, or came while the schedule was paused.
func runsOf(s *operate.Schedule, jobs []*offload.Job, now time.Time) ([]run, error) {
	runs := make([]run, len(jobs))
	ticked := map[int64]bool{}
	oldest := now
	for i, job := range jobs {
		runs[i] = run{job.Tick, job}
		ticked[job.Tick.UnixMilli()] = true
		if job.Tick.Before(oldest) && !job.Tick.IsZero() {
			oldest = job.Tick
		}
	}
	times, err := s.Schedule.Next(oldest, 10*shownRuns)
	if err != nil {
		return nil, err
	}
	last := s.Last
	if last.IsZero() {
		last = now
	}
	for _, t := range times {
		if t.After(last) {
			break
		}
		if !ticked[t.UnixMilli()] {
			runs = append(runs, run{Tick: t})
		}
	}
	slices.SortStableFunc(runs, func(a, b run) int { return b.Tick.Compare(a.Tick) })
	return runs[:min(len(runs), shownRuns)], nil
}
