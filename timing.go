package offload

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/offloadhq/offload/internal/cron"
)

// A timing is when a schedule ticks.
type timing struct {
	expr     *cron.Expr    // nil: each every
	every    time.Duration // from from, or else from 1970
	zone     *time.Location
	from, to time.Time
}

// leastEvery is how often a schedule with Every may tick.
const leastEvery = time.Second

// timing reads when the schedule ticks, or says why it never can.
func (s *Schedule) timing(r refusal) (*timing, error) {
	t := &timing{every: s.Every, zone: time.UTC, from: s.From, to: s.To}
	expr := s.Cron
	if every, ok, err := everyOf(expr); err != nil {
		return nil, r.refuse("Cron", expr, err.Error())
	} else if ok {
		t.every, expr = every, ""
	}
	switch {
	case s.Cron == "" && s.Every == 0:
		return nil, r.refuse("Cron", `""`, `an expression such as "0 3 * * *", or Every`)
	case s.Cron != "" && s.Every != 0:
		return nil, r.refuse("Every", fmt.Sprintf("%v beside Cron %q", s.Every, s.Cron), "Cron or Every")
	case expr == "" && (t.every < leastEvery || t.every > farFuture || t.every%time.Millisecond != 0):
		return nil, r.refuse("Every", t.every, "a second or more, in whole milliseconds")
	case expr == "" && s.Zone != "":
		return nil, r.refuse("Zone", s.Zone, `"" with Every, which counts time and not days; Cron knows zones`)
	}
	if err := t.readCron(r, expr, s.Zone); err != nil {
		return nil, err
	}
	return t, t.checkSpan(r)
}

func (t *timing) readCron(r refusal, expr, zone string) (err error) {
	if expr == "" {
		return nil
	}
	if t.zone, err = zoneOf(zone); err != nil {
		return r.refuse("Zone", zone, `a name of the time zone database, such as "Europe/Berlin"; "" is UTC (`+err.Error()+")")
	}
	var wrong *cron.Error
	if t.expr, err = cron.Parse(expr); errors.As(err, &wrong) {
		want := fmt.Sprintf("%s: %s", wrong.Want, wrong.Wrong)
		if wrong.Got != expr {
			want = fmt.Sprintf("as its %s, instead of %q, %s", wrong.Field, wrong.Got, want)
		}
		return r.refuse("Cron", expr, want)
	}
	return err
}

// checkSpan refuses a time between From and To in which nothing ticks.
func (t *timing) checkSpan(r refusal) error {
	if !t.from.IsZero() {
		if err := checkAt("", "From", t.from); err != nil {
			return r.refuse("From", t.from, err.(*InputError).Want)
		}
	}
	if t.to.IsZero() {
		return nil
	}
	if err := checkAt("", "To", t.to); err != nil {
		return r.refuse("To", t.to, err.(*InputError).Want)
	}
	if t.from.IsZero() {
		return nil
	}
	if t.to.Before(t.from) {
		return r.refuse("To", t.to, fmt.Sprintf("a time after From, %v", t.from))
	}
	if _, ok := t.next(t.from.Add(-time.Nanosecond)); ok {
		return nil
	}
	unbound := *t
	unbound.to = time.Time{}
	first, ok := unbound.next(t.from.Add(-time.Nanosecond))
	if !ok {
		return r.refuse("Cron", t.expr.String(), "an expression that ticks at all in that zone")
	}
	return r.refuse("To", t.to, fmt.Sprintf("%v or later, when the first tick is", first))
}

// everyOf reads "@every 5m".
func everyOf(expr string) (every time.Duration, ok bool, err error) {
	text, ok := strings.CutPrefix(strings.TrimSpace(expr), "@every ")
	if !ok {
		return 0, false, nil
	}
	every, err = time.ParseDuration(strings.TrimSpace(text))
	if err != nil {
		return 0, false, errors.New(`a duration behind @every, such as "@every 5m"`)
	}
	return every, true, nil
}

// zones remembers those that were read: it is the same file each time.
var zones sync.Map

func zoneOf(name string) (*time.Location, error) {
	if zone, ok := zones.Load(name); ok {
		return zone.(*time.Location), nil
	}
	if name == "Local" {
		return nil, errors.New("the zone of a machine is another on each")
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, err
	}
	zones.Store(name, zone)
	return zone, nil
}

// next returns the first tick after a time.
func (t *timing) next(after time.Time) (time.Time, bool) {
	if after.Before(t.from) {
		after = t.from.Add(-time.Nanosecond)
	}
	var tick time.Time
	if t.expr != nil {
		var ok bool
		if tick, ok = t.expr.Next(after, t.zone); !ok {
			return time.Time{}, false
		}
	} else {
		tick = t.nextEvery(after)
	}
	if !t.to.IsZero() && tick.After(t.to) {
		return time.Time{}, false
	}
	return tick, true
}

func (t *timing) nextEvery(after time.Time) time.Time {
	base := t.from
	if base.IsZero() {
		base = time.Unix(0, 0)
	}
	since := after.Sub(base)
	n := since / t.every
	if since >= 0 || since%t.every == 0 {
		n++ // division is towards zero
	}
	return base.Add(n * t.every).UTC()
}

// newest returns the last tick up to now, where first is one.
func (t *timing) newest(first, now time.Time) time.Time {
	tick, ok := t.next(first.Add(-time.Microsecond))
	if !ok || tick.After(now) {
		return tick
	}
	if next, more := t.next(tick); !more || next.After(now) {
		return tick // as mostly: none was missed
	}
	tick, _ = t.next(t.search(tick, now, 1))
	return tick
}

// last returns the newest n ticks from first, which is one, up to now.
func (t *timing) last(first, now time.Time, n int) []time.Time {
	var ticks []time.Time
	for tick, ok := t.next(t.search(first, now, n)); ok && !tick.After(now); tick, ok = t.next(tick) {
		ticks = append(ticks, tick)
	}
	return ticks
}

// search returns a time after which there are n ticks up to now, or all of them if there are
// fewer from first on. The later the time, the later its nth tick, so halves are enough: what was
// missed in a year of seconds is found by a few steps.
func (t *timing) search(first, now time.Time, n int) time.Time {
	enough := func(after time.Time) bool {
		for range n {
			tick, ok := t.next(after)
			if !ok || tick.After(now) {
				return false
			}
			after = tick
		}
		return true
	}
	low, high := first.Add(-time.Microsecond), now
	if !enough(low) {
		return low
	}
	for high.Sub(low) > time.Microsecond {
		if middle := low.Add(high.Sub(low) / 2); enough(middle) {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}

// everyWords says how much time passes between two ticks, in the largest unit that fits.
func (t *timing) everyWords() string {
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		if n := t.every / unit.size; t.every%unit.size == 0 {
			if n == 1 {
				return unit.name
			}
			return fmt.Sprintf("%d %ss", n, unit.name)
		}
	}
	return t.every.String()
}
