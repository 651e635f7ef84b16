package image_test

import (
	"bytes"
	stdimage "image"
	"image/color"
	"image/gif"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/offloadhq/offload/kit/image"
)

// The first frame of a GIF may be smaller than the picture.
func TestFirstFrameOfGIFStaysInItsPlace(t *testing.T) {
	dir := t.TempDir()
	frame := stdimage.NewPaletted(stdimage.Rect(80, 10, 100, 30), color.Palette{red, color.White})
	var b bytes.Buffer
	err := gif.EncodeAll(&b, &gif.GIF{
		Image: []*stdimage.Paletted{frame}, Delay: []int{0},
		Config: stdimage.Config{Width: 200, Height: 100, ColorModel: frame.Palette},
	})
	if err != nil {
		t.Fatal(err)
	}
	put(t, dir, "a.gif", b.Bytes())
	app := newApp(t, dir)
	rendered(t, app, image.Input{From: "a.gif", Make: []image.Rendition{{To: "same.jpg"}, {To: "half.jpg", Width: 100}}})
	for _, name := range []string{"same.jpg", "half.jpg"} {
		m, _ := read(t, dir, name)
		looksLike(t, name, m, map[[2]float64]color.RGBA{{0.45, 0.2}: red, {0.1, 0.5}: {255, 255, 255, 255}, {0.6, 0.2}: {255, 255, 255, 255}})
	}
}

func TestPlacesThatCantBeAreDiscardedAtOnce(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "a.jpg", jpegOf(t, quarters(100, 100)))
	if err := os.Mkdir(filepath.Join(dir, "folder.jpg"), 0o700); err != nil {
		t.Fatal(err)
	}
	app := newApp(t, dir)
	long := strings.Repeat("x", 300) + ".jpg"
	for _, test := range []struct{ from, to, said string }{
		{long, "b.jpg", "from"},
		{"a.jpg/b.jpg", "b.jpg", "from"},
		{"a.jpg", "a.jpg/b.jpg", "make[0].to"},
		{"a.jpg", "folder.jpg", "make[0].to"},
		{"a.jpg", long, "make[0].to"},
	} {
		job, err := image.Render.Enqueue(t.Context(), app, image.Input{From: test.from, Make: []image.Rendition{{To: test.to}}})
		if err != nil {
			t.Fatal(err)
		}
		app.Drain()
		wantDiscarded(t, app, job, test.said)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestRenditionsHaveTheLimitOfPictures(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "a.jpg", jpegOf(t, quarters(100, 100)))
	app := newApp(t, dir)
	job, err := image.Render.Enqueue(t.Context(), app, image.Input{From: "a.jpg", Make: []image.Rendition{{To: "b.jpg", Width: 16_000, Height: 16_000, Fit: image.Exact}}})
	if err != nil {
		t.Fatal(err)
	}
	app.Drain()
	wantDiscarded(t, app, job, "16000 × 16000 pixels")
}
