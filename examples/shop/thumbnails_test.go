package shop

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"testing"
)

func TestFitKeepsProportion(t *testing.T) {
	for _, test := range []struct {
		name       string
		size, want image.Point
	}{
		{"a camera's photo", image.Pt(4000, 3000), image.Pt(800, 600)},
		{"held upright", image.Pt(3000, 4000), image.Pt(600, 800)},
		{"small ones are left", image.Pt(640, 480), image.Pt(640, 480)},
		{"a line stays to be seen", image.Pt(10_000, 1), image.Pt(800, 1)},
	} {
		if got := fit(test.size, 800); got != test.want {
			t.Errorf("%s: fit(%v, 800) = %v, want %v", test.name, test.size, got, test.want)
		}
	}
}

func TestShrinkKeepsColoursOfEverySize(t *testing.T) {
	red := rgb(200, 40, 30)
	for _, ratio := range []image.YCbCrSubsampleRatio{
		image.YCbCrSubsampleRatio420, image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio444, image.YCbCrSubsampleRatio440,
	} {
		for _, size := range []image.Point{{640, 480}, {641, 483}, {643, 79}, {1, 1}, {1, 999}} {
			photo := image.NewYCbCr(image.Rectangle{Max: size}, ratio)
			fill(photo.Y, red.Y)
			fill(photo.Cb, red.Cb)
			fill(photo.Cr, red.Cr)
			small := shrink(photo, 80)
			if got, want := small.Bounds().Size(), fit(size, 80); got != want {
				t.Errorf("%v %v: size is %v, want %v", ratio, size, got, want)
			}
			last := small.Bounds().Max.Sub(image.Pt(1, 1))
			if got := small.RGBAAt(last.X, last.Y); !near(got.R, 200) || !near(got.G, 40) || !near(got.B, 30) {
				t.Errorf("%v %v: the last pixel is %v, want red", ratio, size, got)
			}
		}
	}
}

func TestShrinkTakesOtherPictures(t *testing.T) {
	if got := shrink(image.NewGray(image.Rect(0, 0, 300, 200)), 150).Rect.Size(); got != image.Pt(150, 100) {
		t.Errorf("a grey picture of 300 × 200 becomes %v, want 150 × 100", got)
	}
}

func TestOrientationIsRead(t *testing.T) {
	var plain bytes.Buffer
	if err := jpeg.Encode(&plain, image.NewGray(image.Rect(0, 0, 8, 8)), nil); err != nil {
		t.Fatal(err)
	}
	if got := orientationOf(bytes.NewReader(plain.Bytes())); got != 1 {
		t.Errorf("without Exif: %d, want 1", got)
	}
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		photo := withExif(plain.Bytes(), order, 6)
		if got := orientationOf(bytes.NewReader(photo)); got != 6 {
			t.Errorf("%v: %d, want 6", order, got)
		}
		for length := range photo {
			orientationOf(bytes.NewReader(photo[:length])) // must not panic
		}
	}
	if got := orientationOf(bytes.NewReader(withExif(plain.Bytes(), binary.LittleEndian, 99))); got != 1 {
		t.Errorf("nonsense: %d, want 1", got)
	}
}

func TestTurnBringsTheCornerToItsPlace(t *testing.T) {
	// The pixel that belongs at the upper left is stored there, by orientation.
	corner := []image.Point{1: {0, 0}, 2: {2, 0}, 3: {2, 1}, 4: {0, 1}, 5: {0, 0}, 6: {0, 1}, 7: {2, 1}, 8: {2, 0}}
	for o := orientation(1); o <= 8; o++ {
		stored := image.NewRGBA(image.Rect(0, 0, 3, 2))
		white := color.RGBA{255, 255, 255, 255}
		stored.SetRGBA(corner[o].X, corner[o].Y, white)
		got := turn(stored, o)
		if got.RGBAAt(0, 0) != white {
			t.Errorf("orientation %d: the corner is not at the upper left", o)
		}
		if want := image.Pt(3, 2); o.onSide() != (got.Rect.Size() != want) {
			t.Errorf("orientation %d: size %v", o, got.Rect.Size())
		}
	}
}

// withExif puts an orientation into a JPEG.
func withExif(photo []byte, order binary.AppendByteOrder, o uint16) []byte {
	tiff := []byte("II*\x00")
	if order.String() == binary.BigEndian.String() {
		tiff = []byte("MM\x00*")
	}
	tiff = order.AppendUint32(tiff, 8)
	tiff = order.AppendUint16(tiff, 2) // entries
	for tag, value := range map[uint16]uint16{0x0112: o, 0x0100: 4000} {
		tiff = order.AppendUint16(tiff, tag)
		tiff = order.AppendUint16(tiff, 3)
		tiff = order.AppendUint32(tiff, 1)
		tiff = order.AppendUint16(tiff, value)
		tiff = order.AppendUint16(tiff, 0)
	}
	exif := append([]byte("Exif\x00\x00"), tiff...)
	head := binary.BigEndian.AppendUint16([]byte{0xFF, 0xD8, 0xFF, 0xE1}, uint16(len(exif)+2))
	return append(append(head, exif...), photo[2:]...)
}

func fill(plane []byte, value byte) {
	for i := range plane {
		plane[i] = value
	}
}

func near(got, want byte) bool { return max(got, want)-min(got, want) <= 3 }
