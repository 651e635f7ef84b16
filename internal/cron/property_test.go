package cron

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// Whoever writes an expression has the changes of zones in mind: many of these are at night.
func randomExpr(r *rand.Rand, withSeconds bool) string {
	fields := []string{
		randomField(r, 60, 0, 4, 10), randomField(r, 24, 0, 30, 5),
		randomDays(r), randomMonths(r), randomWeekdays(r),
	}
	if r.IntN(3) == 0 {
		fields[1] = fmt.Sprint(r.IntN(4))
	}
	if withSeconds {
		fields = append([]string{randomField(r, 60, 0, 10, 10)}, fields...)
	}
	return strings.Join(fields, " ")
}

// randomField returns a list of up to three values, ranges and steps; any of a hundred is *.
func randomField(r *rand.Rand, count, low, any, steps int) string {
	if r.IntN(100) < any {
		return "*"
	}
	var items []string
	for range 1 + r.IntN(3)*r.IntN(2) {
		items = append(items, randomItem(r, count, low, steps))
	}
	return strings.Join(items, ",")
}

func randomItem(r *rand.Rand, count, low, steps int) string {
	a, b := low+r.IntN(count), low+r.IntN(count)
	switch n := r.IntN(100); {
	case n < steps:
		return fmt.Sprintf("*/%d", 1+r.IntN(count))
	case n < 2*steps:
		return fmt.Sprintf("%d/%d", a, 1+r.IntN(count))
	case n < 3*steps:
		return fmt.Sprintf("%d-%d/%d", a, b, 1+r.IntN(count))
	case n < 3*steps+20:
		return fmt.Sprintf("%d-%d", a, b)
	}
	return fmt.Sprint(a)
}

func randomDays(r *rand.Rand) string {
	switch r.IntN(10) {
	case 0:
		return fmt.Sprintf("L-%d", 1+r.IntN(30))
	case 1:
		return fmt.Sprintf("%dw,%d", 1+r.IntN(31), 1+r.IntN(31))
	case 2:
		return fmt.Sprintf("%dW", 1+r.IntN(31))
	case 3:
		return []string{"L", "LW", "l,15w,1", "?"}[r.IntN(4)]
	}
	return randomField(r, 31, 1, 60, 10)
}

func randomMonths(r *rand.Rand) string {
	switch r.IntN(10) {
	case 0:
		return fmt.Sprintf("%s-%s", monthNames[r.IntN(12)], strings.ToLower(monthNames[r.IntN(12)]))
	case 1:
		return randomField(r, 12, 1, 0, 10)
	}
	return "*"
}

func randomWeekdays(r *rand.Rand) string {
	name := weekdayNames[r.IntN(7)]
	switch r.IntN(14) {
	case 0:
		return fmt.Sprintf("%s#%d", name, 1+r.IntN(5))
	case 1:
		return fmt.Sprintf("%d#%d,%d", r.IntN(8), 1+r.IntN(5), r.IntN(8))
	case 2:
		return name + "L"
	case 3:
		return fmt.Sprintf("%s-%s", name, strings.ToLower(weekdayNames[r.IntN(7)]))
	case 4:
		return "?"
	}
	return randomField(r, 7, r.IntN(2), 70, 10)
}

// randomExprs returns n expressions that Parse takes, with their models. It refuses those that
// never tick, as TestDatesAreThoseOfTheModel shows.
func randomExprs(t testing.TB, r *rand.Rand, n int, withSeconds bool) (exprs []*Expr, models []*model) {
	t.Helper()
	for len(exprs) < n {
		text := randomExpr(r, withSeconds)
		e, err := Parse(text)
		if err != nil {
			if !neverTicks(err) {
				t.Fatal(err)
			}
			continue
		}
		exprs, models = append(exprs, e), append(models, modelOf(text))
	}
	return exprs, models
}

// compare holds Next against ticks, those of a model up to end, from the first that is later
// than from. Where there are many it looks at some, and at all within two hours of near.
func compare(t *testing.T, e *Expr, zone *time.Location, ticks []int64, from, end int64, near []int64) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, uint64(len(ticks))))
	at := from
	for _, tick := range append(ticks, end) {
		if tick <= from {
			continue
		}
		skip := len(ticks) > 100 && r.IntN(len(ticks)) > 100
		for _, n := range near {
			skip = skip && (tick < n-2*60*60 || at > n+2*60*60)
		}
		if !skip {
			for _, start := range []int64{at, at + r.Int64N(tick-at)} {
				got, ok := e.Next(time.Unix(start, r.Int64N(1e9)), zone)
				if ok && tick == end && got.Unix() >= end {
					continue
				}
				if !ok && tick == end {
					continue
				}
				if !ok || got.Unix() != tick || got.Nanosecond() != 0 {
					t.Errorf("%q in %s: Next(%s) = %s, %t; want %s", e, zone, show(start, zone), got, ok, show(tick, zone))
					return
				}
			}
		}
		at = tick
	}
}

