package dashboard

import (
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// An Option changes the dashboard.
type Option interface{ apply(*config) }

type option func(*config)

func (o option) apply(c *config) { o(c) }

type config struct {
	auth     func(*http.Request) (who string, role Role)
	sessions *sessions
	signOut  string
	hosts    []string
	prefix   string
	readOnly bool
	pages    []page
	zone     *time.Location
	logger   *slog.Logger
	title    string
	allowed  []string
}

// A Role is what a person may do.
type Role string

const (
	Viewer   Role = "viewer"   // see figures, states and errors, but not what jobs say
	Operator Role = "operator" // and see inputs, results and logs; act on jobs, errors, queues; enqueue
	Admin    Role = "admin"    // and change limits, schedules and processes
)

// roles are all roles, each of which may do what those before it may.
var roles = []Role{Viewer, Operator, Admin}

// Auth says who asks and what they may do, for each request. The answer to an empty role, and to one that is
// unknown, is 403.
func Auth(f func(*http.Request) (who string, role Role)) Option {
	return option(func(c *config) { c.auth, c.sessions = f, nil })
}

// SignOut is the path at which whoever is signed in signs out, by POST; the dashboard links it. The default is none.
func SignOut(path string) Option { return option(func(c *config) { c.signOut = path }) }

// Hosts are the names under which the dashboard may be asked for, without ports: a request under another is
// refused, so that a page elsewhere can't reach it by a name of its own. The default is any name, as long as Auth is set.
func Hosts(names ...string) Option {
	return option(func(c *config) { c.hosts = append(c.hosts, names...) })
}

// Prefix is the path under which it is mounted, for other routers than http.ServeMux: "/jobs".
func Prefix(path string) Option {
	return option(func(c *config) { c.prefix = strings.TrimRight(path, "/") })
}

// ReadOnly refuses every act, whoever asks.
func ReadOnly() Option { return option(func(c *config) { c.readOnly = true }) }

// Page adds a page, such as a kit's, at /x/ and the title in small letters. Its handler is asked with the path below
// that, by operators and admins, since such pages may show what jobs say; what it writes is shown as it is, in a frame of the dashboard.
func Page(title string, h http.Handler) Option {
	return option(func(c *config) { c.pages = append(c.pages, page{title, slug(title), h}) })
}

// Zone is in which times are shown to those who have not chosen one. The default is UTC.
func Zone(z *time.Location) Option { return option(func(c *config) { c.zone = z }) }

// LogTo is where errors are told. The default is slog.Default.
func LogTo(l *slog.Logger) Option { return option(func(c *config) { c.logger = l }) }

// Title names the system in the head of each page, where people look after more than one: "shop, staging".
func Title(title string) Option { return option(func(c *config) { c.title = title }) }

// A page is one that was added.
type page struct {
	title, slug string
	handler     http.Handler
}

// slug is a title as a path has it: "Mail outbox" is "mail-outbox".
func slug(title string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(title), func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < '0' || c > '9')
	}), "-")
}
