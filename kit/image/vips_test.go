//go:build unix

package image_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	stdimage "image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/image"
)

func needVips(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("vipsthumbnail"); err != nil {
		t.Skip("SKIPPED GROUP vips: install with apt-get install libvips-tools")
	}
}

// readAVIF has another program make a PNG of an AVIF.
func readAVIF(t *testing.T, dir, name string) stdimage.Image {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil || len(text) < 12 || string(text[4:12]) != "ftypavif" {
		t.Fatalf("%s is no AVIF: %.12q, %v", name, text, err)
	}
	back := filepath.Join(dir, name+".png")
	if out, err := exec.CommandContext(t.Context(), "vips", "copy", filepath.Join(dir, name), back).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	m, _ := read(t, dir, name+".png")
	return m
}

func TestAVIFIsWritten(t *testing.T) {
	needVips(t)
	dir := t.TempDir()
	noisy := quarters(800, 600)
	for i := range noisy.Pix {
		if i%4 != 3 {
			noisy.Pix[i] += byte(i * i >> 7 % 16)
		}
	}
	put(t, dir, "a.jpg", jpegOf(t, noisy))
	see := stdimage.NewNRGBA(stdimage.Rect(0, 0, 60, 40)) // all of it transparent
	var b bytes.Buffer
	if err := png.Encode(&b, see); err != nil {
		t.Fatal(err)
	}
	put(t, dir, "see.png", b.Bytes())
	app := newApp(t, dir, image.Vips())
	files := rendered(t, app, image.Input{From: "a.jpg", Make: []image.Rendition{
		{To: "b.avif", Width: 400}, {To: "c.AVIF", Width: 400, Quality: 90}, {To: "d.avif", Width: 400, MaxBytes: 1500},
	}})
	for i, f := range files {
		if i < 2 && (f.Width != 400 || f.Height != 300) {
			t.Errorf("%+v", f)
		}
		looksLike(t, f.Path, readAVIF(t, dir, f.Path), all)
	}
	if files[0].Quality != 50 || files[1].Quality != 90 || files[1].Bytes <= files[0].Bytes || files[2].Bytes > 1500 {
		t.Errorf("%+v", files)
	}
	rendered(t, app, image.Input{From: "see.png", Make: []image.Rendition{{To: "see.avif"}}})
	if _, _, _, a := readAVIF(t, dir, "see.avif").At(30, 20).RGBA(); a > 0 {
		t.Errorf("what was transparent has an alpha of %d", a)
	}
}

// Made small by the program, pictures are turned, cropped and judged as without it.
func TestVipsMakesTheSame(t *testing.T) {
	needVips(t)
	dir := t.TempDir()
	app := newApp(t, dir, image.Vips())
	upright := quarters(1250, 840)
	for _, o := range []uint16{1, 3, 6} {
		stored := stdimage.NewRGBA(stdimage.Rect(0, 0, 1250, 840))
		if o >= 5 {
			stored = stdimage.NewRGBA(stdimage.Rect(0, 0, 840, 1250))
		}
		for y := range stored.Rect.Dy() {
			for x := range stored.Rect.Dx() {
				stored.Set(x, y, upright.At(shownAt(o, x, y, stored.Rect.Size())))
			}
		}
		put(t, dir, "held.jpg", withExif(jpegOf(t, stored), binary.BigEndian, o))
		files := rendered(t, app, image.Input{From: "held.jpg", Make: []image.Rendition{
			{To: "up.jpg", Width: 150, Height: 150}, {To: "right.jpg", Width: 100, Height: 200, Fit: image.Cover, FocusX: 1},
		}})
		if files[0].Width != 150 || files[0].Height != 101 || len(files[0].Blurhash) != 28 {
			t.Errorf("orientation %d: %+v", o, files[0])
		}
		m, _ := read(t, dir, "up.jpg")
		looksLike(t, "orientation "+string('0'+rune(o)), m, all)
		right, _ := read(t, dir, "right.jpg")
		if right.Bounds().Size() != stdimage.Pt(100, 200) {
			t.Errorf("cropped to %v", right.Bounds())
		}
		looksLike(t, "cropped", right, map[[2]float64]color.RGBA{{0.5, 0.2}: green, {0.5, 0.8}: grey})
	}
	whole := jpegOf(t, upright)
	put(t, dir, "cut.jpg", whole[:len(whole)/2])
	job, err := image.Render.Enqueue(t.Context(), app, image.Input{From: "cut.jpg", Make: []image.Rendition{{To: "b.jpg", Width: 150}}})
	if err != nil {
		t.Fatal(err)
	}
	app.Drain()
	wantDiscarded(t, app, job, "a picture that is whole")
}

// A program that is broken, lies, or hangs costs time, and nothing else.
func TestAVipsThatFailsIsDoneWithout(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	dir, programs := t.TempDir(), t.TempDir()
	put(t, dir, "a.jpg", jpegOf(t, quarters(1250, 840)))
	var small bytes.Buffer
	if err := png.Encode(&small, stdimage.NewGray(stdimage.Rect(0, 0, 7, 7))); err != nil {
		t.Fatal(err)
	}
	put(t, programs, "small.png", small.Bytes())
	t.Setenv("PATH", programs+string(filepath.ListSeparator)+os.Getenv("PATH"))
	for name, script := range map[string]string{
		"fails":                 "exit 1",
		"makes nothing":         "exit 0",
		"makes another picture": "cp " + filepath.Join(programs, "small.png") + " out.png",
		"makes none":            "echo hello > out.png",
		"makes a link":          "ln -s /etc/passwd out.png",
		"makes a lot":           "head -c 1000000000 /dev/zero > out.png",
		"talks":                 "yes warning | head -n 10000 >&2",
		"is killed":             "kill -9 $$",
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(filepath.Join(programs, "vipsthumbnail"), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
				t.Fatal(err)
			}
			app := newApp(t, dir, image.Vips())
			rendered(t, app, image.Input{From: "a.jpg", Make: []image.Rendition{{To: "b.jpg", Width: 150}}})
			m, _ := read(t, dir, "b.jpg")
			looksLike(t, name, m, all)
			job, err := image.Render.Enqueue(t.Context(), app, image.Input{From: "a.jpg", Make: []image.Rendition{{To: "b.avif", Width: 150}}})
			if err != nil {
				t.Fatal(err)
			}
			app.Drain()
			if _, err := os.Stat(filepath.Join(dir, "b.avif")); err == nil {
				t.Error("something passes for an AVIF")
			}
			if job, err = app.Job(t.Context(), job.ID); err != nil || job.State != offload.Retryable || !strings.Contains(job.Error, "encode b.avif") {
				t.Errorf("%+v, %v", job, err)
			}
		})
	}
	if err := os.WriteFile(filepath.Join(programs, "vipsthumbnail"), []byte("#!/bin/sh\nsleep 1000\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	app := newApp(t, dir, image.Vips())
	job, err := image.Render.Enqueue(t.Context(), app, image.Input{From: "a.jpg", Make: []image.Rendition{{To: "c.jpg", Width: 150}}}, offload.Timeout(300*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	app.Drain()
	if job, err = app.Job(t.Context(), job.ID); err != nil || job.State != offload.Retryable || !strings.Contains(job.Error, offload.ErrTimeout.Error()) {
		t.Errorf("%+v, %v", job, err)
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestVipsMustBeInstalled(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	wrong := (*offload.InputError)(nil)
	if _, err := image.New(t.TempDir(), image.Vips()); !errors.As(err, &wrong) || wrong.Field != "Vips" || !strings.Contains(wrong.Want, "libvips-tools") {
		t.Errorf("%v", err)
	}
}
