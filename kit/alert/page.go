package alert

import (
	"context"
	_ "embed"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/page"
	"github.com/offloadhq/offload/internal/reply"
	"github.com/offloadhq/offload/record"
)

//go:embed page.html
var pageHTML string

var pages = page.Parse(pageHTML, template.FuncMap{"about": func(r KnownRule) string { return r.about() }})

const mostShown = 100 // incidents that have ended

// about says in a line what a rule watches.
func (r *Rule) about() string {
	of := "each queue"
	switch {
	case r.Task != "":
		of = "task " + r.Task
		if r.Queue != "" {
			of += " in queue " + r.Queue
		}
	case r.Queue != "":
		of = "queue " + r.Queue
	}
	var text string
	switch r.When {
	case Waiting:
		text = "jobs of " + of + " wait longer than " + words(r.Over)
	case Failing:
		text = strconv.FormatFloat(r.Percent, 'g', 3, 64) + " % of " + strconv.Itoa(r.least()) + " attempts or more of " + of + " fail within " + words(r.within())
	case Discarding:
		text = strconv.Itoa(r.least()) + " or more jobs of " + of + " are discarded within " + words(r.within())
	case NewError:
		text = "a new kind of error"
		if r.Task != "" {
			text += " of task " + r.Task
		}
	case Missing:
		text = "schedule " + r.Schedule + " is late by more than " + words(r.over())
		if r.Schedule == "" {
			text = "any" + strings.Replace(text, "schedule ", " schedule", 1)
		}
	case Lost:
		text = "a process is lost"
	case Unworked:
		text = "jobs of " + of + " are due, and no process works it"
	}
	if r.For > 0 {
		text += ", for " + words(r.For)
	}
	return text
}

// Page is a page for dashboard.Page("Alerts", …): what is wrong and what was, whom it was told and what came of
// that, and the rules, which can be made, changed, and switched off. It shows no URL and no key of a channel. The
// dashboard lets operators see and change it, and nobody change it where it is read-only; served
// elsewhere, the program has to say who may.
func (a *Alerts) Page() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.show)
	mux.HandleFunc("POST /{$}", a.act)
	return http.NewCrossOriginProtection().Handler(mux)
}

// A toldRow is a channel that was told, and what came of it.
type toldRow struct {
	Told
	State offload.State // "": the job is gone by now, or not made yet
	Error string
}

type incidentRow struct {
	Incident
	Rows []toldRow
}

func (a *Alerts) show(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Has("rule") {
		a.showForm(w, r)
		return
	}
	rules, err := a.Rules(r.Context())
	if err != nil {
		fail(w, err)
		return
	}
	open, ended, err := a.Incidents(r.Context())
	if err != nil {
		fail(w, err)
		return
	}
	data := struct {
		Open, Ended []incidentRow
		Rules       []KnownRule
		Channels    []channelRow
		Looked      time.Time
	}{Rules: rules, Channels: a.kit.channelRows()}
	if data.Open, err = a.rows(r.Context(), open); err == nil {
		data.Ended, err = a.rows(r.Context(), ended[:min(len(ended), mostShown)])
	}
	if err != nil {
		fail(w, err)
		return
	}
	last, err := a.readDuty(r.Context())
	if err != nil {
		fail(w, err)
		return
	}
	data.Looked = last.At
	pages.Show(w, "list", data)
}

// rows reads what came of the deliveries of incidents.
func (a *Alerts) rows(ctx context.Context, all []Incident) ([]incidentRow, error) {
	var ids []offload.ID
	for i := range all {
		for _, t := range all[i].Told {
			if t.Job != (offload.ID{}) {
				ids = append(ids, t.Job)
			}
		}
	}
	byID := map[offload.ID]*offload.Job{}
	for some := range slices.Chunk(ids, 1000) {
		jobs, err := a.app.Jobs(ctx, offload.Filter{IDs: some, Max: len(some)})
		if err != nil {
			return nil, err
		}
		for _, job := range jobs {
			byID[job.ID] = job
		}
	}
	rows := make([]incidentRow, len(all))
	for i := range all {
		rows[i].Incident = all[i]
		for _, t := range all[i].Told {
			row := toldRow{Told: t}
			if job := byID[t.Job]; job != nil {
				row.State, row.Error = job.State, job.Error
			}
			rows[i].Rows = append(rows[i].Rows, row)
		}
	}
	return rows, nil
}

type channelRow struct {
	Name, Kind string
	Chosen     bool // in a form
}

func (c *config) channelRows() (rows []channelRow) {
	for _, name := range c.channelNames() {
		rows = append(rows, channelRow{Name: name, Kind: c.channels[name].kind()})
	}
	return rows
}

// A form is a rule as its fields have it.
type form struct {
	Known    bool
	Wrong    string
	Values   map[string]string // by the names of Rule's fields in JSON
	Channels []channelRow
	Whens    []Condition
	Levels   []string
	Off      bool
}

var formFields = []string{"name", "when", "queue", "task", "schedule", "over", "percent", "least", "within", "for", "clear", "severity"}

