package postgres

import (
	"context"
	"time"

	"github.com/offloadhq/offload/store"
)

// A turnKey is what takes turns with others of its lane.
type turnKey struct {
	queue string
	lane  int
	key   string
}

// turns gives candidates the turns that they are to have, in their order.
func (w *work) turns(ctx context.Context, candidates []*candidate) error {
	st, give := turnsOf(w.s.sql, candidates)
	if st == nil {
		return nil
	}
	if err := w.send(ctx, *st); err != nil {
		return err
	}
	return give()
}

// turnsOf is the step that takes turns for candidates, nil if none is to have one, and what gives
// them out after it.
func turnsOf(sql *statements, candidates []*candidate) (take *step, give func() error) {
	var (
		queues, keys []string
		lanes        []int16
		lengths      []int64
		places       = map[turnKey]int{} // in these
		offsets      = make([]time.Duration, len(candidates))
	)
	for i, c := range candidates {
		if c.terms == nil || c.terms.Turn == nil {
			continue
		}
		if c.priority < store.FairLane {
			c.priority += store.FairLane
		}
		k := turnKey{c.queue, c.priority, c.terms.Turn.Key}
		at, there := places[k]
		if !there {
			at = len(keys)
			places[k] = at
			queues, lanes, keys, lengths = append(queues, k.queue), append(lanes, int16(k.lane)), append(keys, k.key), append(lengths, 0)
		}
		offsets[i] = time.Duration(lengths[at]) * time.Microsecond
		lengths[at] += (store.TurnStep / time.Duration(max(c.terms.Turn.Weight, 1))).Microseconds()
	}
	if len(keys) == 0 {
		return nil, nil
	}
	begins := map[turnKey]time.Time{}
	st := query{
		sql: sql.turns, args: []any{queues, lanes, keys, lengths, store.TurnBase.Microseconds()},
		row: func(scan func(...any) error) error {
			var k turnKey
			var at time.Time
			err := scan(&k.queue, &k.lane, &k.key, &at)
			begins[k] = at
			return err
		},
	}.step()
	return &st, func() error {
		for i, c := range candidates {
			if c.terms != nil && c.terms.Turn != nil {
				begin, there := begins[turnKey{c.queue, c.priority, c.terms.Turn.Key}]
				if !there {
					return errAgain
				}
				c.order, c.turned = begin.Add(offsets[i]), true
			}
		}
		return nil
	}
}
