package file

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/blob"
)

func (w *worker) unpack(ctx context.Context, in UnpackInput) (UnpackOutput, error) {
	format, err := in.format()
	if err != nil {
		return UnpackOutput{}, offload.Discard(err)
	}
	f, size, err := w.spool(ctx, in.From)
	if err != nil {
		return UnpackOutput{}, err
	}
	defer drop(f)

	// First all is read and thrown away, then it is put: a fault at the end leaves nothing.
	names := newNames(in.To)
	err = w.each(f, size, format, func(name string, r io.Reader) error {
		if cause := context.Cause(ctx); cause != nil {
			return &storeError{cause}
		}
		if err := names.add(name); err != nil {
			return err
		}
		if names.files > w.limits.Files {
			return fmt.Errorf("more than %d files, which is the limit (file.Limits)", w.limits.Files)
		}
		_, err := io.Copy(io.Discard, &ending{ctx, r})
		return err
	})
	if err != nil {
		return UnpackOutput{}, unpackError(in.From, err)
	}

	out := UnpackOutput{Files: []Output{}}
	err = w.each(f, size, format, func(name string, r io.Reader) error {
		put, err := w.put(ctx, path.Join(in.To, name), r)
		if err != nil {
			return &storeError{err}
		}
		out.Files = append(out.Files, put)
		offload.Progress(ctx, len(out.Files), names.files, name)
		return nil
	})
	if err != nil {
		return UnpackOutput{}, unpackError(in.From, err)
	}
	return out, nil
}

// ending is a reader that ends with its context.
type ending struct {
	ctx context.Context
	r   io.Reader
}

func (e *ending) Read(p []byte) (int, error) {
	if cause := context.Cause(e.ctx); cause != nil {
		return 0, &storeError{cause}
	}
	return e.r.Read(p)
}

// A storeError is none of the archive: it is tried again.
type storeError struct{ error }

func (e *storeError) Unwrap() error { return e.error }

func unpackError(key string, err error) error {
	var other *storeError
	if errors.As(err, &other) {
		return other.error
	}
	return broken(key, err)
}

// each calls do for each file of an archive, in its order, and reads the archive to its end.
func (w *worker) each(f *os.File, size int64, format string, do func(name string, r io.Reader) error) error {
	if format == "zip" {
		return w.eachZip(f, size, do)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return &storeError{err}
	}
	in := io.Reader(f)
	if kind := strings.TrimPrefix(format, "tar"); kind != "" {
		d, err := decompressor(f, map[string]string{".gz": "gzip", ".zst": "zstd"}[kind])
		if err != nil {
			return err
		}
		defer d.Close()
		in = d
	}
	in = w.limited(in, size)
	// A sparse file of a tar is larger than its part of the archive, and counts by its size.
	content := &limitedReader{left: w.limits.Bytes, most: w.limits.Bytes}
	t := tar.NewReader(in)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			// What follows is padding; a checksum comes after it.
			_, err := io.Copy(io.Discard, in)
			return err
		}
		if err != nil {
			return err
		}
		switch h.Typeflag {
		case tar.TypeDir, tar.TypeXGlobalHeader:
			continue
		case tar.TypeReg, tar.TypeGNUSparse:
		default:
			return fmt.Errorf("%q is neither a file nor a directory", h.Name)
		}
		content.r = t
		if err := do(strings.TrimPrefix(h.Name, "./"), content); err != nil {
			return err
		}
	}
}

func (w *worker) eachZip(f *os.File, size int64, do func(name string, r io.Reader) error) error {
	z, err := zip.NewReader(f, size)
	if err != nil {
		return err
	}
	content, _ := w.limited(nil, size).(*limitedReader)
	for _, e := range z.File {
		switch mode := e.Mode(); {
		case mode.IsDir() && strings.HasSuffix(e.Name, "/"):
			continue
		case mode&fs.ModeType != 0:
			return fmt.Errorf("%q is neither a file nor a directory", e.Name)
		}
		r, err := e.Open()
		if err != nil {
			return fmt.Errorf("%q: %w", e.Name, err)
		}
		content.r = r
		err = do(strings.TrimPrefix(e.Name, "./"), content)
		if err := errors.Join(err, r.Close()); err != nil {
			return fmt.Errorf("%q: %w", e.Name, err)
		}
	}
	return nil
}

// names are those of the files of an archive.
type names struct {
	below string
	files int
	is    map[string]bool // by folded name: a file, or a directory of files
}

func newNames(below string) *names { return &names{below: below, is: map[string]bool{}} }

// add refuses a name that can't be a file beside the others on every system.
func (n *names) add(name string) error {
	key := n.below + "/" + name
	if err := blob.CheckKey(key); err != nil {
		return fmt.Errorf("the archive has a file %.200q: %w", name, err)
	}
	for part := range strings.SplitSeq(name, "/") {
		if !onWindows(part) {
			return fmt.Errorf("the archive has a file %.200q, which not every system can have", name)
		}
	}
	folded := string(bytes.ToLower([]byte(name)))
	if _, there := n.is[folded]; there {
		return fmt.Errorf("the archive has %.200q twice, or names that differ only in case", name)
	}
	n.is[folded] = true
	for dir := path.Dir(folded); dir != "."; dir = path.Dir(dir) {
		if n.is[dir] {
			return fmt.Errorf("the archive has %.200q below a file", name)
		}
		n.is[dir] = false
	}
	n.files++
	return nil
}

// onWindows reports whether Windows can have a file of that name. The devices are those of
// "Naming Files, Paths, and Namespaces" (learn.microsoft.com), with their superscript digits.
func onWindows(part string) bool {
	if strings.ContainsAny(part, `<>:"|?*`) || strings.HasSuffix(part, ".") || strings.HasSuffix(part, " ") {
		return false
	}
	base, _, _ := strings.Cut(strings.ToUpper(part), ".")
	base = strings.TrimRight(base, " ")
	switch base {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return false
	}
	for _, device := range []string{"COM", "LPT"} {
		if n, ok := strings.CutPrefix(base, device); ok && n != "" && strings.Contains("0123456789¹²³", n) {
			return false
		}
	}
	return true
}
