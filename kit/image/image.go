// Package image makes pictures of pictures as jobs: the task "image". It resizes, crops, converts, turns them as the camera was
// held, removes what a camera wrote into them, and fits them into a budget of bytes.
//
// A worker with the kit makes them, anybody may enqueue them:
//
//	kit, err := image.New("pictures")
//	app, err := offload.Open(ctx, "offload.db", kit)
//
//	image.Render.Enqueue(ctx, app, image.Input{From: "7.jpg", Make: []image.Rendition{
//		{To: "7-small.jpg", Width: 320, Height: 320, Fit: image.Cover},
//		{To: "7-large.jpg", Width: 1600, MaxBytes: 300_000},
//	}})
//
// Pictures are in a folder of the machine, or in a store that all workers share: see Blobs. One is decoded once, whatever is made of it. JPEG, PNG, GIF (its first frame) and WebP are read, by what they are and not
// by their names; JPEG and PNG are written, by the end of the name, and what options add: kit/image/webp writes WebP, and Vips AVIF.
//
// # How it ends
//
// The result is a File for each Rendition, in their order. Each is there whole, or not at all, and the same again when the job is delivered
// twice. What is no picture, is cut off, or is larger than the limits allow discards the job at its first attempt, with an *offload.InputError that
// says what is wrong. A disk that is full is retried.
//
// # What it takes
//
// As many pictures are worked at once as there are cores, in the queue "image". A camera's picture takes two to four bytes a pixel
// while it is worked, whatever is made of it, and one with transparency up to six; a progressive JPEG, one of 16 bits, a PNG that must be turned, and one of
// which another is made that is nearly as large, take more. Large
// pictures wait for each other, whichever kit of the process they belong to, until there is memory: 300 MB a core. Pictures, and renditions, of more than 50
// megapixels are refused, and files of more than 64 MiB, before anything is decoded, so that a file of a few bytes can't fill the memory: see
// MaxPixels. A job whose context ends stops while it reads the picture, or before it encodes again; scaling and encoding once can't be stopped.
//
// # What it can't promise
//
// Colour profiles go with all else that a camera wrote: colours beyond sRGB look paler. A
// process that is killed while it writes may leave a file whose name begins with a dot and ends with .part; one with Vips a folder in the
// system's temporary one.
//
// # Who may
//
// Whoever can enqueue this task can read and overwrite pictures in the kit's folder or store, and nothing outside it: what leads out, by ".." or
// a link, is refused.
package image

import (
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"path"
	"runtime"
	"strings"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/blob"
)

// Render is the task. Any program may enqueue it; one with a Kit renders.
var Render = offload.DeclareFunc[Input, []File]("image", offload.Queue("image"), offload.Timeout(2*time.Minute))

// Input is a picture and what to make of it.
type Input struct {
	From string      `json:"from"` // below the kit's folder, with slashes; or a key of its store
	Make []Rendition `json:"make"`
}

// A Rendition is one picture made of another.
type Rendition struct {
	To     string `json:"to"`               // as From; the end of the name says the format; folders are made
	Width  int    `json:"width,omitempty"`  // pixels; 0 follows from Height, and both 0 are those of the picture
	Height int    `json:"height,omitempty"` // pixels
	Fit    Fit    `json:"fit,omitempty"`

	// FocusX and FocusY are what stays in sight when Cover crops, from 0 (left, top) to 1 (right, bottom). The zero value of both is the
	// middle; 0.001 is the edge.
	FocusX float64 `json:"focus_x,omitempty"`
	FocusY float64 `json:"focus_y,omitempty"`

	Quality    int    `json:"quality,omitempty"`    // 1 to 100, of formats that have one; 0 is 82, of AVIF 50
	MaxBytes   int    `json:"max_bytes,omitempty"`  // lowers the quality down to 40, of AVIF 20, then the size, until it fits; 0 is any
	Background string `json:"background,omitempty"` // "#rrggbb", behind what is transparent where the format can't be; "" is white
}

// Fit says how a picture fills its frame.
type Fit string

const (
	Inside Fit = "inside" // all of it, in its own proportions, never larger than it is: the default
	Cover  Fit = "cover"  // exactly the frame, in its own proportions: what sticks out is cut away
	Exact  Fit = "exact"  // exactly the frame, stretched
)

// A File is a rendition that was made.
type File struct {
	Path      string `json:"path"`
	Width     int    `json:"width"`
	Height    int    `json:"height"`
	Bytes     int64  `json:"bytes"`
	Quality   int    `json:"quality,omitempty"`
	FromBytes int64  `json:"from_bytes,omitempty"` // of the picture that it was made of
	Blurhash  string `json:"blurhash"`             // a blurred picture in 28 letters, to be shown while the real one loads: https://blurha.sh
}

// A Kit renders pictures.
type Kit struct{ offload.Part }

