package httpcall

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/page"
	"github.com/offloadhq/offload/internal/reply"
	"github.com/offloadhq/offload/operate"
	"github.com/offloadhq/offload/record"
)

//go:embed page.html
var pageHTML string

var pages = page.Parse(pageHTML, template.FuncMap{"host": func(limit string) string { return strings.TrimPrefix(limit, ratePrefix) }})

const (
	pageJobs  = 500 // that are counted
	pageHosts = 200 // that are shown
)

// A hostRow is a host in the page.
type hostRow struct {
	Host    string
	Circuit *circuitState // nil: closed
	Ended   int           // of the counted jobs, those that got what they wanted
	Waiting int           // that are still to be made, or made again
	GivenUp int
	Failed  int // attempts
	Last    *offload.Job
}

// A circuitState is a circuit that is open, or half open: then one request tries the host.
type circuitState struct {
	Since   time.Time
	Times   int
	Error   string
	Next    time.Time // when a request may try it; zero: the next that comes
	Probing time.Time // since when one tries
}

// Page is a page for dashboard.Page("Requests", …): the hosts of the newest requests and those whose circuit is open, how it went with them, why a circuit is open,
// since when and until when, with a button that closes it for all processes; and the rates. It shows no more of a URL than the host. The dashboard says who may see
// it and who may press the button; served elsewhere, the program has to.
func Page(app *offload.App) http.Handler {
	p := &board{app: app, opened: record.Of[opened](app, openedKind), waits: record.Of[wait](app, waitKind)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.list)
	mux.HandleFunc("POST /{$}", p.act)
	return http.NewCrossOriginProtection().Handler(mux)
}

type board struct {
	app    *offload.App
	opened *record.Kind[opened]
	waits  *record.Kind[wait]
}

func (p *board) list(w http.ResponseWriter, r *http.Request) {
	data := struct {
		Rows               []*hostRow
		More, Jobs, Sealed int
		Rates              []operate.Limit
	}{}
	rows, err := p.circuits(r.Context())
	if err != nil {
		fail(w, err)
		return
	}
	if data.Jobs, data.Sealed, err = p.count(r.Context(), rows); err != nil {
		fail(w, err)
		return
	}
	for _, row := range rows {
		data.Rows = append(data.Rows, row)
	}
	slices.SortFunc(data.Rows, func(a, b *hostRow) int {
		if (a.Circuit == nil) != (b.Circuit == nil) {
			if a.Circuit != nil {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(b.Failed+b.GivenUp, a.Failed+a.GivenUp), strings.Compare(a.Host, b.Host))
	})
	if len(data.Rows) > pageHosts {
		data.Rows, data.More = data.Rows[:pageHosts], len(data.Rows)-pageHosts
	}
	limits, err := operate.As(p.app, "httpcall").Limits(r.Context())
	if err != nil {
		fail(w, err)
		return
	}
	for i := range limits {
		if strings.HasPrefix(limits[i].Name, ratePrefix) {
			data.Rates = append(data.Rates, limits[i])
		}
	}
	pages.Show(w, "list", data)
}

// circuits reads those that are not closed, by their hosts.
func (p *board) circuits(ctx context.Context) (map[string]*hostRow, error) {
	// The waits first: a circuit that opens meanwhile is shown as half open for a moment, and none that has closed as open.
	waits, err := p.waits.List(ctx, "")
	if err != nil {
		return nil, err
	}
	open, err := p.opened.List(ctx, "")
	if err != nil {
		return nil, err
	}
	rows := make(map[string]*hostRow, len(open))
	for i := range open {
		r := &open[i]
		c := &circuitState{Since: r.Value.Since, Times: r.Value.Times, Error: r.Value.Error}
		if c.Since.IsZero() {
			c.Since = r.At
		}
		for j := range waits {
			if waits[j].Key != r.Key {
				continue
			}
			if waits[j].Value.Probing {
				c.Probing = waits[j].At
			} else {
				c.Next = waits[j].Expires
			}
		}
		rows[r.Key] = &hostRow{Host: r.Key, Circuit: c}
	}
	return rows, nil
}

// count adds how it went with the newest requests. Those whose input can't be read here are only counted.
func (p *board) count(ctx context.Context, rows map[string]*hostRow) (counted, sealed int, err error) {
	jobs, err := p.app.Jobs(ctx, offload.Filter{Tasks: []string{Call.Name()}, Max: pageJobs})
	if err != nil {
		return 0, 0, err
	}
	for _, job := range jobs {
		in, err := Call.Input(job)
		if err != nil {
			sealed++
			continue
		}
		u, err := urlOf(in.URL)
		if err != nil {
			sealed++
			continue
		}
		name := hostOf(u)
		row := rows[name]
		if row == nil {
			row = &hostRow{Host: name}
			rows[name] = row
		}
		if row.Last == nil { // the newest come first
			row.Last = job
		}
		row.Failed += job.Failures
		switch job.State {
		case offload.Completed:
			row.Ended++
		case offload.Discarded, offload.Cancelled, offload.Expired:
			row.GivenUp++
		default:
			row.Waiting++
		}
	}
	return len(jobs), sealed, nil
}

// act does what the button says, and shows the page again.
func (p *board) act(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the form can't be read", http.StatusBadRequest)
		return
	}
	if do := r.PostForm.Get("do"); do != "close" {
		fail(w, refuse("do", reply.Text([]byte(do), 100), "close"))
		return
	}
	host := r.PostForm.Get("host")
	_, err := p.opened.Get(r.Context(), host)
	if err == nil {
		err = closeCircuit(r.Context(), p.opened, p.waits, host)
	}
	if err != nil {
		fail(w, err)
		return
	}
	page.Back(w, "./")
}

// fail shows an error in the frame.
func fail(w http.ResponseWriter, err error) {
	status := page.Status(err)
	if status == http.StatusNotFound {
		err = errors.New("the circuit of that host is not open")
	}
	pages.Fail(w, status, err)
}
