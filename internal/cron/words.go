package cron

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// Words says in English when the expression ticks: "at 03:00 on Mondays", "every 15 minutes from
// 09:00 to 17:59". It says what was understood, not what was written: "0 0 * * 0" and "@weekly" are the same.
func (e *Expr) Words() string {
	clock, daily := e.timeWords()
	words := []string{clock}
	switch on := e.days.words(); {
	case on != "":
		words = append(words, on)
	case daily && e.month == fields[month].all():
		words = append(words, "each day")
	}
	if e.month != fields[month].all() {
		words = append(words, "in "+list(e.month, func(n int) string { return time.Month(n).String() }, ""))
	}
	return strings.Join(words, " ")
}

// all is the set of all values of a field.
func (f *field) all() set { return set(1)<<(f.max+1) - set(1)<<f.min }

func (s set) len() int { return bits.OnesCount64(uint64(s)) }

// step returns how far apart the members are, if they are all so from 0 to the end of the field.
func (s set) step(f *field) (n int, ok bool) {
	if s&1 == 0 || s.len() < 2 {
		return 0, false
	}
	n, _ = s.from(1)
	var want set
	for v := 0; v <= f.max; v += n {
		want |= 1 << v
	}
	return n, s == want && (f.max+1)%n == 0
}

// timeWords says at what times of a day it ticks; daily is that those are few.
func (e *Expr) timeWords() (words string, daily bool) {
	seconds, minutes, hours := e.second.len(), e.minute.len(), e.hour.len()
	if seconds*minutes*hours <= 6 {
		return "at " + e.times(), true
	}
	part := ""
	switch {
	case e.second != 1:
		part = often(e.second, &fields[second])
		if e.minute != fields[minute].all() {
			part += " of " + of(e.minute, &fields[minute])
		}
	default:
		part = often(e.minute, &fields[minute])
	}
	if e.hour == fields[hour].all() {
		if e.minute.len() == 1 && e.second == 1 { // "each hour", and when of it
			return "each hour at minute " + strconv.Itoa(e.minute.first()), false
		}
		return part, false
	}
	if from, to, ok := e.hour.span(); ok {
		if e.minute.len() == 1 && e.second == 1 {
			at := e.minute.first()
			return fmt.Sprintf("each hour from %02d:%02d to %02d:%02d", from, at, to, at), false
		}
		return fmt.Sprintf("%s from %02d:00 to %02d:59", part, from, to), false
	}
	if n, ok := e.hour.step(&fields[hour]); ok {
		return fmt.Sprintf("%s of every %s hour", part, ordinal(n)), false
	}
	return part + " of " + of(e.hour, &fields[hour]), false
}

// times lists the times of a day.
func (e *Expr) times() string {
	var times []string
	for h := e.hour; h != 0; h &= h - 1 {
		for m := e.minute; m != 0; m &= m - 1 {
			for s := e.second; s != 0; s &= s - 1 {
				text := fmt.Sprintf("%02d:%02d", h.first(), m.first())
				if e.second != 1 {
					text += fmt.Sprintf(":%02d", s.first())
				}
				times = append(times, text)
			}
		}
	}
	return join(times)
}

// often says how often within the field above it.
func often(s set, f *field) string {
	if s == f.all() {
		return "each " + f.name
	}
	if n, ok := s.step(f); ok {
		return fmt.Sprintf("every %d %ss", n, f.name)
	}
	return "at " + of(s, f)
}

// of names members of a field: "minute 5", "minutes 5 and 20", "minutes 5 to 20".
func of(s set, f *field) string {
	if s == f.all() {
		return "each " + f.name
	}
	name := f.name
	if s.len() > 1 {
		name += "s"
	}
	return name + " " + list(s, strconv.Itoa, "")
}

// span returns the ends of a set without gaps.
func (s set) span() (from, to int, ok bool) {
	from, to = s.first(), 63-bits.LeadingZeros64(uint64(s))
	return from, to, s != 0 && s.len() == to-from+1
}

// list names members: each, with a plural behind it, or the ends of three and more in a row.
func list(s set, name func(int) string, plural string) string {
	var names []string
	for rest := s; rest != 0; {
		from := rest.first()
		to := from
		for to < 63 && rest.has(to+1) {
			to++
		}
		rest = rest >> (to + 1) << (to + 1)
		if to-from >= 2 {
			names = append(names, name(from)+" to "+name(to))
			continue
		}
		for n := from; n <= to; n++ {
			names = append(names, name(n)+plural)
		}
	}
	return join(names)
}

func join(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// words says on which days, "" for any.
func (d *days) words() string {
	dates, weekdays := d.dateWords(), d.weekdayWords()
	switch {
	case dates == "":
		return weekdays
	case weekdays == "":
		return dates
	case d.both:
		return dates + ", " + weekdays + " only"
	}
	return dates + " or " + weekdays
}

func (d *days) dateWords() string {
	if d.day == fields[day].all() {
		return ""
	}
	var parts []string
	if d.day != 0 {
		parts = append(parts, "the "+list(d.day, ordinal, ""))
	}
	for rest := d.fromEnd; rest != 0; rest &= rest - 1 {
		switch n := rest.first(); n {
		case 0:
			parts = append(parts, "the last day")
		default:
			parts = append(parts, fmt.Sprintf("the %s day before the last", ordinal(n)))
		}
	}
	for rest := d.nearest; rest != 0; rest &= rest - 1 {
		switch n := rest.first(); n {
		case 0:
			parts = append(parts, "the last working day")
		default:
			parts = append(parts, "the working day nearest the "+ordinal(n))
		}
	}
	return "on " + join(parts) + " of the month"
}

func (d *days) weekdayWords() string {
	if d.weekday == everyWeekday {
		return ""
	}
	var parts []string
	if d.weekday != 0 {
		// A week begins on Monday here, so that "Monday to Friday" and the weekend are in a row.
		parts = append(parts, list(d.weekday&^1|d.weekday&1<<7, func(n int) string { return time.Weekday(n % 7).String() }, "s"))
	}
	for i, weekdays := range d.nth {
		for rest := weekdays; rest != 0; rest &= rest - 1 {
			parts = append(parts, fmt.Sprintf("the %s %v of the month", [...]string{"first", "second", "third", "fourth", "fifth"}[i], time.Weekday(rest.first())))
		}
	}
	for rest := d.last; rest != 0; rest &= rest - 1 {
		parts = append(parts, fmt.Sprintf("the last %v of the month", time.Weekday(rest.first())))
	}
	return "on " + join(parts)
}

// ordinal is "1st", "22nd", "13th".
func ordinal(n int) string {
	suffix := "th"
	if n/10%10 != 1 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return strconv.Itoa(n) + suffix
}
