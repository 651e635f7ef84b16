package notify

import (
	"slices"
	"testing"
	"time"
)

func TestQuietHoursEndByTheClockThere(t *testing.T) {
	night := Quiet{"22:00", "07:00"}
	for _, test := range []struct {
		name, zone string
		quiet      Quiet
		at, want   string // want "" is not quiet
	}{
		{"in the evening", "Europe/Vienna", night, "2026-01-10T22:00:00+01:00", "2026-01-11T07:00:00+01:00"},
		{"a minute before", "Europe/Vienna", night, "2026-01-10T21:59:59+01:00", ""},
		{"in the morning", "Europe/Vienna", night, "2026-01-10T06:59:59+01:00", "2026-01-10T07:00:00+01:00"},
		{"at its end", "Europe/Vienna", night, "2026-01-10T07:00:00+01:00", ""},
		{"no zone is UTC", "", night, "2026-01-10T23:00:00+01:00", "2026-01-11T07:00:00Z"},
		{"at noon", "", Quiet{"12:00", "13:30"}, "2026-01-10T12:10:00Z", "2026-01-10T13:30:00Z"},
		{"none", "", Quiet{}, "2026-01-10T12:10:00Z", ""},
		{"of no length", "", Quiet{"12:00", "12:00"}, "2026-01-10T12:00:00Z", ""},
		{"the night is shorter", "Europe/Vienna", night, "2026-03-28T23:00:00+01:00", "2026-03-29T07:00:00+02:00"},
		{"the night is longer", "Europe/Vienna", night, "2026-10-24T23:00:00+02:00", "2026-10-25T07:00:00+01:00"},
		{"it ends in the hour that is missing", "Europe/Vienna", Quiet{"22:00", "02:30"}, "2026-03-28T23:00:00+01:00", "2026-03-29T03:00:00+02:00"},
		{"it ends in the hour that comes twice", "Europe/Vienna", Quiet{"22:00", "02:30"}, "2026-10-24T23:00:00+02:00", "2026-10-25T02:30:00+02:00"},
		{"in the hour that comes twice, after the clock was put back", "Europe/Vienna", Quiet{"22:00", "02:30"}, "2026-10-25T02:10:00+01:00", "2026-10-25T02:30:00+01:00"},
		{"half an hour is put forward", "Australia/Lord_Howe", Quiet{"22:00", "02:15"}, "2026-10-03T23:00:00+10:30", "2026-10-04T02:30:00+11:00"},
		{"a day that was not", "Pacific/Apia", Quiet{"22:00", "07:00"}, "2011-12-29T23:00:00-10:00", "2011-12-31T07:00:00+14:00"},
		{"at midnight where there is none", "America/Sao_Paulo", Quiet{"20:00", "00:00"}, "2018-11-03T21:00:00-03:00", "2018-11-04T01:00:00-02:00"},
		{"a quarter of an hour", "Asia/Kathmandu", night, "2026-01-10T23:00:00+05:45", "2026-01-11T07:00:00+05:45"},
	} {
		at, err := time.Parse(time.RFC3339, test.at)
		if err != nil {
			t.Fatal(err)
		}
		var want time.Time
		if test.want != "" {
			if want, err = time.Parse(time.RFC3339, test.want); err != nil {
				t.Fatal(err)
			}
		}
		w := Who{Zone: test.zone, Quiet: test.quiet}
		if got, err := w.quietUntil(at.UTC()); err != nil || !got.Equal(want) {
			t.Errorf("%s: %v, %v; want %v", test.name, got, err, want)
		}
	}
	for _, w := range []Who{{Zone: "Vienna", Quiet: night}, {Zone: "Local", Quiet: night}, {Quiet: Quiet{"22", "07:00"}}, {Quiet: Quiet{"22:00", ""}}, {Quiet: Quiet{"25:00", "07:00"}}} {
		if _, err := w.quietUntil(time.Now()); err == nil {
			t.Errorf("%+v is taken", w)
		}
	}
}

// TestQuietHoursAlwaysEnd holds all half hours of a year against the definition: it is not quiet when they have ended, and it was until then.
func TestQuietHoursAlwaysEnd(t *testing.T) {
	for _, zone := range []string{"Europe/Vienna", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"} {
		w := Who{Zone: zone, Quiet: Quiet{"21:15", "02:30"}}
		begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		for at := begin; at.Before(begin.AddDate(1, 0, 0)); at = at.Add(30 * time.Minute) {
			end, err := w.quietUntil(at)
			if err != nil {
				t.Fatal(zone, at, err)
			}
			if end.IsZero() {
				continue
			}
			if again, _ := w.quietUntil(end); !again.IsZero() {
				t.Errorf("%s: at %v it ends at %v, when it is quiet until %v", zone, at, end, again)
			}
			if last, _ := w.quietUntil(end.Add(-time.Minute)); !last.Equal(end) {
				t.Errorf("%s: at %v it ends at %v, and a minute before at %v", zone, at, end, last)
			}
		}
	}
}

func TestTheClosestWishCounts(t *testing.T) {
	kind := &Kind{Name: "order.item.shipped", Channels: []Channel{Mail}}
	for name, test := range map[string]struct {
		prefs    map[string][]Channel
		required []Channel
		want     []Channel
	}{
		"none":            {nil, nil, []Channel{Mail}},
		"all":             {map[string][]Channel{"*": {SMS}}, nil, []Channel{SMS}},
		"a beginning":     {map[string][]Channel{"*": {SMS}, "order.*": {Push, InApp}}, nil, []Channel{InApp, Push}},
		"a longer one":    {map[string][]Channel{"order.*": {Push}, "order.item.*": {SMS}}, nil, []Channel{SMS}},
		"the kind":        {map[string][]Channel{"order.item.*": {SMS}, "order.item.shipped": {}}, nil, nil},
		"what is no one":  {map[string][]Channel{"order.item.shipped": {"pigeon", Mail, Mail}}, nil, []Channel{Mail}},
		"another kind":    {map[string][]Channel{"order.item": {SMS}, "orders.*": {SMS}}, nil, []Channel{Mail}},
		"what must be":    {map[string][]Channel{"*": {}}, []Channel{InApp}, []Channel{InApp}},
		"what must be, 2": {map[string][]Channel{"*": {SMS}}, []Channel{Mail}, []Channel{Mail, SMS}},
	} {
		kind.Required = test.required
		w := Who{Prefs: test.prefs}
		if got := w.wants(kind); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}
