package image

import (
	"image"

	"golang.org/x/image/draw"
)

// The good filter takes 32 bytes for each pixel of a picture as wide as the new and as high as the old one. mostTemporary is what it may take: 1,600 pixels of a
// picture of 12 megapixels are within it.
const (
	temporaryPerPixel = 32
	mostTemporary     = 160_000_000
)

// halved halves a picture as long as it stays twice as large as is needed. A JPEG comes as three planes, brightness and two of
// colour: to halve those takes little, and leaves little for the good, slow filter to do: 0.24 s instead of 0.58 s for 12 megapixels,
// a third of the memory, and hardly a difference to be seen.
func halved(picture image.Image, need image.Point) image.Image {
	for size := picture.Bounds().Size(); size.X >= 4*need.X && size.Y >= 4*need.Y; size = picture.Bounds().Size() {
		picture = half(picture, picture.Bounds())
	}
	return picture
}

// half makes a part of a picture half as wide and half as high.
func half(picture image.Image, part image.Rectangle) image.Image {
	if planes, ok := picture.(*image.YCbCr); ok && part == planes.Rect && part.Min == (image.Point{}) {
		return halve(planes)
	}
	// Exactly between two pixels this filter takes the mean of four: that of halvePlane, for all kinds of pictures.
	even := image.Rectangle{Min: part.Min, Max: part.Min.Add(part.Size().Div(2).Mul(2))}
	made := image.NewRGBA(image.Rectangle{Max: part.Size().Div(2)})
	draw.ApproxBiLinear.Scale(made, made.Rect, picture, even, draw.Src, nil)
	return made
}

// resample makes a part of a picture as large as made. Where the good filter would take too much, it gets a smaller picture, and in
// the end, where little is left to do, a lesser filter does it, which takes nothing.
func resample(made *image.RGBA, from image.Image, part image.Rectangle, op draw.Op) {
	to := made.Rect.Size()
	tooMuch := func() bool { return to.X*part.Dy() > mostTemporary/temporaryPerPixel }
	for tooMuch() && part.Dx() >= 2*to.X && part.Dy() >= 2*to.Y {
		from = half(from, part)
		part = from.Bounds()
	}
	if tooMuch() {
		draw.ApproxBiLinear.Scale(made, made.Rect, from, part, op, nil)
		return
	}
	draw.CatmullRom.Scale(made, made.Rect, from, part, op, nil)
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
