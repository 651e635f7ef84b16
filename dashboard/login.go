package dashboard

import (
	"crypto/rand"
	"crypto/sha256"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Users are people who sign in with a name and a password. Its methods must be safe for concurrent use.
type Users interface {
	Check(name, password string) bool // whether a password is right
	Role(name string) Role            // of a name now; "" is none
}

// Login lets people sign in on a page of the dashboard's own. It takes the place of Auth. Who is signed in stays so for
// twelve hours, or until this program ends. dashboard/access has Users of a file.
func Login(users Users) Option {
	return option(func(c *config) {
		c.sessions = &sessions{users: users, open: map[[sha256.Size]byte]session{}, failed: map[string]tries{}}
		c.auth = nil
	})
}

// ValidRole reports whether a role is one that there is.
func ValidRole(r Role) bool { return r == Viewer || r == Operator || r == Admin }

const (
	sessionTime   = 12 * time.Hour
	sessionCookie = "offload_session"
	mostSessions  = 10_000
	mostFailed    = 10_000          // names and addresses that are remembered for a wrong password
	tryTime       = 5 * time.Minute // for so long no password is looked at after too many wrong ones
)

// sessions are who is signed in.
type sessions struct {
	users Users

	mu     sync.Mutex
	open   map[[sha256.Size]byte]session // by the sum of what the cookie has
	failed map[string]tries              // by name, and by address
}

type session struct {
	name  string
	until time.Time
}

// freeTries is how many wrong passwords are looked at without a wait: of a name from one address, of all names from one
// address, which may be that of many people, and of a name from anywhere.
var freeTries = [...]int{5, 30, 50}

// tries are wrong passwords of a name, or from an address.
type tries struct {
	n     int
	until time.Time
}

// who is signed in by a request.
func (s *sessions) who(r *http.Request, now time.Time) (string, Role) {
	c, err := r.Cookie(sessionCookie)
	if err != nil {
		return "", ""
	}
	s.mu.Lock()
	found, ok := s.open[sha256.Sum256([]byte(c.Value))]
	s.mu.Unlock()
	if !ok || !now.Before(found.until) {
		return "", ""
	}
	return found.name, s.users.Role(found.name)
}

// begin signs somebody in, and returns what their cookie has: new each time, so that nobody can know it before.
func (s *sessions) begin(name string, now time.Time) string {
	token := rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.open) >= mostSessions {
		for sum, old := range s.open {
			if !now.Before(old.until) || len(s.open) >= mostSessions {
				delete(s.open, sum)
			}
		}
	}
	s.open[sha256.Sum256([]byte(token))] = session{name, now.Add(sessionTime)}
	return token
}

func (s *sessions) end(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, sha256.Sum256([]byte(token)))
}

// tried are the keys under which wrong passwords are counted, by the turn of freeTries.
func tried(name, address string) [len(freeTries)]string {
	name = shortened(name, 200)
	return [...]string{"both " + address + " " + name, "from " + address, "name " + name}
}

// wait is how long nobody may try.
func (s *sessions) wait(now time.Time, as [len(freeTries)]string) (d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, key := range as {
		if t := s.failed[key]; t.n >= freeTries[i] {
			d = max(d, t.until.Sub(now))
		}
	}
	return d
}

// fail counts a wrong password. It does so before the password is looked at, so that many at once are counted too.
func (s *sessions) fail(now time.Time, as [len(freeTries)]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range as {
		t := s.failed[key]
		if !now.Before(t.until) {
			t.n = 0
		}
		s.failed[key] = tries{t.n + 1, now.Add(tryTime)}
	}
	if len(s.failed) > mostFailed { // some more go, so that this is not done each time
		for key, t := range s.failed {
			if !now.Before(t.until) || len(s.failed) > mostFailed*9/10 {
				delete(s.failed, key)
			}
		}
	}
}

// right forgets the wrong passwords of a name from an address, and takes back the one that was counted ahead.
func (s *sessions) right(as [len(freeTries)]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.failed, as[0])
	for _, key := range as[1:] {
		if t, counted := s.failed[key]; counted {
			s.failed[key] = tries{t.n - 1, t.until}
		}
	}
}

// loginView is the page on which people sign in.
type loginView struct {
	Base, Path, Next, Name, Wrong, System string
	Style, Icon                           string
}

// login shows the page on which people sign in, and signs them in.
func (d *dashboard) login(w http.ResponseWriter, r *http.Request, base string) {
	v := loginView{Base: base, Path: base + "/login", System: d.title, Style: base + "/assets/style.css?v=" + assetSums["style.css"], Icon: base + "/assets/icon.svg"}
	r.Body = http.MaxBytesReader(w, r.Body, 8<<10)
	v.Next = localPath(r.FormValue("next"))
	if r.Method != http.MethodPost {
		d.writeLogin(w, r, http.StatusOK, &v)
		return
	}
	v.Name = strings.TrimSpace(r.PostFormValue("name"))
	address, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		address = r.RemoteAddr
	}
	as := tried(v.Name, address)
	now := d.now()
	if wait := d.sessions.wait(now, as); wait > 0 {
		v.Wrong = "Too many wrong passwords. Try again in " + span(max(wait, time.Second)) + "."
		d.writeLogin(w, r, http.StatusTooManyRequests, &v)
		return
	}
	d.sessions.fail(now, as)
	if !d.sessions.users.Check(v.Name, r.PostFormValue("password")) {
		v.Wrong = "That is not the name and password of anybody here."
		d.writeLogin(w, r, http.StatusUnauthorized, &v)
		return
	}
	d.sessions.right(as)
	if old, err := r.Cookie(sessionCookie); err == nil {
		d.sessions.end(old.Value)
	}
	http.SetCookie(w, d.sessionCookie(r, base, d.sessions.begin(v.Name, now), int(sessionTime/time.Second)))
	http.Redirect(w, r, base+v.Next, http.StatusSeeOther)
}

func (d *dashboard) writeLogin(w http.ResponseWriter, r *http.Request, status int, v *loginView) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if err := views["login"].ExecuteTemplate(w, "login", v); err != nil {
		d.log(r.Context(), "render login", err)
	}
}

func (d *dashboard) sessionCookie(r *http.Request, base, value string, age int) *http.Cookie {
	return &http.Cookie{
		Name: sessionCookie, Value: value, Path: base + "/", MaxAge: age, HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https",
	}
}

// logout signs out.
func (d *dashboard) logout(w http.ResponseWriter, r *http.Request, base string) {
	if c, err := r.Cookie(sessionCookie); err == nil {
		d.sessions.end(c.Value)
	}
	http.SetCookie(w, d.sessionCookie(r, base, "", -1))
	http.Redirect(w, r, base+"/login", http.StatusSeeOther)
}

// signedOut answers who is not signed in: with the page to do so, and, where that would not be seen, with 401.
func (d *dashboard) signedOut(w http.ResponseWriter, r *http.Request, base, inner string) {
	if r.Method != http.MethodGet || !strings.Contains(r.Header.Get("Accept"), "text/html") {
		http.Error(w, "You are not signed in.", http.StatusUnauthorized)
		return
	}
	next := inner
	if r.URL.RawQuery != "" {
		next += "?" + r.URL.RawQuery
	}
	http.Redirect(w, r, link(base, "/login", "next", next), http.StatusSeeOther)
}
