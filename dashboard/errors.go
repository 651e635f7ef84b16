package dashboard

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
)

// errorsView is what the page of errors shows.
type errorsView struct {
	Statuses []choice
	Groups   []errorRow
	More     more
	Hides    bool // texts are not for who looks
	Any      bool // something was chosen
}

// An errorRow is a group of failures that are alike.
type errorRow struct {
	operate.ErrorGroup
	Path  string
	Name  string // what went wrong, in a line
	Spark spark
	Acts  []act
}

// A spark is values as a small line without axes.
type spark struct{ Path, Text string }

const (
	errorsPage = 50
	errorHours = 24
)

var errorStatuses = []struct {
	Label    string
	Statuses []operate.ErrorStatus
}{
	{"open", []operate.ErrorStatus{operate.ErrorOpen}},
	{"muted", []operate.ErrorStatus{operate.ErrorMuted}},
	{"resolved", []operate.ErrorStatus{operate.ErrorResolved}},
	{"all", nil},
}

// errors shows failures that are alike, in groups, the one that failed last first.
func (d *dashboard) errors(r *request) (*content, error) {
	values := r.URL.Query()
	status := values.Get("status")
	if status == "" {
		status = "open"
	}
	q := operate.ErrorQuery{Tasks: given(values["task"]), Hours: errorHours, Max: errorsPage + 1, BeforeGroup: values.Get("group")}
	v := errorsView{Hides: !r.role.may(Operator), Any: len(values) > 0}
	known := false
	for _, s := range errorStatuses {
		chosen := s.Label == status
		if chosen {
			q.Statuses, known = s.Statuses, true
		}
		v.Statuses = append(v.Statuses, choice{Label: s.Label, URL: r.link("/errors", "status", s.Label), Chosen: chosen})
	}
	if !known {
		return nil, badField("status", shortened(status, 40), "open, muted, resolved or all")
	}
	if text := values.Get("before"); text != "" {
		before, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return nil, badField("before", shortened(text, 40), "a time")
		}
		q.Before = before
		v.More.First = r.link("/errors", "status", status)
	}
	groups, err := r.op.Errors(r.Context(), q)
	if err != nil {
		return nil, err
	}
	if len(groups) > errorsPage {
		groups = groups[:errorsPage]
		last := &groups[errorsPage-1]
		v.More.Next = r.link("/errors", "status", status, "before", last.Last.UTC().Format(time.RFC3339Nano), "group", last.Group)
	}
	for i := range groups {
		v.Groups = append(v.Groups, r.errorRow(&groups[i]))
	}
	return &content{view: "errors", title: "Errors", data: &v}, nil
}

func (r *request) errorRow(g *operate.ErrorGroup) errorRow {
	row := errorRow{ErrorGroup: *g, Path: "/errors/" + g.Group, Name: g.Title, Spark: sparkOf(g.Hours)}
	if row.Name == "" || !r.role.may(Operator) {
		row.Name = g.Kind
	}
	row.Name = seen(firstLine(row.Name))
	row.Acts = errorActs(g)
	return row
}

// errorActs are what can be done with a group.
func errorActs(g *operate.ErrorGroup) []act {
	of := []string{"group", g.Group}
	acts := []act{
		do("Retry all", "/errors/retry", Operator, of...).main(),
		do("Give up all", "/errors/discard", Operator, of...).asking("Jobs that failed so last, and would be tried again, are cancelled. They can be retried later."),
	}
	if g.Status == operate.ErrorOpen {
		return append(acts, do("Mute", "/errors/mute", Operator, of...), do("Resolve", "/errors/resolve", Operator, of...))
	}
	return append(acts, do("Open", "/errors/open", Operator, of...))
}

// sparkOf draws how often something was in each hour.
func sparkOf(hours []int64) spark {
	const width, height = 100, 20
	most, sum := int64(0), int64(0)
	for _, n := range hours {
		most, sum = max(most, n), sum+n
	}
	var b strings.Builder
	for i, n := range hours {
		y := float64(height - 1)
		if most > 0 {
			y = round(height - 1 - (height-2)*float64(n)/float64(most))
		}
		fmt.Fprintf(&b, "%c%g %g", "ML"[min(i, 1)], round(width*float64(i)/float64(max(1, len(hours)-1))), y)
	}
	return spark{b.String(), number(sum) + " in " + number(len(hours)) + " h, at most " + number(most) + " in one"}
}

