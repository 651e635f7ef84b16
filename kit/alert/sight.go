package alert

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/offloadhq/offload/internal/page"
	"github.com/offloadhq/offload/operate"
)

// A finding is something that is as a rule says it should not be.
type finding struct {
	subject string
	title   string
	text    string
	begun   time.Time // since when, where that is known
	old     bool      // it goes on, but is not what begins an incident
}

// A sight is what is looked at in one look. Each thing is read once, when the first rule asks for it.
type sight struct {
	alerts *Alerts
	by     *operate.Operator
	now    time.Time // by the store's clock

	queues    []operate.Queue
	processes []operate.Process
	schedules []operate.Schedule
	errors    map[string][]operate.ErrorGroup // by task
	stats     map[time.Duration]map[string]operate.StatsStep
	lost      []operate.LostProcess
	lostRead  bool
}

// who is how the kit is called in errors of operate: it only reads.
const who = "kit/alert"

// find returns what a rule finds, by subject.
func (s *sight) find(ctx context.Context, r *Rule) ([]finding, error) {
	var found []finding
	var err error
	switch r.When {
	case Waiting:
		found, err = s.waiting(ctx, r)
	case Failing, Discarding:
		found, err = s.counted(ctx, r)
	case NewError:
		found, err = s.newErrors(ctx, r)
	case Missing:
		found, err = s.missing(ctx, r)
	case Lost:
		found, err = s.lostOnes(ctx, r)
	case Unworked:
		found, err = s.unworked(ctx, r)
	}
	if err != nil {
		return nil, fmt.Errorf("rule %q: %w", r.Name, err)
	}
	slices.SortFunc(found, func(a, b finding) int { return strings.Compare(a.subject, b.subject) })
	return found, nil
}

func (s *sight) readQueues(ctx context.Context) (err error) {
	if s.queues == nil {
		s.queues, err = s.by.Queues(ctx)
	}
	return err
}

func (s *sight) readProcesses(ctx context.Context) (err error) {
	if s.processes == nil {
		s.processes, err = s.by.Processes(ctx)
	}
	return err
}

// watches reports whether a rule is about a queue. None is about the kit's own.
func (r *Rule) watches(queue string) bool {
	return queue != Queue && (r.Queue == "" || r.Queue == queue)
}

func (s *sight) waiting(ctx context.Context, r *Rule) (found []finding, err error) {
	if err := s.readQueues(ctx); err != nil {
		return nil, err
	}
	for i := range s.queues {
		q := &s.queues[i]
		if q.Oldest.IsZero() || !r.watches(q.Name) {
			continue
		}
		if wait := s.now.Sub(q.Oldest); wait > r.Over {
			f := finding{subject: q.Name, begun: q.Oldest.Add(r.Over)}
			f.title = fmt.Sprintf("Jobs of queue %s wait longer than %s", q.Name, words(r.Over))
			f.text = fmt.Sprintf("The job that is due longest has been waiting for %s; %s are due, %d run, with %d workers.",
				words(wait), count(q.Available), q.Running, q.Workers)
			if q.Paused {
				f.text += " The queue is paused."
			}
			found = append(found, f)
		}
	}
	return found, nil
}

// count writes a number of operate, which stops counting beyond 1,000.
func count(n int) string {
	if n > 1000 {
		return "more than 1,000"
	}
	return fmt.Sprint(n)
}

func (s *sight) unworked(ctx context.Context, r *Rule) (found []finding, err error) {
	if err := errors.Join(s.readQueues(ctx), s.readProcesses(ctx)); err != nil {
		return nil, err
	}
	workers := map[string]int{}
	for i := range s.processes {
		if p := &s.processes[i]; !p.Lost && !p.Quiet && !p.Stop {
			for queue, n := range p.Queues {
				workers[queue] += n
			}
		}
	}
	for i := range s.queues {
		q := &s.queues[i]
		if q.Oldest.IsZero() || workers[q.Name] > 0 || !r.watches(q.Name) {
			continue
		}
		found = append(found, finding{
			subject: q.Name, title: fmt.Sprintf("No process works queue %s", q.Name),
			text: fmt.Sprintf("%s of its jobs are due, the first since %s.", count(q.Available), page.Clock(q.Oldest)),
		})
	}
	return found, nil
}

