package otel_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/offloadhq/offload"
	_ "github.com/offloadhq/offload/store/sqlite"
	"github.com/offloadhq/offload/telemetry/otel"
)

// A trace goes on in another process, also of a job that was enqueued in a transaction.
func TestATraceGoesThroughTheStore(t *testing.T) {
	t.Parallel()
	address := filepath.Join(t.TempDir(), "offload.db")
	task := offload.Declare[int]("t")
	process := func(parts ...offload.Part) (*offload.App, *tracetest.InMemoryExporter) {
		spans := tracetest.NewInMemoryExporter()
		tracers := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
		app, err := offload.Open(t.Context(), address, append(parts, quiet, otel.New(otel.TracerProvider(tracers)))...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { app.Close() })
		return app, spans
	}
	web, enqueued := process(task)
	worker, attempts := process(task.Handle(func(context.Context, int) error { return nil }))
	db, err := sql.Open("sqlite", address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	job, err := task.Enqueue(t.Context(), web.Tx(tx), 1)
	if err := errors.Join(err, tx.Commit()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- worker.Run(ctx) }()
	if _, err := web.Wait(t.Context(), job.ID); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	one, other := enqueued.GetSpans(), attempts.GetSpans()
	if len(one) != 1 || len(other) != 1 || one[0].SpanContext.TraceID() != other[0].SpanContext.TraceID() || other[0].Parent.SpanID() != one[0].SpanContext.SpanID() {
		t.Errorf("enqueued: %v\nattempts: %v", one, other)
	}
}
