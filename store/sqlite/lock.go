package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/offloadhq/offload/store"
)

// members are the processes that have joined through a Store. Each holds the lock of a file
// beside the database. The system lets go of it when the program ends, however it ends: a
// free lock is a dead process, and that is known at once instead of by missing beats.
type members struct {
	mu     sync.Mutex
	locks  map[store.ID]*flock.Flock
	others []store.ID // that were there at the last Look
	looked time.Time  // when dead was found
	dead   []store.ID // processes whose lock was free
}

// lookEvery is how often locks are looked at, at most.
const lookEvery = 400 * time.Millisecond

// lockPath is the file whose lock a process holds.
func lockPath(path string, process store.ID) string {
	return path + "-" + process.String() + ".lock"
}

// lock takes the lock of a process that joins.
func (m *members) lock(path string, process store.ID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.locks[process] != nil {
		return nil
	}
	for range 10 { // a file that is being cleared away may be locked and gone
		f := flock.New(lockPath(path, process), flock.SetPermissions(0o600))
		got, err := f.TryLock()
		switch {
		case err != nil:
			return fmt.Errorf("%w: join: the lock of this process cannot be taken: %w", store.ErrRefused, err)
		case !got:
			return fmt.Errorf("join: another program holds the lock of process %s: an id must be new", process)
		case m.inPlace(f):
			if m.locks == nil {
				m.locks = map[store.ID]*flock.Flock{}
			}
			m.locks[process] = f
			return nil
		}
		_ = f.Close()
	}
	return fmt.Errorf("%w: join: %s is removed again and again", store.ErrRefused, lockPath(path, process))
}

// inPlace reports whether the file that is locked is the one that others will look at.
func (m *members) inPlace(f *flock.Flock) bool {
	mine, err := f.Stat()
	if err != nil {
		return false
	}
	seen, err := os.Stat(f.Path())
	return err == nil && os.SameFile(mine, seen)
}

// forget lets go of the lock of a process that has left or is dead, and removes its file
// unless somebody holds it.
func (m *members) forget(path string, process store.ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.locks[process]
	delete(m.locks, process)
	m.looked = time.Time{}
	if f == nil {
		f = flock.New(lockPath(path, process), flock.SetFlag(os.O_RDONLY))
		if got, err := f.TryLock(); !got || err != nil {
			_ = f.Close()
			return
		}
	}
	_ = os.Remove(f.Path()) // while it is locked; what cannot be removed is removed by Prune
	_ = f.Close()
}

// close lets go of all locks. Their files stay, so that others find them free.
func (m *members) close() (err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range m.locks {
		err = errors.Join(err, f.Close())
	}
	m.locks = nil
	return err
}

// gone returns those of some processes whose lock is free. A process without a file, as one
// on a file system without locks, is judged by its beats alone.
func (m *members) gone(path string, processes []store.ID) []store.ID {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.others = processes
	m.look(path)
	return m.dead
}

func (m *members) look(path string) {
	if time.Since(m.looked) < lookEvery {
		return
	}
	m.looked, m.dead = time.Now(), nil
	for _, id := range m.others {
		if m.locks[id] == nil && free(lockPath(path, id)) {
			m.dead = append(m.dead, id)
		}
	}
}

// someDied reports whether a lock has become free since it was last looked at.
func (m *members) someDied(path string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := len(m.dead)
	m.look(path)
	return len(m.dead) > before
}

// free reports whether a lock is there and nobody holds it. It is asked for as shared, so
// that two who look at once do not see each other.
func free(path string) bool {
	f := flock.New(path, flock.SetFlag(os.O_RDONLY))
	defer func() { _ = f.Close() }()
	got, err := f.TryRLock()
	return got && err == nil
}

// sweep removes lock files that nobody holds and no process row knows.
func sweep(path string, known map[store.ID]bool) error {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		name, ok := strings.CutPrefix(entry.Name(), filepath.Base(path)+"-")
		name, ends := strings.CutSuffix(name, ".lock")
		id, err := store.ParseID(name)
		if !ok || !ends || err != nil || known[id] {
			continue
		}
		f := flock.New(lockPath(path, id), flock.SetFlag(os.O_RDONLY))
		if got, err := f.TryLock(); got && err == nil {
			_ = os.Remove(f.Path())
		}
		_ = f.Close()
	}
	return nil
}
