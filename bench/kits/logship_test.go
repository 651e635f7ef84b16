package kits

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/offloadhq/offload/kit/logship"
)

// discard is a destination that takes everything.
type discard struct{}

func (discard) Ship(context.Context, []logship.Item) error { return nil }

// What a call costs whoever logs, beside slog's own handler of JSON that writes nowhere: 500 ns at most. The shipper has 10,000 records of room, blocks when there is none, and writes down and
// ships beside, on the same cores: that is in the figures of "shipped". "handed over" is a call alone, with what is shipped outside of the clock.
func BenchmarkLogship(b *testing.B) {
	failure := errors.New("card declined")
	calls := map[string]func(log *slog.Logger, i int){
		"five": func(log *slog.Logger, i int) {
			log.Info("order paid", "order", i, "shop", "berlin", "price", 12.5, "took", time.Millisecond, "again", false)
		},
		"error": func(log *slog.Logger, i int) { log.Error("order failed", "order", i, "error", failure) },
	}
	for name, call := range calls {
		b.Run(name+"/slog JSON", func(b *testing.B) {
			log := slog.New(slog.NewJSONHandler(io.Discard, nil))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				call(log, i)
			}
		})
		b.Run(name+"/handed over", func(b *testing.B) {
			ship, err := logship.New(discard{})
			if err != nil {
				b.Fatal(err)
			}
			defer ship.Close()
			log := slog.New(ship.Handler())
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i%5000 == 4999 {
					b.StopTimer()
					if err := ship.Flush(b.Context()); err != nil {
						b.Fatal(err)
					}
					b.StartTimer()
				}
				call(log, i)
			}
		})
		for mode, opts := range map[string][]logship.Option{"shipped": nil, "spooled": {logship.Spool(b.TempDir(), false)}} {
			b.Run(name+"/"+mode, func(b *testing.B) {
				ship, err := logship.New(discard{}, append(opts, logship.Block())...)
				if err != nil {
					b.Fatal(err)
				}
				defer ship.Close()
				ctx, stop := context.WithCancel(b.Context())
				var running sync.WaitGroup
				running.Go(func() { ship.Run(ctx) })
				defer running.Wait()
				defer stop()
				log := slog.New(ship.Handler())
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					call(log, i)
				}
			})
		}
	}
}
