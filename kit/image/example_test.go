package image_test

import (
	"context"
	"fmt"
	stdimage "image"
	"image/jpeg"
	"log"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/image"
	"github.com/offloadhq/offload/offloadtest"
)

func Example() {
	dir, err := os.MkdirTemp("", "pictures")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	upload(filepath.Join(dir, "7.jpg"))

	kit, err := image.New(dir)
	if err != nil {
		log.Fatal(err)
	}
	app := offloadtest.New(kit, offload.LogTo(slog.New(slog.DiscardHandler)))
	defer app.Close()

	ctx := context.Background()
	job, err := image.Render.Enqueue(ctx, app, image.Input{From: "7.jpg", Make: []image.Rendition{
		{To: "thumbs/7.jpg", Width: 320, Height: 320, Fit: image.Cover},
		{To: "large/7.jpg", Width: 1600, MaxBytes: 300_000},
	}})
	if err != nil {
		log.Fatal(err)
	}
	app.Drain() // in a program: app.Run(ctx)

	files, err := image.Render.Wait(ctx, app.App, job.ID)
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range files {
		fmt.Printf("%s: %d × %d\n", f.Path, f.Width, f.Height)
	}
	// Output:
	// thumbs/7.jpg: 320 × 320
	// large/7.jpg: 1600 × 1200
}

// upload stands for a user who sends a picture.
func upload(path string) {
	file, err := os.Create(path)
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	if err := jpeg.Encode(file, stdimage.NewGray(stdimage.Rect(0, 0, 2000, 1500)), nil); err != nil {
		log.Fatal(err)
	}
}
