package cron

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

const newYork = "America/New_York"

func TestNext(t *testing.T) {
	for _, test := range []struct {
		what, zone, expr string
		after            string
		want             string // the ticks that follow, by RFC 3339, first those of the same zone
	}{
		// Gaps.
		{
			"a fixed time in a gap runs at its end", newYork, "30 2 * * *",
			"2026-03-07T12:00:00-05:00", "2026-03-08T03:00:00-04:00 2026-03-09T02:30:00-04:00",
		},
		{
			"all fixed times of a gap share one run", newYork, "0,20,40 2 * * *",
			"2026-03-07T12:00:00-05:00", "2026-03-08T03:00:00-04:00 2026-03-09T02:00:00-04:00",
		},
		{
			"a fixed time at the end of a gap shares it too", newYork, "0 2,3 * * *",
			"2026-03-08T00:00:00-05:00", "2026-03-08T03:00:00-04:00 2026-03-09T02:00:00-04:00",
		},
		{
			"elapsed time goes over a gap", newYork, "*/15 * * * *",
			"2026-03-08T01:44:00-05:00", "2026-03-08T01:45:00-05:00 2026-03-08T03:00:00-04:00",
		},
		{
			"a step in the hour finds nothing in a gap", newYork, "30 2/12 * * *",
			"2026-03-07T12:00:00-05:00", "2026-03-07T14:30:00-05:00 2026-03-08T14:30:00-04:00",
		},
		{
			"a step in the minute finds nothing in a gap", newYork, "1-30/7 2 * * *",
			"2026-03-08T00:00:00-05:00", "2026-03-09T02:01:00-04:00",
		},
		{
			"a wildcard in the second finds nothing in a gap", newYork, "* 30 2 * * *",
			"2026-03-08T00:00:00-05:00", "2026-03-09T02:30:00-04:00 2026-03-09T02:30:01-04:00",
		},
		{
			"a gap at midnight", "America/Sao_Paulo", "0 0 * * *",
			"2018-11-03T12:00:00-03:00", "2018-11-04T01:00:00-02:00 2018-11-05T00:00:00-02:00",
		},
		{
			"a gap at midnight, the change of this year", "Asia/Beirut", "0 0 * * *",
			"2026-03-28T12:00:00+02:00", "2026-03-29T01:00:00+03:00 2026-03-30T00:00:00+03:00",
		},
		{
			"a gap at midnight after the end of a month", "America/Sao_Paulo", "0 0 4 11 *",
			"2018-01-01T00:00:00-02:00", "2018-11-04T01:00:00-02:00 2019-11-04T00:00:00-03:00",
		},
		{
			"a gap of half an hour", "Australia/Lord_Howe", "15 2 * * *",
			"2026-10-03T12:00:00+10:30", "2026-10-04T02:30:00+11:00 2026-10-05T02:15:00+11:00",
		},
		{
			"a gap of two hours", "Antarctica/Troll", "30 1,2 * * *",
			"2026-03-28T12:00:00+00:00", "2026-03-29T03:00:00+02:00 2026-03-30T01:30:00+02:00",
		},
		{
			"a gap of 44 minutes and a half", "Africa/Monrovia", "30 0 * * *",
			"1972-01-06T12:00:00-00:44", "1972-01-07T00:44:30Z 1972-01-08T00:30:00Z",
		},
		{
			"a day that is skipped runs as the next begins", "Pacific/Apia", "0 9 * * *",
			"2011-12-29T08:00:00-10:00", "2011-12-29T09:00:00-10:00 2011-12-31T00:00:00+14:00 2011-12-31T09:00:00+14:00",
		},
		{
			"what is asked for on a day that is skipped only", "Pacific/Apia", "0,30 8-17 30 12 *",
			"2011-01-01T00:00:00-10:00", "2011-12-31T00:00:00+14:00 2012-12-30T08:00:00+14:00",
		},
		{
			"elapsed time goes over a day that is skipped", "Pacific/Apia", "0 */12 * * *",
			"2011-12-29T12:00:00-10:00", "2011-12-31T00:00:00+14:00 2011-12-31T12:00:00+14:00",
		},
		{
			"a day that is skipped, once more", "Pacific/Kwajalein", "0 9 * * SAT",
			"1993-08-19T00:00:00-12:00", "1993-08-22T00:00:00+12:00 1993-08-28T09:00:00+12:00",
		},

		// Repeated hours.
		{
			"a fixed time in a repeated hour runs in the first pass", newYork, "30 1 * * *",
			"2026-10-31T12:00:00-04:00", "2026-11-01T01:30:00-04:00 2026-11-02T01:30:00-05:00",
		},
		{
			"from within the second pass", newYork, "30 1 * * *",
			"2026-11-01T01:10:00-05:00", "2026-11-02T01:30:00-05:00",
		},
		{
			"elapsed time, hourly", newYork, "30 * * * *", "2026-11-01T00:00:00-04:00",
			"2026-11-01T00:30:00-04:00 2026-11-01T01:30:00-04:00 2026-11-01T01:30:00-05:00 2026-11-01T02:30:00-05:00",
		},
		{
			"elapsed time, every quarter", newYork, "*/15 * * * *", "2026-11-01T01:20:00-04:00",
			"2026-11-01T01:30:00-04:00 2026-11-01T01:45:00-04:00 2026-11-01T01:00:00-05:00 2026-11-01T01:15:00-05:00",
		},
		{
			"a day with a repeated hour is one day", newYork, "@daily", "2026-10-31T12:00:00-04:00",
			"2026-11-01T00:00:00-04:00 2026-11-02T00:00:00-05:00",
		},
		{
			"the hour before midnight repeated", "Asia/Beirut", "0 0 * * *", "2026-10-24T12:00:00+03:00",
			"2026-10-25T00:00:00+02:00 2026-10-26T00:00:00+02:00",
		},
		{
			"the last hour of a day repeated", "Asia/Beirut", "30 23 * * *", "2026-10-24T12:00:00+03:00",
			"2026-10-24T23:30:00+03:00 2026-10-25T23:30:00+02:00",
		},
		{
			"an hour from midnight on repeated", "America/Havana", "@daily", "2026-10-31T12:00:00-04:00",
			"2026-11-01T00:00:00-04:00 2026-11-02T00:00:00-05:00",
		},
		{
			"half an hour repeated", "Australia/Lord_Howe", "45 1 * * *", "2026-04-04T12:00:00+11:00",
			"2026-04-05T01:45:00+11:00 2026-04-06T01:45:00+10:30",
		},
		{
			"a date repeated", "Pacific/Kwajalein", "0 9 * * *", "1969-09-29T12:00:00+11:00",
			"1969-09-30T09:00:00+11:00 1969-10-01T09:00:00-12:00",
		},
		{
			"a date repeated, by elapsed time", "Pacific/Kwajalein", "0 9/24 * * *", "1969-09-29T12:00:00+11:00",
			"1969-09-30T09:00:00+11:00 1969-09-30T09:00:00-12:00 1969-10-01T09:00:00-12:00",
		},

		// Dates.
		{
			"31st", newYork, "0 0 31 * *", "2026-02-01T00:00:00-05:00",
			"2026-03-31T00:00:00-04:00 2026-05-31T00:00:00-04:00 2026-07-31T00:00:00-04:00",
		},
		{"29 February", newYork, "0 0 29 2 *", "2026-01-01T00:00:00-05:00", "2028-02-29T00:00:00-05:00 2032-02-29T00:00:00-05:00"},
		{"29 February around 2100", newYork, "0 0 29 2 *", "2096-03-01T00:00:00-05:00", "2104-02-29T00:00:00-05:00"},
		{"29 February on a Sunday around 2100", "UTC", "0 0 29 2 */7", "2060-02-29T00:00:00Z", "2088-02-29T00:00:00Z 2128-02-29T00:00:00Z"},
		{
			"day or weekday", newYork, "0 0 13 * 5", "2026-02-01T00:00:00-05:00",
			"2026-02-06T00:00:00-05:00 2026-02-13T00:00:00-05:00 2026-02-20T00:00:00-05:00 2026-02-27T00:00:00-05:00 2026-03-06T00:00:00-05:00 2026-03-13T00:00:00-04:00",
		},
		{
			"day and weekday, where one begins with *", newYork, "0 0 */2 * 1", "2026-02-01T00:00:00-05:00",
			"2026-02-09T00:00:00-05:00 2026-02-23T00:00:00-05:00 2026-03-09T00:00:00-04:00",
		},
		{
			"day and weekday, where the other does", newYork, "0 0 13 * */5", "2026-02-01T00:00:00-05:00",
			"2026-02-13T00:00:00-05:00 2026-03-13T00:00:00-04:00 2026-09-13T00:00:00-04:00",
		},
		{"? is *", newYork, "0 0 ? * 1", "2026-02-01T00:00:00-05:00", "2026-02-02T00:00:00-05:00 2026-02-09T00:00:00-05:00"},
		{"7 is Sunday", newYork, "0 0 * * 7", "2026-02-02T00:00:00-05:00", "2026-02-08T00:00:00-05:00 2026-02-15T00:00:00-05:00"},
		{"0 is Sunday", newYork, "0 0 * * 0", "2026-02-02T00:00:00-05:00", "2026-02-08T00:00:00-05:00"},
		{"up to Sunday", newYork, "0 0 * * 6-7", "2026-02-02T00:00:00-05:00", "2026-02-07T00:00:00-05:00 2026-02-08T00:00:00-05:00 2026-02-14T00:00:00-05:00"},
		{
			"weekdays across the end of the week", newYork, "0 0 * * FRI-MON", "2026-02-05T00:00:00-05:00",
			"2026-02-06T00:00:00-05:00 2026-02-07T00:00:00-05:00 2026-02-08T00:00:00-05:00 2026-02-09T00:00:00-05:00 2026-02-13T00:00:00-05:00",
		},
		{
			"hours across midnight", "UTC", "0 22-2/2 * * *", "2026-02-05T03:00:00Z",
			"2026-02-05T22:00:00Z 2026-02-06T00:00:00Z 2026-02-06T02:00:00Z 2026-02-06T22:00:00Z",
		},
		{"months across the end of the year", "UTC", "0 0 1 nov-Feb *", "2026-02-05T03:00:00Z", "2026-11-01T00:00:00Z 2026-12-01T00:00:00Z 2027-01-01T00:00:00Z 2027-02-01T00:00:00Z 2027-11-01T00:00:00Z"},
		{"a step from a value on", "UTC", "5/20 * * * *", "2026-02-05T03:00:00Z", "2026-02-05T03:05:00Z 2026-02-05T03:25:00Z 2026-02-05T03:45:00Z 2026-02-05T04:05:00Z"},
		{"the last day", "UTC", "0 0 L * *", "2028-01-31T00:00:00Z", "2028-02-29T00:00:00Z 2028-03-31T00:00:00Z 2028-04-30T00:00:00Z"},
		{"three days before the last", "UTC", "0 0 L-3 * *", "2026-01-31T00:00:00Z", "2026-02-25T00:00:00Z 2026-03-28T00:00:00Z"},
		{"the weekday nearest to the 15th", "UTC", "0 0 15W * *", "2026-02-01T00:00:00Z", "2026-02-16T00:00:00Z 2026-03-16T00:00:00Z 2026-04-15T00:00:00Z 2026-05-15T00:00:00Z 2026-06-15T00:00:00Z 2026-07-15T00:00:00Z 2026-08-14T00:00:00Z"},
		{"the weekday nearest to the 1st stays in its month", "UTC", "0 0 1W * *", "2026-07-31T00:00:00Z", "2026-08-03T00:00:00Z 2026-09-01T00:00:00Z"},
		{"the weekday nearest to the 31st stays in its month", "UTC", "0 0 31W * *", "2026-05-01T00:00:00Z", "2026-05-29T00:00:00Z 2026-07-31T00:00:00Z"},
		{"the last weekday", "UTC", "0 0 LW * *", "2026-01-01T00:00:00Z", "2026-01-30T00:00:00Z 2026-02-27T00:00:00Z 2026-03-31T00:00:00Z"},
		{"the third Friday", "UTC", "0 0 * * 5#3", "2026-01-01T00:00:00Z", "2026-01-16T00:00:00Z 2026-02-20T00:00:00Z"},
		{"the fifth Friday", "UTC", "0 0 * * FRI#5", "2026-01-01T00:00:00Z", "2026-01-30T00:00:00Z 2026-05-29T00:00:00Z"},
		{"the last Friday", "UTC", "0 0 * * 5L", "2026-01-01T00:00:00Z", "2026-01-30T00:00:00Z 2026-02-27T00:00:00Z"},
		{"the last Friday, by name", "UTC", "0 0 * * friL", "2026-01-01T00:00:00Z", "2026-01-30T00:00:00Z 2026-02-27T00:00:00Z"},
		{"the first or the last Sunday", "UTC", "0 0 * * 7#1,7L", "2026-01-05T00:00:00Z", "2026-01-25T00:00:00Z 2026-02-01T00:00:00Z 2026-02-22T00:00:00Z"},
		{"day or weekday of other kinds", "UTC", "0 0 L * MON#1", "2026-01-05T00:00:00Z", "2026-01-31T00:00:00Z 2026-02-02T00:00:00Z 2026-02-28T00:00:00Z"},

		// The rest.
		{"seconds in front", "UTC", "*/20 59 23 31 12 *", "2026-01-01T00:00:00Z", "2026-12-31T23:59:00Z 2026-12-31T23:59:20Z 2026-12-31T23:59:40Z 2027-12-31T23:59:00Z"},
		{"strictly after", "UTC", "0 0 * * *", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"},
		{"a fraction of a second before", "UTC", "0 0 * * *", "2025-12-31T23:59:59.999999999Z", "2026-01-01T00:00:00Z"},
		{"a fraction of a second after", "UTC", "* * * * * *", "2026-01-01T00:00:00.000000001Z", "2026-01-01T00:00:01Z"},
		{"before 1970", "UTC", "0 0 29 2 *", "1899-01-01T00:00:00.5Z", "1904-02-29T00:00:00Z"},
		{"from the zero time", "UTC", "0 0 * * *", "0001-01-01T00:00:00Z", "0001-01-02T00:00:00Z"},
		{"@yearly", "UTC", "@yearly", "2026-05-06T07:08:09Z", "2027-01-01T00:00:00Z"},
		{"@annually", "UTC", "@annually", "2026-05-06T07:08:09Z", "2027-01-01T00:00:00Z"},
		{"@monthly", "UTC", "@monthly", "2026-05-06T07:08:09Z", "2026-06-01T00:00:00Z"},
		{"@weekly", "UTC", "@Weekly", "2026-05-06T07:08:09Z", "2026-05-10T00:00:00Z"},
		{"@midnight", "UTC", "@midnight", "2026-05-06T07:08:09Z", "2026-05-07T00:00:00Z"},
		{"@hourly", newYork, "@hourly", "2026-11-01T00:30:00-04:00", "2026-11-01T01:00:00-04:00 2026-11-01T01:00:00-05:00"},
	} {
		at, err := time.Parse(time.RFC3339, test.after)
		if err != nil {
			t.Fatal(err)
		}
		zone, e := zoneOf(t, test.zone), parse(t, test.expr)
		var got []string
		want := strings.Fields(test.want)
		for range want {
			next, ok := e.Next(at, zone)
			if !ok {
				break
			}
			got, at = append(got, next.Format(time.RFC3339)), next
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q in %s after %s ticks\n  at %v,\nwant %v", test.what, test.expr, test.zone, test.after, got, want)
		}
	}
}

func TestNextIsNeverWhatTheZoneSkips(t *testing.T) {
	e := parse(t, "*/30 2 8-14 3 */7") // the second Sunday of March
	zone := zoneOf(t, newYork)
	if got, ok := e.Next(time.Date(2026, 1, 1, 0, 0, 0, 0, zone), zone); ok {
		t.Errorf("Next = %s, want none: the hour is always skipped", got)
	}
	if got, ok := e.Next(time.Date(2006, 1, 1, 0, 0, 0, 0, zone), zone); !ok || got.Year() != 2006 {
		t.Errorf("Next = %s, %t; want one in 2006, when clocks went forward in April", got, ok)
	}
}

func TestNextEndsWithTheYear9999(t *testing.T) {
	for _, expr := range []string{"0 0 * * *", "*/5 * * * *"} {
		e := parse(t, expr)
		for _, second := range []int{0, 2*60 + 59} {
			last := time.Date(9999, 12, 31, 23, 57, second, 0, time.UTC)
			if got, ok := e.Next(last, time.UTC); ok {
				t.Errorf("%q: Next(%s) = %s, want none", expr, last, got)
			}
		}
		for _, after := range []time.Time{
			time.Unix(-1<<62, 0), time.Unix(1<<62, 0),
			time.Date(0, 6, 1, 0, 0, 0, 0, time.UTC), time.Date(10000, 6, 1, 0, 0, 0, 0, time.UTC),
		} {
			if got, ok := e.Next(after, time.UTC); ok {
				t.Errorf("%q: Next in the year %d = %s, want none", expr, after.UTC().Year(), got)
			}
		}
	}
}

func TestNextAllocatesNothing(t *testing.T) {
	zone := zoneOf(t, newYork)
	for _, bench := range costly {
		e := parse(t, bench.expr)
		for _, after := range moments {
			if n := testing.AllocsPerRun(10, func() { e.Next(after, zone) }); n != 0 {
				t.Errorf("%q: %v allocations, want none", bench.expr, n)
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	long := "0 0 " + strings.Repeat("1,", 130) + "1 * *"
	for _, test := range []struct{ expr, want string }{
		{"", `expression "": the number of its fields is 0; want 5 (minute hour day month weekday), or 6 with the second in front`},
		{" \t ", `expression " \t ": the number of its fields is 0; want 5 (minute hour day month weekday), or 6 with the second in front`},
		{"0 3 * *", `expression "0 3 * *": the number of its fields is 4; want 5 (minute hour day month weekday), or 6 with the second in front`},
		{"0 0 3 * * * 2026", `expression "0 0 3 * * * 2026": the number of its fields is 7; want 5 (minute hour day month weekday), or 6 with the second in front`},
		{long, `expression "0 0 1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,…": its length is 269 bytes; want 256 at most`},
		{"0 3 * * *\n", `expression "0 3 * * *\n": there is a control character in it; want one line of text`},
		{"0 3 * * *\x00", `expression "0 3 * * *\x00": there is a control character in it; want one line of text`},
		{"@every 1h", `expression "@every 1h": an interval has a field of its own; want it in Schedule.Every, and no expression`},
		{"@every -1h", `expression "@every -1h": an interval has a field of its own; want it in Schedule.Every, and no expression`},
		{"@reboot", `expression "@reboot": there is no such name; want @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly, or five fields`},
		{"TZ=0", `expression "TZ=0": a time zone has a field of its own; want it in Schedule.Zone, and here the fields alone`},
		{"TZ=0 * * * * *", `expression "TZ=0 * * * * *": a time zone has a field of its own; want it in Schedule.Zone, and here the fields alone`},
		{" CRON_TZ=Europe/Berlin 0 3 * * *", `expression " CRON_TZ=Europe/Berlin 0 3 * * *": a time zone has a field of its own; want it in Schedule.Zone, and here the fields alone`},
		{"@daily 3", `expression "@daily 3": the number of its fields is 2; want 5 (minute hour day month weekday), or 6 with the second in front`},

		{"60 * * * *", `minute "60": minute 60 is out of range; want 0 to 59`},
		{"99 0 3 * * *", `second "99": second 99 is out of range; want 0 to 59`},
		{"0 24 * * *", `hour "24": hour 24 is out of range; want 0 to 23`},
		{"0 0 0 * *", `day "0": day 0 is out of range; want 1 to 31, L, L-3, 15W or LW`},
		{"0 0 32 * *", `day "32": day 32 is out of range; want 1 to 31, L, L-3, 15W or LW`},
		{"0 0 1 13 *", `month "13": month 13 is out of range; want 1 to 12 or JAN to DEC`},
		{"0 0 1 0 *", `month "0": month 0 is out of range; want 1 to 12 or JAN to DEC`},
		{"0 0 * * 8", `weekday "8": weekday 8 is out of range; want 0 to 7, SUN to SAT, FRI#3 or FRIL`},
		{"0 99999999999999999999 * * *", `hour "99999999999999999999": hour 99999999999999999999 is out of range; want 0 to 23`},
		{"0 noon * * *", `hour "noon": "NOON" is no hour; want 0 to 23`},
		{"0 0 1 JANUARY *", `month "JANUARY": "JANUARY" is no month; want 1 to 12 or JAN to DEC`},
		{"0 0 1 ANF *", `month "ANF": "ANF" is no month; want 1 to 12 or JAN to DEC`},
		{"0 0 * * MO", `weekday "MO": "MO" is no weekday; want 0 to 7, SUN to SAT, FRI#3 or FRIL`},
		{"+5 * * * *", `minute "+5": "+5" is no minute; want 0 to 59`},
		{"-5 * * * *", `minute "-5": a minute is missing; want 0 to 59`},
		{"5- * * * *", `minute "5-": a minute is missing; want 0 to 59`},
		{"1-2-3 * * * *", `minute "1-2-3": "2-3" is no minute; want 0 to 59`},
		{"5-60 * * * *", `minute "5-60": minute 60 is out of range; want 0 to 59`},
		{"*-5 * * * *", `minute "*-5": "*" is no minute; want 0 to 59`},
		{"** * * * *", `minute "**": "**" is no minute; want 0 to 59`},
		{"0\u00a03 * * * *", `minute "0\u00a03": "0\u00a03" is no minute; want 0 to 59`},
		{"1,,2 * * * *", `minute "1,,2": an item of the list is empty; want a value on either side of a comma`},
		{"0 , * * *", `hour ",": an item of the list is empty; want a value on either side of a comma`},
		{"0 0 1, * *", `day "1,": an item of the list is empty; want a value on either side of a comma`},

		{"*/90 * * * *", `minute "*/90": step 90 is out of range; want a step of 1 to 60`},
		{"*/0 * * * *", `minute "*/0": step 0 is out of range; want a step of 1 to 60`},
		{"0 */25 * * *", `hour "*/25": step 25 is out of range; want a step of 1 to 24`},
		{"0 0 */32 * *", `day "*/32": step 32 is out of range; want a step of 1 to 31`},
		{"0 0 * * */8", `weekday "*/8": step 8 is out of range; want a step of 1 to 7`},
		{"*/ * * * *", `minute "*/": a step is missing; want a step of 1 to 60`},
		{"*/x * * * *", `minute "*/x": "X" is no step; want a step of 1 to 60`},
		{"*/5/5 * * * *", `minute "*/5/5": "5/5" is no step; want a step of 1 to 60`},
		{"/5 * * * *", `minute "/5": a minute is missing; want 0 to 59`},

		{"? * * * *", `minute "?": ? is for day and weekday only; want *`},
		{"0 0 1 ? *", `month "?": ? is for day and weekday only; want *`},
		{"0 0 L-31 * *", `day "L-31": distance 31 is out of range; want a distance of 1 to 30`},
		{"0 0 L-0 * *", `day "L-0": distance 0 is out of range; want a distance of 1 to 30`},
		{"0 0 L- * *", `day "L-": a distance is missing; want a distance of 1 to 30`},
		{"0 0 32W * *", `day "32W": day 32 is out of range; want a day of 1 to 31`},
		{"0 0 W * *", `day "W": a day is missing; want a day of 1 to 31`},
		{"0 0 1-5W * *", `day "1-5W": "1-5" is no day; want a day of 1 to 31`},
		{"0 L * * *", `hour "L": "L" is no hour; want 0 to 23`},
		{"0 0 * * L", `weekday "L": a weekday is missing; want 0 to 7, SUN to SAT, FRI#3 or FRIL`},
		{"0 0 * * 8L", `weekday "8L": weekday 8 is out of range; want 0 to 7, SUN to SAT, FRI#3 or FRIL`},
		{"0 0 * * MON#6", `weekday "MON#6": place 6 is out of range; want a place of 1 to 5`},
		{"0 0 * * MON#0", `weekday "MON#0": place 0 is out of range; want a place of 1 to 5`},
		{"0 0 * * #1", `weekday "#1": a weekday is missing; want 0 to 7, SUN to SAT, FRI#3 or FRIL`},
		{"0 0 * * MONL#1", `weekday "MONL#1": # and L exclude each other; want FRI#3 or FRIL`},
		{"0 0 * * MON-FRI#1", `weekday "MON-FRI#1": "MON-FRI" is no weekday; want 0 to 7, SUN to SAT, FRI#3 or FRIL`},

		{"0 0 30 2 *", `day "30": there is no such day in month "2"; want a day that comes`},
		{"0 0 30,31 FEB ?", `day "30,31": there is no such day in month "FEB"; want a day that comes`},
		{"0 0 31 4,6,9,11 *", `day "31": there is no such day in month "4,6,9,11"; want a day that comes`},
		{"0 0 L-29 2 *", `day "L-29": there is no such day in month "2"; want a day that comes`},
		{"0 0 30W 2 *", `day "30W": there is no such day in month "2"; want a day that comes`},
		{"0 0 */31 * MON#2", `weekday "MON#2": it is never on day "*/31"; want a weekday that meets the day, as one of them begins with *`},
	} {
		e, err := Parse(test.expr)
		var refused *Error
		if !errors.As(err, &refused) || e != nil {
			t.Errorf("Parse(%q) = %v, %v; want an *Error", test.expr, e, err)
		} else if err.Error() != test.want {
			t.Errorf("Parse(%q)\n says %s\n want %s", test.expr, err, test.want)
		}
	}
}

func TestString(t *testing.T) {
	for expr, want := range map[string]string{
		"  0\t3 *   * mon-Fri ": "0 3 * * mon-Fri",
		"*/5 0 3 * * *":         "*/5 0 3 * * *",
		"@Daily ":               "@Daily",
	} {
		if got := parse(t, expr).String(); got != want {
			t.Errorf("Parse(%q).String() = %q, want %q", expr, got, want)
		}
	}
}
