package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// askMemory measures a worker process that runs 100 jobs at once and claims as many as they
// end, before a short and a long backlog.
func askMemory(ctx context.Context, l *lab) (err error) {
	app, err := l.open(ctx, bulk)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, app.Close()) }()
	var most [2]float64
	backlogs := [2]int{10_000, 500_000}
	for i, backlog := range backlogs {
		queue := fmt.Sprint("memory-", i)
		if err := fill(ctx, app, queue, backlog); err != nil {
			return err
		}
		if most[i], err = l.memoryOf(ctx, queue); err != nil {
			return err
		}
	}
	l.tell(figure{Name: "memory of a worker", Value: most[1], Unit: "MiB", Most: 64, Of: fmt.Sprintf("%d waiting", backlogs[1])})
	l.tell(figure{
		Name: "against a short backlog", Value: most[1] / most[0], Unit: "×", Most: 1.25,
		Of: fmt.Sprintf("%.1f MiB with %d waiting", most[0], backlogs[0]),
	})
	return nil
}

// memoryOf returns the most memory that a worker of a queue has held within some seconds.
func (l *lab) memoryOf(ctx context.Context, queue string) (most float64, err error) {
	c, err := startChild(role{Address: l.address, Sleep: 100 * time.Millisecond, Queues: []string{queue}})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, c.stop()) }()
	for range 60 {
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return 0, err
		}
		now, err := c.memory()
		if err != nil {
			return 0, err
		}
		most = max(most, now)
	}
	return most, nil
}
