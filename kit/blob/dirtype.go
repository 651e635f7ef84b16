package blob

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path"
	"runtime"
	"strings"
	"syscall"
)

// The media type of a file stands in a small file of its own, since extended attributes are
// not everywhere, and a header in the file would make it useless to other programs. It has a
// line "version type" for the file that is there and for the one that is about to be: so a crash
// between the two renames leaves each content with its own type.

// typeFile is where the type of a key stands. The name is a hash, so that "a" and "a/b" don't
// get into each other's way.
func typeFile(key string) string {
	sum := sha256.Sum256([]byte(key))
	name := hex.EncodeToString(sum[:16])
	return path.Join(typeDir, name[:2], name)
}

// keepType writes the type of a file that will be placed next. d.mu is held.
func (d *dir) keepType(key string, next fs.FileInfo, mediaType string) error {
	lines := ""
	if now, err := d.stat(key); err == nil {
		if t := d.typeLine(key, now); t != "" {
			lines = version(now) + " " + t + "\n"
		}
	}
	if mediaType != "" {
		lines += version(next) + " " + mediaType + "\n"
	}
	if lines == "" {
		return nil
	}
	name := typeFile(key)
	if err := d.root.MkdirAll(path.Dir(name), 0o777); err != nil {
		return err
	}
	temp := path.Join(tempDir, rand.Text())
	if err := d.writeAll(temp, lines); err != nil {
		_ = d.root.Remove(temp)
		return err
	}
	if err := d.root.Rename(temp, name); err != nil {
		_ = d.root.Remove(temp)
		return err
	}
	return d.sync(path.Dir(name))
}

func (d *dir) writeAll(name, text string) error {
	f, err := d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Sync(), f.Close())
}

// typeOf returns the media type of a file that is there.
func (d *dir) typeOf(key string, stat fs.FileInfo) string {
	if t := d.typeLine(key, stat); t != "" {
		return t
	}
	return TypeOf(key)
}

// typeLine returns the type that was kept for a file, or "".
func (d *dir) typeLine(key string, stat fs.FileInfo) string {
	text, err := d.root.ReadFile(typeFile(key))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if v, t, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " "); v == version(stat) {
			return t
		}
	}
	return ""
}

// sync flushes a directory, so that a rename in it holds through a loss of power.
func (d *dir) sync(name string) error {
	if runtime.GOOS == "windows" {
		return nil // it has no such call for directories
	}
	f, err := d.root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // deleted meanwhile, with the file
	}
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func isNotDir(err error) bool { return errors.Is(err, syscall.ENOTDIR) }
