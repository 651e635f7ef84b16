package image

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/command"
)

// Vips has the program vipsthumbnail (Debian: libvips-tools; Alpine: vips-tools) do two things, and New fails where it is not installed:
//
// Renditions whose names end with .avif are written. Quality 0 is 50 for them, which looks as 82 does in a JPEG and takes half of its
// bytes; to write one takes ten times as long as a JPEG.
//
// Large JPEG, PNG and WebP pictures that become half as large or smaller are read by it, in less time and memory. Where it warns, or fails, or
// is killed for what it takes, the picture is read as without it, and what is wrong with it is told as always.
//
// It is started with pictures of strangers, in a temporary folder, with limits of memory and file size where the system has them, one thread, and
// without libvips' loaders that its authors do not trust. Only what is a JPEG, PNG or WebP by its beginning is given to it.
func Vips() Option {
	return func(r *renderer) {
		program, err := exec.LookPath("vipsthumbnail")
		if err != nil {
			r.wrong = &offload.InputError{Field: "Vips", Got: "no vipsthumbnail", Want: "it in PATH: apt-get install libvips-tools"}
			return
		}
		r.vips = vips{program}
		r.encoders[".avif"] = r.vips.avif
	}
}

// vips is the program, or "".
type vips struct{ program string }

const (
	worthIt    = 1_000_000 // pixels: below, to start a program takes longer than to decode
	vipsMemory = 2 << 30   // bytes of address space, most of which is what it links

	avifQuality  = 50
	avifLeast    = 20
	avifPerPixel = 100 // bytes that the encoder takes
)

func isAVIF(name string) bool { return strings.EqualFold(path.Ext(name), ".avif") }

// shrunk is a picture as large as the largest rendition needs, not yet turned: nil if that is not worth a program, or it had anything to say.
func (v vips) shrunk(ctx context.Context, file *os.File, config image.Config, format string, by float64) image.Image {
	size := image.Pt(config.Width, config.Height)
	if v.program == "" || format == "gif" || config.ColorModel == color.CMYKModel || size.X*size.Y < worthIt || by > 0.5 {
		return nil
	}
	to := scaled(size, by)
	var picture image.Image
	err := inFolder(func(dir string) error {
		in, err := os.Create(filepath.Join(dir, "in"))
		if err != nil {
			return err
		}
		_, err = io.Copy(in, io.NewSectionReader(file, 0, maxBytes))
		if err = errors.Join(err, in.Close()); err != nil {
			return err
		}
		out, err := v.run(ctx, dir, "in", "out.png", "compression=0", to, vipsMemory, int64(to.X)*int64(to.Y)*8+1<<20)
		if err != nil {
			return err
		}
		defer out.Close()
		config, err := png.DecodeConfig(out)
		if err != nil || config.Width != to.X || config.Height != to.Y {
			return fmt.Errorf("it made another picture: %w", err)
		}
		if _, err := out.Seek(0, io.SeekStart); err != nil {
			return err
		}
		picture, err = decode(bufio.NewReaderSize(&interruptible{ctx, out}, readAhead))
		return err
	})
	if err != nil {
		return nil // the job's log has what the program said
	}
	return picture
}

// avif writes a picture as AVIF.
func (v vips) avif(ctx context.Context, w io.Writer, picture image.Image, quality int) error {
	size := picture.Bounds().Size()
	return inFolder(func(dir string) error {
		in, err := os.Create(filepath.Join(dir, "in.png"))
		if err != nil {
			return err
		}
		buffer := bufio.NewWriter(in)
		err = (&png.Encoder{CompressionLevel: png.NoCompression}).Encode(buffer, picture)
		if err = errors.Join(err, buffer.Flush(), in.Close()); err != nil {
			return err
		}
		pixels := int64(size.X) * int64(size.Y)
		out, err := v.run(ctx, dir, "in.png", "out.avif", fmt.Sprintf("Q=%d", quality), size, vipsMemory+2*avifPerPixel*pixels, 8*pixels+1<<20)
		if err != nil {
			return err
		}
		defer out.Close()
		_, err = io.Copy(w, out)
		return err
	})
}

// run makes a picture of another in a folder, of exactly that size. Whatever the program says makes it an error: it ends well with a picture that is cut off.
func (v vips) run(ctx context.Context, dir, in, out, how string, to image.Point, memory, file int64) (*os.File, error) {
	input := command.Input{
		Argv: []string{v.program, in, "--no-rotate", "-s", fmt.Sprintf("%dx%d!", to.X, to.Y), "-o", out + "[" + how + "]"},
		Dir:  dir,
		Env:  map[string]string{"HOME": dir, "TMPDIR": dir, "VIPS_CONCURRENCY": "1", "VIPS_BLOCK_UNTRUSTED": "1"}, // each core has a job
	}
	if runtime.GOOS != "windows" {
		input.MaxMemory, input.MaxFile = memory, file
	}
	said, err := command.Do(ctx, input)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, err
	}
	if said.StderrBytes > 0 {
		return nil, fmt.Errorf("vipsthumbnail: %.200s", said.Stderr)
	}
	root, err := os.OpenRoot(dir) // the program had a stranger's file
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.Open(out)
}

// inFolder works in a folder that is gone afterwards.
func inFolder(work func(dir string) error) error {
	dir, err := os.MkdirTemp("", "offload-image-")
	if err != nil {
		return err
	}
	return errors.Join(work(dir), os.RemoveAll(dir))
}

// share is how much smaller a picture can be made before renditions are made of it: 1 is not at all.
func (in *Input) share(upright image.Point) float64 {
	by := 0.0
	for i := range in.Make {
		part, to := in.Make[i].plan(upright)
		by = max(by, float64(to.X)/(part[2]-part[0])/float64(upright.X), float64(to.Y)/(part[3]-part[1])/float64(upright.Y))
	}
	return math.Min(by, 1)
}
