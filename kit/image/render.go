package image

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/gif" // reads it
	"io"
	"maps"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/image/draw"
	_ "golang.org/x/image/webp" // reads it

	"github.com/offloadhq/offload"
)

// maxBytes is the largest file that is read.
const maxBytes = 64 << 20

const (
	usualQuality = 82
	leastQuality = 40
	readAhead    = 4 << 10
	leastSide    = 16 // pixels, of what a budget of bytes may make of a picture
)

// A renderer is a kit at work.
type renderer struct {
	place     place
	maxPixels int
	encoders  map[string]encoder
	vips      vips
	wrong     error
}

// An encoder is an Encoder that can be told to end.
type encoder func(ctx context.Context, w io.Writer, picture image.Image, quality int) error

// render is the task's work.
func (r *renderer) render(ctx context.Context, in Input) ([]File, error) {
	for i := range in.Make {
		if r.encoders[path.Ext(strings.ToLower(in.Make[i].To))] == nil {
			return nil, refuse(fmt.Sprintf("make[%d].to", i), in.Make[i].To, "a name that ends with "+strings.Join(slices.Sorted(maps.Keys(r.encoders)), ", "))
		}
	}
	picture, err := r.read(ctx, &in)
	if err != nil {
		return nil, err
	}
	defer picture.release()
	files := make([]File, 0, len(in.Make))
	for i := range in.Make {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		file, err := r.make(ctx, picture, &in.Make[i], i)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
		offload.Progress(ctx, i+1, len(in.Make), in.Make[i].To)
	}
	return files, nil
}

// refuse discards a job: it would be wrong the next time too.
func refuse(field string, got any, want string) error {
	return offload.Discard(&offload.InputError{Task: Render.Name(), Field: field, Got: got, Want: want})
}

// A source is a picture, upright, and perhaps already smaller than it was: as large as the largest rendition needs.
type source struct {
	levels  []image.Image // it, and each of the others half of the one before: made when a rendition is so small
	size    image.Point   // that it had
	bytes   int64         // of its file
	hash    string
	release func() // gives its memory back to the others
}

// read reads a picture, after a look at how large it is.
func (r *renderer) read(ctx context.Context, in *Input) (*source, error) {
	file, closed, err := r.place.open(ctx, in.From)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, err
	}
	defer closed()
	config, format, err := image.DecodeConfig(bufio.NewReader(file))
	if err != nil {
		return nil, refuse("from", fmt.Sprintf("%s: %v", in.From, err), "a JPEG, PNG, GIF or WebP picture")
	}
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("read the picture: %w", err)
	}
	size := image.Pt(config.Width, config.Height)
	if size.X < 1 || size.Y < 1 || size.X > r.maxPixels/size.Y {
		return nil, refuse("from", fmt.Sprintf("%s of %d × %d pixels", in.From, size.X, size.Y), fmt.Sprintf("at most %d pixels", r.maxPixels))
	}
	held := orientationOf(file, format)
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read the picture: %w", err)
	}
	upright := held.upright(size)
	need := image.Point{}
	for i := range in.Make {
		part, to := in.Make[i].plan(upright)
		if to.X > r.maxPixels/to.Y {
			return nil, refuse(fmt.Sprintf("make[%d].width", i), fmt.Sprintf("%d × %d pixels", to.X, to.Y), fmt.Sprintf("at most %d pixels", r.maxPixels))
		}
		need.X = max(need.X, int(float64(to.X)/(part[2]-part[0])+1))
		need.Y = max(need.Y, int(float64(to.Y)/(part[3]-part[1])+1))
	}
	if held.onSide() {
		need.X, need.Y = need.Y, need.X
	}
	release, err := reserve(ctx, r.takes(in, config, held))
	if err != nil {
		return nil, err
	}
	kept := false
	defer func() { // after a panic too
		if !kept {
			release()
		}
	}()
	small := r.vips.shrunk(ctx, file, config, format, in.share(upright))
	if small == nil {
		if small, err = decoded(ctx, file, in.From); err != nil {
			return nil, err
		}
		small = halved(onCanvas(small, size), need)
	}
	small = turn(small, held)
	s := &source{levels: []image.Image{small}, size: upright, bytes: info.Size(), release: release, hash: blurhash(small)}
	kept = true
	return s, nil
}

// decoded decodes a file, as long as the context lets it.
func decoded(ctx context.Context, file io.Reader, name string) (image.Image, error) {
	picture, err := decode(bufio.NewReaderSize(&interruptible{ctx, io.LimitReader(file, maxBytes)}, readAhead))
	var machine syscall.Errno
	switch {
	case err == nil:
		return picture, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.As(err, &machine):
		return nil, fmt.Errorf("read the picture: %w", err)
	}
	return nil, refuse("from", fmt.Sprintf("%s: %v", name, err), "a picture that is whole")
}

// onCanvas puts the first frame of a GIF where it belongs: it may be smaller than the picture.
func onCanvas(frame image.Image, size image.Point) image.Image {
	canvas := image.Rectangle{Max: size}
	if frame.Bounds() == canvas {
		return frame
	}
	whole := image.NewRGBA(canvas)
	draw.Draw(whole, frame.Bounds(), frame, frame.Bounds().Min, draw.Src)
	return whole
}

// decode decodes a picture. Decoders are not trusted with what strangers send.
func decode(r io.Reader) (picture image.Image, err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("it makes the decoder fail: %v", value)
		}
	}()
	picture, _, err = image.Decode(r)
	return picture, err
}

