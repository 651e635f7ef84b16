package alert

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/offloadhq/offload"
)

// A Rule says when whom to tell. What is not asked for by its condition stays zero. It is an Option of New.
type Rule struct {
	Name string    `json:"name"` // up to 100 bytes, another for each rule
	When Condition `json:"when"`

	Queue    string `json:"queue,omitempty"`    // of Waiting, Failing, Discarding, Unworked; "" watches each queue by itself
	Task     string `json:"task,omitempty"`     // of Failing, Discarding, NewError; "" watches all
	Schedule string `json:"schedule,omitempty"` // of Missing; "" watches each schedule by itself

	Over    time.Duration `json:"over,omitempty"`    // Waiting: longer than this; Missing: later than this, a minute if 0
	Percent float64       `json:"percent,omitempty"` // Failing: of all attempts, this share or more, above 0 to 100
	Least   int           `json:"least,omitempty"`   // Failing: of so many attempts, 10 if 0; Discarding: so many jobs, 1 if 0
	Within  time.Duration `json:"within,omitempty"`  // the time that is looked back, a minute to a day: 10 minutes if 0, an hour for NewError

	For      time.Duration `json:"for,omitempty"`      // it is told once it has been so for so long; at once if 0
	Clear    time.Duration `json:"clear,omitempty"`    // it is over once it has been well for so long; a minute if 0
	Severity string        `json:"severity,omitempty"` // "critical", "error", "warning" or "info"; "" is "error"
	To       []string      `json:"to"`                 // names of channels
	Off      bool          `json:"off,omitempty"`
}

// A Condition is what a rule watches for.
type Condition string

// What can be watched for.
const (
	Waiting    Condition = "waiting"    // the job that is due longest in a queue waits longer than Over
	Failing    Condition = "failing"    // of the attempts within the last Within, Percent or more have failed
	Discarding Condition = "discarding" // Least jobs or more were discarded within the last Within
	NewError   Condition = "new-error"  // a kind of error that was not there, or was resolved; over when it was not there for Within, or is muted or resolved
	Missing    Condition = "missing"    // a schedule's tick was not taken, Over after its time
	Lost       Condition = "lost"       // a process with this kit ended without saying so, within the last Within
	Unworked   Condition = "unworked"   // jobs of a queue are due, and no process works it
)

// conditions are all, and what each may use of a rule.
var conditions = []struct {
	is   Condition
	uses string
}{
	{Waiting, "queue over"},
	{Failing, "queue task percent least within"},
	{Discarding, "queue task least within"},
	{NewError, "task within"},
	{Missing, "schedule over"},
	{Lost, "within"},
	{Unworked, "queue"},
}

var severities = []string{"critical", "error", "warning", "info"}

const (
	mostName  = 100
	mostTo    = 10
	mostTime  = 30 * 24 * time.Hour // of For, Clear and Over
	leastSpan = time.Minute         // of Within: figures are known by the minute
	mostSpan  = 24 * time.Hour      // and by the hour before
)

// Validate returns the first value that is wrong, as an *offload.InputError. Whether its channels are
// there, New says, and Alerts.Set.
func (r Rule) Validate() error {
	if !isName(r.Name) {
		return r.refuse("Name", r.Name, nameWant)
	}
	uses := ""
	for _, c := range conditions {
		if c.is == r.When {
			uses = c.uses
		}
	}
	if uses == "" {
		return r.refuse("When", string(r.When), oneOfConditions())
	}
	for _, f := range []struct {
		field string
		given any
		set   bool
	}{
		{"Queue", r.Queue, r.Queue != ""},
		{"Task", r.Task, r.Task != ""},
		{"Schedule", r.Schedule, r.Schedule != ""},
		{"Over", r.Over, r.Over != 0},
		{"Percent", r.Percent, r.Percent != 0},
		{"Least", r.Least, r.Least != 0},
		{"Within", r.Within, r.Within != 0},
	} {
		if f.set && !slices.Contains(strings.Fields(uses), strings.ToLower(f.field)) {
			return r.refuse(f.field, f.given, fmt.Sprintf("nothing: %s does not use it", r.When))
		}
	}
	switch {
	case r.Queue == Queue:
		return r.refuse("Queue", r.Queue, "another queue: alerts of alerts would have no end")
	case own(r.Task):
		return r.refuse("Task", r.Task, "a task that is none of this kit's: alerts of alerts would have no end")
	case r.When == Waiting && r.Over <= 0 || r.Over < 0 || r.Over > mostTime:
		return r.refuse("Over", r.Over, "more than 0, up to 30 days")
	case r.When == Failing && !(r.Percent > 0 && r.Percent <= 100): // NaN is neither
		return r.refuse("Percent", r.Percent, "more than 0, up to 100")
	case r.Least < 0:
		return r.refuse("Least", r.Least, "0 (the default) or more")
	case r.Within != 0 && (r.Within < leastSpan || r.Within > mostSpan):
		return r.refuse("Within", r.Within, "0 (the default), or a minute to 24 hours")
	case r.For < 0 || r.For > mostTime:
		return r.refuse("For", r.For, "0 (at once) to 30 days")
	case r.Clear < 0 || r.Clear > mostTime:
		return r.refuse("Clear", r.Clear, "0 (a minute) to 30 days")
	case r.Severity != "" && !slices.Contains(severities, r.Severity):
		return r.refuse("Severity", r.Severity, strings.Join(severities, ", "))
	case len(r.To) == 0 || len(r.To) > mostTo:
		return r.refuse("To", fmt.Sprintf("%d channels", len(r.To)), fmt.Sprintf("names of 1 to %d channels", mostTo))
	}
	for i, name := range r.To {
		if !isName(name) || slices.Contains(r.To[:i], name) {
			return r.refuse("To", name, "names of channels, each once")
		}
	}
	for field, name := range map[string]string{"Queue": r.Queue, "Task": r.Task, "Schedule": r.Schedule} {
		if len(name) > 256 || !isText(name) {
			return r.refuse(field, name, "a name")
		}
	}
	return nil
}

func (r *Rule) refuse(field string, got any, want string) error {
	if field != "Name" && r.Name != "" {
		field = fmt.Sprintf("Rule %q %s", r.Name, field)
	}
	return refuse(field, got, want)
}

func refuse(field string, got any, want string) error {
	return &offload.InputError{Field: field, Got: got, Want: want}
}

func oneOfConditions() string {
	var names []string
	for _, c := range conditions {
		names = append(names, string(c.is))
	}
	return strings.Join(names, ", ")
}

const nameWant = "1 to 100 bytes of text without / and control characters"

func isName(s string) bool {
	return s != "" && len(s) <= mostName && isText(s) && !strings.Contains(s, "/")
}

func isText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// own reports whether a task is of this kit, and so must not alarm.
func own(task string) bool { return strings.HasPrefix(task, ownPrefix) }

func (r *Rule) over() time.Duration { return cmp.Or(r.Over, time.Minute) }

func (r *Rule) within() time.Duration {
	if r.When == NewError {
		return cmp.Or(r.Within, time.Hour)
	}
	return cmp.Or(r.Within, 10*time.Minute)
}

func (r *Rule) least() int {
	if r.When == Failing {
		return cmp.Or(r.Least, 10)
	}
	return cmp.Or(r.Least, 1)
}

func (r *Rule) clear() time.Duration { return cmp.Or(r.Clear, time.Minute) }

func (r *Rule) severity() string { return cmp.Or(r.Severity, "error") }

func (r Rule) apply(c *config) { c.rules = append(c.rules, r) }
