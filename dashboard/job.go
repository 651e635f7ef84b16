package dashboard

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
)

// jobView is what the page of one job shows.
type jobView struct {
	jobRow
	Why      []whyPart    // why it is not running; none is that it runs or has ended
	WhyBy    []offload.ID // jobs that it waits for
	Acts     []act
	Around   []act // on its task and queue
	Before   []relative
	After    []relative
	Story    story
	Logs     []logLine
	LogsCut  bool
	Failures []failure // newest first
	Input    string
	Result   string
	Folds    *tree // the input; nil is shown as text
	Gives    *tree // the result; nil is shown as text
	Hides    bool  // input, result, logs and errors are not for who looks
	Edit     bool  // who looks may edit it
	Changes  bool  // it can be edited as it is, not only enqueued anew
	Command  string
	Test     string
}

// A logLine is a line that the handler logged.
type logLine struct {
	offload.LogLine
	Fields string
	Tone   string // "" or "bad" or "busy"
}

// logsShown is how many lines of a job's log a page shows: the last.
const logsShown = 200

// job shows one job: what it is, how it stands, what can be done, and how it came to this.
func (d *dashboard) job(r *request) (*content, error) {
	id, err := idOf("job", r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	job, err := d.app.Job(r.Context(), id)
	if errors.Is(err, offload.ErrNotFound) {
		return d.goneJob(r, id)
	}
	if err != nil {
		return nil, err
	}
	v := jobView{jobRow: r.jobRow(job), Hides: !r.role.may(Operator)}
	failures, err := d.app.Failures(r.Context(), id)
	if err != nil {
		return nil, err
	}
	v.Story = storyOf(job, failures, r.now)
	if !job.State.Ended() && job.State != offload.Running {
		why, err := d.app.Why(r.Context(), id)
		if err != nil && !errors.Is(err, offload.ErrNotFound) {
			return nil, err
		}
		v.Why, v.WhyBy = whyParts(why), why.By
	}
	v.Acts = r.jobActs(job)
	if v.Around, err = d.actsAround(r, job); err != nil {
		return nil, err
	}
	if v.Before, v.After, err = d.relatives(r, job); err != nil && !errors.Is(err, offload.ErrNotFound) {
		return nil, err
	}
	if v.Hides {
		return &content{view: "job", title: job.Task, data: &v, script: "job"}, nil
	}
	v.Failures = failuresOf(failures)
	if v.Logs, v.LogsCut, err = d.logsOf(r, id); err != nil {
		return nil, err
	}
	v.Input, v.Command, v.Test = indented(job.Input), commandOf(job), testOf(job)
	v.Folds = treeOf("in", job.Input)
	if job.Result != nil {
		v.Result, v.Gives = indented(job.Result), treeOf("out", job.Result)
	}
	v.Edit = r.may(Operator) && d.mayEnqueue(r, job.Task) == nil
	v.Changes = job.State != offload.Running && job.State != offload.Completed
	return &content{view: "job", title: job.Task, data: &v, script: "job"}, nil
}

// A whyPart is a piece of the sentence that says why a job waits: a text, or a time that is shown as all others are.
type whyPart struct {
	Text string
	Time time.Time
}

// whyParts takes out of the sentence when the job may start, and when it expires.
func whyParts(why offload.Reason) (parts []whyPart) {
	text := why.Text
	if text == "" {
		return nil
	}
	cut := func(at int, length int) {
		if t, err := time.Parse(time.RFC3339, text[at:at+length]); err == nil {
			parts = append(parts, whyPart{Text: text[:at]}, whyPart{Time: t})
			text = text[at+length:]
		}
	}
	stamp := why.At.UTC().Format(time.RFC3339)
	if at := strings.Index(text, stamp); at >= 0 && !why.At.IsZero() {
		cut(at, len(stamp))
	}
	const expires = " It expires at "
	if at := strings.LastIndex(text, expires); at >= 0 {
		if end := strings.IndexByte(text[at+len(expires):], ' '); end > 0 {
			cut(at+len(expires), end)
		}
	}
	return append(parts, whyPart{Text: text})
}

// logsOf are the last lines that a job logged.
func (d *dashboard) logsOf(r *request, id offload.ID) (lines []logLine, cut bool, err error) {
	for l, err := range d.app.Logs(r.Context(), id, false) {
		if err != nil {
			return nil, false, err
		}
		line := logLine{LogLine: l, Fields: fieldsOf(l.Attrs)}
		switch l.Level {
		case "ERROR":
			line.Tone = "bad"
		case "WARN":
			line.Tone = "busy"
		}
		if lines = append(lines, line); len(lines) >= 2*logsShown {
			lines, cut = slices.Clone(lines[logsShown:]), true
		}
	}
	if len(lines) > logsShown {
		lines, cut = lines[len(lines)-logsShown:], true
	}
	return lines, cut, nil
}

// jobActs are what can be done with a job.
func (r *request) jobActs(job *offload.Job) (acts []act) {
	id := job.ID.String()
	one := func(label, verb string) act { return do(label, "/jobs/act", Operator, "verb", verb, "id", id) }
	switch job.State {
	case offload.Retryable, offload.Discarded, offload.Cancelled, offload.Expired:
		acts = append(acts, one("Retry now", "retry").main())
	case offload.Scheduled:
		acts = append(acts, one("Run now", "run").main())
	}
	if !job.State.Ended() {
		ask := "It will not run. It can be retried later."
		if job.State == offload.Running {
			ask = "Its handler is asked to end. What it has done so far stays done."
		}
		acts = append(acts, one("Cancel", "cancel").asking(ask))
	}
	if job.State != offload.Running {
		acts = append(acts, one("Delete", "delete").asking("It is gone in a minute, with its log and result, if nobody undoes it."))
	}
	return acts
}

// actsAround are what can be done with the task and the queue of a job.
func (d *dashboard) actsAround(r *request, job *offload.Job) ([]act, error) {
	tasks, err := d.readTasks(r)
	if err != nil {
		return nil, err
	}
	queues, err := d.readQueues(r)
	if err != nil {
		return nil, err
	}
	task, queue := shortened(job.Task, 40), shortened(job.Queue, 40)
	acts := []act{do("Pause "+task, "/tasks/pause", Operator, "task", job.Task), do("Pause queue "+queue, "/queues/pause", Operator, "queue", job.Queue)}
	if slices.ContainsFunc(tasks, func(t operate.Task) bool { return t.Name == job.Task && t.Paused }) {
		acts[0] = do("Resume "+task, "/tasks/resume", Operator, "task", job.Task).main()
	}
	if slices.ContainsFunc(queues, func(q operate.Queue) bool { return q.Name == job.Queue && q.Paused }) {
		acts[1] = do("Resume queue "+queue, "/queues/resume", Operator, "queue", job.Queue).main()
	}
	return acts, nil
}

// downloadJob sends a job as JSON.
func (d *dashboard) downloadJob(r *request, w http.ResponseWriter) error {
	id, err := idOf("job", r.PathValue("id"))
	if err != nil {
		return err
	}
	job, err := d.app.Job(r.Context(), id)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s.json"`, id))
	return writeJSON(w, job)
}

// Rest is how long a running job has left, as far as it can be said.
func (v *jobView) Rest() time.Duration {
	if v.Progress == nil {
		return 0
	}
	return v.Progress.Left
}
