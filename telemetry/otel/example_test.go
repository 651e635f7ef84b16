package otel_test

import (
	"context"
	"fmt"
	"log"

	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/offloadtest"
	"github.com/offloadhq/offload/telemetry/otel"
)

// A trace goes from the enqueue to the attempt.
func ExampleNew() {
	spans := tracetest.NewInMemoryExporter() // OTLP, in your program
	tracers := trace.NewTracerProvider(trace.WithSyncer(spans))

	mail := offload.NewTask("mail", func(ctx context.Context, to string) error { return nil })
	app := offloadtest.New(otel.New(otel.TracerProvider(tracers)), mail)
	defer app.Close()
	if _, err := mail.Enqueue(context.Background(), app, "ada@example.com"); err != nil {
		log.Fatal(err)
	}
	app.Drain()

	all := spans.GetSpans()
	fmt.Println(all[0].Name, all[0].SpanKind)
	fmt.Println(all[1].Name, all[1].SpanKind, all[1].SpanContext.TraceID() == all[0].SpanContext.TraceID())
	// Output:
	// enqueue mail producer
	// run mail consumer true
}
