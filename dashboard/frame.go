package dashboard

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
)

// A frame is what the layout shows around a page.
type frame struct {
	*request
	Title   string
	System  string // what people call this system
	Data    any
	Strip   strip
	Notice  *notice
	Nav     []navGroup
	Here    string // the address of this page, for forms that come back to it
	Live    bool
	Status  int
	Script  string // of the page's own
	SignOut string
}

// What templates ask of a frame.
func (f *frame) Base() string   { return f.base }
func (f *frame) Who() string    { return f.who }
func (f *frame) Role() Role     { return f.role }
func (f *frame) ReadOnly() bool { return f.readOnly }
func (f *frame) Prefs() prefs   { return f.prefs }
func (f *frame) Now() time.Time { return f.now }

// Ago says how far away a time is.
func (f *frame) Ago(t time.Time) string { return f.ago(t) }

// May reports whether who looks may do what needs a role.
func (f *frame) May(need Role) bool { return f.may(need) }

// A navGroup is links of the navigation that belong together.
type navGroup struct {
	Title string
	Links []navLink
}

type navLink struct {
	Title, Path string
	Current     bool
}

// frame puts a page into the layout.
func (d *dashboard) frame(r *request, c *content) *frame {
	f := &frame{
		request: r, Title: c.title, System: d.title, Data: c.data, Strip: d.strip(r), Status: c.status, SignOut: d.signOut, Script: c.script,
		Here: (&url.URL{Path: r.URL.Path, RawQuery: r.URL.RawQuery}).String(),
		Live: !c.still && !r.prefs.Still && c.status == 0,
	}
	f.Nav = d.nav(r)
	if d.sessions != nil {
		f.SignOut = r.base + "/logout"
	}
	return f
}

// nav is the navigation.
func (d *dashboard) nav(r *request) []navGroup {
	groups := []navGroup{
		{"", []navLink{{Title: "Overview", Path: "/"}, {Title: "Go to…", Path: "/find"}}},
		{"Jobs", []navLink{
			{Title: "All jobs", Path: "/jobs"},
			{Title: "Retries", Path: "/retries"},
			{Title: "Scheduled", Path: "/scheduled"},
			{Title: "Discarded", Path: "/discarded"},
			{Title: "Errors", Path: "/errors"},
			{Title: "Workflows", Path: "/workflows"},
		}},
		{"Work", []navLink{
			{Title: "Queues", Path: "/queues"},
			{Title: "Limits", Path: "/limits"},
			{Title: "Schedules", Path: "/schedules"},
			{Title: "Processes", Path: "/processes"},
		}},
		{"System", []navLink{
			{Title: "Operations", Path: "/operations"},
			{Title: "Settings", Path: "/settings"},
		}},
	}
	if views := r.viewLinks(); len(views) > 0 {
		groups = slices.Insert(groups, 2, navGroup{"Views", views})
	}
	if len(d.pages) > 0 && r.role.may(Operator) {
		own := navGroup{Title: "Pages"}
		for _, p := range d.pages {
			own.Links = append(own.Links, navLink{Title: p.title, Path: "/x/" + p.slug + "/"})
		}
		groups = append(groups, own)
	}
	for i := range groups {
		for j := range groups[i].Links {
			l := &groups[i].Links[j]
			l.Current = l.Current || r.URL.Path == l.Path || l.Path != "/" && strings.HasPrefix(r.URL.Path, strings.TrimSuffix(l.Path, "/")+"/")
		}
	}
	return groups
}

// A strip is what stands on top of each page: whether all is well, and the figures that say so.
type strip struct {
	Verdict string // a sentence
	Tone    string // "good", "busy", "bad", "away"
	Why     string // a path that shows more of it
	Figures []stripFigure
}

// A stripFigure is one of the figures on top.
type stripFigure struct {
	Name string
	Text string // as it is shown, "1,000+" where counting stopped
	Path string // of the page that shows what was counted
	Bad  bool
}

