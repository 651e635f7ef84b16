package shop

import (
	"fmt"
	"path"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/image"
)

// Where photos and thumbnails are below the shop's directory, and how large a thumbnail is.
const (
	PhotoDir      = "photos"
	thumbnailDir  = "thumbnails"
	ThumbnailSide = 800 // pixels of the longer side, at most
)

// thumbnail is the job that makes the small picture of an order's photo: the kit knows how, no
// more at once than there are processors, and gives up on what is no picture.
func thumbnail(o Order, opts ...offload.EnqueueOption) *offload.Call {
	return image.Render.Call(image.Input{
		From: path.Join(PhotoDir, o.Photo),
		Make: []image.Rendition{{To: path.Join(thumbnailDir, thumbnailName(o.ID)), Width: ThumbnailSide, Height: ThumbnailSide}},
	}, append(opts, offload.MaxAttempts(5))...)
}

func thumbnailName(order int64) string { return fmt.Sprintf("order-%d.jpg", order) }

// ThumbnailPath is where the small picture of an order is, or will be.
func (s *Shop) ThumbnailPath(order int64) string { return s.Path(thumbnailDir, thumbnailName(order)) }
