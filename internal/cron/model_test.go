package cron

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// A model is what an expression means, said a second time and in another way: it asks of each
// moment what the clock shows, and of each field's text whether that is among it.
type model struct {
	text    string
	fields  [6]string
	elapsed bool
	clock   [3][60]bool    // whether second, minute and hour match
	dates   map[int64]bool // whether dates match, by their midnight in UTC
}

func modelOf(expr string) *model {
	m := &model{text: expr, dates: map[int64]bool{}}
	texts := strings.Fields(expr)
	if len(texts) == 5 {
		texts = append([]string{"0"}, texts...)
	}
	copy(m.fields[:], texts)
	for i, count := range []int{60, 60, 24} {
		m.elapsed = m.elapsed || strings.ContainsAny(m.fields[i], "*/")
		for v := range count {
			m.clock[i][v] = among(m.fields[i], v, 0, count, nil)
		}
	}
	return m
}

// among reports whether v is in a list of plain items. A field counts from low, has count
// values, and perhaps names for them.
func among(text string, v, low, count int, names []string) bool {
	value := func(text string) int {
		if i := slices.Index(names, strings.ToUpper(text)); i >= 0 {
			return low + i
		}
		n, err := strconv.Atoi(text)
		if err != nil {
			return -1 // no plain item
		}
		return n
	}
	return slices.ContainsFunc(strings.Split(text, ","), func(item string) bool {
		span, every, stepped := strings.Cut(item, "/")
		step, _ := strconv.Atoi(every)
		from, to, ranged := strings.Cut(span, "-")
		switch {
		case span == "*" || span == "?":
			return !stepped || (v-low)%step == 0
		case value(from) < 0:
			return false
		case ranged:
			reach := value(to) - value(from)
			if reach < 0 {
				reach += count
			}
			away := (v - value(from) + count) % count
			return away <= reach && (!stepped || away%step == 0)
		case stepped:
			first := value(from) % (low + count) // 7 is Sunday
			return v >= first && (v-first)%step == 0
		}
		return v == value(span)%(low+count)
	})
}

var (
	monthNames   = strings.Fields("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC")
	weekdayNames = strings.Fields("SUN MON TUE WED THU FRI SAT")
)

// A face is what a clock shows: a date, by its midnight in UTC, and a time.
type face struct {
	date                 int64
	hour, minute, second int
}

func faceOf(r int64) face {
	at := time.Unix(r, 0).UTC()
	hour, minute, second := at.Clock()
	return face{at.Truncate(24 * time.Hour).Unix(), hour, minute, second}
}

// matches reports whether a clock shows what matches.
func (m *model) matches(f face) bool {
	if !m.clock[2][f.hour] || !m.clock[1][f.minute] || !m.clock[0][f.second] {
		return false
	}
	answer, known := m.dates[f.date]
	if !known {
		answer = m.find(time.Unix(f.date, 0).UTC())
		m.dates[f.date] = answer
	}
	return answer
}

// find reports whether a date matches.
func (m *model) find(date time.Time) bool {
	days, months, weekdays := m.fields[3], m.fields[4], m.fields[5]
	byDay := among(days, date.Day(), 1, 31, nil) || anyItem(days, date, isSpecialDay)
	byWeekday := among(weekdays, int(date.Weekday()), 0, 7, weekdayNames) || anyItem(weekdays, date, isSpecialWeekday)
	if !among(months, int(date.Month()), 1, 12, monthNames) {
		return false
	}
	if strings.IndexAny(days, "*?") == 0 || strings.IndexAny(weekdays, "*?") == 0 {
		return byDay && byWeekday
	}
	return byDay || byWeekday
}

func anyItem(text string, date time.Time, is func(item string, date time.Time) bool) bool {
	return slices.ContainsFunc(strings.Split(text, ","), func(item string) bool { return is(strings.ToUpper(item), date) })
}

