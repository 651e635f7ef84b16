package store

import "testing"

func TestScheme(t *testing.T) {
	for address, want := range map[string]string{
		"offload.db":               "sqlite",
		"/var/lib/app/offload.db":  "sqlite",
		"./a:b.db":                 "sqlite",
		`C:\data\offload.db`:       "sqlite",
		"sqlite:offload.db":        "sqlite",
		"file:offload.db?mode=rw":  "sqlite",
		"postgres://localhost/x":   "postgres",
		"postgresql://localhost/x": "postgres",
		"POSTGRES://localhost/x":   "postgres",
		"mysql://localhost/x":      "mysql",
		"memory:":                  "memory",
	} {
		if got := Scheme(address); got != want {
			t.Errorf("Scheme(%q) = %q, want %q", address, got, want)
		}
	}
}
