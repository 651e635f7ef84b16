package sqlite

import (
	"bytes"
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/offloadhq/offload/store"
)

func TestAddresses(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, test := range []struct{ address, file string }{
		{"plain.db", "plain.db"},
		{"sqlite:scheme.db", "scheme.db"},
		{"SQLite:upper.db", "upper.db"},
		{"file:uri.db?mode=rwc", "uri.db"},
		{"sqlite://" + filepath.Join(dir, "slashes.db"), "slashes.db"},
		{filepath.Join(dir, "absolute.db"), "absolute.db"},
		{"odd %41 #1 ?mode=rw&x.db", "odd %41 #1 ?mode=rw&x.db"},
	} {
		s, err := store.Open(t.Context(), test.address)
		if err != nil {
			t.Errorf("%s: %v", test.address, err)
			continue
		}
		must(t, s.Migrate(t.Context(), store.Newest))
		must(t, s.Close())
		info, err := os.Stat(test.file)
		if err != nil {
			t.Errorf("%s: %v", test.address, err)
		} else if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s is made with mode %v, want it for its owner alone", test.file, info.Mode())
		}
	}
}

func TestRefusedAddresses(t *testing.T) {
	dir := t.TempDir()
	noDatabase := filepath.Join(dir, "text.db")
	must(t, os.WriteFile(noDatabase, []byte(strings.Repeat("this is a letter to Ada. ", 100)), 0o600))
	readOnly := filepath.Join(dir, "read-only.db")
	must(t, os.WriteFile(readOnly, nil, 0o400))
	locked := filepath.Join(dir, "locked")
	must(t, os.Mkdir(locked, 0o700))
	must(t, os.WriteFile(filepath.Join(locked, "a.db"), nil, 0o600))
	must(t, os.Chmod(locked, 0o500))
	t.Cleanup(func() { must(t, os.Chmod(locked, 0o700)) })

	for _, test := range []struct{ name, address, says string }{
		{"in memory", ":memory:", "store/memory"},
		{"an empty path", "sqlite:", "empty"},
		{"a directory", dir, "no file"},
		{"no such directory", filepath.Join(dir, "none", "a.db"), "no directory"},
		{"a file that must be there", "file:" + filepath.Join(dir, "none.db") + "?mode=rw", "no file"},
		{"a setting that is none", "file:a.db?cache=shared", "cache=shared"},
		{"a file of something else", noDatabase, "no SQLite database"},
		{"a read-only file", readOnly, "read-only"},
		{"a read-only directory", filepath.Join(locked, "a.db"), "read-only"},
	} {
		s, err := Open(t.Context(), test.address)
		if !errors.Is(err, store.ErrRefused) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v; want an ErrRefused that says %q", test.name, err, test.says)
		}
		if err == nil {
			must(t, s.Close())
		}
	}
}

func TestPlacesThatDoNotLast(t *testing.T) {
	const shm = "/dev/shm"
	if runtime.GOOS != "linux" || placeOf(shm).kind != "tmpfs" {
		t.Skip("there is no tmpfs to try")
	}
	dir, err := os.MkdirTemp(shm, "offload")
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	path := filepath.Join(dir, "offload.db")

	var log bytes.Buffer
	must(t, os.WriteFile(path, nil, 0o600))
	must(t, checkPlace(path, slog.New(slog.NewTextHandler(&log, nil))))

	if n := strings.Count(log.String(), "does not survive"); n != 1 {
		t.Errorf("it is said %d times, want once: %s", n, log.String())
	}
	s := openFile(t, path)
	must(t, s.Migrate(t.Context(), store.Newest))
	findings, err := s.Examine(t.Context())
	must(t, err)
	if f := finding(findings, "file system"); f.Level != store.Bad || !strings.Contains(f.Advice, "postgres://") {
		t.Errorf("Examine finds %+v", f)
	}
}

func finding(all []store.Finding, name string) store.Finding {
	for _, f := range all {
		if f.Name == name {
			return f
		}
	}
	return store.Finding{}
}

func TestExamineFindsASoundDatabaseFine(t *testing.T) {
	s := openTest(t)
	findings, err := s.Examine(t.Context())
	must(t, err)
	for _, f := range findings {
		if f.Level != store.Fine && f.Name != "file system" && f.Name != "disk" {
			t.Errorf("%+v", f)
		}
	}
	if f := finding(findings, "integrity"); f.Text != "ok" {
		t.Errorf("integrity: %+v", f)
	}
}

func TestExamineFindsALeaseWithoutAProcess(t *testing.T) {
	s := openTest(t)
	me, err := joinAs(t.Context(), s)
	must(t, err)
	_, err = s.Insert(t.Context(), someJobs(1))
	must(t, err)
	_, err = s.Claim(t.Context(), store.ClaimRequest{Process: me, Queue: "mail", Limit: 1})
	must(t, err)
	must(t, s.write(t.Context(), "forget", func(tx *txn) error {
		_, err := tx.exec("DELETE FROM offload_process")
		return err
	}))

	findings, err := s.Examine(t.Context())

	must(t, err)
	if f := finding(findings, "jobs"); f.Level != store.Bad {
		t.Errorf("jobs: %+v", f)
	}
}

