package engine

import (
	"context"
	"time"
)

const (
	pruneEvery    = 30 * time.Second
	pruneMost     = 1000                   // jobs in a transaction
	prunePause    = 100 * time.Millisecond // between transactions, so that others get their turn
	pruneFor      = 20 * time.Second       // then other duties come first
	countEvery    = 30 * time.Second
	groupEvery    = 5 * time.Second
	groupMost     = 250                   // failures in a transaction
	groupPause    = 25 * time.Millisecond // between transactions
	groupFor      = 10 * time.Second      // then other duties come first
	registerEvery = time.Hour
)

// A duty is what some process must do now and then; whoever asks the store first does it.
type duty struct {
	name  string
	every time.Duration
	do    func(context.Context)
	next  time.Time
}

// duties does what is due until ctx ends.
func (s *shift) duties(ctx context.Context) {
	now := time.Now()
	duties := []*duty{
		{name: "prune", every: pruneEvery, do: s.prune},
		{name: "count enqueued", every: countEvery, do: s.countEnqueued},
		{name: "group errors", every: groupEvery, do: s.groupErrors},
	}
	for _, d := range duties {
		d.next = now.Add(jitter(d.every / 2))
	}
	register := now.Add(jitter(registerEvery))
	for {
		next := register
		for _, d := range duties {
			if d.next.Before(next) {
				next = d.next
			}
		}
		sleep(ctx, time.Until(next))
		if ctx.Err() != nil {
			return
		}
		for _, d := range duties {
			if !time.Now().Before(d.next) {
				// A copy may be there to be looked at: it stays as it is.
				if !s.away.Load() && s.takeDuty(ctx, d.name, d.every) {
					d.do(ctx)
				}
				d.next = time.Now().Add(jitter(d.every))
			}
		}
		if !time.Now().Before(register) {
			s.register(ctx)
			register = time.Now().Add(jitter(registerEvery))
		}
		s.warnUnworked(ctx)
	}
}

// takeDuty reports whether a duty is this process's now.
func (s *shift) takeDuty(ctx context.Context, name string, every time.Duration) (mine bool) {
	err := s.within(ctx, func(ctx context.Context) (err error) {
		mine, err = s.Store.TakeDuty(ctx, name, every)
		return err
	})
	if ctx.Err() == nil {
		s.trouble.settle("take a duty", err)
	}
	return mine && err == nil
}

// prune removes ended jobs whose time is over, as many as there are.
func (s *shift) prune(ctx context.Context) {
	for until := time.Now().Add(pruneFor); ctx.Err() == nil && time.Now().Before(until); sleep(ctx, prunePause) {
		var removed int
		err := s.within(ctx, func(ctx context.Context) (err error) {
			removed, err = s.Store.Prune(ctx, pruneMost)
			return err
		})
		if ctx.Err() != nil {
			return
		}
		s.trouble.settle("remove old jobs", err)
		if err != nil || removed < pruneMost {
			return
		}
	}
}

// groupErrors groups failures that have come, as many as there are.
func (s *shift) groupErrors(ctx context.Context) {
	for until := time.Now().Add(groupFor); ctx.Err() == nil && time.Now().Before(until); sleep(ctx, groupPause) {
		var grouped int
		err := s.within(ctx, func(ctx context.Context) (err error) {
			grouped, err = s.Store.GroupErrors(ctx, groupMost)
			return err
		})
		if ctx.Err() != nil {
			return
		}
		s.trouble.settle("group errors", err)
		if err != nil || grouped < groupMost {
			return
		}
	}
}

func (s *shift) countEnqueued(ctx context.Context) {
	err := s.within(ctx, s.Store.CountEnqueued)
	if ctx.Err() == nil {
		s.trouble.settle("count enqueued jobs", err)
	}
}

// register keeps the tasks of this process from being forgotten.
func (s *shift) register(ctx context.Context) {
	if s.Register == nil {
		return
	}
	err := s.within(ctx, s.Register)
	if ctx.Err() == nil {
		s.trouble.settle("register tasks", err)
	}
}
