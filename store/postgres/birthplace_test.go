package postgres

import "testing"

func TestBirthplace(t *testing.T) {
	made := birthplace{System: "7312", Database: 5, Table: 16390, Row: "754", Server: 150004}
	with := func(change func(*birthplace)) birthplace {
		now := made
		change(&now)
		return now
	}
	for _, test := range []struct {
		name string
		now  birthplace
		want bool
	}{
		{"the same database", made, true},
		{"its row was written again, by pg_repack", with(func(b *birthplace) { b.Row = "99" }), true},
		{"another database of the server, made from it as a template", with(func(b *birthplace) { b.Database = 6 }), false},
		{"tables that were restored beside it, or in their place", with(func(b *birthplace) { b.Table, b.Row = 17000, "99" }), false},
		{"a dump, restored on a server just like it", with(func(b *birthplace) { b.System, b.Row = "7313", "755" }), false},
		{"a dump, where chance gave the row the same number", with(func(b *birthplace) { b.System = "7313" }), false},
		{"an upgrade by pg_upgrade", with(func(b *birthplace) { b.System, b.Server = "7313", 170002 }), true},
		{"a dump, restored on a newer server", with(func(b *birthplace) { b.System, b.Server, b.Row = "7313", 170002, "755" }), false},
		{"the same database, by a role that may not read the system's identifier", with(func(b *birthplace) { b.System = "" }), true},
		{"a dump, by such a role", with(func(b *birthplace) { b.System, b.Row = "", "755" }), false},
	} {
		if got := made.is(&test.now); got != test.want {
			t.Errorf("%s: at home is %t, want %t", test.name, got, test.want)
		}
	}
}
