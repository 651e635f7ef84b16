package webhook

import (
	"cmp"
	_ "embed"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/page"
	"github.com/offloadhq/offload/internal/reply"
)

//go:embed page.html
var pageHTML string

var pages = page.Parse(pageHTML, template.FuncMap{"pretty": func(b []byte) string { return reply.Text(b, 64<<10) }})

const (
	mostEndpoints  = 500 // of a page
	mostDeliveries = 50
)

// A row is an endpoint in the page.
type row struct {
	Endpoint
	Shown   string
	Kinds   []string // of its keys
	Failing *failing
}

// A line is a delivery in the page.
type line struct {
	Job   *offload.Job
	In    Delivery
	To    string // the endpoint's address, or its id where there is none any more
	Ended bool
}

// Deliveries is a page for dashboard.Page("Webhooks", …): the endpoints and their state, the
// last deliveries with what was sent and answered, and buttons that send again, disable and
// enable. It shows no secret. The dashboard says who may see it and who may press them; served
// elsewhere, the program has to.
func (h *Hooks) Deliveries() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", h.page)
	mux.HandleFunc("POST /{$}", h.act)
	return http.NewCrossOriginProtection().Handler(mux)
}

func (h *Hooks) page(w http.ResponseWriter, r *http.Request) {
	if text := r.URL.Query().Get("delivery"); text != "" {
		h.showDelivery(w, r, text)
		return
	}
	all, err := h.All(r.Context())
	if err != nil {
		fail(w, err)
		return
	}
	failures, err := h.failing.List(r.Context(), "")
	if err != nil {
		fail(w, err)
		return
	}
	data := struct {
		Rows  []row
		More  int
		Lines []line
	}{}
	addresses := map[string]string{}
	for _, e := range all {
		addresses[e.ID] = e.shown()
	}
	if len(all) > mostEndpoints {
		all, data.More = all[:mostEndpoints], len(all)-mostEndpoints
	}
	for _, e := range all {
		shown := row{Endpoint: e, Shown: e.shown()}
		for _, k := range e.Keys {
			shown.Kinds = append(shown.Kinds, k.Secret.String())
		}
		for i := range failures {
			if failures[i].Key == e.ID {
				shown.Failing = &failures[i].Value
				if shown.Failing.Since.IsZero() {
					shown.Failing.Since = failures[i].At
				}
			}
		}
		data.Rows = append(data.Rows, shown)
	}
	jobs, err := h.app.Jobs(r.Context(), offload.Filter{Tasks: []string{Deliver.Name()}, Max: mostDeliveries})
	if err != nil {
		fail(w, err)
		return
	}
	for _, job := range jobs {
		l := lineOf(job)
		l.To = cmp.Or(addresses[l.In.Endpoint], l.In.Endpoint)
		data.Lines = append(data.Lines, l)
	}
	pages.Show(w, "list", data)
}

func lineOf(job *offload.Job) line {
	in, _ := Deliver.Input(job) // an encrypted one that can't be read is shown without
	ended := slices.Contains([]offload.State{offload.Completed, offload.Discarded, offload.Cancelled, offload.Expired}, job.State)
	return line{job, in, in.Endpoint, ended}
}

func (h *Hooks) showDelivery(w http.ResponseWriter, r *http.Request, text string) {
	id, err := offload.ParseID(text)
	if err != nil {
		fail(w, offload.ErrNotFound)
		return
	}
	job, err := h.app.Job(r.Context(), id)
	if err == nil && job.Task != Deliver.Name() {
		err = offload.ErrNotFound
	}
	if err != nil {
		fail(w, err)
		return
	}
	failures, err := h.app.Failures(r.Context(), id)
	if err != nil {
		fail(w, err)
		return
	}
	end, err := h.Get(r.Context(), lineOf(job).In.Endpoint)
	if err != nil && !errors.Is(err, offload.ErrNotFound) {
		fail(w, err)
		return
	}
	pages.Show(w, "delivery", struct {
		line
		Shown    string
		Failures []offload.Failure
	}{lineOf(job), end.shown(), failures})
}

// act does what a button says, and shows the page again.
func (h *Hooks) act(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the form can't be read", http.StatusBadRequest)
		return
	}
	back, err := "./", error(nil)
	switch endpoint := r.PostForm.Get("endpoint"); r.PostForm.Get("do") {
	case "again":
		var id offload.ID
		if id, err = offload.ParseID(r.PostForm.Get("delivery")); err == nil {
			var job *offload.Job
			if job, err = h.SendAgain(r.Context(), id); err == nil {
				back += "?" + url.Values{"delivery": {job.ID.String()}}.Encode()
			}
		}
	case "disable":
		err = h.Disable(r.Context(), endpoint, "by hand")
	case "enable":
		err = h.Enable(r.Context(), endpoint)
	default:
		err = refuse("do", reply.Text([]byte(r.PostForm.Get("do")), 100), "again, disable or enable")
	}
	if err != nil {
		fail(w, err)
		return
	}
	page.Back(w, back)
}

// fail shows an error in the frame.
func fail(w http.ResponseWriter, err error) {
	status := page.Status(err)
	switch {
	case status == http.StatusNotFound:
		err = errors.New("there is no such endpoint or delivery")
	case errors.Is(err, ErrNotEnded):
		status = http.StatusConflict
	}
	pages.Fail(w, status, err)
}
