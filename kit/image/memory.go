package image

import (
	"context"
	"image"
	"image/color"
	"io"
	"runtime"

	"golang.org/x/sync/semaphore"
)

const (
	usualPixels   = 50_000_000
	bytesPerPixel = 6 // of a decoded picture and what its decoder takes beside it
)

// memory is what all kits of the process may take together: the usual largest picture on each core. Small pictures don't wait for
// each other, large ones do.
var (
	mostMemory = int64(runtime.GOMAXPROCS(0)) * usualPixels * bytesPerPixel
	memory     = semaphore.NewWeighted(mostMemory)
)

// reserve waits until n bytes are free. What takes more than there is works alone.
func reserve(ctx context.Context, n int64) (release func(), err error) {
	n = min(n, mostMemory)
	if memory.Acquire(ctx, n) != nil {
		return nil, context.Cause(ctx)
	}
	return func() { memory.Release(n) }, nil
}

// takes is about how many bytes a job takes: the picture, and what its most expensive rendition needs beside it.
func (r *renderer) takes(in *Input, config image.Config, held orientation) int64 {
	perPixel := int64(bytesPerPixel)
	switch config.ColorModel {
	case color.RGBA64Model, color.NRGBA64Model:
		perPixel = 8
	}
	if held > 1 && config.ColorModel != color.YCbCrModel {
		perPixel += 4 // another one, turned
	}
	upright := held.upright(image.Pt(config.Width, config.Height))
	most := int64(0)
	for i := range in.Make {
		_, to := in.Make[i].plan(upright)
		pixels := int64(to.X) * int64(to.Y)
		perMade := int64(4)
		if isAVIF(in.Make[i].To) {
			perMade += avifPerPixel
		}
		most = max(most, pixels*perMade)
	}
	return int64(config.Width)*int64(config.Height)*perPixel + most
}

// An interruptible reader ends with its context, and with it the decoder that reads from it: a few kilobytes of a JPEG can make one
// work for seconds, and a file of the size that is allowed for hours.
type interruptible struct {
	ctx context.Context
	io.Reader
}

func (r *interruptible) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.Reader.Read(p)
}
