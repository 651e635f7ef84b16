package dashboard

import (
	"cmp"
	"slices"
	"strings"

	"github.com/offloadhq/offload"
)

// findView is what the page shows that leads anywhere.
type findView struct {
	Text  string
	Found []navGroup
	Keys  [][2]string // what a key does
}

// keys are what keys do, where JavaScript runs and nobody has turned them off; assets/keys.js does it.
var keys = [][2]string{
	{"Ctrl K", "go anywhere"},
	{"?", "this help"},
	{"/", "search"},
	{"g o", "overview"},
	{"g j", "jobs"},
	{"g r", "retries"},
	{"g d", "discarded"},
	{"g e", "errors"},
	{"g q", "queues"},
	{"g s", "schedules"},
	{"g w", "workflows"},
	{"j k", "next and previous job of a list"},
	{"x", "choose a job of a list"},
	{"Enter", "open it"},
	{"Esc", "close what lies above the page"},
}

const (
	foundMost = 8   // of each kind
	findText  = 200 // letters that are looked at
)

// find shows where one can go: all pages, and queues, tasks, schedules and the like by name.
func (d *dashboard) find(r *request) (*content, error) {
	text := shortened(strings.TrimSpace(r.URL.Query().Get("q")), findText)
	v := findView{Text: text, Keys: keys}
	if id, err := offload.ParseID(text); err == nil {
		v.Found = append(v.Found, navGroup{"Job", []navLink{{Title: id.String(), Path: "/jobs/" + id.String()}}})
	}
	for _, g := range d.nav(r) {
		v.add(g.Title, g.Links)
	}
	if r.may(Operator) {
		v.add("Jobs", []navLink{{Title: "New job", Path: "/jobs/new"}})
	}
	if err := d.findNames(r, &v); err != nil {
		return nil, err
	}
	if text != "" {
		v.Found = append(v.Found, navGroup{"Search", []navLink{{Title: "Jobs with " + text, Path: link("", "/jobs", "q", text)}}})
	}
	return &content{view: "find", title: "Go to", data: &v, still: true}, nil
}

// findNames adds what programs and people have named.
func (d *dashboard) findNames(r *request, v *findView) error {
	var queues, tasks, schedules, limits []navLink
	found, err := d.readQueues(r)
	if err != nil {
		return err
	}
	for i := range found {
		queues = append(queues, navLink{Title: found[i].Name, Path: link("", "/jobs", "queue", found[i].Name)})
	}
	known, err := d.readTasks(r)
	if err != nil {
		return err
	}
	for i := range known {
		tasks = append(tasks, navLink{Title: known[i].Name, Path: link("", "/jobs", "task", known[i].Name)})
	}
	ticking, err := d.readSchedules(r)
	if err != nil {
		return err
	}
	for i := range ticking {
		schedules = append(schedules, navLink{Title: ticking[i].Name, Path: schedulePath(ticking[i].Name)})
	}
	kept, err := d.readLimits(r)
	if err != nil {
		return err
	}
	for i := range kept { // keys of one limit follow each other
		if i == 0 || kept[i].Name != kept[i-1].Name {
			limits = append(limits, navLink{Title: kept[i].Name, Path: "/limits#l-" + kept[i].Name})
		}
	}
	v.add("Queues", queues)
	v.add("Tasks", tasks)
	v.add("Schedules", schedules)
	v.add("Limits", limits)
	return nil
}

// add adds those links whose titles have all words that were typed, the ones that begin so first.
func (v *findView) add(title string, links []navLink) {
	words := strings.Fields(strings.ToLower(v.Text))
	var all []navLink
	for _, l := range links {
		name := strings.ToLower(l.Title)
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(name, w) }) {
			all = append(all, l)
		}
	}
	if len(words) > 0 {
		begins := func(l navLink) int {
			if strings.HasPrefix(strings.ToLower(l.Title), words[0]) {
				return 0
			}
			return 1
		}
		slices.SortStableFunc(all, func(a, b navLink) int { return cmp.Compare(begins(a), begins(b)) })
	}
	if all = all[:min(len(all), foundMost)]; len(all) == 0 {
		return
	}
	if i := slices.IndexFunc(v.Found, func(g navGroup) bool { return g.Title == title }); i >= 0 {
		v.Found[i].Links = append(v.Found[i].Links, all...)
		return
	}
	v.Found = append(v.Found, navGroup{title, all})
}
