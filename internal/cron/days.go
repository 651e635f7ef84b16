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
func (d *days) readDay(item string) (set, *wrong) {
	rest, isNearest := strings.CutSuffix(item, "W")
	before, isFromEnd := strings.CutPrefix(item, "L-")
	switch {
	case item == "L":
		d.fromEnd |= 1
	case item == "LW":
		d.nearest |= 1
	case isNearest:
		n, w := number(rest, 1, 31, "day")
		if w != nil {
			w.want = "W behind a day of 1 to 31, or LW"
			return 0, w
		}
		d.nearest |= 1 << n
	case isFromEnd:
		n, w := number(before, 1, 30, "distance")
		if w != nil {
			w.want = "1 to 30 behind L-"
			return 0, w
		}
		d.fromEnd |= 1 << n
	default:
		return fields[day].values(item)
	}
	return 0, nil
}

// readWeekday reads an item of weekday: it returns plain weekdays and keeps the others.
func (d *days) readWeekday(item string) (set, *wrong) {
	f := &fields[weekday]
	name, isLast := strings.CutSuffix(item, "L")
	name, place, isNth := strings.Cut(name, "#")
	if item == "L" {
		return 0, &wrong{"L alone names no weekday", "such as FRIL, the last Friday, or L as the day"}
	}
	if !isLast && !isNth {
		return f.values(item)
	}
	v, w := f.value(name)
	if w != nil {
		return 0, w
	}
	v %= 7
	if isLast && isNth {
		return 0, &wrong{"# and L exclude each other", "such as FRI#3 or FRIL"}
	}
	if isLast {
		d.last |= 1 << v
		return 0, nil
	}
	n, w := number(place, 1, 5, "place in the month")
	if w != nil {
		w.want = "1 to 5 behind #"
		return 0, w
	}
	d.nth[n-1] |= 1 << v
	return 0, nil
}

// in returns the dates of a month.
func (d *days) in(year int, month time.Month) set {
	first := time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
	return d.of(lengthOf(year, month), first.Weekday())
}

func lengthOf(year int, month time.Month) int {
	switch month {
	case time.April, time.June, time.September, time.November:
		return 30
	case time.February:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// of returns the dates of a month that has a length and begins on a weekday.
func (d *days) of(length int, first time.Weekday) set {
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

// everIn reports whether any month among months ever has such a day. Each length of a month
// meets each weekday within 40 years.
func (d *days) everIn(months set) bool {
	for rest := months; rest != 0; rest &= rest - 1 {
		for _, year := range []int{2023, 2024} { // one without 29 February, one with
			length := lengthOf(year, time.Month(rest.first()))
			for first := range time.Weekday(7) {
				if d.of(length, first) != 0 {
					return true
				}
			}
		}
	}
	return false
}
