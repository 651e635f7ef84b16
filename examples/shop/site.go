package shop

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/stats"
)

//go:embed view
var viewFiles embed.FS

var views = template.Must(template.New("").Funcs(template.FuncMap{
	"money": money, "grouped": func(n any) string { return message.NewPrinter(language.English).Sprintf("%d", n) }, "day": func(t time.Time) string { return t.Format("2 January, 15:04") },
}).ParseFS(viewFiles, "view/*.html"))

// A site is the shop's pages.
type site struct {
	*Shop
	more []Link
}

// A Link leads from all pages to one that the shop doesn't know.
type Link struct{ Title, Path string }

// Site is the shop's pages, with links to more of them.
func (s *Shop) Site(more ...Link) http.Handler {
	site := &site{s, more}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", site.showOrders)
	mux.HandleFunc("GET /order", site.showForm)
	mux.HandleFunc("POST /orders", site.placeOrder)
	mux.HandleFunc("GET /orders/{id}", site.showOrder)
	mux.HandleFunc("GET /office", site.showOffice)
	mux.HandleFunc("POST /office/export", site.requestExport)
	mux.HandleFunc("POST /office/past", site.requestPast)
	mux.HandleFunc("POST /office/report", site.requestReport)
	for _, name := range []string{"style.css", "live.js"} {
		mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, viewFiles, "view/"+name) })
	}
	mux.Handle("GET /thumbnails/", http.StripPrefix("/thumbnails/", http.FileServer(http.Dir(s.Path(thumbnailDir)))))
	mux.Handle("GET /exports/", s.Orders)
	mux.Handle("GET /status/", s.waiting)
	mux.Handle("/notices/", s.bell)
	mux.Handle("GET /stats/", stats.NewHandler(s.kept))
	return http.NewCrossOriginProtection().Handler(Guarded(mux))
}

// Guarded tells browsers to take nothing from elsewhere, whatever a name contains.
func Guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy",
			"default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	})
}

// shownOrders is how many orders the page shows.
const shownOrders = 25

// A line is an order as pages show it.
type line struct {
	Order
	States map[string]offload.State // of its jobs, by task
}

// Paid says in one word how far the payment is, to colour it by.
func (l line) Paid() string {
	word, _, _ := strings.Cut(l.Payment, " ")
	return word
}

// showOrders shows the newest orders and how far each is. The page stays true by itself.
func (s *site) showOrders(w http.ResponseWriter, r *http.Request) {
	orders, err := ordersIn(r.Context(), s.DB, selectOrders+`ORDER BY id DESC LIMIT $1`, shownOrders)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	lines, err := s.lines(r.Context(), orders)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.show(w, r, http.StatusOK, "orders.html", map[string]any{"Lines": lines})
}

// lines adds to orders, the newest first, what their jobs are at.
func (s *site) lines(ctx context.Context, orders []Order) ([]line, error) {
	if len(orders) == 0 {
		return nil, nil
	}
	oldest := orders[len(orders)-1].Placed.Add(-time.Minute) // clocks differ a little, and a job too many is no harm
	jobs, err := s.App.Jobs(ctx, offload.Filter{Tasks: TaskNames, Since: oldest, Max: 1000})
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
		lines[i] = line{o, states[strconv.FormatInt(o.ID, 10)]}
	}
	return lines, nil
}

// showForm shows an empty order form.
func (s *site) showForm(w http.ResponseWriter, r *http.Request) {
	s.form(w, r, http.StatusOK, Order{Quantity: 1}, nil)
}

func (s *site) form(w http.ResponseWriter, r *http.Request, status int, o Order, refused error) {
	photos, err := s.photos()
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.show(w, r, status, "order.html", map[string]any{"Order": o, "Refused": refused, "Products": Products, "Photos": photos})
}

// photos are the names of what can be printed.
func (s *site) photos() (names []string, err error) {
	entries, err := os.ReadDir(s.Path(PhotoDir))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		if ending := strings.ToLower(filepath.Ext(e.Name())); !e.IsDir() && (ending == ".jpg" || ending == ".jpeg") {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// placeOrder answers as soon as the order is stored: what follows from it is not waited for.
func (s *site) placeOrder(w http.ResponseWriter, r *http.Request) {
	o := OrderOf(r)
	placed, err := s.Place(r.Context(), o)
	switch {
	case errors.Is(err, ErrOrder):
		s.form(w, r, http.StatusUnprocessableEntity, o, err)
	case err != nil:
		s.fail(w, r, err)
	default:
		s.signIn(w, placed.Email)
		http.Redirect(w, r, fmt.Sprintf("/orders/%d", placed.ID), http.StatusSeeOther)
	}
}

// OrderOf reads the form of an order.
func OrderOf(r *http.Request) Order {
	quantity, _ := strconv.Atoi(r.PostFormValue("quantity")) // what is no number is 0, and Place refuses that
	return Order{
		Customer: r.PostFormValue("customer"), Email: r.PostFormValue("email"),
		Product: r.PostFormValue("product"), Quantity: quantity, Photo: r.PostFormValue("photo"),
		Phone: r.PostFormValue("phone"), Deliver: r.PostFormValue("deliver"),
	}
}

// showOrder is the customer's page: how far the payment is stays true by itself.
func (s *site) showOrder(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	o, err := s.order(r.Context(), id)
	if errors.Is(err, errNoOrder) {
		http.NotFound(w, r)
		return
	} else if err != nil {
		s.fail(w, r, err)
		return
	}
	var bar template.HTML // an order of package before has none: its customer has waited
	if !o.ChargeJob.IsZero() {
		if bar, err = s.waiting.Piece(r.Context(), o.ChargeJob, time.Hour); err != nil {
			s.fail(w, r, err)
			return
		}
	}
	lines, err := s.lines(r.Context(), []Order{o})
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.show(w, r, http.StatusOK, "thanks.html", map[string]any{"Line": lines[0], "Bar": bar})
}

func (s *site) show(w http.ResponseWriter, r *http.Request, status int, view string, data map[string]any) {
	if customer := s.customerOf(r); customer != "" {
		bell, err := s.bell.Piece(r.Context(), customer)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		data["Bell"] = bell
	}
	data["More"], data["At"] = s.more, r.URL.Path
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