// plan returns which part of a picture of a size is shown, as fractions, and how large it becomes.
func (r *Rendition) plan(size image.Point) (part [4]float64, to image.Point) {
	w, h := r.Width, r.Height
	part = [4]float64{0, 0, 1, 1}
	switch {
	case w == 0 && h == 0:
		return part, size
	case r.Fit == Exact:
		return part, image.Pt(w, h)
	case r.Fit == Cover:
		wide, tall := float64(w)/float64(size.X), float64(h)/float64(size.Y)
		x, y := r.FocusX, r.FocusY
		if x == 0 && y == 0 {
			x, y = 0.5, 0.5
		}
		if wide > tall { // too tall: top and bottom go
			share := tall / wide
			at := min(max(y-share/2, 0), 1-share)
			part[1], part[3] = at, at+share
		} else {
			share := wide / tall
			at := min(max(x-share/2, 0), 1-share)
			part[0], part[2] = at, at+share
		}
		return part, image.Pt(w, h)
	}
	scale := 1.0
	if w > 0 {
		scale = min(scale, float64(w)/float64(size.X))
	}
	if h > 0 {
		scale = min(scale, float64(h)/float64(size.Y))
	}
	return part, scaled(size, scale)
}

func scaled(size image.Point, by float64) image.Point {
	return image.Pt(max(1, int(float64(size.X)*by+0.5)), max(1, int(float64(size.Y)*by+0.5)))
}

// make makes one rendition, and writes it.
func (r *renderer) make(ctx context.Context, s *source, want *Rendition, i int) (File, error) {
	end := path.Ext(strings.ToLower(want.To))
	encode := r.encoders[end]
	part, to := want.plan(s.size)
	quality, least := cmp.Or(want.Quality, usualQuality), leastQuality
	if end == ".avif" {
		quality, least = cmp.Or(want.Quality, avifQuality), avifLeast
	}
	var behind *color.RGBA
	isJPEG := end == ".jpg" || end == ".jpeg"
	if background, known := hexColor(want.Background); known || isJPEG {
		behind = &background
	}
	var text bytes.Buffer
	write := func(picture image.Image, quality int) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		text.Reset()
		return encode(ctx, &text, picture, quality)
	}
	for {
		picture := s.scale(part, to, behind, isJPEG)
		err := write(picture, quality)
		if err == nil && want.MaxBytes > 0 && text.Len() > want.MaxBytes && end != ".png" {
			// The best quality that fits, if there is one.
			low, high := min(least, quality), quality
			for low < high && err == nil {
				middle := (low + high + 1) / 2
				if err = write(picture, middle); text.Len() > want.MaxBytes {
					high = middle - 1
				} else {
					low = middle
				}
			}
			if err == nil {
				err = write(picture, low)
			}
			if err == nil && text.Len() <= want.MaxBytes {
				quality = low
			}
		}
		switch {
		case ctx.Err() != nil:
			return File{}, context.Cause(ctx)
		case err != nil:
			return File{}, fmt.Errorf("encode %s: %w", want.To, err)
		}
		if want.MaxBytes == 0 || text.Len() <= want.MaxBytes {
			break
		}
		// Bytes grow a little slower than pixels, so this comes near without going below.
		by := math.Sqrt(float64(want.MaxBytes) / float64(text.Len()))
		if to = scaled(to, min(by, 0.85)); min(to.X, to.Y) < leastSide {
			return File{}, refuse(fmt.Sprintf("make[%d].max_bytes", i), want.MaxBytes, "enough for a picture that can be recognised")
		}
	}
	if end == ".png" {
		quality = 0
	}
	file := File{Path: want.To, Width: to.X, Height: to.Y, Bytes: int64(text.Len()), Quality: quality, FromBytes: s.bytes, Blurhash: s.hash}
	return file, r.place.put(ctx, want.To, text.Bytes(), fmt.Sprintf("make[%d].to", i))
}

// scale makes a picture of a part of the source: what is for a JPEG in planes as that has them, others as RGBA. Where behind is not nil, it shows where the
// source is transparent.
func (s *source) scale(part [4]float64, to image.Point, behind *color.RGBA, forJPEG bool) image.Image {
	var from image.Image
	var cut image.Rectangle
	for level := 0; ; level++ {
		if level == len(s.levels) {
			s.levels = append(s.levels, half(from))
		}
		from = s.levels[level]
		b := from.Bounds()
		cut = image.Rect(
			b.Min.X+int(part[0]*float64(b.Dx())+0.5), b.Min.Y+int(part[1]*float64(b.Dy())+0.5),
			b.Min.X+int(part[2]*float64(b.Dx())+0.5), b.Min.Y+int(part[3]*float64(b.Dy())+0.5))
		cut.Max.X, cut.Max.Y = max(cut.Max.X, cut.Min.X+1), max(cut.Max.Y, cut.Min.Y+1)
		if cut.Dx() < 4*to.X || cut.Dy() < 4*to.Y {
			break
		}
	}
	if cut.Size() == to && cut == from.Bounds() && (behind == nil || isOpaque(from)) {
		return from
	}
	from, cut = shrunk(from, cut, to)
	if planes, ok := from.(*image.YCbCr); ok && forJPEG {
		return scaledPlanes(planes, cut, to)
	}
	lines := scaledLines(from, cut, to, behind)
	if forJPEG {
		return inPlanes(lines, to)
	}
	made := image.NewRGBA(image.Rectangle{Max: to})
	for y, line := range lines {
		copy(made.Pix[y*made.Stride:], line)
	}
	return made
}

// hexColor reads #rrggbb; nothing is white.
func hexColor(text string) (color.RGBA, bool) {
	n, err := strconv.ParseUint(strings.TrimPrefix(text, "#"), 16, 24)
	if err != nil || len(text) != 7 {
		return color.RGBA{255, 255, 255, 255}, false
	}
	return color.RGBA{uint8(n >> 16), uint8(n >> 8), uint8(n), 255}, true
}
