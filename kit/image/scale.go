package image

import (
	"image"
	"image/color"
	"iter"
	"math"

	"golang.org/x/image/draw"
)

// A filter says of which pixels of a line each pixel of another line is made. Shares are whole numbers, so that all machines make
// the same picture, and those of one pixel sum to 1<<shareBits.
type filter struct {
	first  []int   // for each new pixel the first old one
	shares []int16 // for each new pixel taps of them
	taps   int
}

const (
	shareBits = 14
	halfBits  = 6 // that what is filtered in one direction has below a byte
)

// newFilter is the filter of Catmull and Rom, which is sharp and hardly rings, for n new pixels: the first begins at from, each is step wide, and the middle
// of none is behind last. Only the old ones from low to high count.
func newFilter(from, step, last float64, low, high, n int) filter {
	wide := max(step, 1)
	f := filter{first: make([]int, n), taps: min(int(math.Ceil(4*wide))+1, high-low)}
	f.shares = make([]int16, n*f.taps)
	parts := make([]float64, f.taps)
	for i := range n {
		middle := min(from+(float64(i)+0.5)*step, last)
		first := min(max(int(math.Ceil(middle-2*wide-0.5)), low), high-f.taps)
		sum := 0.0
		for k := range parts {
			parts[k] = catmullRom((float64(first+k) + 0.5 - middle) / wide)
			sum += parts[k]
		}
		f.first[i] = first
		// What is lost by rounding one share goes to the next.
		soFar, given := 0.0, 0
		for k, part := range parts {
			soFar += part
			until := int(math.Round(soFar / sum * (1 << shareBits)))
			f.shares[i*f.taps+k] = int16(until - given)
			given = until
		}
	}
	return f
}

func catmullRom(x float64) float64 {
	switch x = math.Abs(x); {
	case x < 1:
		return (x*1.5-2.5)*x*x + 1
	case x < 2:
		return ((x*-0.5+2.5)*x-4)*x + 2
	}
	return 0
}

// lines yields those of a picture that is scaled across and down. line yields those of the old one, each pixel so many bytes; what is yielded is
// overwritten by the next. It takes as many lines as the filter looks at, not a picture.
func lines(across, down filter, bytes int, line func(y int) []byte) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		width := len(across.first) * bytes
		kept := make([]int16, down.taps*width) // the line y is the (y modulo taps)th
		sums, made := make([]int32, width), make([]byte, width)
		next := 0
		for i, first := range down.first {
			for y := max(next, first); y < first+down.taps; y++ {
				across.line(kept[y%down.taps*width:][:width], line(y), bytes)
			}
			next = first + down.taps
			clear(sums)
			for k, share := range down.shares[i*down.taps:][:down.taps] {
				if share == 0 {
					continue
				}
				for x, v := range kept[(first+k)%down.taps*width:][:len(sums)] {
					sums[x] += int32(v) * int32(share)
				}
			}
			for x, sum := range sums {
				made[x] = byte(min(max((sum+1<<(shareBits+halfBits-1))>>(shareBits+halfBits), 0), 255))
			}
			if !yield(i, made) {
				return
			}
		}
	}
}

// line filters a line of pixels of one byte or four.
func (f filter) line(to []int16, from []byte, bytes int) {
	const down = shareBits - halfBits
	for i, first := range f.first {
		shares := f.shares[i*f.taps:][:f.taps]
		if bytes == 1 {
			sum := int32(1 << (down - 1))
			for k, v := range from[first:][:len(shares)] {
				sum += int32(v) * int32(shares[k])
			}
			to[i] = int16(sum >> down)
			continue
		}
		r, g, b, a := int32(1<<(down-1)), int32(1<<(down-1)), int32(1<<(down-1)), int32(1<<(down-1))
		pixels := from[4*first:][:4*len(shares)]
		for k, share := range shares {
			p := pixels[4*k:][:4:4]
			r += int32(p[0]) * int32(share)
			g += int32(p[1]) * int32(share)
			b += int32(p[2]) * int32(share)
			a += int32(p[3]) * int32(share)
		}
		t := to[4*i:][:4:4]
		t[0], t[1], t[2], t[3] = int16(r>>down), int16(g>>down), int16(b>>down), int16(a>>down)
	}
}