// counted finds what figures tell: of a task, of a queue, or of each queue.
func (s *sight) counted(ctx context.Context, r *Rule) (found []finding, err error) {
	since := s.now.Add(-r.within()).Truncate(time.Minute) // figures are of whole minutes
	of := map[string]operate.StatsStep{}
	if r.Task == "" {
		if s.stats[r.within()] == nil {
			if s.stats[r.within()], err = s.by.QueueStats(ctx, since); err != nil {
				return nil, err
			}
		}
		for queue, sum := range s.stats[r.within()] {
			if r.watches(queue) {
				of["queue "+queue] = sum
			}
		}
	} else {
		q := operate.StatsQuery{Tasks: []string{r.Task}, Since: since, CountsOnly: true}
		subject := "task " + r.Task
		if r.Queue != "" {
			q.Queues = []string{r.Queue}
			subject += " in queue " + r.Queue
		}
		stats, err := s.by.Stats(ctx, q)
		if err != nil {
			return nil, err
		}
		var sum operate.StatsStep
		for i := range stats.Steps {
			sum.Completed += stats.Steps[i].Completed
			sum.Failed += stats.Steps[i].Failed
			sum.Discarded += stats.Steps[i].Discarded
		}
		of[subject] = sum
	}
	for subject, sum := range of {
		f := finding{subject: subject}
		if r.When == Discarding {
			if sum.Discarded < int64(r.least()) {
				continue
			}
			f.title = fmt.Sprintf("Jobs of %s were discarded", subject)
			f.text = fmt.Sprintf("Given up within %s: %d.", words(r.within()), sum.Discarded)
		} else {
			attempts := sum.Completed + sum.Failed
			share := 100 * float64(sum.Failed) / float64(max(attempts, 1))
			if attempts < int64(r.least()) || share < r.Percent {
				continue
			}
			f.title = fmt.Sprintf("%.3g %% of the attempts of %s fail", share, subject)
			f.text = fmt.Sprintf("%d of %d attempts within %s have failed.", sum.Failed, attempts, words(r.within()))
		}
		found = append(found, f)
	}
	return found, nil
}

// How errors are told as new: they are grouped some seconds after they were, and nobody may be watching
// for some minutes.
const (
	newFor    = 15 * time.Minute
	sameError = 2 * time.Minute // between a failure and that its group is open again
)

func (s *sight) newErrors(ctx context.Context, r *Rule) (found []finding, err error) {
	groups, known := s.errors[r.Task]
	if !known {
		q := operate.ErrorQuery{Since: s.now.Add(-mostSpan), Statuses: []operate.ErrorStatus{operate.ErrorOpen}, Max: 1000}
		if r.Task != "" {
			q.Tasks = []string{r.Task}
		}
		if groups, err = s.by.Errors(ctx, q); err != nil {
			return nil, err
		}
		s.errors[r.Task] = groups
	}
	for i := range groups {
		g := &groups[i]
		if own(g.Task) || s.now.Sub(g.Last) > r.within() {
			continue
		}
		f := finding{subject: g.Group, begun: g.First, title: "A new error of task " + g.Task}
		if g.Changed.After(g.First.Add(sameError)) && g.Last.After(g.Changed.Add(-sameError)) {
			f.begun, f.title = g.Changed, "An error of task "+g.Task+" is back"
		}
		f.old = s.now.Sub(f.begun) > newFor
		if g.Title != "" {
			f.title += ": " + cut(g.Title, 200)
		}
		f.text = fmt.Sprintf("Kind: %s. Failures: %d, the first at %s. Job %s had it last.", g.Kind, g.Count, page.Clock(g.First), g.Job)
		found = append(found, f)
	}
	return found, nil
}

func (s *sight) missing(ctx context.Context, r *Rule) (found []finding, err error) {
	if s.schedules == nil {
		if s.schedules, err = s.by.Schedules(ctx); err != nil {
			return nil, err
		}
	}
	for i := range s.schedules {
		d := &s.schedules[i]
		name := d.Name
		if name == "" && d.Call != nil {
			name = d.Call.Task()
		}
		if d.Paused || d.Next.IsZero() || r.Schedule != "" && r.Schedule != name {
			continue
		}
		if late := s.now.Sub(d.Next); late > r.over() {
			f := finding{subject: name, title: fmt.Sprintf("Schedule %s was missed", name), begun: d.Next.Add(r.over())}
			f.text = fmt.Sprintf("The tick of %s was not taken.", page.Clock(d.Next))
			if d.Orphaned {
				f.text += " No program declares the schedule any more."
			}
			found = append(found, f)
		}
	}
	return found, nil
}

func processName(p *operate.LostProcess) string {
	if p.Name != "" {
		return fmt.Sprintf("process %s (%d of %s)", p.Name, p.PID, p.Host)
	}
	return fmt.Sprintf("process %d of %s", p.PID, p.Host)
}

func (s *sight) lostOnes(ctx context.Context, r *Rule) (found []finding, err error) {
	if !s.lostRead {
		if s.lost, err = s.by.LostProcesses(ctx, s.now.Add(-mostSpan)); err != nil {
			return nil, err
		}
		s.lostRead = true
	}
	var names []string
	for _, p := range s.lost {
		if s.now.Sub(p.At) < r.within() {
			names = append(names, processName(&p))
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	slices.Sort(names)
	f := finding{title: "A process was lost", text: "It ended without giving its jobs back, or can't reach the database: " + names[0] + "."}
	if len(names) > 1 {
		f.title = fmt.Sprintf("%d processes were lost", len(names))
		shown := names[:min(len(names), 20)]
		f.text = "They ended without giving their jobs back, or can't reach the database: " + strings.Join(shown, ", ") + "."
	}
	return []finding{f}, nil
}

// words writes a time as people do: 1h30m, 5m, 90s.
func words(d time.Duration) string {
	if d >= time.Second {
		d = d.Round(time.Second)
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
