package cron

import (
	"encoding/binary"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
	_ "time/tzdata" // so that the tests need none of the machine's
)

func zoneOf(t testing.TB, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func parse(t testing.TB, expr string) *Expr {
	t.Helper()
	e, err := Parse(expr)
	if err != nil {
		t.Fatalf("Parse(%q) = %v", expr, err)
	}
	return e
}

// A change is a moment at which a zone changes its offset.
type change struct {
	zone          *time.Location
	at            int64
	before, after int
}

// changesOf returns the changes of a zone in some years.
func changesOf(zone *time.Location, from, to int) (changes []change) {
	t := time.Date(from, 1, 1, 0, 0, 0, 0, zone)
	for t.Year() < to {
		_, end := t.ZoneBounds()
		if end.IsZero() {
			break
		}
		if !end.After(t) {
			end = t.Add(24 * time.Hour) // 31 December of a leap year
		}
		_, before := t.Zone()
		_, after := end.Zone()
		if before != after {
			changes = append(changes, change{zone, end.Unix(), before, after})
		}
		t = end
	}
	return changes
}

// kinds returns one change of each kind that any zone has in some years: the offsets before
// and after, and the time of day.
func kinds(t testing.TB, from, to int) (changes []change) {
	t.Helper()
	type kind struct{ before, after, clock int }
	seen := map[kind]bool{}
	for _, zone := range everyZone(t) {
		for _, c := range changesOf(zone, from, to) {
			k := kind{c.before, c.after, int(c.at+int64(c.before)) % secondsPerDay}
			if !seen[k] {
				seen[k] = true
				changes = append(changes, c)
			}
		}
	}
	return changes
}

var loadZones = sync.OnceValues(func() (zones []*time.Location, err error) {
	names, err := os.ReadFile("testdata/zones.txt")
	if err != nil {
		return nil, err
	}
	for _, name := range strings.Fields(string(names)) {
		zone, err := time.LoadLocation(name)
		if err != nil {
			return nil, err
		}
		zones = append(zones, zone)
	}
	return zones, nil
})

// everyZone returns the zones that time/tzdata has, each under one of its names.
func everyZone(t testing.TB) []*time.Location {
	t.Helper()
	zones, err := loadZones()
	if err != nil {
		t.Fatal(err)
	}
	return zones
}

// zoneThat makes a zone that begins with UTC and has some changes, in the format of RFC 9636.
func zoneThat(t testing.TB, changes []change) *time.Location {
	t.Helper()
	n := len(changes)
	data := append([]byte("TZif"), make([]byte, 16)...)
	for _, count := range []int{0, 0, 0, n, n + 1, 1} { // of changes, of offsets, of letters in names
		data = binary.BigEndian.AppendUint32(data, uint32(count))
	}
	for _, c := range changes {
		data = binary.BigEndian.AppendUint32(data, uint32(c.at))
	}
	for i := range changes {
		data = append(data, byte(i+1))
	}
	for _, c := range append([]change{{}}, changes...) {
		data = binary.BigEndian.AppendUint32(data, uint32(c.after))
		data = append(data, 0, 0)
	}
	zone, err := time.LoadLocationFromTZData("odd", append(data, 0))
	if err != nil {
		t.Fatal(err)
	}
	return zone
}
