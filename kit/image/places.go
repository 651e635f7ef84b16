package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/blob"
)

// A place has pictures: a folder, or a store. What can't be there is a refusal.
type place interface {
	// open returns a picture's file, and what closes it.
	open(ctx context.Context, name string) (file *os.File, closed func(), err error)
	// put keeps what was made, whole or not at all.
	put(ctx context.Context, name string, text []byte, field string) error
	close() error
}

// A folder is a place below which everything stays.
type folder struct{ root *os.Root }

func (f folder) close() error { return f.root.Close() }

func (f folder) open(_ context.Context, name string) (*os.File, func(), error) {
	info, err := f.root.Stat(name) // first, since to open a pipe waits for whoever writes to it
	switch {
	case err == nil && !info.Mode().IsRegular():
		return nil, nil, refuse("from", name, "a file")
	case err == nil && info.Size() > maxBytes:
		return nil, nil, tooLarge(name, info.Size())
	case err != nil:
		return nil, nil, unopened(err, name)
	}
	file, err := f.root.Open(name)
	if err != nil {
		return nil, nil, unopened(err, name)
	}
	return file, func() { _ = file.Close() }, nil
}

func tooLarge(name string, size int64) error {
	return refuse("from", fmt.Sprintf("%s of %d bytes", name, size), fmt.Sprintf("at most %d bytes", maxBytes))
}

// unopened says what follows of a picture that can't be opened.
func unopened(err error, name string) error {
	var machine syscall.Errno // such as too many open files: not what a name that leads out of the folder brings
	if errors.Is(err, fs.ErrNotExist) || !errors.As(err, &machine) || isNoPlace(machine) {
		return refuse("from", name, "a picture below the kit's folder")
	}
	return fmt.Errorf("open the picture: %w", err)
}

// isNoPlace reports whether a name can't be that of a file, so that it can't the next time either: part of it is a file, or it is a folder,
// or too long.
func isNoPlace(err syscall.Errno) bool {
	return slices.Contains([]syscall.Errno{syscall.ENAMETOOLONG, syscall.ENOTDIR, syscall.EISDIR, syscall.EEXIST, syscall.ELOOP}, err)
}

func (f folder) put(_ context.Context, name string, text []byte, field string) (err error) {
	if dir := path.Dir(name); dir != "." {
		if err := f.root.MkdirAll(dir, 0o755); err != nil {
			return placed(err, field, name)
		}
	}
	temporary := path.Join(path.Dir(name), "."+uuid.NewString()+".part")
	file, err := f.root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return placed(err, field, name)
	}
	_, err = file.Write(text)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = f.root.Rename(temporary, name)
	}
	if err != nil {
		return errors.Join(placed(err, field, name), f.root.Remove(temporary))
	}
	return nil
}

// placed tells a place that can't be from a machine that can't just now.
func placed(err error, field, name string) error {
	var machine syscall.Errno
	if !errors.As(err, &machine) || isNoPlace(machine) {
		return refuse(field, name, "a place below the kit's folder")
	}
	return fmt.Errorf("write %s: %w", name, err)
}

// A bucket is a place whose names are keys of a store.
type bucket struct{ store blob.Store }

func (bucket) close() error { return nil }

// open copies a picture to the machine: it is read more than once, and from its end too.
func (b bucket) open(ctx context.Context, name string) (*os.File, func(), error) {
	r, info, err := b.store.Get(ctx, name)
	if wrong := (*offload.InputError)(nil); errors.Is(err, offload.ErrNotFound) || errors.As(err, &wrong) {
		return nil, nil, refuse("from", name, "a key of a picture in the kit's store")
	}
	if err != nil {
		return nil, nil, fmt.Errorf("open the picture: %w", err)
	}
	defer r.Close()
	if info.Size > maxBytes {
		return nil, nil, tooLarge(name, info.Size)
	}
	file, err := os.CreateTemp("", "offload-image-")
	if err != nil {
		return nil, nil, fmt.Errorf("copy the picture: %w", err)
	}
	gone := os.Remove(file.Name()) == nil // nothing is left if the process is killed; Windows refuses that
	closed := func() {
		_ = file.Close()
		if !gone {
			_ = os.Remove(file.Name())
		}
	}
	n, err := io.Copy(file, io.LimitReader(r, maxBytes+1))
	if err == nil && n > maxBytes {
		err = tooLarge(name, n)
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		closed()
		return nil, nil, fmt.Errorf("copy the picture: %w", err) // a refusal stays one
	}
	return file, closed, nil
}

func (b bucket) put(ctx context.Context, name string, text []byte, field string) error {
	_, err := b.store.Put(ctx, name, bytes.NewReader(text), blob.Options{})
	if wrong := (*offload.InputError)(nil); errors.As(err, &wrong) {
		return refuse(field, name, wrong.Want)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// isPath reports whether a name can be one of a file below a folder.
func isPath(name string) bool {
	return name != "." && fs.ValidPath(name) && utf8.ValidString(name) && !strings.ContainsRune(name, '\\') && strings.IndexFunc(name, unicode.IsControl) < 0
}
