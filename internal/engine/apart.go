package engine

import (
	"sync"

	"github.com/offloadhq/offload/store"
)

// apart are the unique keys of inserts that are under way alone.
type apart struct {
	mu   sync.Mutex // held for moments
	keys map[uniqueKey]int
}

// A uniqueKey is a task's own key.
type uniqueKey struct{ task, key string }

// keysOf are the unique keys of jobs.
func keysOf(jobs []store.NewJob) (keys []uniqueKey) {
	for i := range jobs {
		if t := jobs[i].Terms; t != nil && t.Unique != nil {
			keys = append(keys, uniqueKey{jobs[i].Task, t.Unique.Key})
		}
	}
	return keys
}

// has reports whether jobs have such a key.
func (a *apart) has(jobs []store.NewJob) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.keys) == 0 {
		return false
	}
	for _, k := range keysOf(jobs) {
		if a.keys[k] > 0 {
			return true
		}
	}
	return false
}

func (a *apart) add(jobs []store.NewJob) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.keys == nil {
		a.keys = map[uniqueKey]int{}
	}
	for _, k := range keysOf(jobs) {
		a.keys[k]++
	}
}

func (a *apart) remove(jobs []store.NewJob) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, k := range keysOf(jobs) {
		if a.keys[k]--; a.keys[k] == 0 {
			delete(a.keys, k)
		}
	}
}
