// Package cron says when a schedule ticks.
//
// An expression is read once into sets of small numbers, one for each field, and Next goes
// from field to field of the calendar, never from minute to minute. The calendar knows no zone:
// it yields readings of a wall clock, and only then is it asked when the clock of a zone shows
// them. That clock skips and repeats hours, and two rules say what becomes of those:
//
//   - An expression with a * or a step in its second, minute or hour runs by elapsed time: it
//     ticks whenever the clock shows a time that matches. Both passes of a repeated hour tick,
//     and nothing ticks for an hour that is skipped.
//   - Any other names fixed times, and each runs once: at the first moment at which the clock
//     shows it or is past it. In a repeated hour that is the first pass. A time that is skipped
//     runs when the clock goes on, whatever the date then is, and all times of one gap share
//     that one tick: "0,30 2 * * *" ticks once, at 03:00, where 02:00 to 03:00 is missing.
//
// Where both day and weekday are given, a date needs one of them; where either begins with *,
// it needs both. So "0 0 13 * FRI" is each 13th and each Friday, and "0 0 */2 * MON" the Mondays
// with an odd date. Both rules are those of ISC cron.
//
// The package reads the zones that the program has; package main imports time/tzdata, so
// that there are some on a machine without.
package cron

import (
	"fmt"
	"strings"
	"unicode"
)

// maxLength is how long an expression may be, in bytes.
const maxLength = 256

// An Expr is a cron expression that was read. It does not change, and is safe for concurrent use.
type Expr struct {
	text                        string
	second, minute, hour, month set
	days                        days
	elapsed                     bool // runs by elapsed time, and not at fixed times
}

// An Error says what of an expression was refused, and what would be accepted.
type Error struct {
	Field string // "minute"; "expression" is all of it
	Got   string // what was written there
	Wrong string // in words: "60 is out of range"
	Want  string // in words: "0 to 59"
}

// Error says it in one line.
func (e *Error) Error() string {
	return fmt.Sprintf("%s %q: %s; want %s", e.Field, e.Got, e.Wrong, e.Want)
}

// named are the expressions that have a name.
var named = map[string]string{
	"@yearly":   "0 0 1 1 *",
	"@annually": "0 0 1 1 *",
	"@monthly":  "0 0 1 * *",
	"@weekly":   "0 0 * * 0",
	"@daily":    "0 0 * * *",
	"@midnight": "0 0 * * *",
	"@hourly":   "0 * * * *",
}

const (
	wantFields = "5 (minute hour day month weekday), or 6 with the second in front"
	wantNames  = "@yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly, or five fields"
)

// Parse reads an expression of five fields (minute, hour, day, month, weekday), of six with
// the second in front, or a name such as @daily. A field is a list of
//
//	5  *  5-20  22-2       one value, any, a range, a range across the end
//	*/15  5/10  5-40/10    every 15th, every 10th from 5 on, every 10th of a range
//	JAN-DEC  SUN-SAT       in month and weekday, in any case; Sunday is 0 and 7
//	?  L  L-3  15W  LW     in day: any, the last, the third before the last, the one from Monday
//	                       to Friday that is nearest to the 15th in its month, the last of those
//	?  FRI#3  FRIL         in weekday: any, the third Friday, the last Friday
//
// It refuses what would never tick, such as 30 February. Each error is an *Error.
func Parse(expr string) (*Expr, error) {
	if err := whole(expr); err != nil {
		return nil, err
	}
	// No other space separates: one that looks like it and is not would join what it parts.
	texts := strings.FieldsFunc(expr, func(r rune) bool { return r == ' ' || r == '\t' })
	e := &Expr{text: strings.Join(texts, " ")}
	if len(texts) == 1 && texts[0][0] == '@' {
		fields, ok := named[strings.ToLower(texts[0])]
		if !ok {
			return nil, refuse(expr, "there is no such name", wantNames)
		}
		texts = strings.Fields(fields)
	}
	switch len(texts) {
	case 5:
		texts = append([]string{"0"}, texts...)
	case 6:
	default:
		return nil, refuse(expr, fmt.Sprintf("the number of its fields is %d", len(texts)), wantFields)
	}
	if err := e.read(texts); err != nil {
		return nil, err
	}
	return e, nil
}

// String returns the expression as it was written, with one space between its fields.
func (e *Expr) String() string { return e.text }

// whole refuses what can be seen before there are fields.
func whole(expr string) error {
	upper := strings.ToUpper(strings.TrimLeft(expr[:min(len(expr), maxLength)], " \t"))
	switch {
	case len(expr) > maxLength:
		return refuse(strings.ToValidUTF8(expr[:40], "")+"…", fmt.Sprintf("its length is %d bytes", len(expr)), fmt.Sprintf("%d at most", maxLength))
	case strings.Trim(expr, " \t") == "":
		return refuse(expr, "the number of its fields is 0", wantFields)
	case strings.ContainsFunc(expr, func(r rune) bool { return unicode.IsControl(r) && r != '\t' }):
		return refuse(expr, "there is a control character in it", "one line of text")
	case strings.HasPrefix(upper, "TZ=") || strings.HasPrefix(upper, "CRON_TZ="):
		return refuse(expr, "a time zone has a field of its own", "it in Schedule.Zone, and here the fields alone")
	case strings.HasPrefix(upper, "@EVERY"):
		return refuse(expr, "an interval has a field of its own", "it in Schedule.Every, and no expression")
	}
	return nil
}

// read reads the six fields, and what follows from them together.
func (e *Expr) read(texts []string) (err error) {
	for i, into := range []*set{&e.second, &e.minute, &e.hour, nil, &e.month} {
		if into == nil {
			continue
		}
		if *into, err = fields[i].list(texts[i], fields[i].values); err != nil {
			return err
		}
	}
	if err := e.days.read(texts[day], texts[weekday]); err != nil {
		return err
	}
	e.elapsed = strings.ContainsAny(texts[second]+texts[minute]+texts[hour], "*/")
	if e.days.everIn(e.month) {
		return nil
	}
	onAnyWeekday := e.days
	onAnyWeekday.weekday = everyWeekday
	if !onAnyWeekday.everIn(e.month) {
		return &Error{"day", texts[day], fmt.Sprintf("there is no such day in month %q", texts[month]), "a day that comes"}
	}
	return &Error{"weekday", texts[weekday], fmt.Sprintf("it is never on day %q", texts[day]), "a weekday that meets the day, as one of them begins with *"}
}

func refuse(expr, wrong, want string) error { return &Error{"expression", expr, wrong, want} }
