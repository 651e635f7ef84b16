package image_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	stdimage "image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/image"
	"github.com/offloadhq/offload/offloadtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newApp(t *testing.T, dir string, opts ...image.Option) *offloadtest.App {
	t.Helper()
	kit, err := image.New(dir, opts...)
	if err != nil {
		t.Fatal(err)
	}
	app := offloadtest.New(kit, offload.LogTo(slog.New(slog.DiscardHandler)))
	t.Cleanup(func() {
		if err := app.Close(); err != nil {
			t.Error(err)
		}
	})
	return app
}

// quarters is a picture with a colour in each corner: red, green, blue, and grey.
func quarters(w, h int) *stdimage.RGBA {
	m := stdimage.NewRGBA(stdimage.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.RGBA{200, 30, 30, 255}
			switch {
			case x >= w/2 && y < h/2:
				c = color.RGBA{30, 200, 30, 255}
			case x < w/2 && y >= h/2:
				c = color.RGBA{30, 30, 200, 255}
			case x >= w/2:
				c = color.RGBA{128, 128, 128, 255}
			}
			m.SetRGBA(x, y, c)
		}
	}
	return m
}

func jpegOf(t *testing.T, m stdimage.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func put(t *testing.T, dir, name string, text []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// rendered runs a job and returns what it made.
func rendered(t *testing.T, app *offloadtest.App, in image.Input) []image.File {
	t.Helper()
	job, err := image.Render.Enqueue(t.Context(), app, in)
	if err != nil {
		t.Fatal(err)
	}
	app.Drain()
	files, err := image.Render.Wait(t.Context(), app.App, job.ID)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func read(t *testing.T, dir, name string) (stdimage.Image, []byte) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	m, _, err := stdimage.Decode(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return m, text
}

// looksLike compares colours at places given as fractions.
func looksLike(t *testing.T, what string, m stdimage.Image, want map[[2]float64]color.RGBA) {
	t.Helper()
	b := m.Bounds()
	for at, c := range want {
		r, g, bl, _ := m.At(b.Min.X+int(at[0]*float64(b.Dx())), b.Min.Y+int(at[1]*float64(b.Dy()))).RGBA()
		near := func(got uint32, want uint8) bool { d := int(got>>8) - int(want); return d > -30 && d < 30 }
		if !near(r, c.R) || !near(g, c.G) || !near(bl, c.B) {
			t.Errorf("%s: at %v it is %d %d %d, want %v", what, at, r>>8, g>>8, bl>>8, c)
		}
	}
}

var (
	red   = color.RGBA{200, 30, 30, 255}
	green = color.RGBA{30, 200, 30, 255}
	blue  = color.RGBA{30, 30, 200, 255}
	grey  = color.RGBA{128, 128, 128, 255}
	all   = map[[2]float64]color.RGBA{{0.2, 0.2}: red, {0.8, 0.2}: green, {0.2, 0.8}: blue, {0.8, 0.8}: grey}
)

func TestRenditions(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "camera.jpg", jpegOf(t, quarters(1200, 800)))
	app := newApp(t, dir)
	in := image.Input{From: "camera.jpg"}
	for _, test := range []struct {
		image.Rendition
		size stdimage.Point
		want map[[2]float64]color.RGBA
	}{
		{image.Rendition{To: "a/inside.jpg", Width: 300, Height: 300}, stdimage.Pt(300, 200), all},
		{image.Rendition{To: "wide.png", Width: 90}, stdimage.Pt(90, 60), all},
		{image.Rendition{To: "tall.jpg", Height: 100}, stdimage.Pt(150, 100), all},
		{image.Rendition{To: "never-larger.jpg", Width: 5000}, stdimage.Pt(1200, 800), all},
		{image.Rendition{To: "as-it-is.png"}, stdimage.Pt(1200, 800), all},
		{image.Rendition{To: "exact.jpg", Width: 50, Height: 200, Fit: image.Exact}, stdimage.Pt(50, 200), all},
		{image.Rendition{To: "cover.jpg", Width: 100, Height: 100, Fit: image.Cover}, stdimage.Pt(100, 100), all},
		{image.Rendition{To: "cover-left.jpg", Width: 100, Height: 400, Fit: image.Cover, FocusX: 0.001, FocusY: 0.5}, stdimage.Pt(100, 400), map[[2]float64]color.RGBA{{0.5, 0.2}: red, {0.5, 0.8}: blue}},
		{image.Rendition{To: "cover-right.jpg", Width: 100, Height: 400, Fit: image.Cover, FocusX: 1, FocusY: 0.5}, stdimage.Pt(100, 400), map[[2]float64]color.RGBA{{0.5, 0.2}: green, {0.5, 0.8}: grey}},
		{image.Rendition{To: "cover-low.jpg", Width: 400, Height: 50, Fit: image.Cover, FocusX: 0.5, FocusY: 1}, stdimage.Pt(400, 50), map[[2]float64]color.RGBA{{0.2, 0.5}: blue, {0.8, 0.5}: grey}},
	} {
		in.Make = []image.Rendition{test.Rendition}
		files := rendered(t, app, in)
		m, text := read(t, dir, test.To)
		if got := m.Bounds().Size(); got != test.size || files[0].Width != test.size.X || files[0].Height != test.size.Y || files[0].Bytes != int64(len(text)) {
			t.Errorf("%s: it is %v and %d bytes, its File %+v; want %v", test.To, got, len(text), files[0], test.size)
		}
		if len(files[0].Blurhash) != 28 {
			t.Errorf("%s: blurhash %q", test.To, files[0].Blurhash)
		}
		looksLike(t, test.To, m, test.want)
	}
}

func TestFormatsAreKnownByWhatTheyAre(t *testing.T) {
	dir := t.TempDir()
	picture := quarters(64, 64)
	var p, g bytes.Buffer
	if err := errors.Join(png.Encode(&p, picture), gif.Encode(&g, picture, nil)); err != nil {
		t.Fatal(err)
	}
	put(t, dir, "is.png.jpg", p.Bytes())
	put(t, dir, "is-gif", g.Bytes())
	put(t, dir, "is-grey.jpg", jpegOf(t, stdimage.NewGray(stdimage.Rect(0, 0, 40, 40))))
	app := newApp(t, dir)
	for _, from := range []string{"is.png.jpg", "is-gif"} {
		rendered(t, app, image.Input{From: from, Make: []image.Rendition{{To: "out.jpg", Width: 32}}})
		m, _ := read(t, dir, "out.jpg")
		looksLike(t, from, m, all)
	}
	rendered(t, app, image.Input{From: "is-grey.jpg", Make: []image.Rendition{{To: "out.png", Width: 10}}})
}

func TestTransparency(t *testing.T) {
	dir := t.TempDir()
	var b bytes.Buffer
	if err := png.Encode(&b, stdimage.NewNRGBA(stdimage.Rect(0, 0, 50, 50))); err != nil {
		t.Fatal(err)
	}
	put(t, dir, "clear.png", b.Bytes())
	app := newApp(t, dir)
	rendered(t, app, image.Input{From: "clear.png", Make: []image.Rendition{
		{To: "white.jpg", Width: 20}, {To: "red.jpg", Width: 20, Background: "#c81e1e"}, {To: "clear-small.png", Width: 20}, {To: "red.png", Width: 20, Background: "#c81e1e"},
	}})
	for name, want := range map[string]color.RGBA{"white.jpg": {255, 255, 255, 255}, "red.jpg": red, "red.png": red} {
		m, _ := read(t, dir, name)
		looksLike(t, name, m, map[[2]float64]color.RGBA{{0.5, 0.5}: want})
	}
	if m, _ := read(t, dir, "clear-small.png"); func() bool { _, _, _, a := m.At(5, 5).RGBA(); return a != 0 }() {
		t.Error("what was clear is not")
	}
}

// What a camera says of how it was held is obeyed, and then gone, with all else that it wrote.
func TestPicturesStandUpright(t *testing.T) {
	dir := t.TempDir()
	app := newApp(t, dir)
	upright := quarters(300, 200)
	for o := uint16(1); o <= 8; o++ {
		stored := stdimage.NewRGBA(stdimage.Rect(0, 0, 300, 200))
		if o >= 5 {
			stored = stdimage.NewRGBA(stdimage.Rect(0, 0, 200, 300))
		}
		for y := range stored.Rect.Dy() {
			for x := range stored.Rect.Dx() {
				stored.Set(x, y, upright.At(shownAt(o, x, y, stored.Rect.Size())))
			}
		}
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			put(t, dir, "held.jpg", withExif(jpegOf(t, stored), order, o))
			files := rendered(t, app, image.Input{From: "held.jpg", Make: []image.Rendition{{To: "up.jpg", Width: 150, Height: 150}}})
			if files[0].Width != 150 || files[0].Height != 100 {
				t.Errorf("orientation %d: it is %d × %d", o, files[0].Width, files[0].Height)
			}
			m, text := read(t, dir, "up.jpg")
			looksLike(t, "orientation "+string('0'+rune(o)), m, all)
			if bytes.Contains(text, []byte("Exif")) || bytes.Contains(text, []byte("secret place")) {
				t.Error("what the camera wrote is still there")
			}
		}
	}
}

// shownAt returns where a stored pixel is shown, by the table of Exif 2.3, 4.6.4: what the 0th row and column are.
func shownAt(o uint16, x, y int, size stdimage.Point) (int, int) {
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

// withExif puts an orientation, and a place, into a JPEG.
func withExif(photo []byte, order binary.AppendByteOrder, o uint16) []byte {
	exif := append([]byte("Exif\x00\x00"), exifOf(order, o)...)
	head := binary.BigEndian.AppendUint16([]byte{0xFF, 0xD8, 0xFF, 0xE1}, uint16(len(exif)+2))
	return append(append(head, exif...), photo[2:]...)
}

func exifOf(order binary.AppendByteOrder, o uint16) []byte {
	tiff := []byte("II*\x00")
	if order.String() == binary.BigEndian.String() {
		tiff = []byte("MM\x00*")
	}
	tiff = order.AppendUint32(tiff, 8)
	tiff = order.AppendUint16(tiff, 2) // entries
	for tag, value := range map[uint16]uint16{0x0112: o, 0x0100: 4000} {
		tiff = order.AppendUint16(tiff, tag)
		tiff = order.AppendUint16(tiff, 3)
		tiff = order.AppendUint32(tiff, 1)
		tiff = order.AppendUint16(tiff, value)
		tiff = order.AppendUint16(tiff, 0)
	}
	return append(tiff, "secret place"...)
}

func TestBudgetOfBytes(t *testing.T) {
	dir := t.TempDir()
	noisy := stdimage.NewRGBA(stdimage.Rect(0, 0, 800, 600))
	seed := uint32(1)
	for i := range noisy.Pix {
		seed = seed*1664525 + 1013904223
		noisy.Pix[i] = byte(seed >> 24)
	}
	put(t, dir, "noise.jpg", jpegOf(t, noisy))
	app := newApp(t, dir)
	files := rendered(t, app, image.Input{From: "noise.jpg", Make: []image.Rendition{
		{To: "any.jpg", Width: 400}, {To: "less.jpg", Width: 400, MaxBytes: 50_000}, {To: "little.jpg", Width: 400, MaxBytes: 8_000}, {To: "little.png", Width: 400, MaxBytes: 50_000},
	}})
	if files[0].Quality != 82 || files[0].Width != 400 {
		t.Errorf("without a budget: %+v", files[0])
	}
	if f := files[1]; f.Bytes > 50_000 || f.Width != 400 || f.Quality >= 82 || f.Quality < 40 {
		t.Errorf("a budget that quality meets: %+v", f)
	}
	for _, f := range files[2:] {
		if f.Width >= 400 || f.Bytes > 50_000 {
			t.Errorf("a budget that only size meets: %+v", f)
		}
	}
	job, err := image.Render.Enqueue(t.Context(), app, image.Input{From: "noise.jpg", Make: []image.Rendition{{To: "no.jpg", MaxBytes: 10}}})
	if err != nil {
		t.Fatal(err)
	}
	app.Drain()
	wantDiscarded(t, app, job, "max_bytes")
}

func wantDiscarded(t *testing.T, app *offloadtest.App, job *offload.Job, said string) {
	t.Helper()
	job, err := app.Job(t.Context(), job.ID)
	if err != nil {
		t.Fatal(err)
	}
	if job.State != offload.Discarded || job.Attempt != 1 || !strings.Contains(job.Error, said) {
		t.Errorf("it is %s after %d attempts: %q; want it discarded at once, with %q", job.State, job.Attempt, job.Error, said)
	}
}

func TestWhatIsNoPictureIsDiscardedAtOnce(t *testing.T) {
	dir := t.TempDir()
	outside := t.TempDir()
	whole := jpegOf(t, quarters(200, 200))
	put(t, outside, "secret.jpg", whole)
	if err := os.Symlink(filepath.Join(outside, "secret.jpg"), filepath.Join(dir, "link.jpg")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	put(t, dir, "empty.jpg", nil)
	put(t, dir, "text.jpg", []byte("hello"))
	put(t, dir, "cut.jpg", whole[:len(whole)/2])
	put(t, dir, "script.svg", []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`))
	var bomb bytes.Buffer
	if err := png.Encode(&bomb, stdimage.NewGray(stdimage.Rect(0, 0, 1, 1))); err != nil {
		t.Fatal(err)
	}
	huge := bomb.Bytes()
	binary.BigEndian.PutUint32(huge[16:], 50_000)
	binary.BigEndian.PutUint32(huge[20:], 50_000)
	put(t, dir, "bomb.png", fixed(huge))
	app := newApp(t, dir)
	for from, said := range map[string]string{
		"none.jpg": "from", "link.jpg": "from", "folder": "from", "empty.jpg": "JPEG", "text.jpg": "JPEG", "script.svg": "JPEG", "cut.jpg": "whole",
		"bomb.png": `50000 × 50000 pixels"; want at most 50000000`,
	} {
		job, err := image.Render.Enqueue(t.Context(), app, image.Input{From: from, Make: []image.Rendition{{To: "out.jpg", Width: 10}}})
		if err != nil {
			t.Fatal(err)
		}
		app.Drain()
		wantDiscarded(t, app, job, said)
	}
	put(t, dir, "good.jpg", whole)
	for _, to := range []string{"out.tiff", "out.webp"} {
		job, err := image.Render.Enqueue(t.Context(), app, image.Input{From: "good.jpg", Make: []image.Rendition{{To: to, Width: 10}}})
		if err != nil {
			t.Fatal(err)
		}
		app.Drain()
		wantDiscarded(t, app, job, ".jpg, .png")
	}
	left, err := fs.Glob(os.DirFS(dir), "*out*")
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// fixed gives the header of a PNG its checksum.
func fixed(p []byte) []byte {
	sum := crc(p[12:29])
	binary.BigEndian.PutUint32(p[29:], sum)
	return p
}

func crc(b []byte) uint32 {
	c := ^uint32(0)
	for _, x := range b {
		c ^= uint32(x)
		for range 8 {
			if c&1 == 1 {
				c = c>>1 ^ 0xedb88320
			} else {
				c >>= 1
			}
		}
	}
	return ^c
}

func TestBadInputIsRefusedAtEnqueue(t *testing.T) {
	app := newApp(t, t.TempDir())
	good := image.Rendition{To: "a.jpg", Width: 10}
	for field, change := range map[string]func(*image.Input){
		"from":               func(in *image.Input) { in.From = "../a.jpg" },
		"make":               func(in *image.Input) { in.Make = nil },
		"make[0].to":         func(in *image.Input) { in.Make[0].To = "/etc/a.jpg" },
		"make[1].to":         func(in *image.Input) { in.Make = append(in.Make, good) },
		"make[0].width":      func(in *image.Input) { in.Make[0].Width = -1 },
		"make[0].height":     func(in *image.Input) { in.Make[0].Height = 100_000 },
		"make[0].fit":        func(in *image.Input) { in.Make[0].Fit = image.Cover },
		"make[0].focus_x":    func(in *image.Input) { in.Make[0].FocusX = 2 },
		"make[0].focus_y":    func(in *image.Input) { in.Make[0].FocusY = -0.1 },
		"make[0].quality":    func(in *image.Input) { in.Make[0].Quality = 101 },
		"make[0].max_bytes":  func(in *image.Input) { in.Make[0].MaxBytes = -1 },
		"make[0].background": func(in *image.Input) { in.Make[0].Background = "white" },
	} {
		in := image.Input{From: "x.jpg", Make: []image.Rendition{good}}
		change(&in)
		_, err := image.Render.Enqueue(t.Context(), app, in)
		if wrong := (*offload.InputError)(nil); !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	if _, err := image.New(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a folder that is not there was taken")
	}
	for _, o := range []image.Option{image.MaxPixels(0), image.Encode("webp", nil)} {
		if _, err := image.New(t.TempDir(), o); err == nil {
			t.Error("an option that can't be was taken")
		}
	}
}

func TestTwiceIsOnePicture(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "a.jpg", jpegOf(t, quarters(300, 200)))
	app := newApp(t, dir)
	call := image.Render.Call(image.Input{From: "a.jpg", Make: []image.Rendition{{To: "b.jpg", Width: 100}, {To: "c/d.png", Width: 50}}})
	offloadtest.Twice(t, app, call, func() any {
		found := map[string]string{}
		for _, name := range []string{"b.jpg", "c/d.png"} {
			text, err := os.ReadFile(filepath.Join(dir, name))
			found[name] = string(text) + errText(err)
		}
		entries, err := os.ReadDir(dir)
		found["entries"] = string(rune(len(entries))) + errText(err)
		return found
	})
}

func errText(err error) string {
	if err != nil {
		return err.Error()
	}
	return ""
}
