package dashboard

import (
	"cmp"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
)

// jobForm is the form of a new job, or of a change of one, as it was typed.
type jobForm struct {
	ID                     string // of the job that is changed, or that it began as
	Task, Input            string
	Queue, Priority        string
	Delay, At, MaxAttempts string
	Tags                   string
	Change                 bool // of a job that is there
	Wrong                  string
	Tasks                  []string
	Queues                 []pick
	AsJSON                 string // the address of the same form with the input as JSON, or as fields; "" is neither
	inputForm
}

// newJob shows the form of a new job: an empty one, or one like another job.
func (d *dashboard) newJob(r *request) (*content, error) {
	f := jobForm{Task: r.URL.Query().Get("task")}
	id, err := idOf("from", r.URL.Query().Get("from"))
	if err != nil {
		return nil, err
	}
	if !id.IsZero() {
		job, err := d.app.Job(r.Context(), id)
		if err != nil {
			return nil, err
		}
		row := r.jobRow(job)
		f = jobForm{
			ID: id.String(), Task: job.Task, Input: indented(job.Input), Queue: job.Queue, Priority: strconv.Itoa(job.Priority),
			MaxAttempts: strconv.Itoa(job.MaxAttempts), Tags: strings.Join(row.TagList(), "\n"),
			Change: job.State != offload.Running && job.State != offload.Completed,
		}
	}
	tasks, err := d.readTasks(r)
	if err != nil {
		return nil, err
	}
	asJSON := r.URL.Query().Get("as") == "json"
	f.inputForm = inputFormOf(tasks, f.Task, f.Input, asJSON)
	from := []string{"task", r.URL.Query().Get("task"), "from", r.URL.Query().Get("from")}
	switch {
	case f.CanBe:
		f.AsJSON = r.link("/jobs/new", from...)
	case f.form != nil:
		f.AsJSON = r.link("/jobs/new", append(from, "as", "json")...)
	}
	if f.form == nil {
		f.Input = cmp.Or(f.Input, "{}")
	}
	return d.jobForm(r, f)
}

func (d *dashboard) jobForm(r *request, f jobForm) (*content, error) {
	tasks, err := d.readTasks(r)
	if err != nil {
		return nil, err
	}
	for i := range tasks {
		f.Tasks = append(f.Tasks, tasks[i].Name)
	}
	queues, err := d.readQueues(r)
	if err != nil {
		return nil, err
	}
	for i := range queues {
		f.Queues = append(f.Queues, pick{Value: queues[i].Name})
	}
	c := &content{view: "jobform", title: "New job", data: &f, still: true}
	if f.ID != "" {
		c.title = "Change " + f.Task
	}
	if f.Wrong != "" {
		c.status = http.StatusUnprocessableEntity
	}
	return c, nil
}

// enqueue stores a new job, or changes one that is there.
func (d *dashboard) enqueue(r *request) (*done, error) {
	get := func(name string) string { return strings.TrimSpace(r.PostForm.Get(name)) }
	f := jobForm{
		ID: get("id"), Task: get("task"), Input: get("input"), Queue: get("queue"), Priority: get("priority"), Delay: get("delay"), At: get("at"),
		MaxAttempts: get("max-attempts"), Tags: r.PostForm.Get("tags"), Change: get("change") != "",
	}
	var did *done
	typed := f
	var err error
	if schema := get("fields"); schema != "" {
		var input json.RawMessage
		input, err = d.readInput(r, &f, schema)
		typed.Input = string(input)
	}
	if err == nil {
		if did, err = d.enqueueForm(r, typed, get("do")); err == nil {
			return did, nil
		}
	}
	if !isRefusal(err) {
		return nil, err
	}
	f.Wrong = err.Error()
	f.mark(err)
	show, err := d.jobForm(r, f)
	return &done{show: show}, err
}

