package dashboard

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
)

// A jobList is a page that lists jobs: all of them, or those in one state.
type jobList struct {
	path, title string
	state       offload.State // "" is any
	columns     []string
	empty       string
}

var (
	allJobs       = jobList{"/jobs", "Jobs", "", []string{"state", "queue", "attempt", "created", "wait", "ran"}, "No job is like that."}
	retriedJobs   = jobList{"/retries", "Retries", offload.Retryable, []string{"queue", "attempt", "due", "acts"}, "No job waits for another try."}
	scheduledJobs = jobList{"/scheduled", "Scheduled", offload.Scheduled, []string{"queue", "due", "created", "acts"}, "No job waits for its time."}
	discardedJobs = jobList{"/discarded", "Discarded", offload.Discarded, []string{"queue", "attempt", "finished", "acts"}, "No job has failed for good."}
)

// Empty is what is said where there is no job.
func (l *jobList) Empty() string { return l.empty }

// A column of a list of jobs, beside the job itself.
type column struct {
	Name, Title string
	Number      bool // to the right
	Shown       bool
}

var jobColumns = []column{
	{"state", "State", false, false},
	{"queue", "Queue", false, false},
	{"priority", "Priority", true, false},
	{"attempt", "Attempts", true, false},
	{"tags", "Tags", false, false},
	{"created", "Created", false, false},
	{"due", "Due", false, false},
	{"finished", "Ended", false, false},
	{"wait", "Waited", true, false},
	{"ran", "Ran", true, false},
	{"acts", "Acts", false, false},
}

// jobsView is what a list of jobs shows.
type jobsView struct {
	List    *jobList
	Path    string
	Text    string
	States  []choice
	Within  []choice
	Queues  []pick
	Tasks   []pick
	Words   []string // that a search understands
	Chips   []chip
	Columns []column
	Keep    [][2]string // hidden fields of the form: the chips
	Rows    []listRow
	More    more
	Export  []choice
	Views   []namedView
	Save    act    // gives this list a name
	Query   string // the filter, for acts on all that match
	Acts    bool   // who looks may act
	Any     bool   // anything is filtered at all
	Partial bool   // time was up before a page was full
}

// A pick is a value that can be chosen in a form.
type pick struct {
	Value  string
	Chosen bool
}

// A listRow is a job in a list, with what can be done.
type listRow struct {
	jobRow
	Acts []act
}

func (d *dashboard) jobs(r *request) (*content, error)      { return d.listJobs(r, &allJobs) }
func (d *dashboard) retries(r *request) (*content, error)   { return d.listJobs(r, &retriedJobs) }
func (d *dashboard) scheduled(r *request) (*content, error) { return d.listJobs(r, &scheduledJobs) }
func (d *dashboard) discarded(r *request) (*content, error) { return d.listJobs(r, &discardedJobs) }

const jobsPage = 50

// searchTime is how long a list looks for jobs: then it shows what it has found, and up to where.
// Tests give it longer.
var searchTime = 900 * time.Millisecond

// listJobs shows a page of a list.
func (d *dashboard) listJobs(r *request, list *jobList) (*content, error) {
	q, err := r.jobQuery(r.URL.Query())
	if err != nil {
		return nil, err
	}
	if list.state != "" {
		q.filter.States = []offload.State{list.state}
	}
	if q.filter.Search != "" && !r.role.may(Operator) {
		return nil, badField("search", q.filter.Search, "the role operator for texts of errors; tag:, key:, task: and queue: are for all")
	}
	if len(q.filter.Input) > 0 && !r.role.may(Operator) {
		return nil, badField("search", q.text, "the role operator for what inputs say; tag:, key:, task: and queue: are for all")
	}
	q.filter.Max = jobsPage
	q.filter.Soonest = list.state == offload.Retryable || list.state == offload.Scheduled
	found, err := d.app.Search(r.Context(), q.filter, searchTime)
	if err != nil {
		return nil, err
	}
	jobs := found.Jobs
	at := func(values url.Values) string { return address(r.base+list.path, values) }
	v := jobsView{
		List: list, Path: r.base + list.path, Text: q.text, Chips: q.chips(at), Query: queryOf(&q, list).Encode(), Acts: r.may(Operator),
		Columns: chosenColumns(list, q.values["col"]), Any: len(q.values) > 0,
	}
	if !found.Reached.IsZero() {
		next := clone(q.values)
		next.Set("after", found.Reached.String())
		v.More.Next, v.Partial = at(next), len(jobs) < jobsPage
	}
	if q.values.Has("after") {
		first := clone(q.values)
		first.Del("after")
		v.More.First = at(first)
	}
	for _, job := range jobs {
		v.Rows = append(v.Rows, listRow{r.jobRow(job), r.rowActs(job)})
	}
	if v.Views, err = d.readViews(r); err != nil {
		return nil, err
	}
	v.Save = do("Save this view", "/views/save", Operator, "path", list.path, "query", viewValues(q.values).Encode()).
		with(input{Label: "Name", Name: "name", Kind: "text", Hint: "All who look see it, on the left."})
	if err := d.facets(r, &q, list, &v, at); err != nil {
		return nil, err
	}
	return &content{view: "jobs", title: list.title, data: &v, script: "jobs"}, nil
}

