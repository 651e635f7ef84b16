package image

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/offloadhq/offload"
)

// ending is a context that ends when it has been looked at so often.
type ending struct {
	context.Context
	looks int
}

func (c *ending) Err() error {
	if c.looks--; c.looks < 0 {
		return context.Canceled
	}
	return nil
}

func newRenderer(t *testing.T, opts ...Option) (*renderer, string) {
	t.Helper()
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	r := &renderer{place: folder{root}, maxPixels: usualPixels, encoders: map[string]encoder{".jpg": encodeJPEG, ".png": encodePNG}}
	for _, o := range opts {
		o(r)
	}
	return r, dir
}

// scans is a progressive grey JPEG of so many scans that change nothing: 75 bytes each, and each makes a decoder go through all pixels.
func scans(side, n int) []byte {
	b := append([]byte{0xff, 0xd8, 0xff, 0xdb, 0, 67, 0}, bytes.Repeat([]byte{1}, 64)...)
	b = append(b, 0xff, 0xc2, 0, 11, 8)
	b = binary.BigEndian.AppendUint16(b, uint16(side))
	b = binary.BigEndian.AppendUint16(b, uint16(side))
	b = append(b, 1, 1, 0x11, 0)
	b = append(b, 0xff, 0xc4, 0, 20, 0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xe0) // the code 0 begins a run of blocks
	runs := ((side+7)/8*((side+7)/8) + 32766) / 32767
	var data []byte
	for at, bit := 0, 7; at < 15*runs || bit != 7; at++ {
		if bit == 7 {
			data = append(data, 0)
		}
		if at%15 != 0 || at >= 15*runs {
			data[len(data)-1] |= 1 << bit
		}
		bit = (bit + 7) % 8
	}
	data = bytes.ReplaceAll(data, []byte{0xff}, []byte{0xff, 0})
	scan := append([]byte{0xff, 0xda, 0, 8, 1, 1, 0x10, 1, 63, 0}, data...)
	return append(append(b, bytes.Repeat(scan, n)...), 0xff, 0xd9)
}

func TestDecodingEndsWithItsContext(t *testing.T) {
	if m, err := jpeg.Decode(bytes.NewReader(scans(600, 3))); err != nil || m.Bounds().Dx() != 600 {
		t.Fatalf("the picture of this test is none: %v", err)
	}
	r, dir := newRenderer(t)
	if err := os.WriteFile(filepath.Join(dir, "long.jpg"), scans(600, 40_000), 0o600); err != nil { // seconds
		t.Fatal(err)
	}
	in := Input{From: "long.jpg", Make: []Rendition{{To: "out.jpg", Width: 10}}}
	if _, err := r.read(&ending{t.Context(), 3}, &in); !errors.Is(err, context.Canceled) {
		t.Errorf("read = %v; want it cancelled", err)
	}
	if !memory.TryAcquire(mostMemory) {
		t.Fatal("its memory was not given back")
	}
	memory.Release(mostMemory)
}

func TestBudgetThatNothingMeetsEndsSoon(t *testing.T) {
	encoded := 0
	r, _ := newRenderer(t, Encode(".x", func(w io.Writer, m image.Image, _ int) error {
		encoded++
		_, err := w.Write(make([]byte, m.Bounds().Dx()*m.Bounds().Dy()))
		return err
	}))
	s := &source{levels: []image.Image{image.NewRGBA(image.Rect(0, 0, 800, 600))}, size: image.Pt(800, 600)}
	_, err := r.make(t.Context(), s, &Rendition{To: "a.x", MaxBytes: 1}, 0)
	if wrong := (*offload.InputError)(nil); !errors.As(err, &wrong) || wrong.Field != "make[0].max_bytes" || encoded > 20 {
		t.Errorf("make = %v, encoded %d times; want max_bytes refused after a few", err, encoded)
	}
	encoded = 0
	if _, err = r.make(&ending{t.Context(), 2}, s, &Rendition{To: "a.x", MaxBytes: 1}, 0); !errors.Is(err, context.Canceled) || encoded != 2 {
		t.Errorf("make = %v, encoded %d times; want it cancelled after two", err, encoded)
	}
}

