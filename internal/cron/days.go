package cron

import (
	"strings"
	"time"
)

// days is what day and weekday say together.
type days struct {
	day     set    // dates, 1 to 31
	fromEnd set    // L is 0, L-3 is 3
	nearest set    // 15W is 15, LW is 0
	weekday set    // Sunday is 0
	nth     [5]set // FRI#3 is 5 in nth[2]
	last    set    // FRIL is 5
	both    bool   // a date must be in both fields
}

// Sets that hold all there is.
const (
	everyWeekday set = 1<<7 - 1
	everyWeek    set = 1 | 1<<7 | 1<<14 | 1<<21 | 1<<28
)

func (d *days) read(days, weekdays string) (err error) {
	if d.day, err = fields[day].list(days, d.readDay); err != nil {
		return err
	}
	if d.weekday, err = fields[weekday].list(weekdays, d.readWeekday); err != nil {
		return err
	}
	d.both = strings.ContainsAny(days[:1]+weekdays[:1], "*?")
	return nil
}

// readDay reads an item of day: it returns plain dates and keeps the others.
func (d *days) readDay(item string) (set, *Error) {
	date, isNearest := strings.CutSuffix(item, "W")
	distance, isFromEnd := strings.CutPrefix(item, "L-")
	switch {
	case item == "L":
		d.fromEnd |= 1
	case item == "LW":
		d.nearest |= 1
	case isNearest:
		n, refused := number(date, 1, 31, "day")
		if refused != nil {
			return 0, refused
		}
		d.nearest |= 1 << n
	case isFromEnd:
		n, refused := number(distance, 1, 30, "distance")
		if refused != nil {
			return 0, refused
		}
		d.fromEnd |= 1 << n
	default:
		return fields[day].values(item)
	}
	return 0, nil
}

// readWeekday reads an item of weekday: it returns plain weekdays and keeps the others.
func (d *days) readWeekday(item string) (set, *Error) {
	name, place, isNth := strings.Cut(item, "#")
	name, isLast := strings.CutSuffix(name, "L")
	switch {
	case isNth && isLast:
		return 0, wrong("# and L exclude each other", "FRI#3 or FRIL")
	case !isNth && !isLast:
		return fields[weekday].values(item)
	}
	v, refused := fields[weekday].value(name)
	n := 1
	if refused == nil && isNth {
		n, refused = number(place, 1, 5, "place")
	}
	if refused != nil {
		return 0, refused
	}
	into := &d.last
	if isNth {
		into = &d.nth[n-1]
	}
	*into |= 1 << (v % 7)
	return 0, nil
}

// in returns the dates of a month.
func (d *days) in(year int, month time.Month) set {
	first := time.Date(year, month, 1, 0, 0, 0, 0, time.UTC).Weekday()
	length := time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()

	byDay := d.day
	for rest := d.fromEnd; rest != 0; rest &= rest - 1 {
		if n := rest.first(); n < length {
			byDay |= 1 << (length - n)
		}
	}
	for rest := d.nearest; rest != 0; rest &= rest - 1 {
		n := rest.first()
		if n == 0 {
			n = length
		}
		if n <= length {
			byDay |= 1 << nearest(n, length, first)
		}
	}

	byWeekday := dates(d.weekday, first)
	for i, weekdays := range d.nth {
		byWeekday |= dates(weekdays, first) & (everyWeekday << (7*i + 1))
	}
	byWeekday |= dates(d.last, first) & (everyWeekday << (length - 6))

	all := set(1)<<(length+1) - 2
	if d.both {
		return byDay & byWeekday & all
	}
	return (byDay | byWeekday) & all
}

// dates returns the dates of weekdays in a month that begins on first, and ends never.
func dates(weekdays set, first time.Weekday) set {
	turned := (weekdays>>first | weekdays<<(7-first)) & everyWeekday
	return turned * everyWeek << 1
}

// nearest returns the weekday from Monday to Friday that is nearest to a date and in its month.
func nearest(date, length int, first time.Weekday) int {
	switch (first + time.Weekday(date-1)) % 7 {
	case time.Saturday:
		if date == 1 {
			return 3
		}
		return date - 1
	case time.Sunday:
		if date == length {
			return length - 2
		}
		return date + 1
	}
	return date
}

// everIn reports whether any month among months ever has such a day. The 28 years have each
// date on each weekday.
func (d *days) everIn(months set) bool {
	for year := 2000; year < 2028; year++ {
		for rest := months; rest != 0; rest &= rest - 1 {
			if d.in(year, time.Month(rest.first())) != 0 {
				return true
			}
		}
	}
	return false
}
