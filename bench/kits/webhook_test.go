package kits_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/webhook"
	_ "github.com/offloadhq/offload/store/sqlite"
)

// BenchmarkWebhook shall deliver 2,000 events a second to a server on the same machine ("kit": from
// Publish to the answer kept, on SQLite), beside a client that only sends ("bare").
func BenchmarkWebhook(b *testing.B) {
	data := json.RawMessage(`{"id":7,"name":"Ada","lines":[{"sku":"a","n":1},{"sku":"b","n":2}]}`)

	b.Run("bare", func(b *testing.B) {
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }))
		defer server.Close()
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
		defer client.CloseIdleConnections()
		b.ResetTimer()
		b.SetParallelism(8)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				resp, err := client.Post(server.URL, "application/json", bytes.NewReader(data))
				if err != nil {
					b.Error(err)
					return
				}
				resp.Body.Close()
			}
		})
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	})

	b.Run("kit", func(b *testing.B) {
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		hooks := webhook.New(webhook.AllowPrivate(), webhook.Ports())
		app, err := offload.Open(ctx, "sqlite:"+filepath.Join(b.TempDir(), "offload.db"), hooks,
			offload.Workers("default", 32), offload.LogTo(slog.New(slog.DiscardHandler)))
		if err != nil {
			b.Fatal(err)
		}
		defer app.Close()
		var arrived atomic.Int64
		all := make(chan bool)
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			if arrived.Add(1) == int64(b.N) {
				close(all)
			}
		}))
		defer server.Close()
		if _, err := hooks.For(app).Add(ctx, webhook.Endpoint{URL: server.URL}); err != nil {
			b.Fatal(err)
		}
		var running sync.WaitGroup
		running.Go(func() { app.Run(ctx) })
		b.ResetTimer()
		var publishing sync.WaitGroup
		for part := range 16 {
			publishing.Go(func() {
				for i := part; i < b.N; i += 16 {
					if _, err := hooks.For(app).Publish(ctx, app, webhook.Event{Type: "order.paid", Data: data}); err != nil {
						b.Error(fmt.Errorf("publish: %w", err))
						return
					}
				}
			})
		}
		publishing.Wait()
		<-all
		stop() // and those that are running end
		running.Wait()
		b.StopTimer()
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	})
}
