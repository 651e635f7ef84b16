package image

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"iter"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/image/draw"
)

// photo is a picture with much to get wrong: slopes, edges, and fine lines. It is transparent on the right if see is set.
func photo(w, h int, see bool) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.NRGBA{uint8(x * 255 / w), uint8(y * 255 / h), uint8(128 + 100*math.Sin(float64(x*y)/900)), 255}
			if (x/17+y/23)%5 == 0 {
				c = color.NRGBA{250, 250, uint8(x % 256), 255}
			}
			if see {
				c.A = uint8(255 - x*255/w)
			}
			m.SetNRGBA(x, y, c)
		}
	}
	return m
}

// slope is a picture of smooth colours, since edges of them are not to be had from fewer of them.
func slope(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.SetNRGBA(x, y, color.NRGBA{uint8(40 + x*200/w), uint8(40 + y*150/h), uint8(200 - x*100/w), 255})
		}
	}
	return m
}

// rows yields the lines of a picture.
func rows(m *image.RGBA) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		for y := range m.Rect.Dy() {
			if !yield(y, m.Pix[y*m.Stride:][:m.Stride]) {
				return
			}
		}
	}
}

// planesOf is a picture as a JPEG of that kind has it.
func planesOf(m image.Image, ratio image.YCbCrSubsampleRatio) *image.YCbCr {
	made := image.NewYCbCr(m.Bounds(), ratio)
	for y := range m.Bounds().Dy() {
		for x := range m.Bounds().Dx() {
			c := color.YCbCrModel.Convert(m.At(x, y)).(color.YCbCr)
			made.Y[made.YOffset(x, y)], made.Cb[made.COffset(x, y)], made.Cr[made.COffset(x, y)] = c.Y, c.Cb, c.Cr
		}
	}
	return made
}

// apart is how far pictures are from each other, in the mean of all pixels and at most.
func apart(a, b image.Image) (mean, most float64) {
	size := a.Bounds().Size()
	for y := range size.Y {
		for x := range size.X {
			r1, g1, b1, a1 := a.At(x, y).RGBA()
			r2, g2, b2, a2 := b.At(x, y).RGBA()
			for _, d := range []float64{float64(r1) - float64(r2), float64(g1) - float64(g2), float64(b1) - float64(b2), float64(a1) - float64(a2)} {
				mean += math.Abs(d) / 257 / float64(4*size.X*size.Y)
				most = max(most, math.Abs(d)/257)
			}
		}
	}
	return mean, most
}

// The library's filter of the same name says what is right.
func TestScalingIsThatOfTheLibrary(t *testing.T) {
	white := &color.RGBA{255, 255, 255, 255}
	for _, part := range []image.Rectangle{image.Rect(0, 0, 401, 301), image.Rect(33, 20, 350, 301)} {
		for _, to := range []image.Point{{160, 120}, {399, 299}, {31, 250}, {600, 450}, {1, 1}} {
			for name, m := range map[string]image.Image{
				"opaque": photo(401, 301, false), "transparent": photo(401, 301, true), "planes": planesOf(photo(401, 301, false), image.YCbCrSubsampleRatio444),
			} {
				for _, behind := range []*color.RGBA{nil, white} {
					want, got := image.NewRGBA(image.Rectangle{Max: to}), image.NewRGBA(image.Rectangle{Max: to})
					if behind != nil {
						draw.Draw(want, want.Rect, image.White, image.Point{}, draw.Src)
					}
					draw.CatmullRom.Scale(want, want.Rect, m, part, draw.Over, nil)
					for y, line := range scaledLines(m, part, to, behind) {
						copy(got.Pix[y*got.Stride:], line)
					}
					most := 4.0
					if behind != nil && name == "transparent" {
						most = 16 // the library filters first, and cuts what rings beyond the transparent
					}
					if mean, far := apart(got, want); mean > 0.5 || far > most {
						t.Errorf("%s, %v to %v, on %v: %.2f apart in the mean, %.0f at most", name, part, to, behind, mean, far)
					}
				}
			}
		}
	}
}

// Planes are scaled as they are, and yet the colours are where they were: the library makes RGBA of all kinds first.
func TestPlanesAreScaledWithTheirColoursInPlace(t *testing.T) {
	for _, ratio := range []image.YCbCrSubsampleRatio{
		image.YCbCrSubsampleRatio444, image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio420,
		image.YCbCrSubsampleRatio440, image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410,
	} {
		m := slope(403, 301)
		planes := planesOf(m, ratio)
		for _, part := range []image.Rectangle{planes.Rect, image.Rect(101, 51, 403, 301)} {
			for _, to := range []image.Point{{161, 121}, {160, 120}, {401, 299}, {33, 290}, {700, 500}, {1, 1}} {
				want := image.NewRGBA(image.Rectangle{Max: to})
				draw.CatmullRom.Scale(want, want.Rect, m, part, draw.Src, nil)
				if mean, most := apart(scaledPlanes(planes, part, to), inPlanes(rows(want), to)); mean > 1.2 || most > 8 {
					t.Errorf("%v, %v to %v: %.2f apart in the mean, %.0f at most", ratio, part, to, mean, most)
				}
			}
		}
	}
}