func show(t int64, zone *time.Location) string {
	return time.Unix(t, 0).In(zone).Format("2006-01-02 15:04:05 -07:00")
}

func TestTicksAroundChangesAreThoseOfTheModel(t *testing.T) {
	t.Parallel()
	from, to, n := 1970, 2040, 8
	if testing.Short() {
		from, to = 2024, 2031
	}
	r := rand.New(rand.NewPCG(3, 1))
	changes := kinds(t, from, to)
	for _, c := range changes {
		if c.at%60 != 0 || c.before%60 != 0 || c.after%60 != 0 {
			continue // Liberia in 1972: its clock went from 00:00:00 to 00:44:30
		}
		exprs, models := randomExprs(t, r, n, false)
		start, end := c.at-3*secondsPerDay, c.at+3*secondsPerDay
		ticks := scan(c.zone, start-secondsPerDay, end, 60, models)
		for i, e := range exprs {
			compare(t, e, c.zone, ticks[i], start, end, []int64{c.at})
		}
	}
	t.Logf("%d kinds of changes, %d expressions each", len(changes), n)
}

func TestSecondsAroundChangesAreThoseOfTheModel(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 2))
	changes := kinds(t, 2024, 2031)
	for range 6 {
		c := changes[r.IntN(len(changes))]
		exprs, models := randomExprs(t, r, 10, true)
		start, end := c.at-4*60*60, c.at+4*60*60
		ticks := scan(c.zone, start-4*60*60, end, 1, models)
		for i, e := range exprs {
			compare(t, e, c.zone, ticks[i], start, end, nil)
		}
	}
}

func TestTicksOfWholeYearsAreThoseOfTheModel(t *testing.T) {
	t.Parallel()
	for i, test := range []struct {
		zone     string
		from, to int
	}{
		{"America/New_York", 2024, 2031},
		{"Australia/Lord_Howe", 2024, 2031},
		{"Africa/Casablanca", 2024, 2031},
		{"America/New_York", 2096, 2097}, // package time knows these years by a rule
		{"Australia/Lord_Howe", 2096, 2097},
	} {
		t.Run(fmt.Sprintf("%s/%d", test.zone, test.from), func(t *testing.T) {
			t.Parallel()
			from, to := test.from, test.to
			if testing.Short() {
				to = from + 1
			}
			zone := zoneOf(t, test.zone)
			exprs, models := randomExprs(t, rand.New(rand.NewPCG(3, uint64(10+i))), 8, false)
			start := time.Date(from, 1, 1, 0, 0, 0, 0, zone).Unix()
			end := time.Date(to, 1, 2, 0, 0, 0, 0, zone).Unix()
			ticks := scan(zone, start-secondsPerDay, end, 60, models)
			var near []int64
			for _, c := range changesOf(zone, from, to) {
				near = append(near, c.at)
			}
			for i, e := range exprs {
				compare(t, e, zone, ticks[i], start, end, near)
			}
		})
	}
}

// No zone on Earth changes twice within two days. Here are some that do, by up to a day.
func TestTicksAreThoseOfTheModelWhateverTheZoneDoes(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 5))
	for range 40 {
		start := time.Date(2026, 1, 10, 0, 0, 0, 0, time.UTC).Unix()
		at := start
		var changes []change
		for range 10 {
			at += 60 * (1 + r.Int64N(2*24*60))
			changes = append(changes, change{at: at, after: 60 * (r.IntN(24*60) - 12*60)})
		}
		end := at + 4*secondsPerDay
		zone := zoneThat(t, changes)
		exprs, models := randomExprs(t, r, 10, false)
		ticks := scan(zone, start-secondsPerDay, end, 60, models)
		for i, e := range exprs {
			compare(t, e, zone, ticks[i], start, end, nil)
		}
	}
}

// 40 years have each date on each weekday, so that what never ticks in them never does.
func TestDatesAreThoseOfTheModel(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	never := 0
	start, end := time.Date(1999, 12, 31, 0, 0, 0, 0, time.UTC), time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC)
	for range 60 {
		text := fmt.Sprintf("0 0 %s %s %s", randomDays(r), []string{"*", "2", "FEB", "APR"}[r.IntN(4)], randomWeekdays(r))
		var want []int64
		m := modelOf(text)
		for date := start.AddDate(0, 0, 1); date.Before(end); date = date.AddDate(0, 0, 1) {
			if m.find(date) {
				want = append(want, date.Unix())
			}
		}
		e, err := Parse(text)
		switch {
		case err == nil && len(want) > 0:
			compare(t, e, time.UTC, want, start.Unix(), end.Unix(), nil)
		case neverTicks(err) && len(want) == 0:
			never++
		default:
			t.Errorf("Parse(%q) = %v, and it ticks %d times", text, err, len(want))
		}
	}
	if never == 0 {
		t.Error("none of the expressions never ticks")
	}
}

func neverTicks(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "there is no such day") || strings.Contains(err.Error(), "it is never on day"))
}
