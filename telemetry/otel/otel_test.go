package otel_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/offloadtest"
	"github.com/offloadhq/offload/telemetry/otel"
)

var quiet = offload.LogTo(slog.New(slog.DiscardHandler))

// A rig has what was told.
type rig struct {
	t       *testing.T
	app     *offloadtest.App
	tracers *sdktrace.TracerProvider
	meters  *sdkmetric.MeterProvider
	spans   *tracetest.InMemoryExporter
	reader  *sdkmetric.ManualReader
}

func newRig(t *testing.T, opts []otel.Option, parts ...offload.Part) *rig {
	r := &rig{t: t, spans: tracetest.NewInMemoryExporter(), reader: sdkmetric.NewManualReader()}
	r.tracers = sdktrace.NewTracerProvider(sdktrace.WithSyncer(r.spans))
	r.meters = sdkmetric.NewMeterProvider(sdkmetric.WithReader(r.reader))
	opts = append(opts, otel.TracerProvider(r.tracers), otel.MeterProvider(r.meters))
	r.app = offloadtest.New(append([]offload.Part{otel.New(opts...), quiet}, parts...)...)
	t.Cleanup(func() { r.app.Close() })
	return r
}

// named returns the spans of a name, in the order of their ends.
func (r *rig) named(name string) (found []tracetest.SpanStub) {
	for _, s := range r.spans.GetSpans() {
		if s.Name == name {
			found = append(found, s)
		}
	}
	return found
}

func (r *rig) one(name string) tracetest.SpanStub {
	r.t.Helper()
	found := r.named(name)
	if len(found) != 1 {
		r.t.Fatalf("%d spans %q, want 1", len(found), name)
	}
	return found[0]
}

// has fails the test unless a span has an attribute with a value.
func (r *rig) has(s tracetest.SpanStub, key string, want any) {
	r.t.Helper()
	for _, a := range s.Attributes {
		if string(a.Key) == key {
			if got := a.Value.AsInterface(); fmt.Sprint(got) != fmt.Sprint(want) {
				r.t.Errorf("span %q: %s is %v, want %v", s.Name, key, got, want)
			}
			return
		}
	}
	r.t.Errorf("span %q has no %s", s.Name, key)
}

func TestOneTraceGoesFromEnqueueToEachAttempt(t *testing.T) {
	t.Parallel()
	inner := offload.NewTask("inner", func(context.Context, int) error { return nil })
	failed := errors.New("no connection")
	outer := offload.NewTask("outer", func(ctx context.Context, n int) error {
		if offload.JobOf(ctx).Attempt == 1 {
			return failed
		}
		_, err := inner.Enqueue(ctx, offload.AppOf(ctx), n)
		return err
	}, offload.Queue("mail"))
	r := newRig(t, nil, inner, outer)
	ctx, request := r.tracers.Tracer("test").Start(t.Context(), "request")
	job, err := outer.Enqueue(ctx, r.app, 1)
	if err != nil {
		t.Fatal(err)
	}
	request.End()
	r.app.Drain()
	r.app.Advance(time.Hour)
	r.app.Drain()

	enqueued, attempts := r.one("enqueue outer"), r.named("run outer")
	if len(attempts) != 2 {
		t.Fatalf("%d attempts, want 2", len(attempts))
	}
	if enqueued.SpanKind != trace.SpanKindProducer || enqueued.Parent.SpanID() != request.SpanContext().SpanID() {
		t.Errorf("the enqueue is a %v of %v", enqueued.SpanKind, enqueued.Parent.SpanID())
	}
	if want := "00-" + enqueued.SpanContext.TraceID().String() + "-" + enqueued.SpanContext.SpanID().String() + "-01"; job.Tags["traceparent"] != want {
		t.Errorf("the job keeps %q, want %q", job.Tags["traceparent"], want)
	}
	for i, s := range attempts {
		if s.SpanKind != trace.SpanKindConsumer || s.Parent.SpanID() != enqueued.SpanContext.SpanID() || !s.Parent.IsRemote() {
			t.Errorf("attempt %d is a %v of %v", i+1, s.SpanKind, s.Parent)
		}
		if len(s.Links) != 1 || s.Links[0].SpanContext.SpanID() != enqueued.SpanContext.SpanID() {
			t.Errorf("attempt %d has the links %v", i+1, s.Links)
		}
		r.has(s, "offload.attempt", i+1)
	}
	if s := attempts[0]; s.Status.Code != codes.Error || s.Status.Description != "no connection" || len(s.Events) != 1 || s.Events[0].Name != "exception" {
		t.Errorf("the failed attempt: %v, %v", s.Status, s.Events)
	}
	r.has(attempts[0], "error.type", "*errors.errorString")
	r.has(attempts[0], "offload.outcome", "retry")
	r.has(attempts[1], "offload.outcome", "completed")
	if s := attempts[1]; s.Status.Code != codes.Unset || len(s.Events) != 0 {
		t.Errorf("the attempt that completed: %v, %v", s.Status, s.Events)
	}
	for key, want := range map[string]any{
		"messaging.system": "offload", "messaging.operation.name": "enqueue", "messaging.operation.type": "send",
		"messaging.destination.name": "mail", "messaging.message.id": job.ID, "messaging.message.body.size": 1, "offload.task": "outer",
	} {
		r.has(enqueued, key, want)
	}
	for key, want := range map[string]any{
		"messaging.system": "offload", "messaging.operation.name": "run", "messaging.operation.type": "process",
		"messaging.destination.name": "mail", "messaging.message.id": job.ID, "offload.task": "outer",
	} {
		r.has(attempts[1], key, want)
	}
	within := r.one("enqueue inner")
	if within.Parent.SpanID() != attempts[1].SpanContext.SpanID() || r.one("run inner").SpanContext.TraceID() != enqueued.SpanContext.TraceID() {
		t.Error("what a handler enqueues is in another trace")
	}
}

