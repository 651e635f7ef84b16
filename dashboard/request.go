package dashboard

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
)

// A visitor is who asks.
type visitor struct {
	who  string
	role Role
}

type visitorKey struct{}

func withVisitor(ctx context.Context, v visitor) context.Context {
	return context.WithValue(ctx, visitorKey{}, v)
}

// A request is one that has passed the gate and found its route.
type request struct {
	*http.Request
	visitor
	*dashboard
	op    *operate.Operator // acts in the visitor's name
	base  string            // the path of the dashboard, "" at the root
	prefs prefs
	now   time.Time
	whole context.Context // of the connection: Context ends with the time that a page may take
}

// may reports whether who asks may do here what needs a role.
func (r *request) may(need Role) bool { return r.role.may(need) && (!r.readOnly || need == Viewer) }

// A content is what a page shows.
type content struct {
	view   string // the template
	title  string
	data   any
	status int    // 0 is 200
	still  bool   // it does not change by itself
	script string // assets/NAME.js is made part of the page; "" is none
}

// A done says what an act did, and where to go on.
type done struct {
	text string // what was done, in a sentence: "Paused mail."
	to   string // a path of the dashboard; "" is where the act was asked for
	undo *act   // how to take it back; nil if it can't be

	show *content // instead of going on: the form again, with what is wrong; nil is going on

	cookie *http.Cookie // to be set; nil is none
}

// answer answers a request of a route.
func (d *dashboard) answer(w http.ResponseWriter, hr *http.Request, t *route) {
	ctx, cancel := context.WithTimeout(hr.Context(), pageTime)
	defer cancel()
	r := d.request(hr.WithContext(ctx))
	r.whole = hr.Context()
	switch {
	case !r.role.may(t.role):
		d.write(w, r, refusal("You may look at this, but not do it: that needs the role "+string(t.role)+"."))
	case t.do != nil && d.readOnly && t.path != "/settings":
		d.write(w, r, refusal("This dashboard only shows: nothing was done."))
	case t.do != nil:
		d.act(w, r, t)
	case t.raw != nil:
		if err := t.raw(r, w); err != nil {
			d.write(w, r, d.trouble(r, err))
		}
	case strings.Contains(hr.Header.Get("Accept"), "text/event-stream"):
		d.stream(w, hr, t)
	default:
		d.write(w, r, d.show(r, t))
	}
}

// request gathers what a request needs.
func (d *dashboard) request(hr *http.Request) *request {
	v, _ := hr.Context().Value(visitorKey{}).(visitor)
	base, _ := hr.Context().Value(baseKey{}).(string)
	return &request{
		Request: hr, visitor: v, dashboard: d, op: d.operator(v.who), base: base, prefs: d.readPrefs(hr), now: d.now(),
	}
}

// show reads a page, or says why it can't be shown.
func (d *dashboard) show(r *request, t *route) *content {
	c, err := t.show(r)
	if err != nil {
		return d.trouble(r, err)
	}
	return c
}

// trouble is what is shown instead of a page that could not be read.
func (d *dashboard) trouble(r *request, err error) *content {
	c := &content{view: "trouble", title: "Trouble", status: http.StatusInternalServerError}
	input := (*offload.InputError)(nil)
	switch {
	case errors.Is(err, offload.ErrNotFound):
		c.title, c.status = "Not found", http.StatusNotFound
		c.data = trouble{"This is not there (any more).", err.Error()}
	case errors.As(err, &input):
		c.title, c.status = "That can't be", http.StatusBadRequest
		c.data = trouble{"That can't be.", err.Error()}
	case errors.Is(err, context.DeadlineExceeded):
		c.title, c.status = "Stopped", http.StatusServiceUnavailable
		c.data = trouble{"Stopped after 3 s.", "The database did not answer in time. Narrow down what is asked for, or try again."}
	case errors.Is(err, context.Canceled):
		c.data = trouble{"Stopped.", ""}
	case errors.Is(err, offload.ErrUnavailable):
		c.title, c.status = "The database is away", http.StatusServiceUnavailable
		c.data = trouble{"The database is away.", err.Error() + ". Jobs are safe where they are; this page comes back with it."}
	default:
		d.log(r.Context(), "show "+r.URL.Path, err)
		c.data = trouble{"Something went wrong.", err.Error()}
	}
	return c
}

type trouble struct{ What, Why string }

func refusal(why string) *content {
	return &content{view: "trouble", title: "Not allowed", status: http.StatusForbidden, data: trouble{"Not allowed.", why}, still: true}
}

// nothing is what is shown of a path that leads nowhere.
func (d *dashboard) nothing(r *request) (*content, error) {
	return &content{
		view: "trouble", title: "Not found", status: http.StatusNotFound, still: true,
		data: trouble{"There is no such page.", "It may have moved: what there is stands on the left."},
	}, nil
}

// write writes a page whole.
func (d *dashboard) write(w http.ResponseWriter, r *request, c *content) {
	var b bytes.Buffer
	f := d.frame(r, c)
	f.Notice = r.takeNotice(w)
	if err := views[c.view].ExecuteTemplate(&b, "layout", f); err != nil {
		d.log(r.Context(), "render "+c.view, err)
		http.Error(w, "This page could not be made.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Vary", "Accept, Cookie")
	w.WriteHeader(cmp.Or(c.status, http.StatusOK))
	w.Write(b.Bytes())
}

// badField refuses a value of a form.
func badField(field string, got any, want string) error {
	return &offload.InputError{Field: field, Got: got, Want: want}
}

// link is the address of a page of the dashboard, with parameters by turns name and value; those without a value are left out.
func (r *request) link(path string, params ...string) string { return link(r.base, path, params...) }

func link(base, path string, params ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(params); i += 2 {
		if params[i+1] != "" {
			q.Add(params[i], params[i+1])
		}
	}
	if path = base + path; len(q) > 0 {
		path += "?" + q.Encode()
	}
	return path
}
