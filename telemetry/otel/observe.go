package otel

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"go.opentelemetry.io/otel/attribute"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/telemetry"
)

// Observe measures what the store knows of an app's queues, at each collection, until stop is
// called:
//
//	offload.queue.jobs              jobs that have not ended, by queue and offload.state
//	offload.queue.oldest_wait       how long the job that is due longest waits
//	offload.queue.workers           jobs that processes run of it at once
//	offload.queue.processes_needed  processes that it needs to be done in 10 minutes
//	offload.processes               processes that work jobs
//
// All processes would measure the same: one is enough.
func Observe(app *offload.App, opts ...Option) (stop func() error, err error) {
	m := configured(opts).meter()
	var errs [5]error
	gauge := func(n int, name, unit, description string) (g metric.Float64ObservableGauge) {
		g, errs[n] = m.Float64ObservableGauge(name, metric.WithUnit(unit), metric.WithDescription(description))
		return g
	}
	jobs := gauge(0, "offload.queue.jobs", "{job}", "Jobs that have not ended, by state; counts stop at 100,000.")
	oldest := gauge(1, "offload.queue.oldest_wait", "s", "How long the job that is due longest waits for a worker.")
	workers := gauge(2, "offload.queue.workers", "{job}", "Jobs that processes run of the queue at once.")
	needed := gauge(3, "offload.queue.processes_needed", "{process}", "Processes that the queue needs to be done in 10 minutes.")
	processes := gauge(4, "offload.processes", "{process}", "Processes that work jobs.")
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	collector := telemetry.NewCollector(app, 0)
	registration, err := m.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		r, err := collector.Collect(ctx)
		if err != nil {
			return err
		}
		for i := range r.Queues {
			q := &r.Queues[i]
			queue := semconv.MessagingDestinationName(q.Name)
			for state, n := range q.Jobs {
				o.ObserveFloat64(jobs, float64(n), metric.WithAttributes(queue, attribute.String("offload.state", string(state))))
			}
			o.ObserveFloat64(oldest, q.Oldest.Seconds(), metric.WithAttributes(queue))
			o.ObserveFloat64(workers, float64(q.Workers), metric.WithAttributes(queue))
			o.ObserveFloat64(needed, float64(q.Need.Processes), metric.WithAttributes(queue))
		}
		o.ObserveFloat64(processes, float64(r.Processes.Working))
		return nil
	}, jobs, oldest, workers, needed, processes)
	if err != nil {
		return nil, err
	}
	return registration.Unregister, nil
}
