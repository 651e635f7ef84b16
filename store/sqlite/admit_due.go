package sqlite

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/offloadhq/offload/store"
)

var (
	//go:embed sql/admit_due.sql
	admitDueSQL string
	//go:embed sql/admit_blocked.sql
	admitBlockedSQL string
	//go:embed sql/admit_near.sql
	admitNearSQL string
	//go:embed sql/admit_due_near.sql
	admitDueNearSQL string
	//go:embed sql/admit_blocked_near.sql
	admitBlockedNearSQL string
)

var (
	admitDue         = withList(admitDueSQL)
	admitBlocked     = withList(admitBlockedSQL)
	admitDueNear     = withList(admitDueNearSQL)
	admitBlockedNear = withList(admitBlockedNearSQL)
)

// leastNear is how many jobs must lie close together to be moved as a stretch.
const leastNear = 16

// A waitPlace is where a job lies in blocked that waits for a limit, as its spot has it.
type waitPlace struct {
	lane
	order int64 // run_at or turn
	id    store.ID
}

func (e *entrant) waitPlace() waitPlace { return waitPlace{lane{e.queue, e.lane}, e.order, e.id} }

func (p waitPlace) compare(q waitPlace) int {
	return cmp.Or(cmp.Compare(p.queue, q.queue), cmp.Compare(p.priority, q.priority), cmp.Compare(p.order, q.order), bytes.Compare(p.id[:], q.id[:]))
}

// makeDue makes those due that are let through, and returns how many did wait. Those that lie close
// together are moved as a stretch: to find each costs more than to move it.
func (t *txn) makeDue(through []waitPlace) (due int, err error) {
	all := slices.Clone(through)
	slices.SortFunc(all, waitPlace.compare)
	var single []any
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].lane == all[0].lane {
			n++
		}
		some := all[:n]
		all = all[n:]
		var stretches []stretch
		if len(some) >= leastNear {
			if stretches, some, err = t.near(some); err != nil {
				return due, err
			}
		}
		for i := range stretches {
			n, err := t.makeDueNear(&stretches[i])
			if err != nil {
				return due, err
			}
			due += n
		}
		for i := range some {
			single = append(single, some[i].id[:])
		}
	}
	for some := range slices.Chunk(single, insertRows) {
		n, err := t.exec(admitDue[len(some)], some...)
		if err != nil {
			return due, err
		}
		if _, err := t.exec(admitBlocked[len(some)], some...); err != nil {
			return due, err
		}
		due += int(n)
	}
	return due, nil
}

// A stretch is a part of blocked.
type stretch struct {
	jobs  []waitPlace // that are let through, in order, from its first to its last
	stay  []store.ID  // the others in it
	after int         // how many of these come after the last of jobs
}

// add adds what comes next in blocked, and reports whether the stretch goes on.
func (s *stretch) add(at waitPlace, through bool) bool {
	switch {
	case through:
		s.jobs, s.after = append(s.jobs, at), 0
	case len(s.jobs) > 0:
		s.stay = append(s.stay, at.id)
		s.after++
	}
	return s.after < leastNear && len(s.stay) < insertRows
}

// near returns stretches of blocked in which most are of some jobs of a lane, and those of the jobs
// that are in none.
func (t *txn) near(some []waitPlace) (stretches []stretch, others []waitPlace, err error) {
	var text string
	if _, err := one(t, []any{&text}, admitNearSQL, append(boundsOf(some), 2*len(some))...); err != nil {
		return nil, nil, err
	}
	var s stretch
	end := func() {
		s.stay = s.stay[:len(s.stay)-s.after]
		if len(s.jobs) >= max(leastNear, 2*len(s.stay)) {
			stretches = append(stretches, s)
		} else {
			others = append(others, s.jobs...)
		}
		s = stretch{}
	}
	for place := range strings.SplitSeq(text, ",") {
		at := waitPlace{lane: some[0].lane}
		if place == "" || at.read(place) != nil {
			break
		}
		for len(some) > 0 && some[0].compare(at) < 0 { // it lies elsewhere
			others, some = append(others, some[0]), some[1:]
		}
		if len(some) == 0 {
			break
		}
		through := some[0] == at
		if through {
			some = some[1:]
		}
		if !s.add(at, through) {
			end()
		}
	}
	end()
	return stretches, append(others, some...), nil
}

// read reads what admit_near.sql says of a place.
func (p *waitPlace) read(text string) (err error) {
	at := len(text) - 2*len(p.id)
	if at <= 0 {
		return fmt.Errorf("a place that cannot be read: %q", text)
	}
	if p.order, err = strconv.ParseInt(text[:at], 10, 64); err != nil {
		return err
	}
	_, err = hex.Decode(p.id[:], []byte(text[at:]))
	return err
}

// boundsOf are the parameters of a statement for what lies from the first to the last of some.
func boundsOf(some []waitPlace) []any {
	first, last := &some[0], &some[len(some)-1]
	return []any{first.queue, first.priority, first.order, slices.Clone(first.id[:]), last.order, slices.Clone(last.id[:])}
}

// makeDueNear makes the jobs of a stretch due.
func (t *txn) makeDueNear(s *stretch) (due int, err error) {
	args := boundsOf(s.jobs)
	for i := range s.stay {
		args = append(args, s.stay[i][:])
	}
	n, err := t.exec(admitDueNear[len(s.stay)], args...)
	if err != nil {
		return 0, err
	}
	_, err = t.exec(admitBlockedNear[len(s.stay)], args...)
	return int(n), err
}
