package world

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
)

// madeCount is how many photos MakePhotos makes.
const madeCount = 8

// CameraSize is the size of photos of 12 megapixels.
var CameraSize = image.Pt(4000, 3000)

// findPhotos returns the JPEG files of a directory, by name.
func findPhotos(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, e := range entries {
		ending := strings.ToLower(filepath.Ext(e.Name()))
		if !e.IsDir() && (ending == ".jpg" || ending == ".jpeg") {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("no photo in %s; want files named *.jpg or *.jpeg", dir)
	}
	return paths, nil
}

// TakePhotos copies the JPEG files of a directory to where the shop works, as customers would send them.
func TakePhotos(from, to string) ([]string, error) {
	paths, err := findPhotos(from)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return nil, err
	}
	for i, path := range paths {
		photo, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		paths[i] = filepath.Join(to, filepath.Base(path))
		err = WriteFile(paths[i], func(w io.Writer) error {
			_, err := w.Write(photo)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return paths, nil
}

// MakePhotos paints landscapes into a directory, as many at once as there are processors.
// Those that are there already are left as they are.
func MakePhotos(ctx context.Context, dir string, size image.Point) ([]string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	paths := make([]string, madeCount)
	errs := make([]error, madeCount)
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	var all sync.WaitGroup
	for i := range paths {
		paths[i] = filepath.Join(dir, fmt.Sprintf("lake-%d.jpg", i+1))
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			errs[i] = MakePhoto(ctx, paths[i], size, uint64(i))
		})
	}
	all.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return paths, errors.Join(errs...)
}

// MakePhoto paints one landscape, the one of a seed, unless the file is there.
func MakePhoto(ctx context.Context, path string, size image.Point, seed uint64) error {
	if _, err := os.Stat(path); err == nil || ctx.Err() != nil {
		return nil // made already, or not wanted any more
	}
	return WriteFile(path, func(w io.Writer) error {
		buffered := bufio.NewWriterSize(w, 1<<16)
		return errors.Join(jpeg.Encode(buffered, newLandscape(size, seed).paint(), &jpeg.Options{Quality: 88}), buffered.Flush())
	})
}

// A landscape is a lake in the mountains.
type landscape struct {
	size   image.Point
	shore  int            // the row where the lake begins
	sky    []color.YCbCr  // by row
	ridges [3][]int       // the row of each ridge's edge, by column; the nearest last
	hills  [3]color.YCbCr // their colours
	sun    image.Point
	radius int
}

// newLandscape lays out the landscape of a seed: another hour of the day in other mountains.
func newLandscape(size image.Point, seed uint64) *landscape {
	random := rand.New(rand.NewPCG(seed, 2026))
	l := &landscape{size: size, shore: size.Y * (68 + random.IntN(8)) / 100}
	hour := random.Float64() // 0 is noon, 1 is dusk
	top, bottom := mix(rgb(58, 118, 196), rgb(44, 40, 92), hour), mix(rgb(206, 226, 240), rgb(246, 158, 96), hour)
	l.sky = make([]color.YCbCr, l.shore)
	for y := range l.sky {
		l.sky[y] = mix(top, bottom, float64(y)/float64(l.shore))
	}
	for i := range l.ridges {
		near := float64(i+1) / float64(len(l.ridges))
		l.hills[i] = mix(bottom, mix(rgb(38, 74, 48), rgb(24, 22, 44), hour), 0.3+0.65*near)
		l.ridges[i] = ridge(random, size, float64(l.shore)*(0.45+0.4*near), 0.16*(1.3-near)*float64(l.shore))
	}
	l.radius = size.Y / 18
	l.sun = image.Pt(size.X/8+random.IntN(size.X*3/4), int(float64(l.shore)*(0.12+0.25*hour)))
	return l
}

// ridge is the edge of a mountain range: waves, each shorter and lower than the one before.
func ridge(random *rand.Rand, size image.Point, height, swing float64) []int {
	edge := make([]float64, size.X)
	for wave := 2.0; wave < 200; wave *= 1.9 {
		phase, amount := random.Float64()*2*math.Pi, swing*(0.6+random.Float64())/wave*2
		for x := range edge {
			edge[x] += amount * math.Sin(phase+wave*2*math.Pi*float64(x)/float64(size.X))
		}
	}
	rows := make([]int, size.X)
	for x := range rows {
		rows[x] = int(height + edge[x])
	}
	return rows
}

// paint makes the picture as a camera's JPEG has it: brightness for each pixel, colour for
// each four.
func (l *landscape) paint() *image.YCbCr {
	picture := image.NewYCbCr(image.Rectangle{Max: l.size}, image.YCbCrSubsampleRatio420)
	grain := uint32(1)
	for y := range l.size.Y {
		row := picture.Y[y*picture.YStride:]
		for x := range l.size.X {
			grain = grain*1664525 + 1013904223
			c := l.at(x, y)
			row[x] = byte(min(max(int(c.Y)+int(grain>>29)-4, 0), 255))
			if x%2 == 0 && y%2 == 0 {
				i := picture.COffset(x, y)
				picture.Cb[i], picture.Cr[i] = c.Cb, c.Cr
			}
		}
	}
	return picture
}

// at is the colour of a point.
func (l *landscape) at(x, y int) color.YCbCr {
	if y < l.shore {
		return l.above(x, y)
	}
	deep := y - l.shore
	ripple := int(float64(deep%17)/17*6) - 3
	c := l.above(min(max(x+ripple*2, 0), l.size.X-1), max(l.shore-1-deep*2, 0)) // the lake is a mirror
	c.Y = byte(int(c.Y)*4/5 + ripple + 8)
	return c
}

func (l *landscape) above(x, y int) color.YCbCr {
	for i := len(l.ridges) - 1; i >= 0; i-- {
		if below := y - l.ridges[i][x]; below >= 0 {
			c := l.hills[i]
			c.Y = byte(max(int(c.Y)-below*24/l.size.Y*2-(x*7+y*13)%5, 0))
			return c
		}
	}
	if dx, dy := x-l.sun.X, y-l.sun.Y; dx*dx+dy*dy < l.radius*l.radius {
		return color.YCbCr{Y: 250, Cb: 112, Cr: 136}
	}
	return l.sky[y]
}

func rgb(r, g, b uint8) color.YCbCr {
	y, cb, cr := color.RGBToYCbCr(r, g, b)
	return color.YCbCr{Y: y, Cb: cb, Cr: cr}
}

// mix is a for share 0 and b for share 1.
func mix(a, b color.YCbCr, share float64) color.YCbCr {
	between := func(a, b uint8) uint8 { return uint8(float64(a) + (float64(b)-float64(a))*share) }
	return color.YCbCr{Y: between(a.Y, b.Y), Cb: between(a.Cb, b.Cb), Cr: between(a.Cr, b.Cr)}
}
