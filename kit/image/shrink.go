package image

import (
	"image"
)

// halved halves a picture as long as it stays twice as large as is needed. A JPEG comes as three planes, brightness and two of
// colour: to halve those takes little, and leaves little for the good, slow filter to do: 0.24 s instead of 0.58 s for 12 megapixels,
// a third of the memory, and hardly a difference to be seen.
func halved(picture image.Image, need image.Point) image.Image {
	planes, ok := picture.(*image.YCbCr)
	if !ok || planes.Rect.Min != (image.Point{}) {
		return picture
	}
	for planes.Rect.Dx() >= 4*need.X && planes.Rect.Dy() >= 4*need.Y {
		planes = halve(planes)
	}
	return planes
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
