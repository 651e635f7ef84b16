package dashboard

import (
	"net"
	"net/http"
	"slices"
	"strings"
)

// policy allows a page what it needs and nothing else: no script or style but our own files, and in frames what says itself that
// it can be framed, such as a mail on a page that was added.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; frame-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// gate lets requests through that come under a name of ours, not from a page elsewhere, and from somebody who has a role.
func (d *dashboard) gate(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if !d.hostAllowed(r.Host) {
			http.Error(w, "The dashboard is not asked for under this name. Names are allowed with dashboard.Hosts, or --host.", http.StatusMisdirectedRequest)
			return
		}
		if err := cross.Check(r); err != nil {
			http.Error(w, "This came from a page elsewhere, and was not done.", http.StatusForbidden)
			return
		}
		var who string
		var role Role
		switch {
		case d.sessions != nil:
			base := d.base(r)
			inner := d.inner(r, base)
			switch {
			case strings.HasPrefix(inner, "/assets/"): // the page for signing in has them
				next.ServeHTTP(w, r)
				return
			case inner == "/login":
				d.login(w, r, base)
				return
			case inner == "/logout" && r.Method == http.MethodPost:
				d.logout(w, r, base)
				return
			}
			if who, role = d.sessions.who(r, d.now()); role == "" {
				d.signedOut(w, r, base, inner)
				return
			}
		case d.auth == nil:
			http.Error(w, "The dashboard is closed until it knows who may see it: dashboard.New(app, dashboard.Auth(…)).", http.StatusForbidden)
			return
		default:
			who, role = d.auth(r)
		}
		if !slices.Contains(roles, role) {
			http.Error(w, "You may not see this dashboard.", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r.WithContext(withVisitor(r.Context(), visitor{who, role})))
	})
}

// hostAllowed reports whether the dashboard may be asked for under a name.
func (d *dashboard) hostAllowed(host string) bool {
	if len(d.hosts) == 0 {
		return true
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.Trim(host, "[]"), ".")
	return slices.ContainsFunc(d.hosts, func(name string) bool { return strings.EqualFold(name, host) })
}

// may reports whether a role may do what needs another.
func (r Role) may(need Role) bool { return slices.Index(roles, r) >= slices.Index(roles, need) }
