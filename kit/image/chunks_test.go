package image_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	stdimage "image"
	"image/png"
	"testing"

	"github.com/offloadhq/offload/kit/image"
)

// A PNG may say before or behind the picture how it was held.
func TestPNGIsTurned(t *testing.T) {
	upright := quarters(300, 200)
	stored := stdimage.NewRGBA(stdimage.Rect(0, 0, 200, 300))
	for y := range 300 {
		for x := range 200 {
			stored.Set(x, y, upright.At(shownAt(6, x, y, stored.Rect.Size())))
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, stored); err != nil {
		t.Fatal(err)
	}
	const header, end = 8 + 25, 12 // signature and first chunk; last chunk
	plain, exif := b.Bytes(), chunk("eXIf", exifOf(binary.BigEndian, 6))
	dir := t.TempDir()
	app := newApp(t, dir)
	for name, text := range map[string][]byte{
		"before": bytes.Join([][]byte{plain[:header], exif, plain[header:]}, nil),
		"behind": bytes.Join([][]byte{plain[:len(plain)-end], exif, plain[len(plain)-end:]}, nil),
		"after another chunk": bytes.Join([][]byte{
			plain[:header], chunk("teXt", []byte("eXIf\x00\x00\x00\x04eXIf")), exif, plain[header:],
		}, nil),
	} {
		put(t, dir, "held.png", text)
		files := rendered(t, app, image.Input{From: "held.png", Make: []image.Rendition{{To: "up.png", Width: 150, Height: 150}}})
		if files[0].Width != 150 || files[0].Height != 100 {
			t.Errorf("%s: it is %d × %d", name, files[0].Width, files[0].Height)
		}
		m, made := read(t, dir, "up.png")
		looksLike(t, name, m, all)
		if bytes.Contains(made, []byte("secret place")) {
			t.Error("what the camera wrote is still there")
		}
	}
	// What makes no sense is as if it were not there.
	for name, wrong := range map[string][]byte{
		"nothing": chunk("eXIf", nil), "9": chunk("eXIf", exifOf(binary.BigEndian, 9)), "cut": chunk("eXIf", exifOf(binary.BigEndian, 6)[:14]),
	} {
		put(t, dir, "held.png", bytes.Join([][]byte{plain[:header], wrong, plain[header:]}, nil))
		if files := rendered(t, app, image.Input{From: "held.png", Make: []image.Rendition{{To: "as-is.png"}}}); files[0].Width != 200 {
			t.Errorf("%s: it is %d × %d", name, files[0].Width, files[0].Height)
		}
	}
}

// chunk is one of a PNG.
func chunk(name string, content []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(content)))
	b = append(append(b, name...), content...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}
