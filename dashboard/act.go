package dashboard

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/offloadhq/offload"
)

// maxForm is how many bytes a form may send: an input and what stands around it.
const maxForm = 2 << 20

// An act is a button: a form that posts to a route.
type act struct {
	Label  string
	Path   string      // of the route
	Fields [][2]string // hidden
	Main   bool        // what one most likely wants
	Ask    string      // what is said before it is done, for what is hard to take back; "" asks nothing
	Role   Role        // that it needs, as its route says
	Inputs []input     // that are filled in first
}

// An input is what a button asks for before it is pressed.
type input struct {
	Label, Name, Value string
	Kind               string // as in HTML: "number", "text"
	Hint               string
}

// do returns a button, with fields by turns name and value.
func do(label, path string, role Role, fields ...string) act {
	a := act{Label: label, Path: path, Role: role}
	for i := 0; i+1 < len(fields); i += 2 {
		a.Fields = append(a.Fields, [2]string{fields[i], fields[i+1]})
	}
	return a
}

// main marks a button as the likeliest.
func (a act) main() act { a.Main = true; return a }

// asking marks a button that says first what it will do.
func (a act) asking(text string) act { a.Ask = text; return a }

// with adds what is to be filled in before a button is pressed.
func (a act) with(inputs ...input) act { a.Inputs = inputs; return a }

// act does what a form asks for, and shows the page from which it came, or that it leads to, with a notice.
func (d *dashboard) act(w http.ResponseWriter, r *request, t *route) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		d.write(w, r, d.trouble(r, &offload.InputError{Field: "form", Got: err.Error(), Want: "a form of at most 2 MiB"}))
		return
	}
	did, err := t.do(r)
	d.reads.forget() // what the next page shows was read after it
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	if did.show != nil {
		d.write(w, r, did.show)
		return
	}
	n := notice{Text: did.text, Undo: did.undo}
	to := did.to
	if to == "" {
		to = r.back()
	}
	r.leaveNotice(w, n)
	if did.cookie != nil {
		http.SetCookie(w, did.cookie)
	}
	http.Redirect(w, r.Request, r.base+to, http.StatusSeeOther)
}

// refuse says why an act was not done: on the page it came from where that is possible.
func (d *dashboard) refuse(w http.ResponseWriter, r *request, err error) {
	if isRefusal(err) {
		r.leaveNotice(w, notice{Text: err.Error(), Bad: true})
		http.Redirect(w, r.Request, r.base+r.back(), http.StatusSeeOther)
		return
	}
	d.write(w, r, d.trouble(r, err))
}

// back is the path of the page on which an act was asked for, by its hidden field, which may not lead elsewhere.
func (r *request) back() string { return localPath(r.PostForm.Get("back")) }

// localPath is a path of the dashboard with its parameters, "/" for anything that would lead elsewhere.
func localPath(text string) string {
	to, err := url.Parse(text)
	if err != nil || to.Scheme != "" || to.Host != "" || to.User != nil || !strings.HasPrefix(to.Path, "/") ||
		strings.HasPrefix(to.Path, "//") || strings.ContainsAny(to.Path, "\\\r\n\t") {
		return "/"
	}
	return (&url.URL{Path: to.Path, RawQuery: to.RawQuery}).String()
}

// A notice is what the page after an act says of it.
type notice struct {
	Text string `json:"t"`
	Bad  bool   `json:"b,omitempty"`
	Undo *act   `json:"u,omitempty"`
}

const noticeCookie = "offload_notice"

// leaveNotice keeps a notice for the next page.
func (r *request) leaveNotice(w http.ResponseWriter, n notice) {
	const most = 1500
	if len(n.Text) > most {
		n.Text = strings.ToValidUTF8(n.Text[:most], "") + " …"
	}
	text, err := json.Marshal(n)
	if err != nil {
		return
	}
	http.SetCookie(w, r.cookie(noticeCookie, url.QueryEscape(string(text)), 60))
}

// takeNotice returns the notice that was left, once.
func (r *request) takeNotice(w http.ResponseWriter) *notice {
	c, err := r.Cookie(noticeCookie)
	if err != nil || c.Value == "" {
		return nil
	}
	http.SetCookie(w, r.cookie(noticeCookie, "", -1))
	text, err := url.QueryUnescape(c.Value)
	if err != nil {
		return nil
	}
	var n notice
	if json.Unmarshal([]byte(text), &n) != nil {
		return nil
	}
	return &n
}

// cookie makes a cookie for the dashboard alone.
func (r *request) cookie(name, value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: name, Value: value, Path: r.base + "/", MaxAge: maxAge, HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil,
	}
}
