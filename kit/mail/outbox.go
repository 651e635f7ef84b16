package mail

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/offloadhq/offload/internal/page"
)

//go:embed view
var views embed.FS

var pages = page.ParseFS(views, nil)

// listed is how many mails the list shows.
const listed = 200

// Outbox shows the mails that Keep has kept, for dashboard.Page("Outbox", kit.Outbox()): a list, and of each mail its HTML, its text, its
// source and what is attached. It writes pieces of HTML, and is to be mounted where a path with a slash at its end leads to "/". Nothing
// of a mail is loaded from elsewhere or run. Mails are shown to whoever may come to the handler.
func (k *Kit) Outbox() http.Handler {
	if k != nil && k.sending != nil {
		for _, t := range k.sending.via {
			if b, is := t.(*box); is {
				return b.outbox()
			}
		}
	}
	return (*box)(nil).outbox()
}

// Outbox shows the mails that it has caught, as Kit.Outbox does.
func (c *Catch) Outbox() http.Handler { return c.box.outbox() }

// outbox has nothing to show without a box.
func (b *box) outbox() http.Handler {
	mux := http.NewServeMux()
	if b == nil {
		mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) {
			pages.Show(w, "list.html", struct {
				All   int
				Mails []listedMail
			}{})
		})
		return mux
	}
	mux.HandleFunc("GET /{$}", b.showList)
	mux.HandleFunc("GET /m/{name}/{$}", b.showing((*opened).page))
	mux.HandleFunc("GET /m/{name}/html", b.showing((*opened).html))
	mux.HandleFunc("GET /m/{name}/source", b.showing((*opened).source))
	mux.HandleFunc("GET /m/{name}/part/{number}", b.showing((*opened).part))
	return mux
}

// A listedMail is a line of the list.
type listedMail struct {
	Name, Subject, From, To, Size string
	Attached                      int
	At                            time.Time
}

func (b *box) showList(w http.ResponseWriter, _ *http.Request) {
	all, err := b.list()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	page := struct {
		All   int
		Mails []listedMail
	}{All: len(all)}
	for _, k := range all[:min(len(all), listed)] {
		text, err := b.read(k.name)
		if err != nil {
			continue // it has gone meanwhile
		}
		m := open(k.name, text)
		page.Mails = append(page.Mails, listedMail{
			Name: k.name, Subject: m.header("Subject"), From: m.header("From"), To: m.header("Delivered-To"),
			Size: size(k.size), Attached: len(m.attached()), At: k.at,
		})
	}
	pages.Show(w, "list.html", page)
}

func (b *box) showing(show func(*opened, http.ResponseWriter, *http.Request)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		text, err := b.read(r.PathValue("name"))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			http.NotFound(w, r)
		case err != nil:
			http.Error(w, err.Error(), http.StatusInternalServerError)
		default:
			show(open(r.PathValue("name"), text), w, r)
		}
	}
}

// A shownHeader is one that people look at.
type shownHeader struct{ Name, Value string }

// A shownFile is something attached.
type shownFile struct {
	Number           int
	Name, Type, Size string
}

// page is the mail for people.
func (o *opened) page(w http.ResponseWriter, _ *http.Request) {
	page := struct {
		Subject string
		Headers []shownHeader
		Wrong   error
		HTML    bool
		Text    string
		Files   []shownFile
	}{Subject: o.header("Subject"), Wrong: o.wrong, HTML: o.find("text/html") != nil}
	for _, name := range []string{"From", "Reply-To", "To", "Cc", "Delivered-To", "Date", "Message-Id", "List-Unsubscribe"} {
		if value := o.header(name); value != "" {
			page.Headers = append(page.Headers, shownHeader{name, value})
		}
	}
	if text := o.find("text/plain"); text != nil {
		page.Text = strings.ToValidUTF8(string(text.content), "\uFFFD")
	}
	for _, n := range o.attached() {
		p := o.parts[n]
		page.Files = append(page.Files, shownFile{n, p.name, p.kind, size(int64(len(p.content)))})
	}
	pages.Show(w, "mail.html", page)
}

// html is the mail as a reader sees it, in a frame that can load its own pictures and nothing else.
func (o *opened) html(w http.ResponseWriter, r *http.Request) {
	p := o.find("text/html")
	if p == nil {
		http.NotFound(w, r)
		return
	}
	text := string(p.content)
	for n := range o.parts {
		if id := o.parts[n].id; id != "" {
			text = strings.ReplaceAll(text, "cid:"+id, fmt.Sprintf("part/%d", n))
		}
	}
	h := w.Header()
	h.Set("Content-Type", "text/html;charset=utf-8") // the dashboard frames what is written with a space
	h.Set("Content-Security-Policy", "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; sandbox; frame-ancestors 'self'")
	h.Set("X-Frame-Options", "SAMEORIGIN")
	_, _ = w.Write([]byte(text))
}

// source is the mail as it was kept.
func (o *opened) source(w http.ResponseWriter, _ *http.Request) {
	straight(w, "text/plain; charset=utf-8", "")
	_, _ = w.Write(o.text)
}

// part is something attached, or a picture of the HTML.
func (o *opened) part(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.Atoi(r.PathValue("number"))
	if err != nil || n < 0 || n >= len(o.parts) {
		http.NotFound(w, r)
		return
	}
	p := &o.parts[n]
	if p.id != "" && isPicture[p.kind] {
		straight(w, p.kind, "")
	} else {
		straight(w, "application/octet-stream", mime.FormatMediaType("attachment", map[string]string{"filename": p.name}))
	}
	_, _ = w.Write(p.content)
}

// isPicture are kinds that can do nothing but be looked at.
var isPicture = map[string]bool{"image/png": true, "image/jpeg": true, "image/gif": true, "image/webp": true}

// straight begins an answer that is no page.
func straight(w http.ResponseWriter, kind, disposition string) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	if disposition != "" {
		h.Set("Content-Disposition", disposition)
	}
}

// size is a number of bytes for people.
func size(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}
