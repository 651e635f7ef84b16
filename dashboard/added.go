package dashboard

import (
	"bytes"
	"html/template"
	"net/http"
)

// added answers for a page that was added: what its handler writes as HTML stands in the frame, the rest goes out as it is.
func (d *dashboard) added(w http.ResponseWriter, hr *http.Request, p page) {
	r := d.request(hr)
	switch {
	case !r.role.may(Operator): // it may show what jobs say
		d.write(w, r, refusal("This is for operators."))
		return
	case hr.Method != http.MethodGet && hr.Method != http.MethodHead && d.readOnly:
		d.write(w, r, refusal("You may look at this, but not do it."))
		return
	}
	inner := hr.Clone(hr.Context())
	inner.URL.Path = hr.URL.Path[len("/x/"+p.slug):]
	inner.URL.RawPath = ""
	b := &buffered{header: http.Header{}, out: w}
	p.handler.ServeHTTP(b, inner)
	if b.straight {
		return
	}
	c := &content{view: "added", title: p.title, status: b.status, still: true, data: template.HTML(b.body.String())}
	d.write(w, r, c)
}

// buffered keeps a page that is a piece of HTML, and lets everything else through.
type buffered struct {
	header   http.Header
	out      http.ResponseWriter
	status   int
	straight bool
	body     bytes.Buffer
}

func (b *buffered) Header() http.Header { return b.header }

func (b *buffered) WriteHeader(status int) {
	if b.status != 0 {
		return
	}
	b.status = status
	kind := b.header.Get("Content-Type")
	b.straight = status >= 300 && status < 400 || kind != "" && kind != fragment
	if b.straight {
		for name, values := range b.header {
			b.out.Header()[name] = values
		}
		b.out.WriteHeader(status)
	}
}

func (b *buffered) Write(p []byte) (int, error) {
	b.WriteHeader(http.StatusOK)
	if b.straight {
		return b.out.Write(p)
	}
	return b.body.Write(p)
}

// fragment is the type of what stands in the frame.
const fragment = "text/html; charset=utf-8"
