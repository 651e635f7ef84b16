package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

// unworkedAfter is how long a job may be due in a queue that this process does not work,
// before it looks whether any does.
const unworkedAfter = 10 * time.Second

// noteUnworked keeps the queues that this process does not work and in which jobs are long
// due, for the duties to look after.
func (s *shift) noteUnworked(v *store.View) {
	s.unworkedMu.Lock()
	defer s.unworkedMu.Unlock()
	for _, lane := range v.Lanes {
		if s.slotsOf(lane.Queue) > 0 || v.Now.Sub(lane.RunAt) < unworkedAfter || slices.Contains(v.Paused, lane.Queue) {
			continue
		}
		if _, told := s.unworked[lane.Queue]; !told {
			s.unworked[lane.Queue] = false
		}
	}
}

// warnUnworked says once of each such queue that no process works it, if that is so.
func (s *shift) warnUnworked(ctx context.Context) {
	queues := s.notTold()
	if len(queues) == 0 {
		return
	}
	var processes []store.Process
	err := s.within(ctx, func(ctx context.Context) (err error) {
		processes, err = s.Store.Processes(ctx)
		return err
	})
	if err != nil {
		return // there is no hurry
	}
	for _, queue := range queues {
		worked := slices.ContainsFunc(processes, func(p store.Process) bool { return p.Queues[queue] > 0 })
		if !worked {
			s.Log.Warn(fmt.Sprintf("offload: jobs wait in queue %q, and no process works it: call app.Run for it, or start `offload work --queue %s`", queue, queue))
		}
		s.unworkedMu.Lock()
		if worked {
			delete(s.unworked, queue)
		} else {
			s.unworked[queue] = true
		}
		s.unworkedMu.Unlock()
	}
}

func (s *shift) notTold() (queues []string) {
	s.unworkedMu.Lock()
	defer s.unworkedMu.Unlock()
	for queue, told := range s.unworked {
		if !told {
			queues = append(queues, queue)
		}
	}
	slices.Sort(queues)
	return queues
}
