//go:build unix

package image_test

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/offloadhq/offload/kit/image"
)

// To open a pipe would wait for whoever writes to it.
func TestPipeIsNoPicture(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.jpg"), 0o600); err != nil {
		t.Fatal(err)
	}
	app := newApp(t, dir)
	job, err := image.Render.Enqueue(t.Context(), app, image.Input{From: "pipe.jpg", Make: []image.Rendition{{To: "b.jpg"}}})
	if err != nil {
		t.Fatal(err)
	}
	app.Drain()
	wantDiscarded(t, app, job, "a file")
}
