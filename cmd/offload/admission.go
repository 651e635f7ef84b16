package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/offloadhq/offload"
)

// admission is the suite of what says when a job may run.
type admission struct {
	*bench
	runs    *runs
	tenants *tenants
	ticks   *ticks
	number  int // of the next job, so that no two are the same
}

func newAdmission(b *bench) *admission {
	return &admission{bench: b, runs: newRuns(), tenants: newTenants(b.queue("-tenants")), ticks: newTicks(b.queue("-ticks"))}
}

func (a *admission) parts() []offload.Part {
	return []offload.Part{
		a.runs.task, a.tenants.task, a.ticks.task,
		offload.Workers(a.tenants.queue, tenantWorkers),
	}
}

const (
	rounds = 3    // of each measurement
	keys   = 1000 // of limits and turns
)

// kind is how jobs of a measurement are enqueued.
type kind struct {
	queue string
	keys  int // how many addresses take turns in the inputs
	opts  []offload.EnqueueOption
}

// kind makes one with a queue of its own.
func (a *admission) kind(name string, keys int, opts ...offload.EnqueueOption) kind {
	queue := a.queue(name)
	return kind{queue, keys, append(opts, offload.Queue(queue))}
}

func (a *admission) measure(ctx context.Context, f *figures) error {
	n := max(a.jobs/2, 1)
	f.jobs = n
	plain := a.kind("-plain", keys)
	limited := a.kind("-limited", keys, offload.Limit{Name: "bench", Max: 1, By: "to"})
	fair := a.kind("-fair", keys, offload.Fair{By: "to"})
	unique := a.kind("-unique", keys, offload.Unique{By: "number"})
	for _, pair := range []struct {
		name    string
		feature kind
		measure func(context.Context, string, kind, int) (time.Duration, error)
	}{
		{"unique_insert", unique, a.fillOnly},
		{"limited_drain", limited, a.drain},
		{"fair_drain", fair, a.drain},
	} {
		err := f.inTurn(pair.name, n, func(_ int, feature bool) (time.Duration, error) {
			one := plain
			if feature {
				one = pair.feature
			}
			return pair.measure(ctx, pair.name, one, n)
		})
		if err != nil {
			return err
		}
	}
	if err := a.smallTenants(ctx, f, n); err != nil {
		return err
	}
	if err := a.tick(ctx, f); err != nil {
		return err
	}
	return a.beside(ctx, f, plain, n)
}

// inTurn measures n plain jobs and as many with a feature by turns, so that both meet the same machine, and adds the medians
// of their rates.
func (f *figures) inTurn(name string, n int, measure func(round int, feature bool) (time.Duration, error)) error {
	var plain, feature []float64
	for round := range rounds {
		for _, one := range []struct {
			feature bool
			rates   *[]float64
		}{{false, &plain}, {true, &feature}} {
			took, err := measure(round, one.feature)
			if err != nil {
				return err
			}
			*one.rates = append(*one.rates, rate(n, took))
		}
	}
	f.addPair(name, plain, feature)
	return nil
}

// addPair adds the medians of a feature and of plain jobs, and their ratio.
func (f *figures) addPair(name string, plain, feature []float64) {
	f.add(name, "jobs/s", median(feature), 0)
	f.add(name+"_plain", "jobs/s", median(plain), 0)
	f.add(name+"_ratio", "of plain", median(feature)/median(plain), 3)
}

// fill enqueues n jobs, 1,000 a call, and returns how long it took.
func (a *admission) fill(ctx context.Context, name string, k kind, n int) (time.Duration, error) {
	began := time.Now()
	for done := 0; done < n; {
		inputs := make([]load, min(n-done, 1000))
		for i := range inputs {
			inputs[i] = loadOf(a.number, "tenant-"+strconv.Itoa(a.number%k.keys))
			a.number++
		}
		if _, err := a.runs.task.EnqueueMany(ctx, a.app, inputs, k.opts...); err != nil {
			return 0, fmt.Errorf("%s: %w", name, err)
		}
		done += len(inputs)
		a.progress("%s: %d of %d jobs enqueued", name, done, n)
	}
	return time.Since(began), nil
}

// fillOnly is fill, and takes the jobs away again.
func (a *admission) fillOnly(ctx context.Context, name string, k kind, n int) (time.Duration, error) {
	took, err := a.fill(ctx, name, k, n)
	if err != nil {
		return 0, err
	}
	return took, a.remove(ctx, k.queue)
}

// drain enqueues n jobs, and returns how long it takes to run them. Those that have ended are in
// nobody's way.
func (a *admission) drain(ctx context.Context, name string, k kind, n int) (took time.Duration, err error) {
	if _, err := a.fill(ctx, name, k, n); err != nil {
		return 0, err
	}
	took, err = a.bench.drain(ctx, a.app, a.runs, k.queue, n)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	return took, nil
}

// beside measures plain jobs alone, and then while many others wait for one key. It comes last,
// since it would take longer to remove them than all else takes.
func (a *admission) beside(ctx context.Context, f *figures, plain kind, n int) error {
	const name = "beside_drain"
	var alone, beside []float64
	for round := range 2 * rounds {
		if round == rounds {
			waiting := a.kind("-waiting", 1, offload.Limit{Name: "bench", Max: 1, By: "to"})
			if _, err := a.fill(ctx, name, waiting, 5*a.jobs); err != nil {
				return err
			}
		}
		took, err := a.drain(ctx, name, plain, n)
		if err != nil {
			return err
		}
		if round < rounds {
			alone = append(alone, rate(n, took))
		} else {
			beside = append(beside, rate(n, took))
		}
	}
	f.addPair(name, alone, beside)
	return nil
}
