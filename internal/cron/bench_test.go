package cron

import (
	"fmt"
	"testing"
	"time"
)

// moments are where Next starts from: a summer's day of 2026, and years that package time
// knows by rule and not by table.
var moments = []time.Time{
	time.Date(2026, 7, 3, 12, 34, 56, 0, time.UTC),
	time.Date(2096, 3, 1, 0, 0, 0, 0, time.UTC),
}

var costly = []struct{ name, expr string }{
	{"minute", "* * * * *"},
	{"quarter", "*/15 * * * *"},
	{"workdays", "30 2 * * 1-5"},
	{"monthly", "0 0 1 * *"},
	{"seconds", "*/5 * * * * *"},
	{"29feb", "0 0 29 2 *"},
	{"29febElapsed", "*/5 3 29 2 *"},
	{"lastWorkday", "0 0 LW 2 *"},
	{"fifthFriday", "0 0 * * FRI#5"},
	{"29febSunday", "0 0 29 2 */7"},
	{"fifthFridayOfFebruary", "0 0 * 2 FRI#5"},
	{"29febSundayElapsed", "*/5 3 29 2 */7"},
	{"onlyInGaps", "*/30 2 8-14 3 */7"}, // each year's change in New York
}

func BenchmarkNext(b *testing.B) {
	zone := zoneOf(b, "America/New_York")
	for _, bench := range costly {
		e := parse(b, bench.expr)
		for _, after := range moments {
			b.Run(fmt.Sprintf("%s/%d", bench.name, after.Year()), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					e.Next(after, zone)
				}
			})
		}
	}
}

func BenchmarkParse(b *testing.B) {
	for b.Loop() {
		if _, err := Parse("*/15 9-17 * JAN-JUN MON-FRI"); err != nil {
			b.Fatal(err)
		}
	}
}