// errorView is what the page of one group shows.
type errorView struct {
	errorRow
	Hides bool
	Chart *chart
	Jobs  []jobRow
	All   string // the address of all jobs that failed so last
}

const errorJobs = 20

// errorGroup shows one group: how often, since when, and which jobs.
func (d *dashboard) errorGroup(r *request) (*content, error) {
	group, err := r.op.Error(r.Context(), r.PathValue("group"))
	if err != nil {
		return nil, err
	}
	v := errorView{errorRow: r.errorRow(group), Hides: !r.role.may(Operator), All: r.link("/jobs", "group", group.Group)}
	v.Error = seen(strings.ToValidUTF8(v.Error, "�"))
	jobs, err := d.app.Jobs(r.Context(), offload.Filter{Group: group.Group, Max: errorJobs})
	if err != nil {
		return nil, err
	}
	for _, job := range jobs {
		v.Jobs = append(v.Jobs, r.jobRow(job))
	}
	v.Chart = errorChart(group.Hours, r.now, r)
	return &content{view: "error", title: v.Name, data: &v}, nil
}

// errorChart draws failures by the hour, a bar for three where there are many.
func errorChart(hours []int64, now time.Time, r *request) *chart {
	together := max(1, len(hours)/112)
	step := time.Duration(together) * time.Hour
	n := len(hours) / together
	values := make([]float64, n)
	for i := range n {
		for _, count := range hours[len(hours)-(n-i)*together : len(hours)-(n-i-1)*together] {
			values[i] += float64(count)
		}
	}
	first := now.Truncate(time.Hour).Add(time.Hour).Add(-time.Duration(n) * step)
	times := make([]time.Time, n)
	for i := range times {
		times[i] = first.Add(time.Duration(i) * step)
	}
	return &chart{
		Title: "Failures", Times: times, Step: step, Zone: r.prefs.Zone, Bars: true, Say: sayRate, Nice: func(most float64) float64 { return max(1, niceNumber(most)) },
		Series: []series{{"failed", "discarded", values}},
	}
}

func (d *dashboard) retryError(r *request) (*done, error) {
	if _, err := r.op.RetryError(r.Context(), r.PostForm.Get("group")); err != nil {
		return nil, err
	}
	return &done{text: "Jobs that failed so are retried, in the background. Operations shows how far it is."}, nil
}

func (d *dashboard) discardError(r *request) (*done, error) {
	if _, err := r.op.DiscardError(r.Context(), r.PostForm.Get("group")); err != nil {
		return nil, err
	}
	return &done{text: "Jobs that failed so are not tried again; a job sees to it."}, nil
}

func (d *dashboard) muteError(r *request) (*done, error) {
	group := r.PostForm.Get("group")
	undo := do("Open", "/errors/open", Operator, "group", group)
	return &done{text: "Muted: it is counted, and no more said.", undo: &undo}, r.op.MuteError(r.Context(), group)
}

func (d *dashboard) resolveError(r *request) (*done, error) {
	group := r.PostForm.Get("group")
	undo := do("Open", "/errors/open", Operator, "group", group)
	return &done{text: "Resolved. It opens again when it comes back.", undo: &undo}, r.op.ResolveError(r.Context(), group)
}

func (d *dashboard) openError(r *request) (*done, error) {
	return &done{text: "It is open again."}, r.op.OpenError(r.Context(), r.PostForm.Get("group"))
}

// newErrors are open groups that were first seen since a time, the newest first, among those that failed last.
func (d *dashboard) newErrors(r *request, since time.Time) ([]operate.ErrorGroup, error) {
	groups, err := shared(r, "errors since "+since.Truncate(time.Minute).String(), 2*time.Second, func(ctx context.Context) ([]operate.ErrorGroup, error) {
		return r.op.Errors(ctx, operate.ErrorQuery{Statuses: []operate.ErrorStatus{operate.ErrorOpen}, Since: since, Max: errorsPage})
	})
	if err != nil {
		return nil, err
	}
	groups = slices.DeleteFunc(slices.Clone(groups), func(g operate.ErrorGroup) bool { return g.First.Before(since) })
	slices.SortStableFunc(groups, func(a, b operate.ErrorGroup) int { return b.First.Compare(a.First) })
	return groups, nil
}
