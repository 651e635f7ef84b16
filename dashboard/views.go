package dashboard

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/offloadhq/offload/record"
)

// A savedView is a list of jobs that somebody gave a name: all who look see it.
type savedView struct {
	Path  string `json:"path"`  // of the list
	Query string `json:"query"` // of its address
	By    string `json:"by"`
}

const (
	viewKind = "offload.view"
	viewName = 60 // letters
	viewMost = 50
)

// A namedView is a saved view as it is listed.
type namedView struct {
	Name, Path string
	Current    bool
	Remove     act
}

func (d *dashboard) views() *record.Kind[savedView] { return record.Of[savedView](d.app, viewKind) }

// readViews reads the saved views for whoever needs them now.
func (d *dashboard) readViews(r *request) ([]namedView, error) {
	found, err := shared(r, "views", stripAge, func(ctx context.Context) ([]record.Record[savedView], error) { return d.views().List(ctx, "") })
	if err != nil {
		return nil, err
	}
	here := address(r.URL.Path, viewValues(r.URL.Query()))
	var all []namedView
	for i := range found {
		v := &found[i]
		path := v.Value.Path
		if v.Value.Query != "" {
			path += "?" + v.Value.Query
		}
		all = append(all, namedView{v.Key, path, path == here, do("Remove", "/views/remove", Operator, "name", v.Key)})
	}
	slices.SortFunc(all, func(a, b namedView) int {
		return cmp.Or(cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), cmp.Compare(a.Name, b.Name))
	})
	return all, nil
}

// viewLinks are the saved views for the navigation, which does without them where they can't be read.
func (r *request) viewLinks() (links []navLink) {
	all, err := r.readViews(r)
	if err != nil {
		return nil
	}
	for i := range all {
		links = append(links, navLink{Title: all[i].Name, Path: all[i].Path, Current: all[i].Current})
	}
	return links
}

// viewValues are those parameters of a list's address that a view keeps.
func viewValues(values url.Values) url.Values {
	values = clone(values)
	values.Del("after")
	for name, all := range values {
		if all = slices.DeleteFunc(all, func(v string) bool { return v == "" && name != "key" }); len(all) == 0 {
			delete(values, name)
		} else {
			values[name] = all
		}
	}
	return values
}

// saveView gives a list of jobs a name, or another list to a name that there is.
func (d *dashboard) saveView(r *request) (*done, error) {
	name, path := strings.TrimSpace(r.PostForm.Get("name")), r.PostForm.Get("path")
	if name == "" || len([]rune(name)) > viewName || strings.ContainsFunc(name, unicode.IsControl) {
		return nil, badField("name", shortened(name, viewName), "1 to 60 letters on one line, such as \"failed imports\"")
	}
	if !slices.ContainsFunc([]*jobList{&allJobs, &retriedJobs, &scheduledJobs, &discardedJobs}, func(l *jobList) bool { return l.path == path }) {
		return nil, badField("path", shortened(path, 60), "that of a list of jobs, such as /jobs")
	}
	values, err := url.ParseQuery(r.PostForm.Get("query"))
	if err != nil {
		return nil, badField("query", shortened(r.PostForm.Get("query"), 200), "that of a list of jobs")
	}
	if _, err := r.jobQuery(values); err != nil {
		return nil, err
	}
	all, err := r.readViews(r)
	if err != nil {
		return nil, err
	}
	old := slices.ContainsFunc(all, func(v namedView) bool { return v.Name == name })
	if !old && len(all) >= viewMost {
		return nil, badField("name", name, "one of the 50 views that there are: remove one first")
	}
	v := savedView{path, viewValues(values).Encode(), r.who}
	if _, err := d.views().Put(r.Context(), name, v); err != nil {
		return nil, err
	}
	undo := do("Undo", "/views/remove", Operator, "name", name)
	return &done{text: "Saved the view " + name + ".", to: address(path, viewValues(values)), undo: &undo}, nil
}

// removeView forgets a view.
func (d *dashboard) removeView(r *request) (*done, error) {
	name := r.PostForm.Get("name")
	old, err := d.views().Get(r.Context(), name)
	if err != nil {
		return nil, err
	}
	if err := d.views().Delete(r.Context(), name); err != nil {
		return nil, err
	}
	undo := do("Undo", "/views/save", Operator, "name", name, "path", old.Value.Path, "query", old.Value.Query)
	return &done{text: "Removed the view " + name + ".", undo: &undo}, nil
}
