package dashboard

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/offloadhq/offload"
)

// funcs are what templates may call.
var funcs = template.FuncMap{
	"url":    func(f *frame, path string, params ...string) string { return f.link(path, params...) },
	"asset":  func(f *frame, name string) string { return f.base + "/assets/" + name + "?v=" + assetSums[name] },
	"span":   span,
	"rate":   ratePerSecond,
	"waits":  func(why string) string { return cmp.Or(waits[why], why) },
	"number": func(n any) string { return number(reflect.ValueOf(n).Int()) },
	"count":  counted,
	"short":  short[int64],
	"pair":   func(f *frame, v any) pair { return pair{f, v} },
	"button": func(f *frame, a act) button { return button{f, a} },
	"short_id": func(id offload.ID) string {
		text := id.String()
		return "…" + text[len(text)-8:]
	},
	"percent":       percent,
	"bytes":         size,
	"schedule_path": schedulePath,
	"plural":        plural,
	"at":            func(f *frame, t time.Time) moment { return moment{f, t, false} },
	"exact":         func(f *frame, t time.Time) moment { return moment{f, t, true} },
}

// A pair is what a part of a page gets: the frame, and what it is about.
type pair struct {
	F *frame
	V any
}

// A button is an act on a page.
type button struct {
	F *frame
	act
}

// May reports whether who looks may press it.
func (b button) May() bool { return b.F.role.may(b.Role) && (!b.F.readOnly || b.Path == "/settings") }

// span is a duration as people say it, in at most two units: "0.4 s", "12 min", "3 h 5 min", "6 d".
func span(d time.Duration) string {
	switch {
	case d < 0:
		return "−" + span(-d)
	case d < time.Microsecond:
		return "0 s"
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d/time.Microsecond)
	case d < 10*time.Millisecond:
		return trimZero(fmt.Sprintf("%.1f", float64(d)/float64(time.Millisecond))) + " ms"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d/time.Millisecond)
	case d < 10*time.Second:
		return trimZero(fmt.Sprintf("%.1f", d.Seconds())) + " s"
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 10*time.Hour:
		if m := d % time.Hour / time.Minute; m > 0 {
			return fmt.Sprintf("%d h %d min", d/time.Hour, m)
		}
		return fmt.Sprintf("%d h", d/time.Hour)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%d d", d/(24*time.Hour))
}

// each is how often something comes round: "each minute", "each 10 s".
func each(d time.Duration) string {
	switch d {
	case time.Second:
		return "each second"
	case time.Minute:
		return "each minute"
	case time.Hour:
		return "each hour"
	case 24 * time.Hour:
		return "each day"
	}
	return "each " + span(d)
}

func trimZero(s string) string { return strings.TrimSuffix(s, ".0") }

// number is a number with its thousands apart.
func number[T int | int64](n T) string {
	text := strconv.FormatInt(int64(n), 10)
	sign := ""
	if text[0] == '-' {
		sign, text = "−", text[1:]
	}
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return sign + text
}

// waits says what a blocked job waits for, by offload.Job.Waits.
var waits = map[string]string{
	"after": "after others", "held": "an upstream failed", "limit": "for a limit", "alone": "to run alone", "need": "for a key", "paused": "the task is paused", "task": "nobody works the task",
}

// ratePerSecond is a rate in the unit in which it is a number that people can read.
func ratePerSecond(r float64) string {
	switch {
	case r >= 10:
		return number(int64(math.Round(r))) + "/s"
	case r >= 1:
		return strconv.FormatFloat(r, 'f', 1, 64) + "/s"
	case r*60 >= 1:
		return strconv.FormatFloat(r*60, 'f', 1, 64) + "/min"
	}
	return strconv.FormatFloat(r*3600, 'f', 1, 64) + "/h"
}

// countStop is where counts of listings stop, and mean "more".
const countStop = 1000

// counted is a count that may have stopped.
func counted(n int) string {
	if n > countStop {
		return "1,000+"
	}
	return number(n)
}

// short is a number in at most four figures: "9,500", "12.4 k", "3.1 M".
func short[T int | int64](n T) string {
	switch {
	case n < 10_000:
		return number(n)
	case n < 1_000_000:
		return trimZero(fmt.Sprintf("%.1f", float64(n/100)/10)) + " k"
	}
	return trimZero(fmt.Sprintf("%.1f", float64(n/100_000)/10)) + " M"
}

// size is a number of bytes in a unit that fits: "512 kB", "1.4 GB".
func size(n uint64) string {
	for _, unit := range []struct {
		size uint64
		name string
	}{{1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}} {
		if n >= unit.size {
			text := trimZero(fmt.Sprintf("%.1f", float64(n)/float64(unit.size)))
			if n >= 100*unit.size {
				text = number(int64(n / unit.size))
			}
			return text + " " + unit.name
		}
	}
	return fmt.Sprintf("%d B", n)
}

// plural is a count with its noun.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + many
}

func percent(part, whole int) int {
	if whole <= 0 {
		return 0
	}
	return min(100, max(0, part*100/whole))
}
