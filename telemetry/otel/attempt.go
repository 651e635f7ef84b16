package otel

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/inside"
	"github.com/offloadhq/offload/store"
)

// attempt is what New gives to offload.Around.
func (i *instruments) attempt(ctx context.Context, job *offload.Job, next func(context.Context) error) error {
	jobs := offload.JobsOf(ctx)
	if len(jobs) == 0 {
		jobs = []*offload.Job{job}
	}
	same := []attribute.KeyValue{semconv.MessagingDestinationName(job.Queue), taskKey.String(job.Task)}
	for _, one := range jobs {
		i.wait.Record(ctx, max(one.StartedAt.Sub(one.RunAt), 0).Seconds(), metric.WithAttributes(same...))
	}
	i.consumed.Add(ctx, int64(len(jobs)), run, system, same...)

	began := time.Now()
	ctx, span := i.begin(ctx, jobs)
	defer span.End()
	err := next(ctx)
	outcome, kind := inside.Outcome(ctx, err)
	span.SetAttributes(outcomeKey.String(outcome))
	if outcome == string(store.OutcomeRetry) || outcome == string(store.OutcomeDiscarded) {
		same = append(same, semconv.ErrorTypeKey.String(kind))
		record(span, err, kind)
	}
	i.process.Record(ctx, time.Since(began).Seconds(), run, system, same...)
	return err
}

// begin begins the span of an attempt, or of a call with many.
func (i *instruments) begin(ctx context.Context, jobs []*offload.Job) (context.Context, trace.Span) {
	job := jobs[0]
	attributes := []attribute.KeyValue{
		semconv.MessagingSystemKey.String(system), semconv.MessagingOperationName(run), semconv.MessagingOperationTypeProcess,
		semconv.MessagingDestinationName(job.Queue), taskKey.String(job.Task),
	}
	if len(jobs) > 1 {
		attributes = append(attributes, semconv.MessagingBatchMessageCount(len(jobs)))
	} else {
		attributes = append(attributes, semconv.MessagingMessageID(job.ID.String()), semconv.MessagingMessageBodySize(len(job.Input)), attemptKey.Int(job.Attempt))
		if job.Schedule != "" {
			attributes = append(attributes, scheduleKey.String(job.Schedule))
		}
	}
	opts := []trace.SpanStartOption{
		trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(attributes...), trace.WithLinks(linksOf(jobs)...),
	}
	parent := extracted(ctx, job)
	if i.links || len(jobs) > 1 || !trace.SpanContextFromContext(parent).IsRemote() {
		parent, opts = ctx, append(opts, trace.WithNewRoot())
	}
	return i.tracer.Start(parent, run+" "+job.Task, opts...)
}

// extracted returns a context with the span in which a job was enqueued.
func extracted(ctx context.Context, job *offload.Job) context.Context {
	return propagation.TraceContext{}.Extract(ctx, tags(job.Tags))
}

// record tells of an attempt that failed.
func record(span trace.Span, err error, kind string) {
	span.SetStatus(codes.Error, err.Error())
	span.SetAttributes(semconv.ErrorTypeKey.String(kind))
	var panicked *offload.PanicError
	if errors.As(err, &panicked) {
		span.RecordError(err, trace.WithAttributes(semconv.ExceptionStacktrace(panicked.Stack)))
		return
	}
	span.RecordError(err)
}
