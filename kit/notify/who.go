package notify

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/offloadhq/offload/kit/push"
)

// Who is what a program knows of a person.
type Who struct {
	Mail  string        // "ada@example.com" or "Ada <ada@example.com>"; "" has none
	Phone string        // "+436641234567"; "" has none
	Push  []push.Target // the devices

	// Prefs are the channels that the person wants, by kind, by the beginning of kinds, "order.*", or for all, "*". The closest counts; a kind that none of them
	// means goes as the kind says. None is a wish too.
	Prefs map[string][]Channel

	// Zone is where the person lives, as in "Europe/Vienna"; UTC if empty. A program for machines without time zones imports time/tzdata.
	Zone  string
	Quiet Quiet // by the clock there

	Extra any // for Content, such as the language
}

// Quiet are the hours in which a person is left alone: {"22:00", "07:00"}. The zero Quiet, and one that begins when it ends, are none.
type Quiet struct{ From, To string }

// wants returns the channels by which a kind of notices goes to the person.
func (w *Who) wants(k *Kind) []Channel {
	chosen := k.Channels
	for filter := k.Name; ; {
		if given, is := w.Prefs[filter]; is {
			chosen = given
			break
		}
		if filter == "*" {
			break
		}
		beginning := strings.TrimSuffix(filter, ".*")
		if dot := strings.LastIndexByte(beginning, '.'); dot >= 0 {
			filter = beginning[:dot] + ".*"
		} else {
			filter = "*"
		}
	}
	var all []Channel
	for _, c := range allChannels {
		if slices.Contains(chosen, c) || slices.Contains(k.Required, c) {
			all = append(all, c)
		}
	}
	return all
}

// zone is where the person lives.
func (w *Who) zone() (*time.Location, error) {
	if w.Zone == "" {
		return time.UTC, nil
	}
	zone, err := time.LoadLocation(w.Zone)
	if err != nil {
		if _, none := time.LoadLocation("Europe/London"); none != nil {
			return nil, fmt.Errorf("this machine has no time zones; import time/tzdata in the program: %w", err)
		}
	}
	if err != nil || w.Zone == "Local" {
		return nil, refuse("Who.Zone", w.Zone, `the name of a time zone, such as "Europe/Vienna"`)
	}
	return zone, nil
}

// A clock is a time of day.
type clock struct{ hour, minute int }

func (c clock) minutes() int { return c.hour*60 + c.minute }

func readClock(field, s string) (clock, error) {
	var c clock
	t, err := time.Parse("15:04", s)
	if err != nil {
		return c, refuse(field, s, `a time of day, such as "22:00"`)
	}
	return clock{t.Hour(), t.Minute()}, nil
}

// quietUntil is when the quiet hours end that t is in; zero if it is in none.
func (w *Who) quietUntil(t time.Time) (time.Time, error) {
	if w.Quiet == (Quiet{}) {
		return time.Time{}, nil
	}
	zone, err := w.zone()
	if err != nil {
		return time.Time{}, err
	}
	from, err := readClock("Who.Quiet.From", w.Quiet.From)
	if err != nil {
		return time.Time{}, err
	}
	to, err := readClock("Who.Quiet.To", w.Quiet.To)
	if err != nil {
		return time.Time{}, err
	}
	quiet := func(t time.Time) bool {
		now := clock{t.Hour(), t.Minute()}.minutes()
		if from.minutes() > to.minutes() {
			return now >= from.minutes() || now < to.minutes()
		}
		return now >= from.minutes() && now < to.minutes()
	}
	if t = t.In(zone); !quiet(t) {
		return time.Time{}, nil
	}
	for days := range 4 { // on some days in some zones there was no such time
		for _, end := range instants(t, days, to, zone) {
			if end.After(t) && !quiet(end) {
				return end, nil
			}
		}
	}
	return time.Time{}, fmt.Errorf("there is no %s in %s after %v", w.Quiet.To, zone, t)
}

// instants are when it is a time of day, days after t, the earliest first: two where clocks are put back over it, and where they are put forward over it, the moment in
// which they are.
func instants(t time.Time, days int, at clock, zone *time.Location) (all []time.Time) {
	wall := time.Date(t.Year(), t.Month(), t.Day()+days, at.hour, at.minute, 0, 0, time.UTC)
	var offsets []int // of the zone, before and after
	for _, near := range []time.Time{wall.Add(-26 * time.Hour), wall.Add(26 * time.Hour)} {
		_, offset := near.In(zone).Zone()
		offsets = append(offsets, offset)
	}
	for _, offset := range offsets {
		found := wall.Add(-time.Duration(offset) * time.Second).In(zone)
		if found.Day() == wall.Day() && found.Hour() == at.hour && found.Minute() == at.minute && !slices.ContainsFunc(all, found.Equal) {
			all = append(all, found)
		}
	}
	if len(all) == 0 {
		change, _ := wall.Add(-time.Duration(offsets[0]) * time.Second).In(zone).ZoneBounds()
		all = append(all, change)
	}
	slices.SortFunc(all, time.Time.Compare)
	return all
}
