package shop

import (
	"fmt"
	"path"
	"path/filepath"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/image"
)

const (
	thumbnailDir  = "thumbnails"
	thumbnailSide = 800 // pixels of the longer side, at most
)

// thumbnail is the job that makes the small picture of an order's photo: the kit knows how, and gives up on what is no picture.
func thumbnail(o Order, opts ...offload.EnqueueOption) *offload.Call {
	return image.Render.Call(image.Input{
		From: path.Join(photoDir, filepath.Base(o.Photo)),
		Make: []image.Rendition{{To: path.Join(thumbnailDir, thumbnailName(o.ID)), Width: thumbnailSide, Height: thumbnailSide}},
	}, append(opts, offload.MaxAttempts(5))...)
}

func thumbnailName(order int64) string { return fmt.Sprintf("order-%d.jpg", order) }

func (s *Shop) thumbnailPath(order int64) string { return s.Path(thumbnailDir, thumbnailName(order)) }
