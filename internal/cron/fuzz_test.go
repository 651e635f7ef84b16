package cron

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode"
)

func FuzzParse(f *testing.F) {
	zone := zoneOf(f, newYork)
	f.Add("30 2 * * *", int64(1772960000)) // testdata has more
	f.Fuzz(func(t *testing.T, text string, from int64) {
		e, err := Parse(text)
		if err != nil {
			var refused *Error
			if !errors.As(err, &refused) || refused.Field == "" || refused.Wrong == "" || refused.Want == "" {
				t.Fatalf("Parse(%q) = %#v, want an *Error with all fields", text, err)
			}
			if len(err.Error()) > 3000 || strings.ContainsFunc(err.Error(), unicode.IsControl) {
				t.Fatalf("Parse(%q) says %q, want a line of text", text, err)
			}
			return
		}
		again := parse(t, e.String())
		if again.String() != e.String() {
			t.Fatalf("%q reads back as %q", e, again)
		}
		if words := e.Words(); words == "" || strings.Contains(words, "  ") || strings.HasSuffix(words, " ") || strings.Contains(words, "%!") {
			t.Fatalf("%q in words is %q", e, words)
		}
		m := modelOf(e.String())
		after := time.Unix(from%(400*365*secondsPerDay), 0).In(zone)
		for range 3 {
			next, ok := e.Next(after, zone)
			if same, okToo := again.Next(after, zone); same != next || okToo != ok {
				t.Fatalf("%q: Next(%s) = %s, read back %s", e, after, next, same)
			}
			if !ok {
				return
			}
			if !next.After(after) {
				t.Fatalf("%q: Next(%s) = %s, want a later time", e, after, next)
			}
			if halfway, _ := e.Next(after.Add(next.Sub(after)/2), zone); halfway != next {
				t.Fatalf("%q: Next(%s) = %s, and from halfway there it is %s", e, after, next, halfway)
			}
			if strings.HasPrefix(e.String(), "@") {
				return // the model knows no names
			}
			_, before := next.Add(-time.Second).Zone()
			_, offset := next.Zone()
			gap := offset > before && !m.elapsed
			if !gap && !m.matches(faceOf(next.Unix()+int64(offset))) {
				t.Fatalf("%q: Next(%s) = %s, which does not match", e, after, next)
			}
			after = next
		}
	})
}