func TestLinksBeginTracesOfTheirOwn(t *testing.T) {
	t.Parallel()
	task := offload.NewTask("t", func(context.Context, int) error { return nil })
	r := newRig(t, []otel.Option{otel.Links()}, task)
	if _, err := task.Enqueue(t.Context(), r.app, 1); err != nil {
		t.Fatal(err)
	}
	r.app.Drain()
	enqueued, attempt := r.one("enqueue t"), r.one("run t")
	if attempt.Parent.IsValid() || attempt.SpanContext.TraceID() == enqueued.SpanContext.TraceID() || attempt.Links[0].SpanContext.SpanID() != enqueued.SpanContext.SpanID() {
		t.Errorf("the attempt: parent %v, links %v", attempt.Parent, attempt.Links)
	}
}

func TestACallOfManyIsLinkedToEachJob(t *testing.T) {
	t.Parallel()
	task := offload.Declare[int]("t")
	r := newRig(t, nil, task.HandleMany(10, time.Second, func(context.Context, []int) error { return nil }))
	jobs, err := task.EnqueueMany(t.Context(), r.app, []int{1, 2})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := task.Enqueue(t.Context(), r.app, 3); err != nil {
		t.Fatal(err)
	}
	r.app.Drain()
	attempt := r.one("run t")
	r.has(attempt, "messaging.batch.message_count", 3)
	r.has(r.named("enqueue t")[0], "messaging.batch.message_count", 2)
	if attempt.Parent.IsValid() || len(attempt.Links) != 3 || !slices.Contains(attempt.Links[0].Attributes, attribute.String("messaging.message.id", jobs[0].ID.String())) {
		t.Errorf("the attempt: parent %v, links %v", attempt.Parent, attempt.Links)
	}
}

func TestHowAttemptsEndIsTold(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		outcome, kind string
		err           error
	}{
		{"completed", "", nil},
		{"snooze", "", offload.Snooze(time.Hour)},
		{"cancelled", "", offload.Cancel(errors.New("nobody needs it"))},
		{"discarded", "*errors.errorString", offload.Discard(errors.New("never"))},
		{"discarded", "panic", &offload.PanicError{Value: "ouch", Stack: "where"}},
		{"retry", "timeout", fmt.Errorf("slow: %w", offload.ErrTimeout)},
	} {
		attempts := 1
		if test.outcome == "retry" {
			attempts = 2
		}
		task := offload.NewTask("t", func(context.Context, int) error { return test.err }, offload.MaxAttempts(attempts))
		r := newRig(t, nil, task)
		if _, err := task.Enqueue(t.Context(), r.app, 1); err != nil {
			t.Fatal(err)
		}
		r.app.Drain()
		span := r.one("run t")
		r.has(span, "offload.outcome", test.outcome)
		if failed := span.Status.Code == codes.Error; failed != (test.kind != "") {
			t.Errorf("%v: status %v", test.err, span.Status)
		}
		if test.kind != "" {
			r.has(span, "error.type", test.kind)
		}
		if test.kind == "panic" && !slices.Contains(span.Events[0].Attributes, attribute.String("exception.stacktrace", "where")) {
			t.Errorf("the panic has no stack: %v", span.Events)
		}
	}
}

func TestWithoutATraceAJobIsPlain(t *testing.T) {
	t.Parallel()
	task := offload.NewTask("t", func(context.Context, int) error { return nil })
	app := offloadtest.New(otel.New(), task) // the global providers do nothing
	defer app.Close()
	job, err := task.Enqueue(t.Context(), app, 1)
	if err != nil || len(job.Tags) != 0 {
		t.Errorf("the job has the tags %v, %v", job.Tags, err)
	}
	if got := app.Drain().Completed; got != 1 {
		t.Errorf("%d completed", got)
	}
}

