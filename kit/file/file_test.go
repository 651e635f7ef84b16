package file_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/blob"
	"github.com/offloadhq/offload/kit/file"
	"github.com/offloadhq/offload/offloadtest"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == asConverter {
		os.Exit(converter(os.Args[2], os.Args[3:]))
	}
	goleak.VerifyTestMain(m)
}

// A place is a kit at work on a directory.
type place struct {
	files blob.Store
	app   *offloadtest.App
}

func newPlace(t testing.TB, opts ...file.Option) *place {
	t.Helper()
	files, err := blob.Dir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	app := offloadtest.New(file.New(files, opts...), offload.LogTo(slog.New(slog.DiscardHandler)))
	t.Cleanup(func() { app.Close() })
	return &place{files, app}
}

func (p *place) put(t testing.TB, key string, content []byte) {
	t.Helper()
	if _, err := p.files.Put(t.Context(), key, bytes.NewReader(content), blob.Options{}); err != nil {
		t.Fatal(err)
	}
}

func (p *place) get(t testing.TB, key string) string {
	t.Helper()
	r, _, err := p.files.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(got)
}

func (p *place) keys(t testing.TB, prefix string) (keys []string) {
	t.Helper()
	for info, err := range p.files.List(t.Context(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, info.Key)
	}
	return keys
}

// do runs a job's first attempt and returns how it is then.
func do[In, Out any](t testing.TB, p *place, task *offload.Func[In, Out], in In) (out Out, job *offload.Job) {
	t.Helper()
	job, err := task.Enqueue(t.Context(), p.app, in)
	if err != nil {
		t.Fatal(err)
	}
	p.app.Drain()
	if job, err = p.app.Job(t.Context(), job.ID); err != nil {
		t.Fatal(err)
	}
	if job.State == offload.Completed {
		if out, err = task.Wait(t.Context(), p.app.App, job.ID); err != nil {
			t.Fatal(err)
		}
	}
	return out, job
}

func TestCompressAndBack(t *testing.T) {
	p := newPlace(t)
	text := strings.Repeat("a line of text\n", 200_000)
	p.put(t, "a.txt", []byte(text))
	for _, end := range []string{"gz", "zst"} {
		for range 2 { // twice is once
			out, job := do(t, p, file.Compress, file.CompressInput{From: "a.txt", To: "a." + end})
			if job.State != offload.Completed || out.Size == 0 || out.Size > 100_000 || len(out.SHA256) != 64 {
				t.Errorf("%s: %+v, %s %s", end, out, job.State, job.Error)
			}
		}
		// The oracles are others' readers.
		var r io.Reader
		var err error
		if r, err = gzip.NewReader(strings.NewReader(p.get(t, "a."+end))); end == "zst" {
			var d *zstd.Decoder
			if d, err = zstd.NewReader(strings.NewReader(p.get(t, "a."+end))); err == nil {
				defer d.Close()
			}
			r = d
		}
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != text {
			t.Errorf("%s: %d bytes, %v; want the text", end, len(got), err)
		}
		if _, job := do(t, p, file.Decompress, file.CompressInput{From: "a." + end, To: "b.txt"}); job.State != offload.Completed || p.get(t, "b.txt") != text {
			t.Errorf("%s: back: %s %s", end, job.State, job.Error)
		}
	}
}

