package image

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"image"
	"image/draw"
	"io"
)

// A camera that is held upright stores the picture lying on its side, and says so in the file.
// An orientation is what it says there: 1 is as it should be, 2 to 4 are mirrored or upside
// down, 5 to 8 lie on their side.
type orientation int

// onSide reports whether width and height are exchanged.
func (o orientation) onSide() bool { return o >= 5 }

// orientationOf reads the orientation of a picture. A file that says nothing, or nothing that
// makes sense, is as it should be.
func orientationOf(file io.ReadSeeker, format string) orientation {
	read := map[string]func(io.ReadSeeker) orientation{"jpeg": ofJPEG, "png": ofPNG, "webp": ofWebP}[format]
	if read == nil {
		return 1
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return 1
	}
	return read(file)
}

// ofPNG looks for the chunk eXIf, which may stand behind the picture.
func ofPNG(file io.ReadSeeker) orientation {
	const signature, sum = 8, 4
	return inChunk(file, signature, "eXIf", func(head [8]byte) (string, int64, int64) {
		length := int64(binary.BigEndian.Uint32(head[:4]))
		return string(head[4:]), length, length + sum
	})
}

// ofWebP looks for the chunk EXIF, which stands behind the picture.
func ofWebP(file io.ReadSeeker) orientation {
	const header = 12
	return inChunk(file, header, "EXIF", func(head [8]byte) (string, int64, int64) {
		length := int64(binary.LittleEndian.Uint32(head[4:]))
		return string(head[:4]), length, length + length&1
	})
}

const (
	mostChunks = 100_000 // a picture in pieces of 8 KiB, and more than any other has
	mostExif   = 1 << 20
)

// inChunk reads the orientation in a chunk of a file that is made of them. The parse of a chunk's beginning says what it is, how long, and how far it
// is to the next.
func inChunk(file io.ReadSeeker, first int64, wanted string, parse func([8]byte) (name string, length, skip int64)) orientation {
	if _, err := file.Seek(first, io.SeekStart); err != nil {
		return 1
	}
	var head [8]byte
	for range mostChunks {
		if _, err := io.ReadFull(file, head[:]); err != nil {
			return 1
		}
		name, length, skip := parse(head)
		if name != wanted {
			if _, err := file.Seek(skip, io.SeekCurrent); err != nil {
				return 1
			}
			continue
		}
		if length > mostExif {
			return 1
		}
		exif := make([]byte, length)
		if _, err := io.ReadFull(file, exif); err != nil {
			return 1
		}
		return orientationIn(bytes.TrimPrefix(exif, []byte("Exif\x00\x00"))) // of JPEG, but some write it here too
	}
	return 1
}

// ofJPEG looks through the segments before the picture.
func ofJPEG(jpeg io.ReadSeeker) orientation {
	r := bufio.NewReader(jpeg)
	head := make([]byte, 4) // a marker, FF and its kind, and the length of what follows
	if _, err := io.ReadFull(r, head[:2]); err != nil || head[0] != 0xFF || head[1] != 0xD8 {
		return 1
	}
	for {
		if _, err := io.ReadFull(r, head); err != nil || head[0] != 0xFF || head[1] == 0xDA {
			return 1 // the picture begins, or this is no marker
		}
		length := int(binary.BigEndian.Uint16(head[2:])) - 2
		if length < 0 {
			return 1
		}
		segment := make([]byte, length)
		if _, err := io.ReadFull(r, segment); err != nil {
			return 1
		}
		if tiff, ok := bytes.CutPrefix(segment, []byte("Exif\x00\x00")); ok && head[1] == 0xE1 {
			return orientationIn(tiff)
		}
	}
}

// orientationIn looks through the first directory of the TIFF structure that Exif is.
func orientationIn(tiff []byte) orientation {
	if len(tiff) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.LittleEndian
	if tiff[0] == 'M' {
		order = binary.BigEndian
	}
	at := int64(order.Uint32(tiff[4:]))
	if at+2 > int64(len(tiff)) {
		return 1
	}
	const size, tag = 12, 0x0112 // of an entry, and of the one that is looked for
	entries := tiff[at+2:]
	for range order.Uint16(tiff[at:]) {
		if len(entries) < size {
			return 1
		}
		if order.Uint16(entries) == tag {
			if o := orientation(order.Uint16(entries[8:])); o >= 1 && o <= 8 {
				return o
			}
			return 1
		}
		entries = entries[size:]
	}
	return 1
}

// turn makes a picture of that orientation as it should be.
func turn(picture image.Image, o orientation) image.Image {
	if o <= 1 || o > 8 {
		return picture
	}
	if planes, ok := picture.(*image.YCbCr); ok {
		if turned := turnPlanes(planes, o); turned != nil {
			return turned
		}
	}
	from := picture.Bounds()
	line := image.NewRGBA(image.Rect(0, 0, from.Dx(), 1))
	to := image.NewRGBA(image.Rectangle{Max: o.upright(from.Size())})
	for y := range from.Dy() {
		draw.Draw(line, line.Rect, picture, from.Min.Add(image.Pt(0, y)), draw.Src)
		for x := range from.Dx() {
			toX, toY := o.shown(x, y, from.Size())
			copy(to.Pix[to.PixOffset(toX, toY):][:4], line.Pix[4*x:])
		}
	}
	return to
}

// turnPlanes turns a picture of planes as they are, for a third of what it takes as RGBA: nil if its pixels of colour would then lie between others.
func turnPlanes(from *image.YCbCr, o orientation) *image.YCbCr {
	ratio, size, by := from.SubsampleRatio, from.Rect.Size(), sampling(from.SubsampleRatio)
	if from.Rect.Min != (image.Point{}) || size.X%by.X != 0 || size.Y%by.Y != 0 || by.X > 2 {
		return nil
	}
	switch {
	case o.onSide() && ratio == image.YCbCrSubsampleRatio422:
		ratio = image.YCbCrSubsampleRatio440
	case o.onSide() && ratio == image.YCbCrSubsampleRatio440:
		ratio = image.YCbCrSubsampleRatio422
	}
	to := image.NewYCbCr(image.Rectangle{Max: o.upright(size)}, ratio)
	plane := func(to, from []byte, toStride, stride int, size image.Point) {
		for y := range size.Y {
			for x, v := range from[y*stride:][:size.X] {
				toX, toY := o.shown(x, y, size)
				to[toY*toStride+toX] = v
			}
		}
	}
	colours := image.Pt(size.X/by.X, size.Y/by.Y)
	plane(to.Y, from.Y, to.YStride, from.YStride, size)
	plane(to.Cb, from.Cb, to.CStride, from.CStride, colours)
	plane(to.Cr, from.Cr, to.CStride, from.CStride, colours)
	return to
}

// upright is how large a picture of a size is when it is turned.
func (o orientation) upright(size image.Point) image.Point {
	if o.onSide() {
		return image.Pt(size.Y, size.X)
	}
	return size
}

// shown returns where a point of a picture of that size goes.
func (o orientation) shown(x, y int, size image.Point) (int, int) {
	right, bottom := size.X-1, size.Y-1
	switch o {
	case 2:
		return right - x, y
	case 3:
		return right - x, bottom - y
	case 4:
		return x, bottom - y
	case 5:
		return y, x
	case 6:
		return bottom - y, x
	case 7:
		return bottom - y, right - x
	case 8:
		return y, right - x
	}
	return x, y
}
