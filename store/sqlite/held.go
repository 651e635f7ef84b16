package sqlite

import (
	"database/sql"
	"fmt"
	"os"
	"reflect"
	"slices"
	"sync"

	"github.com/offloadhq/offload/store"
)

// A held is a database file that this process has open. Two SQLite libraries on one file in
// one process corrupt it: each drops the other's locks when it closes the file, as POSIX has
// it.
type held struct {
	info    os.FileInfo
	library string // that has it open
	n       int    // Stores that have it open; guarded by heldMu

	mu     sync.Mutex
	stores []*Store
}

var (
	heldMu sync.Mutex // held for a look and an entry
	files  []*held
)

// libraryOf names the SQLite library behind a pool.
func libraryOf(db *sql.DB) string {
	t := reflect.TypeOf(db.Driver())
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.PkgPath()
}

// hold1 enters one more Store on a file, unless another library has it open.
func hold1(path, library string) (*held, error) {
	heldMu.Lock()
	defer heldMu.Unlock()
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", store.ErrRefused, err)
	}
	for _, f := range files {
		if !os.SameFile(f.info, info) {
			continue
		}
		if f.library != library {
			return nil, fmt.Errorf("%w: this program has %s open already through %s, and two SQLite libraries on one file in one process corrupt it: use one of them for both, with sqlite.New(db) on your *sql.DB",
				store.ErrRefused, path, f.library)
		}
		f.n++
		return f, nil
	}
	f := &held{info: info, library: library, n: 1}
	files = append(files, f)
	return f, nil
}

// release takes one Store off the file.
func (f *held) release() {
	heldMu.Lock()
	defer heldMu.Unlock()
	if f.n--; f.n == 0 {
		files = slices.DeleteFunc(files, func(other *held) bool { return other == f })
	}
}

func (f *held) join(s *Store) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stores = append(f.stores, s)
}

func (f *held) leave(s *Store) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stores = slices.DeleteFunc(f.stores, func(other *Store) bool { return other == s })
}

// wake tells all Stores of this process on the file what a commit has made due.
func (f *held) wake(wakes []store.Wake) {
	f.mu.Lock()
	stores := slices.Clone(f.stores)
	f.mu.Unlock()
	for _, s := range stores {
		s.ears.hear(wakes)
	}
}