// showForm shows the form of a rule that is there, or an empty one.
func (a *Alerts) showForm(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("rule")
	if name == "" {
		pages.Show(w, "form", a.formOf(&Rule{When: Waiting, Over: 5 * time.Minute, For: time.Minute}, false))
		return
	}
	rules, err := a.Rules(r.Context())
	if err != nil {
		fail(w, err)
		return
	}
	for i := range rules {
		if rules[i].Name == name {
			pages.Show(w, "form", a.formOf(&rules[i].Rule, true))
			return
		}
	}
	fail(w, offload.ErrNotFound)
}

func (a *Alerts) newForm() form {
	f := form{Values: map[string]string{}, Channels: a.kit.channelRows(), Levels: severities}
	for _, c := range conditions {
		f.Whens = append(f.Whens, c.is)
	}
	return f
}

func (a *Alerts) formOf(r *Rule, known bool) form {
	f := a.newForm()
	f.Known, f.Off = known, r.Off
	f.Values = map[string]string{
		"name": r.Name, "when": string(r.When), "queue": r.Queue, "task": r.Task, "schedule": r.Schedule, "severity": r.severity(),
	}
	for name, d := range map[string]time.Duration{"over": r.Over, "within": r.Within, "for": r.For, "clear": r.Clear} {
		if d != 0 {
			f.Values[name] = words(d)
		}
	}
	if r.Percent != 0 {
		f.Values["percent"] = strconv.FormatFloat(r.Percent, 'g', -1, 64)
	}
	if r.Least != 0 {
		f.Values["least"] = strconv.Itoa(r.Least)
	}
	f.choose(r.To)
	return f
}

func (f *form) choose(channels []string) {
	for i := range f.Channels {
		f.Channels[i].Chosen = slices.Contains(channels, f.Channels[i].Name)
	}
}

// ruleOf reads a rule from a form.
func ruleOf(posted url.Values) (r Rule, err error) {
	text := func(name string) string { return strings.TrimSpace(posted.Get(name)) }
	r = Rule{
		Name: text("name"), When: Condition(text("when")), Queue: text("queue"), Task: text("task"), Schedule: text("schedule"),
		Severity: text("severity"), To: posted["to"], Off: posted.Get("off") != "",
	}
	for name, into := range map[string]*time.Duration{"over": &r.Over, "within": &r.Within, "for": &r.For, "clear": &r.Clear} {
		if given := text(name); given != "" {
			if *into, err = time.ParseDuration(given); err != nil {
				return r, refuse(name, reply.Text([]byte(given), 100), `a time such as "90s", "5m" or "1h30m"`)
			}
		}
	}
	if given := text("percent"); given != "" {
		if r.Percent, err = strconv.ParseFloat(given, 64); err != nil {
			return r, refuse("percent", reply.Text([]byte(given), 100), "a number such as 20")
		}
	}
	if given := text("least"); given != "" {
		if r.Least, err = strconv.Atoi(given); err != nil {
			return r, refuse("least", reply.Text([]byte(given), 100), "a whole number")
		}
	}
	return r, nil
}

// act does what a button says, and shows the page again.
func (a *Alerts) act(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the form can't be read", http.StatusBadRequest)
		return
	}
	back, err := "./", error(nil)
	name := r.PostForm.Get("rule")
	switch r.PostForm.Get("do") {
	case "set":
		if a.set(w, r) {
			return
		}
	case "on":
		err = a.Switch(r.Context(), name, true)
	case "off":
		err = a.Switch(r.Context(), name, false)
	case "remove":
		err = a.Remove(r.Context(), name)
	case "try":
		var job *offload.Job
		if job, err = a.Try(r.Context(), r.PostForm.Get("channel")); err == nil {
			back = "../../jobs/" + job.ID.String() // where its state is
		}
	default:
		err = refuse("do", reply.Text([]byte(r.PostForm.Get("do")), 100), "set, on, off, remove or try")
	}
	if err != nil {
		fail(w, err)
		return
	}
	page.Back(w, back)
}

// set keeps the rule of a form. It reports whether it has answered: with the form, and what is wrong in it. Without
// "known" it is a new one, which takes no other's place.
func (a *Alerts) set(w http.ResponseWriter, r *http.Request) (answered bool) {
	rule, err := ruleOf(r.PostForm)
	known := r.PostForm.Get("known") != ""
	if err == nil && !known {
		var rules []KnownRule
		rules, err = a.Rules(r.Context())
		if err == nil && slices.ContainsFunc(rules, func(k KnownRule) bool { return k.Name == rule.Name }) {
			err = refuse("name", rule.Name, "a name that no other rule has")
		}
	}
	if err == nil {
		err = a.Set(r.Context(), rule)
	}
	if err == nil {
		return false
	}
	var wrong *offload.InputError
	if !errors.As(err, &wrong) {
		fail(w, err)
		return true
	}
	f := a.newForm()
	f.Known, f.Wrong, f.Off = known, err.Error(), rule.Off
	for _, name := range formFields {
		f.Values[name] = reply.Text([]byte(r.PostForm.Get(name)), 200)
	}
	f.choose(rule.To)
	pages.Show(w, "form", f)
	return true
}

// fail shows an error in the frame.
func fail(w http.ResponseWriter, err error) {
	status := page.Status(err)
	switch {
	case status == http.StatusNotFound:
		err = errors.New("there is no such rule")
	case errors.Is(err, record.ErrStale):
		status = http.StatusConflict
	}
	pages.Fail(w, status, err)
}
