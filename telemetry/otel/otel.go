// Package otel tells OpenTelemetry of an app's jobs: traces from the enqueue to the attempts, and
// metrics, by the semantic conventions for messaging, version 1.43.0.
//
//	app, err := offload.Open(ctx, address, otel.New(), tasks…)
//
// # Traces
//
// An enqueue is a span of kind producer, whose context is kept with the jobs; each attempt is a span
// of kind consumer, its child, in whatever process and however late, so that one trace shows a request and all that
// it has set off. The conventions ask for a link, which is there too. With [Links] attempts begin traces of their own,
// linked only: for jobs that are enqueued days ahead, or where a trace would grow too long. A call of
// HandleMany has a trace of its own with a link for each job, as it has no single parent.
//
// Spans are named by what is done and the task, "enqueue mail" and "run mail", where the conventions
// propose the queue: in a queue lie jobs of many tasks, and what takes long, or fails, is a task.
//
// # Where the context is kept
//
// In the job's tags traceparent and tracestate, as W3C has them: without a sampled or unsampled trace a job has
// none and costs nothing, a program in another language sets them like any tag, and the
// command shows which trace a job belongs to. A tracestate over 256 bytes is left out. Baggage is not
// kept. Jobs of schedules have no parent.
//
// # Metrics
//
//	messaging.client.sent.messages       jobs enqueued; in App.Tx before its commit
//	messaging.client.operation.duration  of enqueues
//	messaging.client.consumed.messages   attempts begun
//	messaging.process.duration           of attempts, with error.type where one failed
//	offload.wait.duration                from when a job is due to the start of its attempt
//
// [Observe] adds the figures of the store. The package needs OpenTelemetry's API alone; providers are the program's,
// by default the global ones.
package otel

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/semconv/v1.43.0/messagingconv"
	"go.opentelemetry.io/otel/trace"

	"github.com/offloadhq/offload"
)

const (
	scope  = "github.com/offloadhq/offload/telemetry/otel"
	system = "offload" // messaging.system

	taskKey     = attribute.Key("offload.task")
	attemptKey  = attribute.Key("offload.attempt")
	outcomeKey  = attribute.Key("offload.outcome")
	scheduleKey = attribute.Key("offload.schedule")
)

// The operations, as messaging.operation.name.
const (
	enqueue = "enqueue"
	run     = "run"
)

// An Option changes what New and Observe do.
type Option func(*config)

type config struct {
	tracers trace.TracerProvider
	meters  metric.MeterProvider
	links   bool
}

// TracerProvider makes spans by p, in place of the global provider.
func TracerProvider(p trace.TracerProvider) Option { return func(c *config) { c.tracers = p } }

// MeterProvider measures by p, in place of the global provider.
func MeterProvider(p metric.MeterProvider) Option { return func(c *config) { c.meters = p } }

// Links lets attempts begin traces of their own, which are linked to those of the enqueue.
func Links() Option { return func(c *config) { c.links = true } }

func configured(opts []Option) *config {
	c := &config{tracers: otel.GetTracerProvider(), meters: otel.GetMeterProvider()}
	for _, o := range opts {
		o(c)
	}
	return c
}

func (c *config) meter() metric.Meter {
	return c.meters.Meter(scope, metric.WithInstrumentationVersion(offload.Version), metric.WithSchemaURL(semconv.SchemaURL))
}

// New returns the part that traces and measures. Give it before other parts made by offload.Around, so that
// their work is within the spans.
func New(opts ...Option) offload.Part {
	c := configured(opts)
	i := &instruments{
		links:  c.links,
		tracer: c.tracers.Tracer(scope, trace.WithInstrumentationVersion(offload.Version), trace.WithSchemaURL(semconv.SchemaURL)),
	}
	if err := i.measure(c.meter()); err != nil {
		otel.Handle(err) // what could not be made measures nothing
	}
	return offload.Parts(offload.AroundEnqueue(i.enqueue), offload.Around(i.attempt))
}

// instruments are what spans and measurements are made with.
type instruments struct {
	links  bool
	tracer trace.Tracer

	sent      messagingconv.ClientSentMessages
	operation messagingconv.ClientOperationDuration
	consumed  messagingconv.ClientConsumedMessages
	process   messagingconv.ProcessDuration
	wait      metric.Float64Histogram
}

// measure makes the instruments of metrics.
func (i *instruments) measure(m metric.Meter) error {
	var errs [5]error
	short := metric.WithExplicitBucketBoundaries(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
	// The conventions end at 10 s, but a job may well take an hour.
	long := metric.WithExplicitBucketBoundaries(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60, 300, 900, 3600)
	i.sent, errs[0] = messagingconv.NewClientSentMessages(m)
	i.operation, errs[1] = messagingconv.NewClientOperationDuration(m, short)
	i.consumed, errs[2] = messagingconv.NewClientConsumedMessages(m)
	i.process, errs[3] = messagingconv.NewProcessDuration(m, long)
	i.wait, errs[4] = m.Float64Histogram("offload.wait.duration", long, metric.WithUnit("s"),
		metric.WithDescription("From when a job is due to the start of its attempt."))
	return errors.Join(errs[:]...)
}

// tags reads and writes the context of a trace, for propagation.TraceContext.
type tags map[string]string

func (t tags) Get(key string) string { return t[key] }

func (t tags) Set(key, value string) { t[key] = value }

func (t tags) Keys() []string {
	keys := make([]string, 0, len(t))
	for key := range t {
		keys = append(keys, key)
	}
	return keys
}

// linksOf returns a link for each job that knows its trace.
func linksOf(jobs []*offload.Job) (links []trace.Link) {
	for _, job := range jobs {
		if sc := trace.SpanContextFromContext(extracted(context.Background(), job)); sc.IsValid() {
			links = append(links, trace.Link{SpanContext: sc, Attributes: []attribute.KeyValue{semconv.MessagingMessageID(job.ID.String())}})
		}
	}
	return links
}
