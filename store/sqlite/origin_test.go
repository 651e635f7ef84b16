package sqlite

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/offloadhq/offload/store"
)

func isAway(t *testing.T, path string) bool {
	t.Helper()
	s, err := Open(t.Context(), path)
	must(t, err)
	must(t, s.Migrate(t.Context(), store.Newest))
	o, err := s.Origin(t.Context())
	must(t, err)
	must(t, s.Close())
	return o.Away
}

// TestWhatIsACopy does what people and their tools do with the file of a database.
func TestWhatIsACopy(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "offload.db")
	for range 2 {
		if isAway(t, path) {
			t.Fatal("a new database is away, or becomes so by being opened again")
		}
	}
	if birthOf(path).At == 0 {
		t.Skip("the file system does not say when a file was made")
	}
	moved := filepath.Join(dir, "deeper", "moved.db")
	must(t, os.Mkdir(filepath.Dir(moved), 0o700))
	must(t, os.Rename(path, moved))
	if isAway(t, moved) {
		t.Error("a file that was moved is taken for a copy")
	}
	must(t, os.Rename(moved, path))
	backup := filepath.Join(dir, "backup.db")
	s := openFile(t, path)
	must(t, s.Backup(t.Context(), backup, nil))
	must(t, s.Close())
	if !isAway(t, copyFile(t, path)) {
		t.Error("a file that was copied is at home")
	}
	data, err := os.ReadFile(backup)
	must(t, err)
	if !isAway(t, backup) {
		t.Error("a backup is at home")
	}
	must(t, os.WriteFile(path, data, 0o600)) // into the very file that it was made of
	if !isAway(t, path) {
		t.Error("a backup that was copied over the original is at home")
	}
}

func TestBirth(t *testing.T) {
	known := birth{At: 1700000000123456789, Number: 12}
	for _, test := range []struct {
		name     string
		was, now birth
		want     bool
	}{
		{"the same file", known, known, true},
		{"another file of the same number, on another disk", known, birth{At: 1700000000123456790, Number: 12}, false},
		{"another file", known, birth{At: 1700000000123456790, Number: 13}, false},
		{"the same file, seen where births are not told", known, birth{Number: 12}, true},
		{"another file, seen where births are not told", known, birth{Number: 13}, false},
		{"a file system that never told", birth{Number: 12}, birth{At: 1, Number: 13}, true},
		{"a backup", birth{At: unborn, Number: 12}, birth{Number: 12}, false},
	} {
		if got := test.was.is(test.now); got != test.want {
			t.Errorf("%s: at home is %t, want %t", test.name, got, test.want)
		}
	}
}