func TestExamineSaysWhatADatabaseWithoutTablesLacks(t *testing.T) {
	s := openFile(t, filepath.Join(t.TempDir(), "offload.db"))
	findings, err := s.Examine(t.Context())
	if err != nil || finding(findings, "schema").Level != store.Bad {
		t.Errorf("Examine = %+v, %v", findings, err)
	}
}

func TestRefusedPools(t *testing.T) {
	path := filepath.Join(t.TempDir(), "offload.db")
	open := func(settings string) *sql.DB {
		db, err := sql.Open("sqlite", "file:"+path+settings)
		must(t, err)
		t.Cleanup(func() { must(t, db.Close()) })
		return db
	}
	small := open("")
	small.SetMaxOpenConns(2)
	memory, err := sql.Open("sqlite", ":memory:")
	must(t, err)
	t.Cleanup(func() { must(t, memory.Close()) })
	for _, test := range []struct {
		name string
		db   *sql.DB
		says string
	}{
		{"none", nil, "nil"},
		{"two connections", small, "at least 3"},
		{"in memory", memory, "in memory"},
		{"without FULL", open("?_pragma=synchronous(NORMAL)"), "synchronous=1"},
	} {
		if _, err := New(t.Context(), test.db); !errors.Is(err, store.ErrRefused) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v; want an ErrRefused that says %q", test.name, err, test.says)
		}
	}
}

// With three connections, two in the hands of the user, everything works.
func TestASmallPoolIsEnough(t *testing.T) {
	db := openPool(t, filepath.Join(t.TempDir(), "offload.db"))
	db.SetMaxOpenConns(3)
	opened, err := New(t.Context(), db)
	must(t, err)
	s := opened.(*Store)
	t.Cleanup(func() { must(t, s.Close()) })
	must(t, s.Migrate(t.Context(), store.Newest))
	mine, err := db.Conn(t.Context())
	must(t, err)
	defer func() { must(t, mine.Close()) }()

	me, err := joinAs(t.Context(), s)
	must(t, err)
	_, err = s.Insert(t.Context(), someJobs(1))
	must(t, err)
	if _, err := s.Look(t.Context(), me); err != nil {
		t.Error(err)
	}
	claimed, err := s.Claim(t.Context(), store.ClaimRequest{Process: me, Queue: "mail", Limit: 1})
	must(t, err)
	_, err = s.Finish(t.Context(), me, []store.Ended{{Fence: claimed[0].Fence, Outcome: store.OutcomeCompleted}})
	must(t, err)
	must(t, s.Leave(t.Context(), me))
}

func TestTwoLibrariesOnOneFile(t *testing.T) {
	s := openTest(t)
	if _, err := hold1(s.path, "github.com/mattn/go-sqlite3"); !errors.Is(err, store.ErrRefused) || !strings.Contains(err.Error(), "sqlite.New(db)") {
		t.Errorf("another library: %v; want an ErrRefused that names sqlite.New(db)", err)
	}
	linked := filepath.Join(t.TempDir(), "linked.db")
	must(t, os.Symlink(s.path, linked))
	if other := openFile(t, linked); other.path != s.path || other.file != s.file {
		t.Errorf("a link leads to %s, want %s", other.path, s.path)
	}
	must(t, s.Close())
}

func TestVersionsOfSQLite(t *testing.T) {
	for version, fine := range map[string]bool{
		"3.51.3": true, "3.54.1": true, "4.0.0": true, "3.50.7": true, "3.44.6": true,
		"3.51.2": false, "3.50.6": false, "3.40.1": false, "3.7.0": false, "": false, "three": false,
	} {
		if err := checkLibrary(version); (err == nil) != fine || err != nil && !errors.Is(err, store.ErrRefused) {
			t.Errorf("SQLite %q: %v", version, err)
		}
	}
}

func TestADamagedFileIsSaid(t *testing.T) {
	path := filepath.Join(t.TempDir(), "offload.db")
	s, err := Open(t.Context(), path)
	must(t, err)
	must(t, s.Migrate(t.Context(), store.Newest))
	_, err = s.Insert(t.Context(), someJobs(1000))
	must(t, err)
	must(t, s.Close())
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	for page := int64(20); page < 60; page++ {
		_, err = f.WriteAt(bytes.Repeat([]byte{0x5a}, 4096), page*4096)
		must(t, err)
	}
	must(t, f.Close())

	s, err = Open(t.Context(), path)
	if err == nil {
		_, err = s.Counts(t.Context())
		must(t, s.Close())
	}
	if err == nil || !strings.Contains(err.Error(), "damaged") || store.Temporary(err) {
		t.Errorf("a damaged file: %v; want to be told so", err)
	}
}
