package shop

import (
	"context"
	"embed"
	"errors"
	"html/template"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/offloadhq/offload/dashboard"
	"github.com/offloadhq/offload/dashboard/access"

	"github.com/offloadhq/offload"
)

//go:embed view
var viewFiles embed.FS

var views = template.Must(template.New("").Funcs(template.FuncMap{"money": money, "base": filepath.Base}).ParseFS(viewFiles, "view/*.html"))

// A site is the shop's pages.
type site struct {
	*Shop
	photos []string // that can be ordered
}

// handler is all routes of the site.
func (s *site) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.showOrders)
	mux.HandleFunc("GET /order", s.showForm)
	mux.HandleFunc("POST /orders", s.placeOrder)
	mux.HandleFunc("POST /exports", s.requestExport)
	mux.HandleFunc("GET /style.css", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFileFS(w, r, viewFiles, "view/style.css")
	})
	mux.Handle("GET /mail/", readable(s.files(mailDir)))
	mux.Handle("GET /thumbnails/", s.files(thumbnailDir))
	mux.Handle("GET /exports/", s.files(exportDir))
	all := http.NewServeMux()
	all.Handle("/", http.NewCrossOriginProtection().Handler(guarded(mux)))
	all.Handle("/jobs/", dashboard.New(s.app, dashboard.Auth(access.Local("demo")), dashboard.Title("shop")))
	return all
}

// files serves one directory of the shop; the others are nobody's business.
func (s *site) files(dir string) http.Handler {
	return http.StripPrefix("/"+dir+"/", http.FileServer(http.Dir(s.Path(dir))))
}

// readable makes a browser show a mail instead of saving it.
func readable(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if filepath.Ext(r.URL.Path) == ".eml" {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		}
		next.ServeHTTP(w, r)
	})
}

// guarded tells browsers to take nothing from elsewhere, whatever a mail or a name contains.
func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	})
}

// shownOrders is how many orders the page shows.
const shownOrders = 25

// A line is an order as the page shows it.
type line struct {
	Order
	Payment payment
	States  map[string]offload.State // of its jobs, by task
}

// showOrders shows the newest orders and how far each is. The page comes again by itself.
func (s *site) showOrders(w http.ResponseWriter, r *http.Request) {
	lines, err := s.lines(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	exports, err := s.exports(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.show(w, r, http.StatusOK, "orders.html", map[string]any{"Lines": lines, "Exports": exports[:min(len(exports), 5)]})
}

func (s *site) lines(ctx context.Context) ([]line, error) {
	orders, err := ordersOf(ctx, s.db, selectOrders+`ORDER BY id DESC LIMIT ?`, shownOrders)
	if err != nil || len(orders) == 0 {
		return nil, err
	}
	oldest := orders[len(orders)-1].Placed.Add(-time.Minute) // clocks differ a little, and a job too many is no harm
	jobs, err := s.app.Jobs(ctx, offload.Filter{Tasks: taskNames, Since: oldest, Max: 1000})
	if err != nil {
		return nil, err
	}
	states := map[string]map[string]offload.State{}
	for _, job := range slices.Backward(jobs) {
		order := job.Tags["order"]
		if states[order] == nil {
			states[order] = map[string]offload.State{}
		}
		states[order][job.Task] = job.State
	}
	lines := make([]line, len(orders))
	for i, o := range orders {
		paid, err := s.paymentOf(ctx, o.ID)
		if err != nil {
			return nil, err
		}
		lines[i] = line{o, paid, states[strconv.FormatInt(o.ID, 10)]}
	}
	return lines, nil
}

// showForm shows an empty order form.
func (s *site) showForm(w http.ResponseWriter, r *http.Request) {
	s.form(w, r, http.StatusOK, Order{Quantity: 1}, nil)
}

func (s *site) form(w http.ResponseWriter, r *http.Request, status int, o Order, refused error) {
	s.show(w, r, status, "order.html", map[string]any{"Order": o, "Refused": refused, "Products": Products, "Photos": s.photos})
}

// placeOrder is what offload is for: it stores the order and its jobs, and answers.
func (s *site) placeOrder(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	quantity, _ := strconv.Atoi(r.PostFormValue("quantity")) // what is no number is 0, and Place refuses that
	o := Order{
		Customer: r.PostFormValue("customer"), Email: r.PostFormValue("email"),
		Product: r.PostFormValue("product"), Quantity: quantity, Photo: s.photo(r.PostFormValue("photo")),
	}
	_, err := s.Place(r.Context(), o)
	switch {
	case errors.Is(err, ErrOrder):
		s.form(w, r, http.StatusUnprocessableEntity, o, err)
	case err != nil:
		s.fail(w, r, err)
	default:
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
}

// photo finds a photo by its name: a path is never taken from a form.
func (s *site) photo(name string) string {
	i := slices.IndexFunc(s.photos, func(path string) bool { return filepath.Base(path) == name })
	if i < 0 {
		return ""
	}
	return s.photos[i]
}

func (s *site) requestExport(w http.ResponseWriter, r *http.Request) {
	if _, err := s.RequestExport(r.Context()); err != nil {
		s.fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (s *site) show(w http.ResponseWriter, r *http.Request, status int, view string, data any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if err := views.ExecuteTemplate(w, view, data); err != nil {
		s.Log.WarnContext(r.Context(), "show page", "view", view, "error", err)
	}
}

func (s *site) fail(w http.ResponseWriter, r *http.Request, err error) {
	s.Log.ErrorContext(r.Context(), "page failed", "path", r.URL.Path, "error", err)
	http.Error(w, "This did not work; the log says why.", http.StatusInternalServerError)
}
