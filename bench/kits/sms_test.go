package kits

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/notify"
	"github.com/offloadhq/offload/kit/sms"
	"github.com/offloadhq/offload/kit/sms/twilio"
)

// Short messages to a provider on this machine: the requests alone, one after the other, and by the kit, in SQLite. Providers take one to a hundred a second from a number: the kit
// shall not be what one waits for.
func BenchmarkSMS(b *testing.B) {
	var taken atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		taken.Add(1)
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"sid":"SM1","status":"queued"}`)
	}))
	defer server.Close()
	provider := twilio.Provider{AccountSID: "AC1", AuthToken: "secret", URL: server.URL}
	message := sms.Message{To: "+436641234567", From: "+15005550006", Text: "Your parcel comes at three."}
	perSecond := func(b *testing.B) { b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s") }
	b.Run("bare", func(b *testing.B) {
		for b.Loop() {
			if _, err := provider.Send(b.Context(), sms.Outgoing{Message: message}); err != nil {
				b.Fatal(err)
			}
		}
		perSecond(b)
	})
	b.Run("kit", func(b *testing.B) {
		taken.Store(0)
		kit, err := sms.New(provider)
		if err != nil {
			b.Fatal(err)
		}
		app, err := offload.Open(b.Context(), filepath.Join(b.TempDir(), "sms.db"), kit)
		if err != nil {
			b.Fatal(err)
		}
		defer app.Close()
		if _, err := sms.Send.EnqueueMany(b.Context(), app, slices.Repeat([]sms.Message{message}, b.N)); err != nil {
			b.Fatal(err)
		}
		b.ResetTimer()
		ctx, stop := context.WithCancel(b.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = app.Run(ctx) })
		for taken.Load() < int64(b.N) {
			time.Sleep(time.Millisecond)
		}
		b.StopTimer()
		stop()
		running.Wait()
		perSecond(b)
	})
}

// Texts are measured wherever somebody types one.
func BenchmarkMeasure(b *testing.B) {
	for b.Loop() {
		sms.Measure("Your parcel comes at three. It’s the green door, please ring twice 😀")
	}
}

// Notices by list and short message, in SQLite: to a thousand people, and to one, whose list all of them write.
func BenchmarkNotify(b *testing.B) {
	b.Run("thousand", func(b *testing.B) { tell(b, 1000) })
	b.Run("one", func(b *testing.B) { tell(b, 1) })
}

func tell(b *testing.B, people int) {
	kit, err := notify.New(func(context.Context, string) (notify.Who, error) { return notify.Who{Phone: "+436641234567"}, nil }, []notify.Kind{{
		Name: "order.shipped", Channels: []notify.Channel{notify.InApp, notify.SMS},
		Content: notify.Fill(func(context.Context, notify.Who, int) (notify.Content, error) {
			return notify.Content{Title: "Your order has shipped", Text: "It comes at three.", URL: "https://shop.example/orders/7"}, nil
		}),
	}})
	if err != nil {
		b.Fatal(err)
	}
	texts, err := sms.New(sms.Keep{}, sms.From("Shop"))
	if err != nil {
		b.Fatal(err)
	}
	app, err := offload.Open(b.Context(), filepath.Join(b.TempDir(), "notify.db"), kit, texts)
	if err != nil {
		b.Fatal(err)
	}
	defer app.Close()
	notices := make([]notify.Notice, b.N)
	for i := range notices {
		notices[i] = notify.Notice{To: fmt.Sprintf("person %d", i%people), Kind: "order.shipped", Data: notify.Data(i)}
	}
	jobs, err := notify.Notify.EnqueueMany(b.Context(), app, notices)
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	ctx, stop := context.WithCancel(b.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = app.Run(ctx) })
	for _, job := range jobs {
		if _, err := app.Wait(b.Context(), job.ID); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	stop()
	running.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "notices/s")
}