func TestCompressedFilesThatAreBad(t *testing.T) {
	p := newPlace(t)
	p.put(t, "zeros", make([]byte, 100<<20))
	do(t, p, file.Compress, file.CompressInput{From: "zeros", To: "zeros.gz"})
	good := []byte(p.get(t, "zeros.gz"))
	flipped := bytes.Clone(good)
	flipped[len(flipped)-5] ^= 1 // of the checksum
	for name, content := range map[string][]byte{
		"empty": {}, "text": []byte("text"), "cut": good[:len(good)-9], "flipped": flipped, "a bomb": good,
	} {
		for _, end := range []string{".gz", ".zst"} {
			p.put(t, "bad"+end, content)
			_, job := do(t, p, file.Decompress, file.CompressInput{From: "bad" + end, To: "out"})
			if job.State != offload.Discarded && (name != "empty" || end != ".zst") { // no frames are an empty file
				t.Errorf("%s%s: %s %s; want it discarded", name, end, job.State, job.Error)
			}
			if name != "empty" && len(p.keys(t, "out")) > 0 {
				t.Errorf("%s%s left a file", name, end)
			}
			if err := p.files.Delete(t.Context(), "out"); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, job := do(t, p, file.Decompress, file.CompressInput{From: "gone.gz", To: "out"}); job.State != offload.Retryable {
		t.Errorf("a file that is not there (yet): %s %s; want it retried", job.State, job.Error)
	}
}

func TestChecksum(t *testing.T) {
	p := newPlace(t)
	p.put(t, "a", []byte("abc"))
	for algorithm, want := range map[string]string{ // FIPS 180-2 and RFC 1321, of "abc"
		"":      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		"sha1":  "a9993e364706816aba3e25717850c26c9cd0d89d",
		"md5":   "900150983cd24fb0d6963f7d28e17f72",
		"crc32": "352441c2",
	} {
		out, job := do(t, p, file.Checksum, file.ChecksumInput{From: "a", Algorithm: algorithm, Want: strings.ToUpper(want)})
		if out.Sum != want || out.Size != 3 {
			t.Errorf("%s: %+v, %s %s; want %s", algorithm, out, job.State, job.Error, want)
		}
	}
	_, job := do(t, p, file.Checksum, file.ChecksumInput{From: "a", Want: strings.Repeat("00", 32)})
	if job.State != offload.Discarded || !strings.Contains(job.Error, "ba7816bf") {
		t.Errorf("another sum: %s %s; want it discarded, with the sum", job.State, job.Error)
	}
}

func TestEnqueueRefuses(t *testing.T) {
	for want, in := range map[string]interface{ Validate() error }{
		"from":      file.CompressInput{From: "../a", To: "b"},
		"to":        file.UnpackInput{From: "a.zip", To: "/b"},
		"format":    file.UnpackInput{From: "a.rar", To: "b"},
		"algorithm": file.ChecksumInput{From: "a", Algorithm: "sha3"},
		"want":      file.ChecksumInput{From: "a", Want: "abc"},
	} {
		if err := in.Validate(); err == nil || !strings.Contains(err.Error(), want+" is") {
			t.Errorf("%+v: %v; want %s refused", in, err, want)
		}
	}
	if err := (file.CompressInput{From: "a.csv", To: "b.rar"}).Validate(); err == nil || !strings.Contains(err.Error(), "format is") {
		t.Errorf("a format that nobody knows: %v; want format refused", err)
	}
	if err := (file.CompressInput{From: "a", To: "a"}).Validate(); err == nil {
		t.Error("from that is to is not refused")
	}
}

// An entry is one of an archive that a test makes.
type entry struct {
	name, content string
	kind          byte // of tar; 0 is a file
}

func zipOf(t testing.TB, entries ...entry) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		if e.kind == tar.TypeSymlink {
			h.SetMode(0o777 | 1<<27) // fs.ModeSymlink
		}
		w, err := z.CreateHeader(h)
		if err == nil {
			_, err = io.WriteString(w, e.content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tarOf(t testing.TB, entries ...entry) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: 0o644, Size: int64(len(e.content)), Typeflag: e.kind}
		if e.kind != 0 && e.kind != tar.TypeReg {
			h.Size, h.Linkname = 0, e.content
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := io.WriteString(w, e.content); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipOf(t testing.TB, b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestUnpack(t *testing.T) {
	entries := []entry{{"d/", "", tar.TypeDir}, {"./a.txt", "hello", 0}, {"d/ü.csv", "1,2", 0}, {"d/none", "", 0}}
	inZip := []entry{{name: "d/"}, entries[1], entries[2], entries[3]}
	tarred := tarOf(t, entries...)
	for key, content := range map[string][]byte{"a.zip": zipOf(t, inZip...), "a.tar": tarred, "a.TGZ": gzipOf(t, tarred), "a.tar.gz": gzipOf(t, tarred)} {
		p := newPlace(t)
		p.put(t, key, content)
		for range 2 { // twice is once
			out, job := do(t, p, file.Unpack, file.UnpackInput{From: key, To: "out"})
			if job.State != offload.Completed || len(out.Files) != 3 || out.Files[0].Key != "out/a.txt" {
				t.Fatalf("%s: %+v, %s %s", key, out, job.State, job.Error)
			}
		}
		if got := strings.Join(p.keys(t, "out"), " "); got != "out/a.txt out/d/none out/d/ü.csv" || p.get(t, "out/d/ü.csv") != "1,2" {
			t.Errorf("%s: %s; want the three files", key, got)
		}
	}
}

func TestHostileArchivesLeaveNothing(t *testing.T) {
	fine := entry{name: "fine", content: strings.Repeat("fine ", 1000)}
	for name, bad := range map[string][]entry{
		"up": {{name: "../evil"}}, "up inside": {{name: "a/../../evil"}}, "absolute": {{name: "/etc/evil"}},
		"drive": {{name: "C:evil"}}, "backslash": {{name: `..\evil`}}, "line break": {{name: "a\nb"}},
		"device": {{name: "a/NUL.txt"}}, "another device": {{name: "com1"}}, "dot": {{name: "evil."}}, "store's own": {{name: "a//b"}},
		"case": {{name: "A"}, {name: "a"}}, "twice": {{name: "a"}, {name: "a"}}, "below a file": {{name: "a"}, {name: "A/b"}},
		"above a file": {{name: "a/b"}, {name: "a"}}, "link out": {{"link", "/etc/passwd", tar.TypeSymlink}},
		"bomb":       {{name: "zeros", content: strings.Repeat("\x00", 8<<20)}},
		"many files": {{name: "1"}, {name: "2"}, {name: "3"}, {name: "4"}, {name: "5"}, {name: "6"}},
	} {
		entries := append([]entry{fine}, bad...)
		for end, content := range map[string][]byte{"zip": zipOf(t, entries...), "tar.gz": gzipOf(t, tarOf(t, entries...))} {
			p := newPlace(t, file.Limit(file.Limits{Bytes: 1 << 20, Files: 5}))
			p.put(t, "x."+end, content)
			_, job := do(t, p, file.Unpack, file.UnpackInput{From: "x." + end, To: "out"})
			if keys := p.keys(t, ""); job.State != offload.Discarded || len(keys) != 1 {
				t.Errorf("%s in %s: %s %s, files %q; want it discarded, and none", name, end, job.State, job.Error, keys)
			}
		}
	}
	for name, kind := range map[string]byte{"hard link": tar.TypeLink, "device": tar.TypeChar, "pipe": tar.TypeFifo} {
		p := newPlace(t)
		p.put(t, "x.tar", tarOf(t, fine, entry{"bad", "fine", kind}))
		if _, job := do(t, p, file.Unpack, file.UnpackInput{From: "x.tar", To: "out"}); job.State != offload.Discarded || len(p.keys(t, "out")) > 0 {
			t.Errorf("%s: %s %s; want it discarded", name, job.State, job.Error)
		}
	}
	long := entry{name: "z", content: strings.Repeat("0123456789", 1000)}
	for end, content := range map[string][]byte{"zip": zipOf(t, fine, long), "tar": tarOf(t, fine, long), "tar.gz": gzipOf(t, tarOf(t, fine, long))} {
		for _, n := range []int{0, 1, 100, len(content) / 2, len(content) - 4} {
			if end == "tar" && n > 15_000 { // only its trailer of zeros lacks
				continue
			}
			p := newPlace(t)
			p.put(t, "x."+end, content[:n])
			if _, job := do(t, p, file.Unpack, file.UnpackInput{From: "x." + end, To: "out"}); len(p.keys(t, "out")) > 0 || job.State != offload.Discarded && n > 0 {
				t.Errorf("%d bytes of %s: %s %s; want it discarded", n, end, job.State, job.Error)
			}
		}
	}
}

func FuzzUnpack(f *testing.F) {
	e := []entry{{name: "a/b", content: "text"}, {name: "c", content: "more"}}
	f.Add("zip", zipOf(f, e...))
	f.Add("tar", tarOf(f, e...))
	f.Add("tar.gz", gzipOf(f, tarOf(f, e...)))
	f.Fuzz(func(t *testing.T, format string, content []byte) {
		in := file.UnpackInput{From: "x", To: "out", Format: format}
		if in.Validate() != nil {
			return
		}
		p := newPlace(t, file.Limit(file.Limits{Bytes: 1 << 20, Files: 10}))
		p.put(t, "x", content)
		out, job := do(t, p, file.Unpack, in)
		if keys := p.keys(t, "out"); len(keys) != len(out.Files) || len(keys) > 10 {
			t.Errorf("files %q of %+v, %s", keys, out, job.State)
		}
		if job.State == offload.Retryable {
			t.Errorf("%s would be tried again", job.Error)
		}
	})
}