func TestATraceOfAnotherProgramIsGoneOnWith(t *testing.T) {
	t.Parallel()
	task := offload.NewTask("t", func(context.Context, int) error { return nil })
	r := newRig(t, nil, task)
	for _, tag := range []string{"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "nonsense"} {
		r.spans.Reset()
		// Enqueued with a tag of its own, as by a row of the inbox: behind what New gives, as nothing is in front of it.
		call := offload.NewCall("t", []byte("1"), offload.Tag("traceparent", tag))
		traced := offloadtest.New(task, otel.New(otel.TracerProvider(r.tracers)), offload.AroundEnqueue(
			func(ctx context.Context, _ []*offload.Call, next func(context.Context, []*offload.Call) ([]*offload.Job, error)) ([]*offload.Job, error) {
				return next(ctx, []*offload.Call{call})
			}))
		if _, err := task.Enqueue(t.Context(), traced, 1); err != nil {
			t.Fatal(err)
		}
		traced.Drain()
		traced.Close()
		got := r.one("run t")
		if known := got.Parent.IsValid(); known != strings.HasPrefix(tag, "00-") || known && got.Parent.TraceID().String() != tag[3:35] {
			t.Errorf("%s: the attempt's parent is %v", tag, got.Parent)
		}
	}
}

func TestMetricsFollowTheConventions(t *testing.T) {
	t.Parallel()
	task := offload.NewTask("t", func(_ context.Context, n int) error {
		if n == 0 {
			return offload.Discard(errors.New("no"))
		}
		return nil
	})
	r := newRig(t, nil, task)
	jobs, err := task.EnqueueMany(t.Context(), r.app, []int{0, 1, 2}, offload.Queue("mail"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.app.Enqueue(t.Context(), task.Call(1, offload.WithID(jobs[0].ID))); err != nil { // no job
		t.Fatal(err)
	}
	if _, err := task.Enqueue(t.Context(), r.app, 1, offload.Priority(10)); err == nil {
		t.Fatal("priority 10 was taken")
	}
	r.app.Drain()
	stop, err := otel.Observe(r.app.App, otel.MeterProvider(r.meters))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	}()
	if _, err := task.EnqueueMany(t.Context(), r.app, []int{1, 2}, offload.Queue("later"), offload.Delay(time.Hour)); err != nil {
		t.Fatal(err)
	}
	got := r.measured()
	for key, want := range map[string]float64{
		"messaging.client.sent.messages messaging.destination.name=mail messaging.operation.name=enqueue messaging.system=offload offload.task=t":                                    3,
		"messaging.client.consumed.messages messaging.destination.name=mail messaging.operation.name=run messaging.system=offload offload.task=t":                                    3,
		"messaging.process.duration messaging.destination.name=mail messaging.operation.name=run messaging.system=offload offload.task=t":                                            2,
		"messaging.process.duration error.type=*errors.errorString messaging.destination.name=mail messaging.operation.name=run messaging.system=offload offload.task=t":             1,
		"messaging.client.operation.duration messaging.destination.name=mail messaging.operation.name=enqueue messaging.operation.type=send messaging.system=offload offload.task=t": 2,
		"messaging.client.operation.duration error.type=*offload.InputError messaging.operation.name=enqueue messaging.operation.type=send messaging.system=offload offload.task=t":  1,
		"offload.wait.duration messaging.destination.name=mail offload.task=t":                                                                                                       3,
		"offload.queue.jobs messaging.destination.name=later offload.state=scheduled":                                                                                                2,
		"offload.queue.processes_needed messaging.destination.name=later":                                                                                                            0,
		"offload.processes": 0,
	} {
		if n, ok := got[key]; !ok || n != want {
			t.Errorf("%s is %v (%v), want %v", key, n, ok, want)
		}
	}
	if t.Failed() {
		for key, n := range got {
			t.Log(key, n)
		}
	}
}

// measured returns what was counted, by name and attributes; of a histogram, how many.
func (r *rig) measured() map[string]float64 {
	r.t.Helper()
	var all metricdata.ResourceMetrics
	if err := r.reader.Collect(r.t.Context(), &all); err != nil {
		r.t.Fatal(err)
	}
	got := map[string]float64{}
	key := func(name string, set attribute.Set) string {
		for _, a := range set.ToSlice() {
			name += fmt.Sprintf(" %s=%v", a.Key, a.Value.AsInterface())
		}
		return name
	}
	for _, scope := range all.ScopeMetrics {
		if scope.Scope.SchemaURL != "https://opentelemetry.io/schemas/1.43.0" {
			r.t.Errorf("the schema is %q", scope.Scope.SchemaURL)
		}
		for _, m := range scope.Metrics {
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					got[key(m.Name, p.Attributes)] = float64(p.Value)
				}
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					got[key(m.Name, p.Attributes)] = float64(p.Count)
				}
			case metricdata.Gauge[float64]:
				for _, p := range data.DataPoints {
					got[key(m.Name, p.Attributes)] = p.Value
				}
			}
		}
	}
	return got
}
