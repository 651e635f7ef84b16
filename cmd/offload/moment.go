package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// durationFlag is a duration that may also be given in days: "90m", "1h30m", "7d", "1d12h".
type durationFlag struct{ time.Duration }

var _ pflag.Value = (*durationFlag)(nil)

func (d *durationFlag) Type() string { return "duration" }

func (d *durationFlag) String() string {
	if d.Duration == 0 {
		return "" // no default to show
	}
	return lasting(d.Duration)
}

// Set reads what the user gave.
func (d *durationFlag) Set(text string) error {
	parsed, err := parseDuration(text)
	if err != nil {
		return err
	}
	d.Duration = parsed
	return nil
}

const durationWant = `want a duration such as 30s, 5m, 1h30m or 7d`

func parseDuration(text string) (time.Duration, error) {
	rest, sign := text, time.Duration(1)
	if strings.HasPrefix(rest, "-") {
		rest, sign = rest[1:], -1
	}
	number, hours, found := strings.Cut(rest, "d")
	var whole time.Duration
	if found {
		days, err := strconv.ParseUint(number, 10, 16)
		if err != nil {
			return 0, fmt.Errorf("%s", durationWant)
		}
		whole, rest = time.Duration(days)*24*time.Hour, hours
	}
	if rest == "" && found {
		return sign * whole, nil
	}
	part, err := time.ParseDuration(rest)
	if err != nil || part < 0 {
		return 0, fmt.Errorf("%s", durationWant)
	}
	return sign * (whole + part), nil
}

// timeFlag is a point in time, or how long ago it was.
type timeFlag struct {
	time.Time
	ago bool // a duration is taken as so long ago
}

var _ pflag.Value = (*timeFlag)(nil)

func (t *timeFlag) Type() string {
	if t.ago {
		return "time|duration"
	}
	return "time"
}

func (t *timeFlag) String() string { return when(t.Time) }

// Set reads what the user gave.
func (t *timeFlag) Set(text string) error {
	if t.ago {
		if d, err := parseDuration(text); err == nil && d >= 0 {
			t.Time = time.Now().Add(-d)
			return nil
		}
	}
	parsed, err := parseTime(text, time.Local)
	switch {
	case err == nil:
		t.Time = parsed
		return nil
	case t.ago:
		return fmt.Errorf("want how long ago (90m, 7d), or %s", timeWant)
	}
	return err
}

const timeWant = `a time such as 2026-05-01T14:30:00Z, "2026-05-01 14:30" or 2026-05-01`

// parseTime reads a time; in a zone, where it names none.
func parseTime(text string, zone *time.Location) (time.Time, error) {
	for _, layout := range []string{
		time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02 15:04", "2006-01-02T15:04", time.DateOnly,
	} {
		if parsed, err := time.ParseInLocation(layout, text, zone); err == nil {
			return parsed, nil
		}
	}
	return time.Time{}, fmt.Errorf("want %s", timeWant)
}
