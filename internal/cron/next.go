package cron

import (
	"math"
	"time"
)

const (
	secondsPerDay = 24 * 60 * 60

	// far is more than clocks of one zone ever differ: 24 hours and a little, where the date
	// line was moved.
	far = 2 * secondsPerDay

	// horizon is for how many years a tick is looked for. No date is rarer than 29 February on
	// a given weekday, and that comes within 40 years.
	horizon = 50
)

// Next returns the first tick after a time, in zone. There is none when an expression that
// runs by elapsed time asks only for times that the zone skips, or when the time is out of the
// years 1 to 9999.
func (e *Expr) Next(after time.Time, zone *time.Location) (time.Time, bool) {
	after = after.In(zone)
	year := after.Year()
	if year < 1 || year > 9999 {
		return time.Time{}, false
	}
	last := min(year+horizon, 9999)
	var t int64
	var ok bool
	if e.elapsed {
		t, ok = e.nextElapsed(after.Unix(), last, zone)
	} else {
		t, ok = e.nextFixed(after.Unix(), last, zone)
	}
	if !ok {
		return time.Time{}, false
	}
	return time.Unix(t, 0).In(zone), true
}

// A reading is what the wall clock of a zone shows, as the Unix time at which a clock in
// Greenwich would show the same.
type reading = int64

// nextFixed returns the first moment after a time at which the clock reaches a reading that
// it has never reached before, and that matches.
func (e *Expr) nextFixed(after int64, last int, zone *time.Location) (int64, bool) {
	p := periodAt(after, zone)
	want, ok := e.match(p.highest(after, zone)+1, last)
	if !ok {
		return 0, false
	}
	t := after
	if t < want-p.offset-far { // then the clock is not there yet
		t = want - p.offset - far
		p = periodAt(t, zone)
	}
	for {
		if at := max(t, want-p.offset); at < p.end {
			return at, true
		}
		t = p.end
		p = periodAt(t, zone)
	}
}

// nextElapsed returns the first moment after a time at which the clock shows a reading that matches.
func (e *Expr) nextElapsed(after int64, last int, zone *time.Location) (int64, bool) {
	t := after + 1
	for {
		p := periodAt(t, zone)
		want, ok := e.match(t+p.offset, last)
		if !ok {
			return 0, false
		}
		at := want - p.offset
		if at < p.end {
			return at, true
		}
		// Nothing matches between the readings at t and want. Once the clock is far into that
		// stretch it cannot turn back to before it, so the end of it can be gone to.
		if p.end >= t+far {
			t = max(p.end, at-far)
		} else {
			t = p.end
		}
	}
}

// match returns the first reading that is r or later and matches, up to the end of a year.
func (e *Expr) match(r reading, last int) (reading, bool) {
	at := time.Unix(r, 0).UTC()
	year, month, date := at.Date()

	if year > last {
		return 0, false
	}
	var dates set
	if e.month.has(int(month)) {
		dates = e.days.in(year, month) >> date << date
	}
	if dates.has(date) {
		if hour, minute, second, ok := e.clock(at.Clock()); ok {
			return time.Date(year, month, date, hour, minute, second, 0, time.UTC).Unix(), true
		}
		dates &^= 1 << date
	}
	for dates == 0 {
		next, ok := e.month.from(int(month) + 1)
		if !ok {
			year, next = year+1, e.month.first()
		}
		if year > last {
			return 0, false
		}
		month = time.Month(next)
		dates = e.days.in(year, month)
	}
	return time.Date(year, month, dates.first(), e.hour.first(), e.minute.first(), e.second.first(), 0, time.UTC).Unix(), true
}

// clock returns the first time of a day that is the given one or later and matches.
func (e *Expr) clock(hour, minute, second int) (h, m, s int, ok bool) {
	if h, ok = e.hour.from(hour); !ok || h > hour {
		return h, e.minute.first(), e.second.first(), ok
	}
	if m, ok = e.minute.from(minute); ok && m == minute {
		if s, ok = e.second.from(second); ok {
			return h, m, s, true
		}
		m, ok = e.minute.from(minute + 1)
	}
	if ok {
		return h, m, e.second.first(), true
	}
	h, ok = e.hour.from(hour + 1)
	return h, e.minute.first(), e.second.first(), ok
}

// A period is a stretch of time, in which a zone keeps its offset. Two that follow each
// other may have the same.
type period struct{ start, end, offset int64 }

func periodAt(t int64, zone *time.Location) period {
	at := time.Unix(t, 0).In(zone)
	_, offset := at.Zone()
	start, end := at.ZoneBounds()
	p := period{math.MinInt64, math.MaxInt64, int64(offset)}
	if !start.IsZero() {
		p.start = start.Unix()
	}
	if !end.IsZero() {
		p.end = end.Unix()
	}
	if p.end <= t {
		// Beyond its table of changes, package time lets the last period of a year end after 365
		// days, which a leap year's last day, by UTC, is not among.
		p.end = (t/secondsPerDay + 1) * secondsPerDay
	}
	return p
}

// highest returns the highest reading of the clock up to t, a time in p. It is not that at
// t while an hour is repeated.
func (p period) highest(t int64, zone *time.Location) reading {
	highest := t + p.offset
	for p.start > t-far {
		before := p.start - 1
		p = periodAt(before, zone)
		highest = max(highest, before+p.offset)
	}
	return highest
}