// All that is allocated counts here, not only what is in use at one time. The filter of the library would take 36 bytes a pixel.
func TestLargeRenditionsTakeLittleMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("12 megapixels, nine times")
	}
	r, dir := newRenderer(t)
	camera := image.NewYCbCr(image.Rect(0, 0, 4000, 3000), image.YCbCrSubsampleRatio420)
	photo := jpegOf(t, camera)
	held := append([]byte("\xff\xd8\xff\xe1\x00\x22Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00"), photo[2:]...)
	clear := image.NewNRGBA(camera.Rect)
	var png8 bytes.Buffer
	if err := png.Encode(&png8, clear); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"a.jpg": photo, "held.jpg": held, "clear.png": png8.Bytes()} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		from string
		make []Rendition
		most float64 // bytes a pixel
	}{
		{"a.jpg", []Rendition{{To: "thumb.jpg", Width: 800}}, 3},
		{"a.jpg", []Rendition{{To: "large.jpg", Width: 1600}}, 3},
		{"a.jpg", []Rendition{{To: "same.jpg"}}, 3},
		{"a.jpg", []Rendition{{To: "nearly.jpg", Width: 3900}}, 4},
		{"a.jpg", []Rendition{{To: "cut.jpg", Width: 1600, Height: 1600, Fit: Cover}, {To: "large.png", Width: 1600}}, 6},
		{"a.jpg", []Rendition{{To: "64.jpg", Width: 64}, {To: "320.jpg", Width: 320}, {To: "1600.jpg", Width: 1600}, {To: "3000.jpg", Width: 3000}}, 6},
		{"held.jpg", []Rendition{{To: "up.jpg", Width: 1600}}, 6},
		{"clear.png", []Rendition{{To: "white.jpg", Width: 3900}}, 6},
		{"clear.png", []Rendition{{To: "small.png", Width: 1600}}, 6},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		files, err := r.render(t.Context(), Input{From: test.from, Make: test.make})
		runtime.ReadMemStats(&after)
		perPixel := float64(after.TotalAlloc-before.TotalAlloc) / 12e6
		t.Logf("%s: %.1f bytes a pixel", test.make[0].To, perPixel)
		if err != nil || len(files) != len(test.make) || perPixel > test.most {
			t.Errorf("%s: %.1f bytes a pixel, %v; want at most %g", test.make[0].To, perPixel, err, test.most)
		}
		if test.from == "held.jpg" && files[0].Height < files[0].Width {
			t.Errorf("it was not turned: %+v", files[0])
		}
	}
}

func jpegOf(t *testing.T, m image.Image) []byte {
	t.Helper()
	var text bytes.Buffer
	if err := jpeg.Encode(&text, m, nil); err != nil {
		t.Fatal(err)
	}
	return text.Bytes()
}

// Twice as wide as it was needed, or more, is halved first, whatever the picture is kept as.
func TestAllKindsAreHalved(t *testing.T) {
	for _, m := range []image.Image{
		image.NewYCbCr(image.Rect(0, 0, 101, 81), image.YCbCrSubsampleRatio420), image.NewNRGBA(image.Rect(0, 0, 101, 81)),
		image.NewGray16(image.Rect(0, 0, 101, 81)), image.NewCMYK(image.Rect(0, 0, 101, 81)), image.NewRGBA(image.Rect(3, 5, 104, 86)),
	} {
		if got := halved(m, image.Pt(20, 15)).Bounds(); got != image.Rect(0, 0, 50, 40) {
			t.Errorf("%T: %v", m, got)
		}
		if got := halved(m, image.Pt(60, 60)); got != m {
			t.Errorf("%T: it was halved without need", m)
		}
	}
}