// stripFigures are the figures by their turn, of which nothing is known yet.
func stripFigures() []stripFigure {
	return []stripFigure{
		{Name: "waiting", Path: "/jobs?state=available&state=blocked"},
		{Name: "running", Path: "/jobs?state=running"},
		{Name: "retrying", Path: "/retries"},
		{Name: "scheduled", Path: "/scheduled"},
		{Name: "discarded today", Path: "/discarded"},
		{Name: "done today", Path: "/jobs?state=completed"},
		{Name: "failed today", Path: "/errors"},
	}
}

// stripAge is how old what the strip says may be.
const stripAge = 900 * time.Millisecond

// strip reads what stands on top. It never keeps a page from being shown: what can't be read is said there.
func (d *dashboard) strip(r *request) strip {
	key := "strip " + r.prefs.Zone.String() // today is another day elsewhere
	s, err := shared(r, key, stripAge, func(ctx context.Context) (strip, error) { return d.readStrip(ctx, r) })
	if err != nil {
		s = strip{Verdict: "The database does not answer.", Tone: "away", Figures: stripFigures()}
	}
	return s
}

func (d *dashboard) readStrip(ctx context.Context, r *request) (s strip, err error) {
	queues, err := d.readQueues(r)
	if err != nil {
		return s, err
	}
	processes, err := d.readProcesses(r)
	if err != nil {
		return s, err
	}
	today, err := d.readToday(ctx, r)
	if err != nil {
		return s, err
	}
	var waiting, running, retrying, scheduled int
	for _, q := range queues {
		waiting += q.Available + q.Blocked
		running += q.Running
		retrying += q.Retryable
		scheduled += q.Scheduled
	}
	s.Figures = stripFigures()
	for i, text := range []string{
		counted(waiting), counted(running), counted(retrying), counted(scheduled),
		short(today.discarded), short(today.done), short(today.failed),
	} {
		s.Figures[i].Text = text
	}
	s.Figures[4].Bad = today.discarded > 0
	fresh, err := d.newErrors(r, r.now.Add(-time.Hour))
	if err != nil {
		return s, err
	}
	s.Verdict, s.Tone, s.Why = verdict(queues, processes, len(fresh), r.now)
	return s, nil
}

// today is what has happened since midnight.
type today struct{ done, failed, discarded int64 }

// settled is how long after a minute its figures may still grow.
const settled = 15 * time.Minute

// readToday counts the day of who looks. What is settled of it is read once in a while.
func (d *dashboard) readToday(ctx context.Context, r *request) (t today, err error) {
	y, m, day := r.now.In(r.prefs.Zone).Date()
	midnight := time.Date(y, m, day, 0, 0, 0, 0, r.prefs.Zone)
	from := r.now.Truncate(settled).Add(-settled)
	if from.After(midnight) {
		name := fmt.Sprint("figures of ", midnight, " to ", from)
		if t, err = shared(r, name, settled, func(ctx context.Context) (today, error) { return countDay(ctx, r, midnight, from) }); err != nil {
			return t, err
		}
	} else {
		from = midnight
	}
	rest, err := countDay(ctx, r, from, r.now)
	return today{t.done + rest.done, t.failed + rest.failed, t.discarded + rest.discarded}, err
}

// countDay counts a part of a day.
func countDay(ctx context.Context, r *request, since, until time.Time) (t today, err error) {
	stats, err := r.op.Stats(ctx, operate.StatsQuery{Since: since, Until: until, Step: 24 * time.Hour, CountsOnly: true})
	if err != nil {
		return t, err
	}
	for i := range stats.Steps {
		t.done += stats.Steps[i].Completed
		t.failed += stats.Steps[i].Failed
		t.discarded += stats.Steps[i].Discarded
	}
	return t, nil
}

// readQueues reads the queues for whoever needs them now.
func (d *dashboard) readQueues(r *request) ([]operate.Queue, error) {
	return shared(r, "queues", stripAge, r.op.Queues)
}

// readProcesses reads the processes for whoever needs them now.
func (d *dashboard) readProcesses(r *request) ([]operate.Process, error) {
	return shared(r, "processes", stripAge, r.op.Processes)
}

// A choice is a link among others, of which those that hold now are marked.
type choice struct {
	Label, URL string
	Count      string        // "" is none
	State      offload.State // whose glyph it has; "" is none
	Chosen     bool
}

// more leads to the pages around one; what is "" is not there.
type more struct {
	First, Next string // addresses
}
