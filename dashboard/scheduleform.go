package dashboard

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/offloadhq/offload"
)

// scheduleForm is a form of a schedule, as it was typed.
type scheduleForm struct {
	Name, Task, Input          string
	Cron, Every, Zone          string
	Overlap, Missed            string
	Jitter, From, To           string
	Known                      bool // there is one of that name
	Wrong                      string
	Words                      string // when it would tick; "" is not known
	Ticks                      []tick
	Overlaps, Misses, Examples []example
	Tasks                      []string
}

// An example is a value of a field, and what it means.
type example struct{ Value, Words string }

var (
	overlaps = []example{
		{"", "skip the tick"},
		{string(offload.OverlapAllow), "run beside it"},
		{string(offload.OverlapBehind), "wait for it"},
		{string(offload.OverlapCancel), "cancel it, and run"},
	}
	misses = []example{
		{"", "make up for them with one job"},
		{string(offload.MissedSkip), "leave them out"},
		{string(offload.MissedAll), "make up for each"},
	}
	cronExamples = []string{"*/15 * * * *", "0 3 * * *", "30 8 * * MON-FRI", "0 9 * * MON#1", "0 0 L * *"}
)

// newSchedule shows the form of a schedule: of one that is there, or of a new one.
func (d *dashboard) newSchedule(r *request) (*content, error) {
	f := scheduleForm{Name: r.URL.Query().Get("name"), Task: r.URL.Query().Get("task"), Cron: "0 3 * * *", Input: "{}", Zone: r.prefs.Zone.String()}
	if f.Name != "" {
		found, err := r.op.Schedules(r.Context(), f.Name)
		if err != nil {
			return nil, err
		}
		s := &found[0]
		f = scheduleForm{
			Name: s.Name, Task: s.Call.Task(), Input: indented(s.Call.Input()), Cron: s.Cron, Zone: s.Zone, Known: true,
			Overlap: overlapText(s.Overlap), Missed: missedText(s.Missed), From: r.typed(s.From), To: r.typed(s.To),
		}
		if s.Every > 0 {
			f.Every = s.Every.String()
		}
		if s.Jitter > 0 {
			f.Jitter = s.Jitter.String()
		}
	}
	return d.scheduleForm(r, f)
}

// The default has no name of its own in the form.
func overlapText(o offload.Overlap) string {
	if o == offload.OverlapSkip {
		return ""
	}
	return string(o)
}

func missedText(m offload.Missed) string {
	if m == offload.MissedOnce {
		return ""
	}
	return string(m)
}

// scheduleForm shows a form with what it means.
func (d *dashboard) scheduleForm(r *request, f scheduleForm) (*content, error) {
	tasks, err := d.readTasks(r)
	if err != nil {
		return nil, err
	}
	for i := range tasks {
		f.Tasks = append(f.Tasks, tasks[i].Name)
	}
	f.Overlaps, f.Misses = overlaps, misses
	for _, expr := range cronExamples {
		f.Examples = append(f.Examples, example{expr, offload.Schedule{Cron: expr}.Words()})
	}
	if s, err := r.scheduleOf(f); err == nil {
		if f.Ticks, err = ticksOf(&s, r.now, shownTicks); err == nil {
			f.Words = s.Words()
		}
	}
	title := "New schedule"
	if f.Known {
		title = "Change " + f.Name
	}
	c := &content{view: "scheduleform", title: title, data: f, still: true}
	if f.Wrong != "" {
		c.status = http.StatusUnprocessableEntity
	}
	return c, nil
}

// typedTime is how a form has a time, in the zone of who looks.
const typedTime = "2006-01-02T15:04"

// typed is a time as a form has it.
func (r *request) typed(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(r.prefs.Zone).Format(typedTime)
}

// timeOf reads a time of a form.
func (r *request) timeOf(field, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.ParseInLocation(typedTime, text, r.prefs.Zone)
	if err != nil {
		return t, badField(field, text, "a time such as 2026-12-31T09:00")
	}
	return t, nil
}

// durationOf reads a duration of a form, 0 for none.
func durationOf(field, text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, badField(field, text, "a duration such as 30s, 15m or 2h30m")
	}
	return d, nil
}

// scheduleOf is the schedule that a form means.
func (r *request) scheduleOf(f scheduleForm) (s offload.Schedule, err error) {
	s = offload.Schedule{Name: f.Name, Cron: f.Cron, Overlap: offload.Overlap(f.Overlap), Missed: offload.Missed(f.Missed)}
	if s.Every, err = durationOf("every", f.Every); err != nil {
		return s, err
	}
	if s.Every == 0 {
		s.Zone = f.Zone
	} else if f.Cron != "" {
		return s, badField("every", f.Every+" beside "+f.Cron, "a cron expression or a duration")
	}
	if s.Jitter, err = durationOf("jitter", f.Jitter); err != nil {
		return s, err
	}
	if s.From, err = r.timeOf("from", f.From); err != nil {
		return s, err
	}
	if s.To, err = r.timeOf("to", f.To); err != nil {
		return s, err
	}
	input := cmp.Or(strings.TrimSpace(f.Input), "null")
	if !json.Valid([]byte(input)) {
		return s, badField("input", shortened(input, 60), "JSON")
	}
	s.Call = offload.NewCall(f.Task, json.RawMessage(input))
	return s, nil
}

// setSchedule keeps a schedule, or shows when it would tick.
func (d *dashboard) setSchedule(r *request) (*done, error) {
	get := func(name string) string { return strings.TrimSpace(r.PostForm.Get(name)) }
	f := scheduleForm{
		Name: get("name"), Task: get("task"), Input: get("input"), Cron: get("cron"), Every: get("every"), Zone: get("zone"),
		Overlap: get("overlap"), Missed: get("missed"), Jitter: get("jitter"), From: get("from"), To: get("to"), Known: get("known") != "",
	}
	s, err := r.scheduleOf(f)
	switch {
	case err != nil:
	case get("preview") != "":
		_, err = s.Next(r.now, 0)
	default:
		if err = d.mayEnqueue(r, f.Task); err == nil {
			err = r.setSchedule(&s, f.Known)
		}
	}
	if err != nil && !isRefusal(err) {
		return nil, err
	}
	if err == nil && get("preview") == "" {
		return &done{text: "Set " + cmp.Or(s.Name, f.Task) + ": " + s.Words() + ".", to: schedulePath(cmp.Or(s.Name, f.Task))}, nil
	}
	if err != nil {
		f.Wrong = err.Error()
	}
	show, err := d.scheduleForm(r, f)
	return &done{show: show}, err
}

// setSchedule stores a schedule. The options of the call that is there are kept.
func (r *request) setSchedule(s *offload.Schedule, known bool) error {
	name := cmp.Or(s.Name, s.Call.Task())
	found, err := r.op.Schedules(r.Context(), name)
	if known && err == nil && found[0].Call.Task() == s.Call.Task() && bytes.Equal(compacted(found[0].Call.Input()), compacted(s.Call.Input())) {
		s.Call = found[0].Call
	}
	if !known && err == nil {
		return badField("name", name, "another: there is a schedule of that name")
	}
	return r.op.SetSchedule(r.Context(), *s)
}
