package dashboard

import "time"

// A moment is a time as a page shows it: how far away it is, or exactly, and then how far in its title.
type moment struct {
	F     *frame
	T     time.Time
	Fixed bool // exactly
}

const (
	exactly = "2006-01-02 15:04:05.000 MST"
	briefly = "2006-01-02 15:04:05"
)

func (m moment) Zero() bool { return m.T.IsZero() }

// Machine is the time as browsers read it.
func (m moment) Machine() string { return m.T.UTC().Format("2006-01-02T15:04:05.000Z") }

func (m moment) Text() string {
	if m.Fixed {
		return m.T.In(m.F.prefs.Zone).Format(briefly)
	}
	return m.F.ago(m.T)
}

func (m moment) Exact() string { return m.T.In(m.F.prefs.Zone).Format(exactly) }

// ago says how far away a time is: "4 min ago", "in 2 h", "now". Scripts say it in the same words.
func (r *request) ago(t time.Time) string {
	d := r.now.Sub(t)
	far := d.Abs().Truncate(time.Second)
	switch {
	case far < 2*time.Second:
		return "now"
	case d > 0:
		return coarse(far) + " ago"
	}
	return "in " + coarse(far)
}

// coarse is a duration in one unit, from a second on.
func coarse(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return number(int64(d/time.Second)) + " s"
	case d < 2*time.Hour:
		return number(int64(d/time.Minute)) + " min"
	case d < 48*time.Hour:
		return number(int64(d/time.Hour)) + " h"
	}
	return number(int64(d/(24*time.Hour))) + " d"
}
