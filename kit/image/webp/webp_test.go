//go:build amd64 || arm64

package webp_test

import (
	"bytes"
	"encoding/binary"
	stdimage "image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/image/webp"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/image"
	ours "github.com/offloadhq/offload/kit/image/webp"
	"github.com/offloadhq/offload/offloadtest"
)

// What is written is read by another library, with its colours.
func TestWebPIsWritten(t *testing.T) {
	dir := t.TempDir()
	kit, err := image.New(dir, image.Encode(".webp", ours.Encode))
	if err != nil {
		t.Fatal(err)
	}
	app := offloadtest.New(kit)
	defer app.Close()
	red := stdimage.NewUniform(color.RGBA{200, 30, 30, 255})
	picture := stdimage.NewRGBA(stdimage.Rect(0, 0, 120, 80))
	for y := range 80 {
		for x := range 120 {
			picture.Set(x, y, red.C)
		}
	}
	var b bytes.Buffer
	if err := ours.Encode(&b, picture, 90); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a"), b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	job, err := image.Render.Enqueue(t.Context(), app, image.Input{From: "a", Make: []image.Rendition{{To: "b.webp", Width: 60, MaxBytes: 2000}}})
	if err != nil {
		t.Fatal(err)
	}
	app.Drain()
	if job, err = app.Job(t.Context(), job.ID); err != nil || job.State != offload.Completed {
		t.Fatalf("%+v, %v", job, err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "b.webp"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := webp.Decode(bytes.NewReader(text))
	if err != nil || m.Bounds().Size() != stdimage.Pt(60, 40) {
		t.Fatalf("%v, %v", m, err)
	}
	if r, g, bl, _ := m.At(30, 20).RGBA(); r>>8 < 180 || g>>8 > 60 || bl>>8 > 60 {
		t.Errorf("red is %d %d %d", r>>8, g>>8, bl>>8)
	}
}

// A phone's WebP says behind the picture how it was held.
func TestWebPIsTurned(t *testing.T) {
	picture := stdimage.NewRGBA(stdimage.Rect(0, 0, 80, 120)) // lies on its side: red is at its left, and shall be on top
	for y := range 120 {
		for x := range 80 {
			c := color.RGBA{30, 30, 200, 255}
			if x < 40 {
				c = color.RGBA{200, 30, 30, 255}
			}
			picture.Set(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := ours.Encode(&b, picture, 90); err != nil {
		t.Fatal(err)
	}
	exif := []byte("II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00\x00")
	extended := []byte{'V', 'P', '8', 'X', 10, 0, 0, 0, 0x08, 0, 0, 0, 79, 0, 0, 119, 0, 0}
	body := append(extended, b.Bytes()[12:]...) // with the picture's chunk
	body = binary.LittleEndian.AppendUint32(append(body, "EXIF"...), uint32(len(exif)))
	body = append(append(body, exif...), 0) // to an even length
	text := append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body)+4)), "WEBP"...)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "held.webp"), append(text, body...), 0o600); err != nil {
		t.Fatal(err)
	}
	kit, err := image.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	app := offloadtest.New(kit)
	defer app.Close()
	job, err := image.Render.Enqueue(t.Context(), app, image.Input{From: "held.webp", Make: []image.Rendition{{To: "up.png"}}})
	if err != nil {
		t.Fatal(err)
	}
	app.Drain()
	files, err := image.Render.Wait(t.Context(), app.App, job.ID)
	if err != nil || files[0].Width != 120 || files[0].Height != 80 {
		t.Fatalf("%+v, %v", files, err)
	}
	made, err := os.Open(filepath.Join(dir, "up.png"))
	if err != nil {
		t.Fatal(err)
	}
	defer made.Close()
	m, err := png.Decode(made)
	if err != nil {
		t.Fatal(err)
	}
	if r, _, blue, _ := m.At(60, 10).RGBA(); r < 3*blue {
		t.Error("what was at the left is not on top")
	}
}
