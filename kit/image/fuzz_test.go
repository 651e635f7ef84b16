package image

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"testing"
)

// Whatever a stranger sends, the worker lives.
func FuzzPicture(f *testing.F) {
	var j, p bytes.Buffer
	if err := jpeg.Encode(&j, image.NewGray(image.Rect(0, 0, 20, 20)), nil); err != nil {
		f.Fatal(err)
	}
	if err := png.Encode(&p, image.NewNRGBA(image.Rect(0, 0, 20, 20))); err != nil {
		f.Fatal(err)
	}
	exif := []byte("\xff\xd8\xff\xe1\x00\x22Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00")
	f.Add(j.Bytes())
	f.Add(append(exif, j.Bytes()[2:]...))
	f.Add(p.Bytes()[:40])
	f.Add([]byte("GIF89a\x10\x00\x10\x00"))
	f.Add([]byte("RIFF\x00\x00\x00\x00WEBPVP8 "))
	f.Fuzz(func(t *testing.T, text []byte) {
		_, format, _ := image.DecodeConfig(bytes.NewReader(text))
		held := orientationOf(bytes.NewReader(text), format)
		if config, _, err := image.DecodeConfig(bytes.NewReader(text)); err != nil || config.Width*config.Height > 10_000 {
			return
		}
		picture, err := decode(bytes.NewReader(text))
		if err != nil {
			return
		}
		picture = turn(halved(picture, image.Pt(4, 4)), held)
		if hash := blurhash(picture); len(hash) != 28 {
			t.Errorf("blurhash %q", hash)
		}
		want := Rendition{Width: 8, Height: 8, Fit: Cover}
		part, to := want.plan(picture.Bounds().Size())
		s := &source{levels: []image.Image{picture}}
		for _, forJPEG := range []bool{true, false} {
			if got := s.scale(part, to, &color.RGBA{}, forJPEG); got.Bounds().Size() != to {
				t.Errorf("it is %v, want %v", got.Bounds(), to)
			}
		}
	})
}
