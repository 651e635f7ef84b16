package kits_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/httpcall"
)

// BenchmarkHTTPCall is how many requests a second reach a server on the same machine, in one run: by a client that
// only sends ("bare"), by a job each of a task that does the same with the bare client ("job"), and by the kit on
// SQLite, from the enqueue to the answer kept, without a circuit ("plain"), with one ("circuit"), and with a rate
// beside it that lets all through ("rate"). What the kit costs is the distance from "job".
func BenchmarkHTTPCall(b *testing.B) {
	const body = `{"id":7,"name":"Ada","lines":[{"sku":"a","n":1},{"sku":"b","n":2}]}`
	serve := func(b *testing.B) (target string, all chan bool) {
		var arrived atomic.Int64
		all = make(chan bool)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			io.WriteString(w, `{"ok":true}`)
			if arrived.Add(1) == int64(b.N) {
				close(all)
			}
		}))
		b.Cleanup(server.Close)
		return server.URL, all
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()
	post := func(ctx context.Context, target string) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader([]byte(body)))
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		_, err = io.Copy(io.Discard, resp.Body)
		return err
	}

	b.Run("bare", func(b *testing.B) {
		target, _ := serve(b)
		used := spent()
		b.ResetTimer()
		b.SetParallelism(8)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := post(b.Context(), target); err != nil {
					b.Error(err)
					return
				}
			}
		})
		report(b, spent()-used)
	})

	bare := offload.DeclareFunc[httpcall.Input, string]("bare")
	for name, make := range map[string]func(host string) (offload.Part, *offload.Task[httpcall.Input]){
		"job": func(string) (offload.Part, *offload.Task[httpcall.Input]) {
			return bare.Handle(func(ctx context.Context, in httpcall.Input) (string, error) { return "ok", post(ctx, in.URL) }), bare.Task
		},
		"plain": func(string) (offload.Part, *offload.Task[httpcall.Input]) {
			return httpcall.New(httpcall.Breaker(0, 0, 0)), httpcall.Call.Task
		},
		"circuit": func(string) (offload.Part, *offload.Task[httpcall.Input]) {
			return httpcall.New(), httpcall.Call.Task
		},
		"rate": func(host string) (offload.Part, *offload.Task[httpcall.Input]) {
			return httpcall.New(httpcall.Rate(host, 1_000_000, time.Second)), httpcall.Call.Task
		},
	} {
		b.Run(name, func(b *testing.B) {
			target, all := serve(b)
			at, err := url.Parse(target)
			if err != nil {
				b.Fatal(err)
			}
			part, task := make(at.Host)
			ctx, stop := context.WithCancel(context.Background())
			defer stop()
			app, err := offload.Open(ctx, "sqlite:"+filepath.Join(b.TempDir(), "offload.db"), part,
				offload.Workers("default", 32), offload.LogTo(slog.New(slog.DiscardHandler)))
			if err != nil {
				b.Fatal(err)
			}
			defer app.Close()
			var running sync.WaitGroup
			running.Go(func() { app.Run(ctx) })
			used := spent()
			b.ResetTimer()
			var enqueueing sync.WaitGroup
			for part := range 16 {
				enqueueing.Go(func() {
					for i := part; i < b.N; i += 16 {
						if _, err := task.Enqueue(ctx, app, httpcall.Input{Method: "POST", URL: target, Body: body}); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			enqueueing.Wait()
			<-all
			stop() // and those that are running end
			running.Wait()
			b.StopTimer()
			report(b, spent()-used)
		})
	}
}

// report tells how many requests there were in a second, and what time of processors each took, of client and server together:
// the second is the same on a machine that others use.
func report(b *testing.B, used time.Duration) {
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
	b.ReportMetric(float64(used.Microseconds())/float64(b.N), "cpu-µs/op")
}
