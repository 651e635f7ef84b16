package image

import (
	"bytes"
	"image"
	"image/color"
	"testing"
)

func TestHalvedKeepsColoursOfEverySize(t *testing.T) {
	y, cb, cr := color.RGBToYCbCr(200, 40, 30)
	for _, ratio := range []image.YCbCrSubsampleRatio{
		image.YCbCrSubsampleRatio420, image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio444, image.YCbCrSubsampleRatio440,
	} {
		for _, size := range []image.Point{{640, 480}, {641, 483}, {643, 79}, {1, 1}, {1, 999}} {
			photo := image.NewYCbCr(image.Rectangle{Max: size}, ratio)
			for plane, value := range map[*[]byte]byte{&photo.Y: y, &photo.Cb: cb, &photo.Cr: cr} {
				copy(*plane, bytes.Repeat([]byte{value}, len(*plane)))
			}
			need := image.Pt(max(1, size.X/9), max(1, size.Y/9))
			small := halved(photo, need)
			b := small.Bounds()
			if b.Dx() < min(2*need.X, size.X) || b.Dy() < min(2*need.Y, size.Y) || size.X > 100 && size.Y > 100 && b.Dx() >= size.X {
				t.Errorf("%v %v: %v is left, of which %v is needed", ratio, size, b, need)
			}
			r, g, bl, _ := small.At(b.Max.X-1, b.Max.Y-1).RGBA()
			if r>>8 < 195 || g>>8 > 45 || bl>>8 > 35 {
				t.Errorf("%v %v: the last pixel is %d %d %d, want red", ratio, size, r>>8, g>>8, bl>>8)
			}
		}
	}
}