// What was RGBA becomes the planes that the encoder would make of it.
func TestLinesBecomePlanes(t *testing.T) {
	for _, size := range []image.Point{{64, 48}, {63, 47}, {1, 1}, {1, 9}, {9, 1}} {
		m := image.NewRGBA(image.Rectangle{Max: size})
		for i := 0; i < len(m.Pix); i += 4 {
			x, y := i/4%size.X, i/4/size.X
			copy(m.Pix[i:], []byte{byte(2 * x), byte(3 * y), 90, 255})
		}
		planes := inPlanes(rows(m), size)
		if mean, most := apart(planes, m); mean > 1.5 || most > 6 {
			t.Errorf("%v: %.2f apart in the mean, %.0f at most", size, mean, most)
		}
	}
}

// Each orientation of planes is that of the same picture as RGBA.
func TestPlanesAreTurned(t *testing.T) {
	for _, ratio := range []image.YCbCrSubsampleRatio{
		image.YCbCrSubsampleRatio444, image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio420,
		image.YCbCrSubsampleRatio440, image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410,
	} {
		for _, size := range []image.Point{{40, 24}, {41, 25}} {
			planes := planesOf(photo(size.X, size.Y, false), ratio)
			asRGBA := image.NewRGBA(planes.Rect)
			draw.Draw(asRGBA, asRGBA.Rect, planes, image.Point{}, draw.Src)
			for o := orientation(1); o <= 8; o++ {
				got, want := turn(planes, o), turn(asRGBA, o)
				if got.Bounds() != want.Bounds() {
					t.Fatalf("%v of %v, orientation %d: it is %v", ratio, size, o, got.Bounds())
				}
				if _, most := apart(got, want); most > 1 {
					t.Errorf("%v of %v, orientation %d: %.0f apart", ratio, size, o, most)
				}
			}
		}
	}
}

// Small ones after a large one are made of halves of it, in whatever order they are asked for.
func TestRenditionsAreMadeOfOneAnother(t *testing.T) {
	m := planesOf(slope(1600, 1200), image.YCbCrSubsampleRatio420)
	s := &source{levels: []image.Image{m}, size: m.Rect.Max}
	whole := [4]float64{0, 0, 1, 1}
	small := s.scale(whole, image.Pt(100, 75), nil, true)
	if len(s.levels) != 4 || s.levels[3].Bounds().Size() != image.Pt(200, 150) {
		t.Errorf("there are %d levels; want 4, down to twice the rendition", len(s.levels))
	}
	if got := s.scale(whole, m.Rect.Max, nil, true); got != image.Image(m) {
		t.Error("the picture itself is another one afterwards")
	}
	want := image.NewRGBA(small.Bounds())
	draw.CatmullRom.Scale(want, want.Rect, m, m.Rect, draw.Src, nil)
	if mean, most := apart(small, want); mean > 1.5 || most > 6 {
		t.Errorf("%.2f apart in the mean from what the library makes of the whole, %.0f at most", mean, most)
	}
}

// A picture that is a line of millions of pixels takes no more for its pixels than others.
func TestLinesOfMillionsOfPixelsTakeLittle(t *testing.T) {
	if testing.Short() {
		t.Skip("8 megapixels, twice")
	}
	r, dir := newRenderer(t)
	const long = 8_000_000
	for _, size := range []image.Point{{long, 1}, {1, long}} {
		var text bytes.Buffer
		m := image.NewGray(image.Rectangle{Max: size})
		for i := range m.Pix {
			m.Pix[i] = byte(i * 255 / long)
		}
		if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&text, m); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "line.png"), text.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, ext := range []string{"jpg", "png"} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := r.render(t.Context(), Input{From: "line.png", Make: []Rendition{{To: fmt.Sprintf("a.%s", ext), Width: 16, Height: 16, Fit: Exact}}})
			runtime.ReadMemStats(&after)
			perPixel := float64(after.TotalAlloc-before.TotalAlloc) / long
			t.Logf("%v as %s: %.1f bytes a pixel", size, ext, perPixel)
			if err != nil || perPixel > 12 {
				t.Errorf("%v as %s: %.1f bytes a pixel, %v; want at most 12", size, ext, perPixel, err)
			}
		}
	}
}
