package otel

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/offloadhq/offload"
)

// longestTag is how long a tag's value may be.
const longestTag = 256

// enqueue is what New gives to offload.AroundEnqueue. Many jobs are one span: a span for each of 10,000
// would say nothing more.
func (i *instruments) enqueue(ctx context.Context, calls []*offload.Call, next func(context.Context, []*offload.Call) ([]*offload.Job, error)) ([]*offload.Job, error) {
	if len(calls) == 0 {
		return next(ctx, calls)
	}
	name, task := enqueue, taskOf(calls)
	attributes := []attribute.KeyValue{semconv.MessagingSystemKey.String(system), semconv.MessagingOperationName(enqueue), semconv.MessagingOperationTypeSend}
	if task != "" {
		name, attributes = enqueue+" "+task, append(attributes, taskKey.String(task))
	}
	if len(calls) == 1 {
		attributes = append(attributes, semconv.MessagingMessageID(calls[0].ID().String()), semconv.MessagingMessageBodySize(len(calls[0].Input())))
	} else {
		attributes = append(attributes, semconv.MessagingBatchMessageCount(len(calls)))
	}
	began := time.Now()
	ctx, span := i.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(attributes...))
	defer span.End()
	jobs, err := next(ctx, marked(ctx, calls))
	i.enqueued(ctx, span, jobs, task, err, time.Since(began))
	return jobs, err
}

// taskOf returns the task of all calls, "" if they have several.
func taskOf(calls []*offload.Call) string {
	task := calls[0].Task()
	for _, c := range calls[1:] {
		if c.Task() != task {
			return ""
		}
	}
	return task
}

// marked returns calls whose jobs keep the context of the trace, if there is one.
func marked(ctx context.Context, calls []*offload.Call) []*offload.Call {
	carrier := tags{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	var opts []offload.EnqueueOption
	for name, value := range carrier {
		if len(value) <= longestTag {
			opts = append(opts, offload.Tag(name, value))
		}
	}
	if len(opts) == 0 {
		return calls
	}
	more := make([]*offload.Call, len(calls))
	for n, c := range calls {
		more[n] = c.With(opts...)
	}
	return more
}

// enqueued tells of what was enqueued, or why it was not.
func (i *instruments) enqueued(ctx context.Context, span trace.Span, jobs []*offload.Job, task string, err error, took time.Duration) {
	var also []attribute.KeyValue
	if task != "" {
		also = append(also, taskKey.String(task))
	}
	if err != nil {
		kind := semconv.ErrorType(err)
		span.RecordError(err)
		span.SetStatus(codes.Error, err.Error())
		span.SetAttributes(kind)
		i.operation.Record(ctx, took.Seconds(), enqueue, system, append(also, kind, semconv.MessagingOperationTypeSend)...)
		return
	}
	byQueue := map[[2]string]int64{}
	for _, job := range jobs {
		if !job.Existing {
			byQueue[[2]string{job.Queue, job.Task}]++
		}
	}
	for of, n := range byQueue {
		i.sent.Add(ctx, n, enqueue, system, semconv.MessagingDestinationName(of[0]), taskKey.String(of[1]))
	}
	if queue := queueOf(jobs); queue != "" {
		destination := semconv.MessagingDestinationName(queue)
		span.SetAttributes(destination)
		also = append(also, destination)
	}
	i.operation.Record(ctx, took.Seconds(), enqueue, system, append(also, semconv.MessagingOperationTypeSend)...)
}

// queueOf returns the queue of all jobs, "" if they are in several.
func queueOf(jobs []*offload.Job) string {
	if len(jobs) == 0 {
		return ""
	}
	for _, job := range jobs[1:] {
		if job.Queue != jobs[0].Queue {
			return ""
		}
	}
	return jobs[0].Queue
}
