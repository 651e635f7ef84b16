package image

import (
	"image"

	"golang.org/x/image/draw"
)

// mostShrink is how much smaller the good filter makes a picture at once in one direction: of a picture that is a line of millions of pixels, it would keep
// a table of hundreds of megabytes.
const mostShrink = 32

// halved halves a picture as long as it stays twice as large as is needed. A JPEG comes as three planes, brightness and two of
// colour: to halve those takes little, and leaves little for the good, slow filter to do: 0.24 s instead of 0.58 s for 12 megapixels,
// a third of the memory, and hardly a difference to be seen.
func halved(picture image.Image, need image.Point) image.Image {
	for size := picture.Bounds().Size(); size.X >= 4*need.X && size.Y >= 4*need.Y; size = picture.Bounds().Size() {
		picture = half(picture)
	}
	return picture
}

// half makes a picture half as wide and half as high.
func half(picture image.Image) image.Image {
	if planes, ok := picture.(*image.YCbCr); ok && planes.Rect.Min == (image.Point{}) {
		return halve(planes)
	}
	return means(picture, picture.Bounds(), 2, 2)
}

// means makes a part of a picture smaller by whole numbers, 1 or 2. Exactly between two pixels this filter takes the mean of four: that of halvePlane, for all
// kinds of pictures.
func means(picture image.Image, part image.Rectangle, x, y int) *image.RGBA {
	to := image.Pt(part.Dx()/x, part.Dy()/y)
	made := image.NewRGBA(image.Rectangle{Max: to})
	draw.ApproxBiLinear.Scale(made, made.Rect, picture, image.Rectangle{Min: part.Min, Max: part.Min.Add(image.Pt(to.X*x, to.Y*y))}, draw.Src, nil)
	return made
}

// shrunk makes a part of a picture so small in one direction or both that the good filter can do the rest.
func shrunk(picture image.Image, part image.Rectangle, to image.Point) (image.Image, image.Rectangle) {
	for {
		x, y := 1, 1
		if part.Dx() > mostShrink*to.X {
			x = 2
		}
		if part.Dy() > mostShrink*to.Y {
			y = 2
		}
		if x == 1 && y == 1 {
			return picture, part
		}
		picture = means(picture, part, x, y)
		part = picture.Bounds()
	}
}

// isOpaque reports whether a picture surely hides what is behind it.
func isOpaque(picture image.Image) bool {
	o, ok := picture.(interface{ Opaque() bool })
	return ok && o.Opaque()
}

// halve makes a picture half as wide and half as high.
func halve(p *image.YCbCr) *image.YCbCr {
	half := image.NewYCbCr(image.Rect(0, 0, p.Rect.Dx()/2, p.Rect.Dy()/2), p.SubsampleRatio)
	halvePlane(half.Y, half.YStride, p.Y, p.YStride)
	halvePlane(half.Cb, half.CStride, p.Cb, p.CStride)
	halvePlane(half.Cr, half.CStride, p.Cr, p.CStride)
	return half
}

// halvePlane makes each pixel of to the mean of four of from. At the right and lower edge of an
// odd plane the last pixel stands for the one that is missing.
func halvePlane(to []byte, toStride int, from []byte, fromStride int) {
	rows := len(from) / fromStride
	for y := 0; y*toStride < len(to); y++ {
		upper := from[min(2*y, rows-1)*fromStride:][:fromStride]
		lower := from[min(2*y+1, rows-1)*fromStride:][:fromStride]
		row := to[y*toStride:][:toStride]
		for x := range row {
			left, right := min(2*x, fromStride-1), min(2*x+1, fromStride-1)
			row[x] = byte((int(upper[left]) + int(upper[right]) + int(lower[left]) + int(lower[right]) + 2) / 4)
		}
	}
}
