package logship

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/offloadhq/offload"
)

// Rotate says when a file is put aside, and how many such are kept. What is zero has its default.
type Rotate struct {
	Bytes    int64         // put aside before it is larger; 100 MiB
	Every    time.Duration // put aside when it is older, in UTC: 24 h is at midnight; 0 is never
	Keep     int           // how many put aside are kept; 10
	Compress bool          // put aside with gzip
}

// Files writes a record a line, as JSON, to the file at path, whose directory is made. Files put aside are beside it, named by the time: shop.log becomes shop-20260131T120000.000.log, or .log.gz. A file that was
// moved away or deleted by somebody else is made anew. One process at a time has the file. A batch is in the file as a whole or not at all,
// unless the process is killed meanwhile; when it reaches the disk is up to the system.
func Files(path string, r Rotate) Destination {
	if r.Bytes == 0 {
		r.Bytes = 100 << 20
	}
	if r.Keep == 0 {
		r.Keep = 10
	}
	return &files{path: path, rotate: r, now: time.Now}
}

// files is own code, as timberjack and lumberjack write a batch that a full disk took in part once more behind that part. Nor do they put aside by age what the program before had begun.
type files struct {
	path   string
	rotate Rotate
	now    func() time.Time
	file   *os.File
	size   int64
	since  time.Time // the beginning of the time that the file is of
}

func (f *files) check() error {
	switch {
	case f.path == "":
		return &offload.InputError{Field: "path", Got: "", Want: "the path of a file"}
	case f.rotate.Bytes < 1<<10 || f.rotate.Keep < 0:
		return &offload.InputError{Field: "Rotate", Got: fmt.Sprintf("%+v", f.rotate), Want: "1,024 bytes or more, and to keep some"}
	case f.rotate.Every != 0 && f.rotate.Every < time.Minute:
		return &offload.InputError{Field: "Rotate.Every", Got: f.rotate.Every, Want: "a minute or more, or 0"}
	}
	return nil
}

func (f *files) Ship(_ context.Context, items []Item) error {
	if err := f.open(); err != nil {
		return err
	}
	var b bytes.Buffer
	for i := range items {
		b.Write(items[i].Line)
		b.WriteByte('\n')
	}
	if int64(b.Len()) > f.rotate.Bytes && len(items) > 1 {
		return ErrTooLarge
	}
	if f.size > 0 && (f.size+int64(b.Len()) > f.rotate.Bytes || f.aged()) {
		if err := f.putAside(); err != nil {
			return err
		}
		if err := f.open(); err != nil {
			return err
		}
	}
	n, err := f.file.Write(b.Bytes())
	if err != nil {
		if n > 0 {
			err = errors.Join(err, f.file.Truncate(f.size))
		}
		return fmt.Errorf("write %s: %w", f.path, err)
	}
	f.size += int64(n)
	return nil
}

func (f *files) aged() bool {
	return f.rotate.Every > 0 && f.now().Truncate(f.rotate.Every).After(f.since)
}

// open opens the file, also when somebody has moved it away since.
func (f *files) open() error {
	info, err := os.Stat(f.path)
	if f.file != nil {
		if mine, errMine := f.file.Stat(); err == nil && errMine == nil && os.SameFile(info, mine) {
			return nil
		}
		if err := f.close(); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Dir(f.path), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(f.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	if info, err = file.Stat(); err != nil {
		return errors.Join(err, file.Close())
	}
	f.file, f.size, f.since = file, info.Size(), f.now()
	if f.size > 0 {
		f.since = info.ModTime()
	}
	if f.rotate.Every > 0 {
		f.since = f.since.Truncate(f.rotate.Every)
	}
	return nil
}

// putAside renames the file, compresses it, and deletes what is too many.
func (f *files) putAside() error {
	if err := f.close(); err != nil {
		return err
	}
	ext := filepath.Ext(f.path)
	stem := strings.TrimSuffix(f.path, ext)
	old, err := f.asides(stem, ext)
	if err != nil {
		return err
	}
	at := f.now().UTC().Truncate(time.Millisecond)
	if len(old) > 0 { // later than the newest, whatever the clock says: by their names they are in order
		newest, err := time.Parse(asideTime, strings.TrimPrefix(filepath.Base(old[len(old)-1]), filepath.Base(stem)+"-")[:len(asideTime)])
		if err == nil && !newest.Before(at) {
			at = newest.Add(time.Millisecond)
		}
	}
	aside := stem + "-" + at.Format(asideTime) + ext
	if err := os.Rename(f.path, aside); err != nil {
		return err
	}
	old = append(old, aside)
	for n := len(slices.Compact(apply(old, plainName))) - f.rotate.Keep; n > 0 && len(old) > 0; old = old[1:] {
		if err := os.Remove(old[0]); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if len(old) == 1 || plainName(old[1]) != plainName(old[0]) {
			n-- // else a crash has left it beside what is compressed
		}
	}
	for _, name := range old { // also what a crash has left as it was
		if f.rotate.Compress && plainName(name) == name {
			if err := compress(name); err != nil {
				return err
			}
		}
	}
	return nil
}

// plainName is the name of a file before it was compressed.
func plainName(name string) string { return strings.TrimSuffix(name, ".gz") }

func apply(names []string, f func(string) string) []string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = f(name)
	}
	return all
}

const asideTime = "20060102T150405.000"

// asides are the files put aside, the oldest first.
func (f *files) asides(stem, ext string) ([]string, error) {
	digits := func(n int) string { return strings.Repeat("[0-9]", n) }
	names, err := filepath.Glob(escapeGlob(stem) + "-" + digits(8) + "T" + digits(6) + "." + digits(3) + escapeGlob(ext) + "*")
	names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasSuffix(name, ext) && !strings.HasSuffix(name, ext+".gz") })
	slices.Sort(names)
	return names, err
}

func escapeGlob(s string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(s)
}

// compress replaces a file by one with .gz. The old one goes when the new one is whole.
func compress(path string) (err error) {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(path+".gz.new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	z := gzip.NewWriter(out)
	_, err = io.Copy(z, in)
	if err = errors.Join(err, z.Close(), out.Close()); err != nil {
		return errors.Join(err, os.Remove(path+".gz.new"))
	}
	if err := os.Rename(path+".gz.new", path+".gz"); err != nil {
		return err
	}
	return os.Remove(path)
}

func (f *files) close() error {
	if f.file == nil {
		return nil
	}
	err := f.file.Close()
	f.file = nil
	return err
}
