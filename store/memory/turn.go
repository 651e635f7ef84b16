package memory

import (
	"time"

	"github.com/offloadhq/offload/store"
)

// A turnKey is what takes turns with others of its lane.
type turnKey struct {
	lane
	key string
}

// turn gives a job its turn, if it is to have one and has none.
func (s *Store) turn(j *job, now time.Time) {
	if j.Terms.Turn == nil || j.turned {
		return
	}
	j.turned = true
	k := turnKey{j.lane(), j.Terms.Turn.Key}
	j.turnAt = now.Add(-store.TurnBase)
	if first := s.due[k.lane]; len(first) > 0 {
		j.turnAt = first[0].turnAt
	}
	if end := s.turns[k]; end.After(j.turnAt) {
		j.turnAt = end
	}
	s.turns[k] = j.turnAt.Add(store.TurnStep / time.Duration(max(j.Terms.Turn.Weight, 1)))
}

// forgetTurns forgets turns that a new job of their key would not look at.
func (s *Store) forgetTurns(now time.Time) {
	for k, end := range s.turns {
		first := now.Add(-store.TurnBase)
		if due := s.due[k.lane]; len(due) > 0 {
			first = due[0].turnAt
		}
		if !end.After(first) {
			delete(s.turns, k)
		}
	}
}