// address is a path with parameters.
func address(path string, values url.Values) string {
	if len(values) == 0 {
		return path
	}
	return path + "?" + values.Encode()
}

// queryOf is the filter of a list as an address has it, without what is only about showing.
func queryOf(q *jobQuery, list *jobList) url.Values {
	values := clone(q.values)
	values.Del("after")
	values.Del("col")
	if list.state != "" {
		values.Set("state", string(list.state))
	}
	return values
}

// chosenColumns are all columns, of which those that were chosen, or else the list's own, are shown.
func chosenColumns(list *jobList, chosen []string) []column {
	if len(chosen) == 0 {
		chosen = list.columns
	}
	all := slices.Clone(jobColumns)
	for i := range all {
		all[i].Shown = slices.Contains(chosen, all[i].Name)
	}
	return all
}

// Shows reports whether a column is shown.
func (v *jobsView) Shows(name string) bool {
	return slices.ContainsFunc(v.Columns, func(c column) bool { return c.Name == name && c.Shown })
}

// facets are what a list can be narrowed by.
func (d *dashboard) facets(r *request, q *jobQuery, list *jobList, v *jobsView, at func(url.Values) string) error {
	queues, err := d.readQueues(r)
	if err != nil {
		return err
	}
	for i := range queues {
		v.Queues = append(v.Queues, pick{queues[i].Name, slices.Contains(q.filter.Queues, queues[i].Name)})
	}
	tasks, err := d.readTasks(r)
	if err != nil {
		return err
	}
	for i := range tasks {
		v.Tasks = append(v.Tasks, pick{tasks[i].Name, slices.Contains(q.filter.Tasks, tasks[i].Name)})
	}
	v.Words = searchWords(tasks, q.filter.Tasks, r.role.may(Operator))
	v.Queues, v.Tasks = chosenToo(v.Queues, q.filter.Queues), chosenToo(v.Tasks, q.filter.Tasks)
	if list.state == "" {
		counts, err := d.countJobs(r, q)
		if err != nil {
			return err
		}
		v.States = stateChoices(q, counts, at)
	}
	for _, t := range jobRanges {
		with := clone(q.values)
		with.Del("after")
		with.Del("within")
		if t.Value != "" {
			with.Set("within", t.Value)
		}
		v.Within = append(v.Within, choice{Label: t.Label, URL: at(with), Chosen: t.Value == q.within})
	}
	for name, values := range q.values {
		switch name {
		case "q", "queue", "task", "after":
		default:
			for _, value := range values {
				v.Keep = append(v.Keep, [2]string{name, value})
			}
		}
	}
	slices.SortFunc(v.Keep, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	if r.role.may(Operator) {
		for _, format := range []string{"csv", "jsonl"} {
			values := queryOf(q, list)
			values.Set("format", format)
			v.Export = append(v.Export, choice{Label: format, URL: address(r.base+"/jobs/export", values)})
		}
	}
	return nil
}

// countJobs counts the jobs of a query by state, whatever states it asks for; nil where that can't be counted quickly.
func (d *dashboard) countJobs(r *request, q *jobQuery) (*operate.Counts, error) {
	f := q.filter
	if len(f.IDs)+len(f.Input) > 0 {
		return nil, nil
	}
	f.States, f.Before, f.After, f.Soonest, f.Since = nil, offload.ID{}, offload.Cursor{}, false, f.Since.Truncate(time.Second)
	name, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	return shared(r, "counts "+string(name), 2*time.Second, func(ctx context.Context) (*operate.Counts, error) { return r.op.Counts(ctx, f) })
}

// chosenToo adds values that were chosen and are not among the others.
func chosenToo(all []pick, chosen []string) []pick {
	for _, value := range chosen {
		if !slices.ContainsFunc(all, func(o pick) bool { return o.Value == value }) {
			all = append(all, pick{value, true})
		}
	}
	return all
}

// stateChoices lead to the jobs of each state.
func stateChoices(q *jobQuery, counts *operate.Counts, at func(url.Values) string) []choice {
	only := func(s ...string) url.Values {
		values := clone(q.values)
		values.Del("after")
		values["state"] = s
		if len(s) == 0 {
			values.Del("state")
		}
		return values
	}
	all := []choice{{Label: "all", URL: at(only()), Chosen: len(q.filter.States) == 0}}
	for _, state := range states {
		c := choice{Label: string(state), State: state, URL: at(only(string(state))), Chosen: slices.Contains(q.filter.States, state)}
		if counts != nil {
			c.Count = counted(counts.States[state])
			if counts.More[state] && counts.States[state] <= countStop {
				c.Count = number(counts.States[state]) + "+"
			}
		}
		all = append(all, c)
	}
	return all
}
