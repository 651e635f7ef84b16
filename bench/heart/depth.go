package main

import (
	"context"
	"fmt"
	"time"

	"github.com/offloadhq/offload/store"
)

// askDepth measures claims of a store while 10,000 jobs wait, and while millions do.
func askDepth(ctx context.Context, l *lab) error {
	app, err := l.open(ctx, bulk)
	if err != nil {
		return err
	}
	defer app.Close()
	const shallow = 10_000
	s, err := store.Open(ctx, l.address)
	if err != nil {
		return err
	}
	defer s.Close()
	process := store.Process{ID: store.NewID(), Name: "heart"}
	if err := s.Join(ctx, process); err != nil {
		return err
	}
	took := map[int]map[string]time.Duration{}
	for i, depth := range []int{shallow, l.deep} {
		queue := fmt.Sprint("depth-", i)
		if err := fill(ctx, app, queue, depth); err != nil {
			return err
		}
		if l.conn != nil {
			if _, err := l.conn.Exec(ctx, "CHECKPOINT"); err != nil {
				return err
			}
		}
		if took[i], err = claims(ctx, s, process.ID, queue); err != nil {
			return err
		}
	}
	for _, size := range []string{"1,000 jobs", "100 jobs"} {
		few, many := took[0][size], took[1][size]
		l.tell(figure{
			Name: "claim of " + size, Value: many.Seconds() / few.Seconds(), Unit: "×", Most: 1.5,
			Of: fmt.Sprintf("%v before %d waiting, %v before %d", few.Round(10*time.Microsecond), shallow, many.Round(10*time.Microsecond), l.deep),
		})
	}
	return s.Leave(ctx, process.ID)
}

// claims returns the medians of some claims of a queue, which gives each of them back as done.
func claims(ctx context.Context, s store.Store, process store.ID, queue string) (map[string]time.Duration, error) {
	medians := map[string]time.Duration{}
	for _, size := range []struct {
		name     string
		n, times int
	}{{"100 jobs", 100, 30}, {"1,000 jobs", 1000, 6}} {
		var took []float64
		for range size.times {
			began := time.Now()
			claimed, err := s.Claim(ctx, store.ClaimRequest{Process: process, Queue: queue, Priorities: []int{5}, Limit: size.n})
			took = append(took, time.Since(began).Seconds())
			if err != nil || len(claimed) != size.n {
				return nil, fmt.Errorf("claimed %d of %d: %w", len(claimed), size.n, err)
			}
			ended := make([]store.Ended, len(claimed))
			for i := range claimed {
				ended[i] = store.Ended{Fence: claimed[i].Fence, Task: claimed[i].Task, Queue: queue, Outcome: store.OutcomeCompleted}
			}
			if _, err := s.Finish(ctx, process, ended); err != nil {
				return nil, err
			}
		}
		medians[size.name] = time.Duration(median(took) * float64(time.Second))
	}
	return medians, nil
}