// scaledPlanes makes a part of a picture of planes as large as to: each is scaled as it is, and no colour is computed.
func scaledPlanes(from *image.YCbCr, part image.Rectangle, to image.Point) *image.YCbCr {
	made := image.NewYCbCr(image.Rectangle{Max: to}, image.YCbCrSubsampleRatio420)
	part = part.Sub(from.Rect.Min)
	smaller := sampling(from.SubsampleRatio)
	plane := func(into, old []byte, intoStride, stride int, by, intoBy image.Point) {
		length := func(side, by int) int { return (side + by - 1) / by }
		// Where a side is odd, the last pixel of colour stands for one of brightness, and not for two.
		filters := func(low, high, by, intoBy, n int) filter {
			step := float64(high-low) / float64(n) / float64(by)
			end := float64(high) / float64(by)
			return newFilter(float64(low)/float64(by), step*float64(intoBy), end-step/2, low/by, length(high, by), length(n, intoBy))
		}
		across := filters(part.Min.X, part.Max.X, by.X, intoBy.X, to.X)
		down := filters(part.Min.Y, part.Max.Y, by.Y, intoBy.Y, to.Y)
		for y, line := range lines(across, down, 1, func(y int) []byte { return old[y*stride:] }) {
			copy(into[y*intoStride:], line)
		}
	}
	one, two := image.Pt(1, 1), image.Pt(2, 2)
	plane(made.Y, from.Y, made.YStride, from.YStride, one, one)
	plane(made.Cb, from.Cb, made.CStride, from.CStride, smaller, two)
	plane(made.Cr, from.Cr, made.CStride, from.CStride, smaller, two)
	return made
}

// sampling is how many pixels of brightness one of colour stands for.
func sampling(ratio image.YCbCrSubsampleRatio) image.Point {
	switch ratio {
	case image.YCbCrSubsampleRatio422:
		return image.Pt(2, 1)
	case image.YCbCrSubsampleRatio420:
		return image.Pt(2, 2)
	case image.YCbCrSubsampleRatio440:
		return image.Pt(1, 2)
	case image.YCbCrSubsampleRatio411:
		return image.Pt(4, 1)
	case image.YCbCrSubsampleRatio410:
		return image.Pt(4, 2)
	}
	return image.Pt(1, 1)
}

// scaledLines yields the lines of a part of any picture, made as large as to, as premultiplied RGBA. What is behind it shows where it is
// transparent, or nothing does if that is nil.
func scaledLines(from image.Image, part image.Rectangle, to image.Point, behind *color.RGBA) iter.Seq2[int, []byte] {
	across := newFilter(0, float64(part.Dx())/float64(to.X), float64(part.Dx()), 0, part.Dx(), to.X)
	down := newFilter(0, float64(part.Dy())/float64(to.Y), float64(part.Dy()), 0, part.Dy(), to.Y)
	one := image.NewRGBA(image.Rect(0, 0, part.Dx(), 1))
	all := lines(across, down, 4, func(y int) []byte {
		at, op := part.Min.Add(image.Pt(0, y)), draw.Src
		if behind != nil {
			draw.Draw(one, one.Rect, image.NewUniform(*behind), image.Point{}, draw.Src)
			op = draw.Over
		}
		draw.Draw(one, one.Rect, from, at, op)
		return one.Pix
	})
	return func(yield func(int, []byte) bool) {
		for y, line := range all {
			for i := 0; i < len(line); i += 4 { // the filter rings: no colour is more than its pixel
				a := line[i+3]
				line[i], line[i+1], line[i+2] = min(line[i], a), min(line[i+1], a), min(line[i+2], a)
			}
			if !yield(y, line) {
				return
			}
		}
	}
}

// inPlanes makes a picture of opaque lines, with brightness and colours in planes as a JPEG has them: less than half of what they take as RGBA.
func inPlanes(lines iter.Seq2[int, []byte], size image.Point) *image.YCbCr {
	made := image.NewYCbCr(image.Rectangle{Max: size}, image.YCbCrSubsampleRatio420)
	sums := make([][3]int, made.CStride) // of two lines, for each pair of columns
	for y, line := range lines {
		if y%2 == 0 {
			clear(sums)
		}
		for x := range size.X {
			r, g, b := line[4*x], line[4*x+1], line[4*x+2]
			made.Y[y*made.YStride+x], _, _ = color.RGBToYCbCr(r, g, b)
			sum := &sums[x/2]
			sum[0] += int(r)
			sum[1] += int(g)
			sum[2] += int(b)
		}
		if y%2 == 0 && y < size.Y-1 {
			continue
		}
		for x, sum := range sums {
			n := (y%2 + 1) * min(2, size.X-2*x)
			mean := func(sum int) byte { return byte((sum + n/2) / n) }
			_, made.Cb[y/2*made.CStride+x], made.Cr[y/2*made.CStride+x] = color.RGBToYCbCr(mean(sum[0]), mean(sum[1]), mean(sum[2]))
		}
	}
	return made
}
