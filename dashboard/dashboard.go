package dashboard

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
)

// pageTime is how long a page may take to read what it shows. Tests give it longer.
var pageTime = 3 * time.Second

// New makes the dashboard of an app. The app must stay open while it is used.
func New(app *offload.App, opts ...Option) http.Handler {
	d := &dashboard{app: app, now: time.Now, reads: newReads()}
	for _, o := range opts {
		o.apply(&d.config)
	}
	d.routes()
	return d.gate(http.HandlerFunc(d.serve))
}

// A dashboard is what New makes.
type dashboard struct {
	config
	app   *offload.App
	mux   *http.ServeMux
	reads *reads
	pace  pace
	now   func() time.Time
}

// serve answers a request that has passed the gate.
func (d *dashboard) serve(w http.ResponseWriter, r *http.Request) {
	base := d.base(r)
	inner := r.Clone(context.WithValue(r.Context(), baseKey{}, base))
	inner.URL.Path = d.inner(r, base)
	inner.URL.RawPath = ""
	inner.Pattern = ""
	d.mux.ServeHTTP(w, inner)
}

type baseKey struct{}

// inner is the path of a request below the dashboard's own.
func (d *dashboard) inner(r *http.Request, base string) string {
	return "/" + strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, base), "/")
}

// base returns the path under which a request finds the dashboard, "" at the root: "/jobs" where a
// ServeMux has it under "/jobs/".
func (d *dashboard) base(r *http.Request) string {
	if d.prefix != "" {
		return d.prefix
	}
	pattern := r.Pattern
	if at := strings.IndexByte(pattern, '/'); at >= 0 {
		pattern = pattern[at:] // without method and host
	}
	pattern, _, _ = strings.Cut(pattern, "{")
	return strings.TrimRight(pattern, "/")
}

// operator acts in the name of whoever asks.
func (d *dashboard) operator(who string) *operate.Operator { return operate.As(d.app, who) }

// log says what went wrong with a request, once.
func (d *dashboard) log(ctx context.Context, what string, err error) {
	l := d.logger
	if l == nil {
		l = slog.Default()
	}
	l.ErrorContext(ctx, "offload: dashboard: "+what, "error", err)
}

// asset serves a file of the program itself, that browsers may keep for as long as its name holds.
func (d *dashboard) asset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	data, there := files[name]
	if !there {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", assetTypes[name[strings.LastIndexByte(name, '.')+1:]])
	if r.URL.Query().Get("v") == assetSums[name] {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		w.Header().Set("Cache-Control", "no-cache")
	}
	w.Write(data)
}