func (d *dashboard) enqueueForm(r *request, f jobForm, verb string) (*done, error) {
	input := cmp.Or(f.Input, "null")
	if !json.Valid([]byte(input)) {
		return nil, badField("input", shortened(input, 60), "JSON")
	}
	if verb == "save" || verb == "retry" {
		return d.changeJob(r, f, json.RawMessage(input), verb == "retry")
	}
	if err := d.mayEnqueue(r, f.Task); err != nil {
		return nil, err
	}
	opts, err := r.optionsOf(f)
	if err != nil {
		return nil, err
	}
	jobs, err := d.app.Enqueue(r.Context(), offload.NewCall(f.Task, json.RawMessage(compacted([]byte(input))), opts...))
	if err != nil {
		return nil, err
	}
	to := "/jobs/" + jobs[0].ID.String()
	if jobs[0].Existing {
		return &done{text: "There is such a job already: this one.", to: to}, nil
	}
	return &done{text: "Enqueued " + f.Task + ".", to: to}, nil
}

// optionsOf are what a form says of a new job.
func (r *request) optionsOf(f jobForm) (opts []offload.EnqueueOption, err error) {
	if f.Queue != "" {
		opts = append(opts, offload.Queue(f.Queue))
	}
	number := func(field, text string, low, high int) (int, error) {
		n, err := strconv.Atoi(text)
		if err != nil || n < low || n > high {
			return 0, badField(field, shortened(text, 20), strconv.Itoa(low)+" to "+strconv.Itoa(high))
		}
		return n, nil
	}
	if f.Priority != "" {
		n, err := number("priority", f.Priority, 0, 9)
		if err != nil {
			return nil, err
		}
		opts = append(opts, offload.Priority(n))
	}
	if f.MaxAttempts != "" {
		n, err := number("max attempts", f.MaxAttempts, 1, 1_000_000)
		if err != nil {
			return nil, err
		}
		opts = append(opts, offload.MaxAttempts(n))
	}
	delay, err := durationOf("delay", f.Delay)
	if err != nil {
		return nil, err
	}
	at, err := r.timeOf("at", f.At)
	switch {
	case err != nil:
		return nil, err
	case delay > 0 && !at.IsZero():
		return nil, badField("at", f.At+" beside a delay of "+f.Delay, "one of them")
	case delay > 0:
		opts = append(opts, offload.Delay(delay))
	case !at.IsZero():
		opts = append(opts, offload.At(at))
	}
	for line := range strings.Lines(f.Tags) {
		if name, value, _ := strings.Cut(strings.TrimSpace(line), "="); name != "" {
			opts = append(opts, offload.Tag(name, value))
		}
	}
	return opts, nil
}

// changeJob changes a job that is there, and lets it run if that is wanted.
func (d *dashboard) changeJob(r *request, f jobForm, input json.RawMessage, retry bool) (*done, error) {
	id, err := needID("job", f.ID)
	if err != nil {
		return nil, err
	}
	job, err := d.app.Job(r.Context(), id)
	if err != nil {
		return nil, err
	}
	if err := d.mayEnqueue(r, job.Task); err != nil {
		return nil, err
	}
	e := operate.Edit{Input: compacted(input), Queue: f.Queue}
	if f.Priority != "" {
		n, err := strconv.Atoi(f.Priority)
		if err != nil || n < 0 || n > 9 {
			return nil, badField("priority", shortened(f.Priority, 20), "0 to 9")
		}
		e.Priority = &n
	}
	if at, err := r.timeOf("at", f.At); err != nil {
		return nil, err
	} else if !at.IsZero() {
		e.RunAt = at
	}
	if delay, err := durationOf("delay", f.Delay); err != nil {
		return nil, err
	} else if delay > 0 {
		e.RunAt = time.Now().Add(delay)
	}
	if err := r.op.Edit(r.Context(), id, e); err != nil {
		return nil, err
	}
	to := "/jobs/" + id.String()
	if !retry {
		return &done{text: "Saved.", to: to}, nil
	}
	switch job.State {
	case offload.Scheduled:
		err = r.op.RunNow(r.Context(), id)
	case offload.Available, offload.Blocked: // it runs as soon as it may
	default:
		err = r.op.Retry(r.Context(), id)
	}
	return &done{text: "Saved, and let go.", to: to}, err
}