func isSpecialDay(item string, date time.Time) bool {
	if item == "LW" {
		return isWorkday(date) && nextWorkday(date).Month() != date.Month()
	}
	if item == "L" {
		return date.AddDate(0, 0, 1).Day() == 1
	}
	if n, ok := strings.CutPrefix(item, "L-"); ok {
		back, _ := strconv.Atoi(n)
		last := date.AddDate(0, 0, back)
		return last.Month() == date.Month() && last.Year() == date.Year() && last.AddDate(0, 0, 1).Day() == 1
	}
	n, ok := strings.CutSuffix(item, "W")
	if !ok || !isWorkday(date) {
		return false
	}
	goal, _ := strconv.Atoi(n)
	wanted := time.Date(date.Year(), date.Month(), goal, 0, 0, 0, 0, time.UTC)
	if wanted.Month() != date.Month() {
		return false
	}
	away := wanted.Sub(date).Abs()
	if away > 2*24*time.Hour {
		return false
	}
	for days := range 5 { // is another of the month nearer?
		d := wanted.AddDate(0, 0, days-2)
		if d.Month() == date.Month() && isWorkday(d) && wanted.Sub(d).Abs() < away {
			return false
		}
	}
	return true
}

func isWorkday(date time.Time) bool {
	return date.Weekday() != time.Saturday && date.Weekday() != time.Sunday
}

func nextWorkday(date time.Time) time.Time {
	for {
		if date = date.AddDate(0, 0, 1); isWorkday(date) {
			return date
		}
	}
}

func isSpecialWeekday(item string, date time.Time) bool {
	name, place, isNth := strings.Cut(item, "#")
	name, isLast := strings.CutSuffix(name, "L")
	if !isNth && !isLast || !among(name, int(date.Weekday()), 0, 7, weekdayNames) {
		return false
	}
	if isLast {
		return date.AddDate(0, 0, 7).Month() != date.Month()
	}
	n, _ := strconv.Atoi(place)
	return date.AddDate(0, 0, -7*n).Month() != date.Month() && date.AddDate(0, 0, -7*(n-1)).Month() == date.Month()
}

// scan looks at the clock of a zone every step seconds and returns when each model ticks:
// a model of elapsed time whenever the clock shows what matches; any other when it does for the
// first time, and when the clock has just gone over what matches and was not shown.
func scan(zone *time.Location, from, to, step int64, models []*model) [][]int64 {
	ticks := make([][]int64, len(models))
	var all []int
	var atMinute [60][]int // the models that a minute can match, by their place
	for i, m := range models {
		all = append(all, i)
		for minute, ok := range m.clock[1] {
			if ok {
				atMinute[minute] = append(atMinute[minute], i)
			}
		}
	}
	base := from - 3*secondsPerDay
	shown := make([]bool, (to-from+6*secondsPerDay)/step)
	var now face
	var date int
	var before int64
	for t := from; t < to; t += step {
		at := time.Unix(t, 0).In(zone)
		now.hour, now.minute, now.second = at.Clock()
		if today := at.Day(); today != date || t == from {
			date = today
			now.date = time.Date(at.Year(), at.Month(), date, 0, 0, 0, 0, time.UTC).Unix()
		}
		r := now.date + int64(60*(60*now.hour+now.minute)+now.second)

		var missing []face
		for over := before + step; t > from && over < r; over += step {
			if !shown[(over-base)/step] {
				shown[(over-base)/step] = true
				missing = append(missing, faceOf(over))
			}
		}
		first := !shown[(r-base)/step]
		some := atMinute[now.minute]
		if len(missing) > 0 {
			some = all
		}
		for _, i := range some {
			m := models[i]
			if m.elapsed && m.matches(now) || !m.elapsed && (first && m.matches(now) || slices.ContainsFunc(missing, m.matches)) {
				ticks[i] = append(ticks[i], t)
			}
		}
		shown[(r-base)/step] = true
		before = r
	}
	return ticks
}
