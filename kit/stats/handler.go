package stats

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/offloadhq/offload"
)

// A Handler answers with charts. It lets in whoever comes: put it behind what asks who it is.
type Handler struct{ kept *Kept }

// NewHandler makes a Handler, to be mounted wherever. It answers
//
//	GET …/orders.svg    as a picture, for <img src="/stats/orders.svg?last=24h" alt="Orders of the last day">
//	GET …/orders.json   as figures
//
// and understands step (minute, hour, day), last (90m, 24h, 30d) or from and to (RFC 3339), by (a label), show (sum, n, mean, min, max, unique, refused, p50, p95, p99), and the
// labels of the statistic by their names, as label.shop=berlin. Without show it is sum, mean or unique, by what the statistic is.
func NewHandler(k *Kept) *Handler { return &Handler{k} }

// ServeHTTP answers.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
		return
	}
	base := path.Base(r.URL.Path)
	ext := path.Ext(base)
	name := strings.TrimSuffix(base, ext)
	if ext != ".svg" && ext != ".json" {
		http.Error(w, "want the name of a statistic and .svg or .json", http.StatusNotFound)
		return
	}
	q, show, err := h.question(name, r.URL.Query())
	var series []Series
	if err == nil {
		err = q.complete(h.kept.now())
	}
	if err == nil {
		series, err = h.kept.Query(r.Context(), q)
	}
	var refused *offload.InputError
	switch {
	case errors.As(err, &refused):
		http.Error(w, refused.Error(), http.StatusBadRequest)
		return
	case err != nil:
		offload.Logger(r.Context()).Error("offload: a statistic can't be read", "statistic", name, "error", err)
		http.Error(w, "the statistic can't be read just now", http.StatusServiceUnavailable)
		return
	}
	head := w.Header()
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Cache-Control", "private, max-age=5")
	if ext == ".json" {
		head.Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answerOf(&q, show, series)) // who has gone needs no answer
		return
	}
	head.Set("Content-Type", "image/svg+xml")
	head.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	_, _ = io.WriteString(w, string(Chart(name, series, show))) // the same
}

// question is what the address asks.
func (h *Handler) question(name string, v url.Values) (Query, Show, error) {
	q := Query{Name: name, By: v.Get("by"), Labels: map[string]string{}}
	show := Show(v.Get("show"))
	if show == "" {
		show = h.kept.set.usual(name)
	}
	if !slices.Contains(shows, show) {
		return q, show, &offload.InputError{Field: "show", Got: string(show), Want: "sum, n, mean, min, max, unique, refused, p50, p95 or p99"}
	}
	switch step := v.Get("step"); step {
	case "minute":
		q.Step = Minute
	case "hour", "":
		q.Step = Hour
	case "day":
		q.Step = Day
	default:
		return q, show, &offload.InputError{Field: "step", Got: step, Want: "minute, hour or day"}
	}
	for field, at := range map[string]*time.Time{"from": &q.From, "to": &q.To} {
		if text := v.Get(field); text != "" {
			t, err := time.Parse(time.RFC3339, text)
			if err != nil {
				return q, show, &offload.InputError{Field: field, Got: text, Want: "a time such as 2026-01-31T12:00:00Z"}
			}
			*at = t
		}
	}
	if last := v.Get("last"); last != "" {
		d, err := duration(last)
		if err != nil || d <= 0 {
			return q, show, &offload.InputError{Field: "last", Got: last, Want: "how long, such as 90m, 24h or 30d"}
		}
		if q.To.IsZero() {
			q.To = h.kept.now()
		}
		q.From = q.To.Add(-d + time.Duration(q.Step.seconds())*time.Second)
	}
	for key, values := range v {
		if label, ok := strings.CutPrefix(key, "label."); ok && len(values) > 0 {
			q.Labels[label] = values[0]
		}
	}
	if len(q.Labels) > 8 {
		return q, show, &offload.InputError{Field: "label", Got: len(q.Labels), Want: "8 labels at most"}
	}
	return q, show, nil
}

// duration is that of Go, and days.
func duration(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		d, err := time.ParseDuration(days + "h")
		if d > 1_000_000*time.Hour {
			return 0, errors.New("too long")
		}
		return 24 * d, err
	}
	return time.ParseDuration(s)
}

// usual is what one wants to see of a statistic.
func (s *Set) usual(name string) Show {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.stats {
		switch {
		case st.name != name:
		case st.kind == observes:
			return ShowMean
		case st.kind == uniques:
			return ShowUnique
		}
	}
	return ShowSum
}

type answer struct {
	Name   string         `json:"name"`
	Step   string         `json:"step"`
	Show   Show           `json:"show"`
	From   time.Time      `json:"from"`
	To     time.Time      `json:"to"`
	Series []answerSeries `json:"series"`
}

type answerSeries struct {
	Value  string        `json:"value"`
	Total  *float64      `json:"total"`
	Points []answerPoint `json:"points"`
}

type answerPoint struct {
	Start time.Time `json:"start"`
	Value *float64  `json:"value"` // null: there is none
}

func answerOf(q *Query, show Show, series []Series) *answer {
	value := func(p *Point) *float64 {
		v := show.Value(p)
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
		return &v
	}
	a := &answer{Name: q.Name, Step: q.Step.String(), Show: show, From: q.From, To: q.To, Series: []answerSeries{}}
	for i := range series {
		all := series[i].Total()
		s := answerSeries{Value: series[i].Value, Total: value(&all)}
		for j := range series[i].Points {
			s.Points = append(s.Points, answerPoint{series[i].Points[j].Start, value(&series[i].Points[j])})
		}
		a.Series = append(a.Series, s)
	}
	return a
}
