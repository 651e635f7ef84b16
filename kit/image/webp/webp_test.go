//go:build amd64 || arm64

package webp_test

import (
	"bytes"
	stdimage "image"
	"image/color"
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
