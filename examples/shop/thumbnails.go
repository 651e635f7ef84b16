package shop

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"io/fs"
	"os"

	"github.com/offloadhq/offload"
)

const (
	thumbnailDir  = "thumbnails"
	thumbnailSide = 800 // pixels of the longer side, at most
)

// What a photo may be at most, so that a hostile one cannot fill the memory.
const (
	maxPhotoBytes  = 64 << 20
	maxPhotoPixels = 50_000_000
)

// thumbnail makes the small picture of an order's photo. What is wrong with the photo itself
// will be wrong next time too, so the job is given up; anything else is tried again.
func (s *Shop) thumbnail(ctx context.Context, in Print) error {
	file, err := os.Open(in.Photo)
	if errors.Is(err, fs.ErrNotExist) {
		return offload.Discard(err)
	} else if err != nil {
		return err
	}
	defer file.Close()
	photo, how, err := decodePhoto(file)
	if err != nil {
		return offload.Discard(fmt.Errorf("photo %s: %w", in.Photo, err))
	}
	if err := ctx.Err(); err != nil {
		return err // nobody waits for it any more
	}
	small := turn(shrink(photo, thumbnailSide), how)
	return writeFile(s.thumbnailPath(in.Order), func(w io.Writer) error {
		return jpeg.Encode(w, small, &jpeg.Options{Quality: 85})
	})
}

// decodePhoto reads a JPEG, after a look at its size, and says how it is to be turned.
func decodePhoto(file io.ReadSeeker) (image.Image, orientation, error) {
	size, how, err := measurePhoto(file)
	if err != nil {
		return nil, 0, err
	}
	if pixels := size.X * size.Y; pixels < 1 || pixels > maxPhotoPixels {
		return nil, 0, fmt.Errorf("%d × %d pixels; at most %d can be worked", size.X, size.Y, maxPhotoPixels)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, 0, err
	}
	photo, err := jpeg.Decode(bufio.NewReaderSize(io.LimitReader(file, maxPhotoBytes), 1<<16))
	return photo, how, err
}

// measurePhoto reads the size of a JPEG, as it is stored, and how it is to be turned.
func measurePhoto(file io.ReadSeeker) (image.Point, orientation, error) {
	config, err := jpeg.DecodeConfig(io.LimitReader(file, maxPhotoBytes))
	if err != nil {
		return image.Point{}, 0, err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return image.Point{}, 0, err
	}
	return image.Pt(config.Width, config.Height), orientationOf(io.LimitReader(file, maxPhotoBytes)), nil
}

func (s *Shop) thumbnailPath(order int64) string {
	return s.Path(thumbnailDir, fmt.Sprintf("order-%d.jpg", order))
}
