// Package kits measures kits beside the bare libraries, and holds them against others that do the same.
package kits

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
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

// A picture of a camera, 12 megapixels, becomes one of 800 × 600: by the library alone, one after the other, and by the kit, whose jobs are
// worked on all cores. ns/op is for one picture; the kit shall take 1.1 of the library's time on one core, and less on more.
func BenchmarkThumbnail(b *testing.B) {
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
	b.Run("bare", func(b *testing.B) {
		for b.Loop() {
			m, err := jpeg.Decode(bytes.NewReader(text.Bytes()))
			if err != nil {
				b.Fatal(err)
			}
			small := image.NewRGBA(image.Rect(0, 0, 800, 600))
			draw.CatmullRom.Scale(small, small.Rect, m, m.Bounds(), draw.Src, nil)
			var out bytes.Buffer
			if err := jpeg.Encode(&out, small, &jpeg.Options{Quality: 82}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("kit", func(b *testing.B) {
		app := imageApp(b, dir)
		in := kit.Input{From: "camera.jpg", Make: []kit.Rendition{{To: fmt.Sprintf("%d.jpg", b.N), Width: 800}}}
		for b.Loop() {
			render(b, app, in, 1)
		}
	})
}