// New makes a kit; dir is the only folder it reads and writes, or "" with Blobs.
func New(dir string, opts ...Option) (*Kit, error) {
	r := &renderer{
		maxPixels: usualPixels,
		encoders:  map[string]encoder{".jpg": encodeJPEG, ".jpeg": encodeJPEG, ".png": encodePNG},
	}
	for _, o := range opts {
		if o != nil {
			o(r)
		}
	}
	if r.wrong != nil {
		return nil, r.wrong
	}
	if err := r.at(dir); err != nil {
		return nil, err
	}
	return &Kit{offload.Parts(Render.Handle(r.render), offload.Workers("image", runtime.GOMAXPROCS(0)), offload.OnClose(r.place.close))}, nil
}

// at says where the pictures are.
func (r *renderer) at(dir string) error {
	switch {
	case r.place != nil && dir != "":
		return &offload.InputError{Field: "dir", Got: dir, Want: `"" beside Blobs`}
	case r.place != nil:
		return nil
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("the folder of pictures: %w", err)
	}
	r.place = folder{root}
	return nil
}

// Blobs has a kit read pictures from a store and write them there, in place of a folder: From and To are keys. The folder of
// New is "" then. A picture is copied to the system's temporary folder while it is worked.
func Blobs(store blob.Store) Option {
	return func(r *renderer) {
		if store == nil {
			r.wrong = &offload.InputError{Field: "Blobs", Got: "nil", Want: "a store"}
			return
		}
		r.place = bucket{store}
	}
}

// An Option changes a kit.
type Option func(*renderer)

// MaxPixels is the largest picture that is worked or made, by width times height, in place of 50,000,000.
func MaxPixels(n int) Option {
	return func(r *renderer) {
		if n < 1 {
			r.wrong = &offload.InputError{Field: "MaxPixels", Got: n, Want: "1 or more"}
		}
		r.maxPixels = n
	}
}

// An Encoder writes a picture in a format. Quality is 1 to 100. It must be safe for concurrent use, and write the same each time.
type Encoder func(w io.Writer, picture image.Image, quality int) error

// Encode writes renditions whose names end so, ".webp", by an encoder.
func Encode(end string, by Encoder) Option {
	return func(r *renderer) {
		if !strings.HasPrefix(end, ".") || end != strings.ToLower(end) || by == nil {
			r.wrong = &offload.InputError{Field: "Encode", Got: end, Want: "an ending such as .webp, and an encoder"}
			return
		}
		r.encoders[end] = func(_ context.Context, w io.Writer, picture image.Image, quality int) error {
			return by(w, picture, quality)
		}
	}
}

func encodeJPEG(_ context.Context, w io.Writer, picture image.Image, quality int) error {
	return jpeg.Encode(w, picture, &jpeg.Options{Quality: quality})
}

func encodePNG(_ context.Context, w io.Writer, picture image.Image, _ int) error {
	return (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(w, picture)
}

// Bounds of what can be asked for.
const (
	mostSide = 16_384 // pixels
	mostMake = 50
)

// Validate says what is wrong with an input, as far as that is known without the kit that will work it.
func (in *Input) Validate() error {
	refuse := func(field string, got any, want string) error {
		return &offload.InputError{Field: field, Got: got, Want: want}
	}
	if !isPath(in.From) {
		return refuse("from", in.From, "a file below the kit's folder, such as uploads/7.jpg")
	}
	if len(in.Make) == 0 || len(in.Make) > mostMake {
		return refuse("make", fmt.Sprintf("%d renditions", len(in.Make)), fmt.Sprintf("1 to %d", mostMake))
	}
	seen := map[string]bool{path.Clean(in.From): true}
	for i := range in.Make {
		r := &in.Make[i]
		at := fmt.Sprintf("make[%d].", i)
		_, grey := hexColor(r.Background)
		switch {
		case !isPath(r.To) || path.Ext(r.To) == "":
			return refuse(at+"to", r.To, "a file below the kit's folder, such as thumbs/7.jpg")
		case seen[path.Clean(r.To)]:
			return refuse(at+"to", r.To, "a file that is no other rendition, nor the picture itself")
		case r.Width < 0 || r.Width > mostSide:
			return refuse(at+"width", r.Width, fmt.Sprintf("0 to %d", mostSide))
		case r.Height < 0 || r.Height > mostSide:
			return refuse(at+"height", r.Height, fmt.Sprintf("0 to %d", mostSide))
		case r.Fit != "" && r.Fit != Inside && r.Fit != Cover && r.Fit != Exact:
			return refuse(at+"fit", string(r.Fit), "inside, cover or exact")
		case (r.Fit == Cover || r.Fit == Exact) && (r.Width == 0 || r.Height == 0):
			return refuse(at+"fit", string(r.Fit), "a width and a height, or inside")
		case !(r.FocusX >= 0 && r.FocusX <= 1):
			return refuse(at+"focus_x", r.FocusX, "0 to 1")
		case !(r.FocusY >= 0 && r.FocusY <= 1):
			return refuse(at+"focus_y", r.FocusY, "0 to 1")
		case r.Quality < 0 || r.Quality > 100:
			return refuse(at+"quality", r.Quality, "1 to 100, or 0 for 82")
		case r.MaxBytes < 0:
			return refuse(at+"max_bytes", r.MaxBytes, "0 (any) or more")
		case r.Background != "" && !grey:
			return refuse(at+"background", r.Background, "a colour such as #ffffff")
		}
		seen[path.Clean(r.To)] = true
	}
	return nil
}
