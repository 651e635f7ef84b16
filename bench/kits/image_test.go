// Package kits measures kits beside the bare libraries, and holds them against others that do the same.
package kits

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/buckket/go-blurhash"
	"golang.org/x/image/draw"

	"github.com/offloadhq/offload"
	kit "github.com/offloadhq/offload/kit/image"
	"github.com/offloadhq/offload/offloadtest"
)

func imageApp(t testing.TB, dir string) *offloadtest.App {
	t.Helper()
	made, err := kit.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	app := offloadtest.New(made)
	t.Cleanup(func() { app.Close() })
	return app
}

func render(t testing.TB, app *offloadtest.App, in kit.Input, n int) []kit.File {
	t.Helper()
	var last *offload.Job
	for range n {
		job, err := kit.Render.Enqueue(t.Context(), app, in)
		if err != nil {
			t.Fatal(err)
		}
		last = job
	}
	app.Drain()
	files, err := kit.Render.Wait(t.Context(), app.App, last.ID)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// The hash is that of another program, of a picture that needs no scaling before.
func TestBlurhashIsThatOfOthers(t *testing.T) {
	dir := t.TempDir()
	app := imageApp(t, dir)
	for n, at := range []func(x, y int) color.RGBA{
		func(int, int) color.RGBA { return color.RGBA{255, 255, 255, 255} },
		func(x, y int) color.RGBA { return color.RGBA{uint8(x * 8), uint8(y * 8), 100, 255} },
		func(x, y int) color.RGBA { return color.RGBA{uint8(x * y), uint8(x * 7), uint8(255 - y*8), 255} },
	} {
		m := image.NewRGBA(image.Rect(0, 0, 32, 32))
		for y := range 32 {
			for x := range 32 {
				m.SetRGBA(x, y, at(x, y))
			}
		}
		var b bytes.Buffer
		if err := png.Encode(&b, m); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "m.png"), b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		want, err := blurhash.Encode(4, 3, m)
		if err != nil {
			t.Fatal(err)
		}
		if got := render(t, app, kit.Input{From: "m.png", Make: []kit.Rendition{{To: "out.png"}}}, 1)[0].Blurhash; got != want {
			t.Errorf("picture %d: blurhash %q, want %q", n, got, want)
		}
	}
}

// A picture of a camera, 12 megapixels, becomes one of 800 × 600, on all cores: by the library alone, and by the kit, from enqueue to end; then the same
// by vipsthumbnail, each time a process of one thread. ns/op is a picture's share. The kit shall take at most 1.1 of the bare time, and allocate at most 6
// bytes for a pixel of the picture.
func BenchmarkThumbnail(b *testing.B) { benchmarkRendition(b, image.Pt(800, 600)) }

// The same of 1600 × 1200, for a screen.
func BenchmarkLargeRendition(b *testing.B) { benchmarkRendition(b, image.Pt(1600, 1200)) }

func benchmarkRendition(b *testing.B, size image.Point) {
	dir := b.TempDir()
	camera := image.NewRGBA(image.Rect(0, 0, 4000, 3000))
	for y := range 3000 {
		for x := range 4000 {
			camera.SetRGBA(x, y, color.RGBA{uint8(x / 16), uint8(y / 12), uint8(x * y >> 12), 255})
		}
	}
	var text bytes.Buffer
	if err := jpeg.Encode(&text, camera, &jpeg.Options{Quality: 90}); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "camera.jpg"), text.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
	bare := func(name string, work func(to string) error) {
		b.Run(name, func(b *testing.B) {
			var n atomic.Int64
			defer perPixel(b)()
			b.RunParallel(func(p *testing.PB) {
				to := filepath.Join(dir, fmt.Sprintf("bare%d.jpg", n.Add(1)))
				for p.Next() {
					if err := work(to); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
	byKit := func(name string, opts ...kit.Option) {
		b.Run(name, func(b *testing.B) {
			made, err := kit.New(dir, opts...)
			if err != nil {
				b.Fatal(err)
			}
			ctx, stop := context.WithCancel(b.Context())
			defer stop()
			app, err := offload.Open(ctx, "sqlite:"+filepath.Join(b.TempDir(), "offload.db"), made, offload.LogTo(slog.New(slog.DiscardHandler)))
			if err != nil {
				b.Fatal(err)
			}
			defer app.Close()
			var running sync.WaitGroup
			running.Go(func() { _ = app.Run(ctx) })
			all := make([]kit.Input, b.N)
			for i := range all {
				all[i] = kit.Input{From: "camera.jpg", Make: []kit.Rendition{{To: fmt.Sprintf("kit%d.jpg", i), Width: size.X}}}
			}
			b.ResetTimer()
			defer perPixel(b)()
			jobs, err := kit.Render.EnqueueMany(ctx, app, all)
			if err != nil {
				b.Fatal(err)
			}
			for _, job := range jobs {
				if _, err := kit.Render.Wait(ctx, app, job.ID); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			stop()
			running.Wait()
		})
	}
	bare("bare", func(to string) error {
		m, err := jpeg.Decode(bytes.NewReader(text.Bytes()))
		if err != nil {
			return err
		}
		small := image.NewRGBA(image.Rectangle{Max: size})
		draw.CatmullRom.Scale(small, small.Rect, m, m.Bounds(), draw.Src, nil)
		var out bytes.Buffer
		if err := jpeg.Encode(&out, small, &jpeg.Options{Quality: 82}); err != nil {
			return err
		}
		return os.WriteFile(to, out.Bytes(), 0o600)
	})
	byKit("kit")
	if _, err := exec.LookPath("vipsthumbnail"); err != nil {
		b.Skip("SKIPPED GROUP vips: install with apt-get install libvips-tools")
	}
	bare("bare-vips", func(to string) error {
		cmd := exec.CommandContext(b.Context(), "vipsthumbnail", filepath.Join(dir, "camera.jpg"), "-s", fmt.Sprintf("%dx%d!", size.X, size.Y), "-o", to+"[Q=82]")
		cmd.Env = append(os.Environ(), "VIPS_CONCURRENCY=1")
		return cmd.Run()
	})
	byKit("kit-vips", kit.Vips())
}

// perPixel reports how many bytes were allocated, for each of the 12 million pixels of a picture.
func perPixel(b *testing.B) func() {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	return func() {
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/12e6/float64(b.N), "B/pixel")
	}
}
