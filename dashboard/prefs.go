package dashboard

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// prefs are what a person chose, kept in a cookie.
type prefs struct {
	Theme string         // "", "light", "dark": "" is the system's
	Zone  *time.Location // in which times are shown
	Auto  bool           // the zone was not chosen: the browser's is shown where it says it
	Still bool           // pages are not kept true by themselves
	Wide  bool           // rows have more room
	Plain bool           // keys do nothing of their own
}

const prefsCookie = "offload_view"

var themes = []string{"", "light", "dark"}

// readPrefs reads the cookie. What it can't read is as if it was not chosen.
func (d *dashboard) readPrefs(r *http.Request) prefs {
	p := prefs{Zone: d.zone, Auto: true}
	if p.Zone == nil {
		p.Zone = time.UTC
	}
	c, err := r.Cookie(prefsCookie)
	if err != nil {
		return p
	}
	q, err := url.ParseQuery(c.Value)
	if err != nil {
		return p
	}
	if slices.Contains(themes, q.Get("theme")) {
		p.Theme = q.Get("theme")
	}
	if z, err := loadZone(q.Get("zone")); err == nil && z != nil {
		p.Zone, p.Auto = z, false
	}
	p.Still, p.Wide, p.Plain = q.Get("still") == "1", q.Get("wide") == "1", q.Get("plain") == "1"
	return p
}

// loadZone returns a zone by its name, or nil for "".
func loadZone(name string) (*time.Location, error) {
	if name == "" {
		return nil, nil
	}
	return time.LoadLocation(name)
}

// settingsView is what the page of settings shows.
type settingsView struct {
	Prefs prefs
	Zone  string // that was chosen; "" is none
	Role  string
	Who   string
}

// settings shows what a person can choose.
func (d *dashboard) settings(r *request) (*content, error) {
	v := settingsView{Prefs: r.prefs, Role: string(r.role), Who: r.who}
	if !r.prefs.Auto {
		v.Zone = r.prefs.Zone.String()
	}
	return &content{view: "settings", title: "Settings", data: v, still: true}, nil
}

// saveSettings keeps what a person chose.
func (d *dashboard) saveSettings(r *request) (*done, error) {
	zone := strings.TrimSpace(r.PostForm.Get("zone"))
	if _, err := loadZone(zone); err != nil {
		return nil, badField("time zone", zone, `a name such as "Europe/Berlin", or nothing for the browser's`)
	}
	q := url.Values{}
	for _, name := range []string{"theme", "still", "wide", "plain"} {
		if v := r.PostForm.Get(name); v != "" {
			q.Set(name, v)
		}
	}
	if zone != "" {
		q.Set("zone", zone)
	}
	return &done{text: "Saved for this browser.", to: "/settings", cookie: r.cookie(prefsCookie, q.Encode(), 365*24*3600)}, nil
}
