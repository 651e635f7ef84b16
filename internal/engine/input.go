package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/offloadhq/offload/store"
)

// inputsAtOnce is how many large inputs are read in one call.
const inputsAtOnce = 50

// able has the large inputs of attempts read that are one call, and returns those with which
// the handler may be called then. The others have ended: as expired, because the reading took
// too long, or else they are to be given back.
func (s *shift) able(ctx context.Context, attempts []*attempt) (able []*attempt) {
	err := s.readInputs(ctx, attempts)
	for _, a := range attempts {
		switch {
		case err != nil, a.job.Large && !s.hand.mayBegin(a):
			a.ended = time.Now()
			a.giveBack()
		case a.late():
			a.expire()
		default:
			able = append(able, a)
		}
	}
	return able
}

// readInputs reads the inputs that were too large to come with the claim. While the store is
// away it tries again, until the attempts end.
func (s *shift) readInputs(ctx context.Context, attempts []*attempt) error {
	pause := newPause(100*time.Millisecond, 5*time.Second)
	for {
		lack := map[store.ID]*attempt{}
		var ids []store.ID
		for _, a := range attempts {
			if a.job.Large && a.job.Input == nil && len(ids) < inputsAtOnce {
				lack[a.job.ID] = a
				ids = append(ids, a.job.ID)
			}
		}
		if len(ids) == 0 {
			return nil
		}
		err := s.readSome(ctx, ids, lack)
		if err == nil {
			continue
		}
		s.trouble.report("read a large input", err)
		pause.wait(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

func (s *shift) readSome(ctx context.Context, ids []store.ID, lack map[store.ID]*attempt) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	inputs, err := s.Store.Inputs(ctx, ids)
	if err != nil {
		return err
	}
	for id, a := range lack {
		input := inputs[id]
		if input == nil {
			return fmt.Errorf("job %s is not stored any more", id)
		}
		a.job.Input = input
	}
	s.trouble.clear("read a large input")
	return nil
}
