package blob

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/offloadhq/offload"
)

// ownDir is where a directory keeps what is not a user's file: files that are being written,
// and the media types.
const (
	ownDir  = ".offload"
	tempDir = ownDir + "/tmp"
	typeDir = ownDir + "/type"
)

// A file that is being written and was not written to for that long is of a process that died.
const abandoned = 24 * time.Hour

// Dir returns a store of files in a directory, which it makes if it isn't there. Each file is a
// plain one at the key's path, for other programs to read. Processes may share the
// directory, also by a network file system that renames atomically.
//
// A file is written beside the others (in .offload/tmp), flushed to the disk and renamed.
// What a process leaves there that dies meanwhile is deleted when its last write was 24 hours
// ago, by whoever opens the store or puts a file. Symbolic links are followed inside of the
// directory, and never out of it; what is no regular file is not there.
func Dir(path string) (Store, error) {
	if err := os.MkdirAll(path, 0o777); err != nil {
		return nil, fmt.Errorf("blob: %w", err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("blob: %w", err)
	}
	d := &dir{root: root}
	d.sweep(time.Now())
	return d, nil
}

type dir struct {
	root *os.Root

	mu    sync.Mutex // held while a file takes its place, together with its type
	swept time.Time
}

// errGone says that a directory was removed between its making and the rename into it.
var errGone = errors.New("the directory went away again and again")

func (d *dir) Put(ctx context.Context, key string, r io.Reader, o Options) (Info, error) {
	if err := errors.Join(CheckKey(key), CheckType(o.Type)); err != nil {
		return Info{}, err
	}
	d.sweep(time.Now())
	info, err := d.put(ctx, key, r, o)
	if err != nil {
		return Info{}, fmt.Errorf("blob: put %q: %w", key, err)
	}
	return info, nil
}

func (d *dir) put(ctx context.Context, key string, r io.Reader, o Options) (Info, error) {
	temp, stat, err := d.write(ctx, r)
	if err != nil {
		return Info{}, err
	}
	defer func() { _ = d.root.Remove(temp) }() // it is gone already if it was renamed
	if cause := context.Cause(ctx); cause != nil {
		return Info{}, cause
	}

	d.mu.Lock()
	defer d.mu.Unlock()
	// The type comes first: it is for this very file, and means nothing until that is there.
	if err := d.keepType(key, stat, o.Type); err != nil {
		return Info{}, err
	}
	if err := d.place(temp, key); err != nil {
		return Info{}, err
	}
	info := infoOf(key, stat)
	info.Type = o.Type
	if info.Type == "" {
		info.Type = TypeOf(key)
	}
	return info, nil
}

// write writes a file that nobody sees yet.
func (d *dir) write(ctx context.Context, r io.Reader) (temp string, stat fs.FileInfo, err error) {
	if err := d.root.MkdirAll(tempDir, 0o777); err != nil {
		return "", nil, err
	}
	temp = path.Join(tempDir, rand.Text())
	f, err := d.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return "", nil, err
	}
	if _, err = io.Copy(f, withContext(ctx, r)); err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		// The kernel's own time may be the same for two files in a row: it ticks in milliseconds.
		now := time.Now()
		err = d.root.Chtimes(temp, now, now)
	}
	if err == nil {
		stat, err = d.root.Stat(temp)
	}
	if err != nil {
		_ = d.root.Remove(temp)
		return "", nil, err
	}
	return temp, stat, nil
}

// place renames a file to its key, and flushes the directories that lead to it.
func (d *dir) place(temp, key string) error {
	parent := path.Dir(key)
	_, err := d.root.Stat(parent)
	made := err != nil
	for range 100 { // Delete, here or elsewhere, removes directories that are empty
		if err := d.root.MkdirAll(parent, 0o777); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		err := d.root.Rename(temp, key)
		if errors.Is(err, fs.ErrNotExist) {
			if _, err := d.root.Lstat(temp); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		for err = d.sync(parent); err == nil && made && parent != "."; err = d.sync(parent) {
			parent = path.Dir(parent)
		}
		return err
	}
	return errGone
}

func (d *dir) Get(ctx context.Context, key string) (io.ReadCloser, Info, error) {
	if err := CheckKey(key); err != nil {
		return nil, Info{}, err
	}
	if cause := context.Cause(ctx); cause != nil {
		return nil, Info{}, cause
	}
	// To open what is no file, as a pipe, could wait for ever.
	if _, err := d.stat(key); err != nil {
		return nil, Info{}, fmt.Errorf("blob: get %q: %w", key, err)
	}
	f, err := d.root.Open(key)
	if err != nil {
		return nil, Info{}, fmt.Errorf("blob: get %q: %w", key, notFound(err))
	}
	stat, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return nil, Info{}, fmt.Errorf("blob: get %q: %w", key, err)
	}
	info := infoOf(key, stat)
	info.Type = d.typeOf(key, stat)
	return &file{withContext(ctx, f), f, f}, info, nil
}

// A file is one that is being read, until the context ends, from wherever one likes.
type file struct {
	io.Reader
	io.Closer
	io.Seeker
}

func (d *dir) Stat(ctx context.Context, key string) (Info, error) {
	if err := CheckKey(key); err != nil {
		return Info{}, err
	}
	if cause := context.Cause(ctx); cause != nil {
		return Info{}, cause
	}
	stat, err := d.stat(key)
	if err != nil {
		return Info{}, fmt.Errorf("blob: stat %q: %w", key, err)
	}
	info := infoOf(key, stat)
	info.Type = d.typeOf(key, stat)
	return info, nil
}

func (d *dir) stat(key string) (fs.FileInfo, error) {
	stat, err := d.root.Stat(key)
	if err != nil {
		return nil, notFound(err)
	}
	if !stat.Mode().IsRegular() {
		return nil, offload.ErrNotFound
	}
	return stat, nil
}

func (d *dir) Delete(ctx context.Context, key string) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if stat, err := d.root.Lstat(key); err == nil && stat.IsDir() {
		return nil // of other files
	}
	if err := d.root.Remove(key); err != nil && !errors.Is(notFound(err), offload.ErrNotFound) {
		return fmt.Errorf("blob: delete %q: %w", key, err)
	}
	if err := d.root.Remove(typeFile(key)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("blob: delete %q: %w", key, err)
	}
	// An empty directory would keep its name from being a file's. One with files stays.
	for parent := path.Dir(key); parent != "." && d.root.Remove(parent) == nil; {
		parent = path.Dir(parent)
	}
	return nil
}

func (d *dir) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		if _, err := d.walk(ctx, ".", prefix, yield); err != nil {
			yield(Info{}, fmt.Errorf("blob: list %q: %w", prefix, err))
		}
	}
}

// walk yields the files in a directory, and reports whether more are wanted.
func (d *dir) walk(ctx context.Context, at, prefix string, yield func(Info, error) bool) (more bool, err error) {
	if cause := context.Cause(ctx); cause != nil {
		return false, cause
	}
	entries, err := fs.ReadDir(d.root.FS(), at)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil // deleted meanwhile
	}
	if err != nil {
		return false, err
	}
	// A directory stands where its files do: "a-b" is before "a/b".
	name := func(e fs.DirEntry) string {
		if e.IsDir() {
			return path.Join(at, e.Name()) + "/"
		}
		return path.Join(at, e.Name())
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(name(a), name(b)) })
	for _, e := range entries {
		key := name(e)
		switch {
		case at == "." && e.Name() == ownDir:
		case e.IsDir():
			if !strings.HasPrefix(key, prefix) && !strings.HasPrefix(prefix, key) {
				continue
			}
			if more, err := d.walk(ctx, path.Join(at, e.Name()), prefix, yield); !more || err != nil {
				return false, err
			}
		case strings.HasPrefix(key, prefix) && CheckKey(key) == nil:
			stat, err := d.stat(key)
			if err != nil {
				continue // deleted meanwhile, or no file
			}
			if !yield(infoOf(key, stat), nil) {
				return false, nil
			}
		}
	}
	return true, nil
}

func (d *dir) Link(_ context.Context, key string, _ time.Duration) (string, error) {
	if err := CheckKey(key); err != nil {
		return "", err
	}
	return "", ErrNoLink
}

// sweep deletes what dead processes have left, at most once an hour. What it can't delete it
// leaves: it is in nobody's way.
func (d *dir) sweep(now time.Time) {
	d.mu.Lock()
	due := now.Sub(d.swept) > time.Hour
	if due {
		d.swept = now
	}
	d.mu.Unlock()
	if !due {
		return
	}
	entries, err := fs.ReadDir(d.root.FS(), tempDir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if stat, err := e.Info(); err == nil && now.Sub(stat.ModTime()) > abandoned {
			_ = d.root.Remove(path.Join(tempDir, e.Name()))
		}
	}
}

func infoOf(key string, stat fs.FileInfo) Info {
	return Info{Key: key, Size: stat.Size(), Modified: stat.ModTime(), ETag: version(stat)}
}

// version tells one content of a file from the next.
func version(stat fs.FileInfo) string {
	return strconv.FormatInt(stat.ModTime().UnixNano(), 36) + "-" + strconv.FormatInt(stat.Size(), 36)
}

// notFound returns offload.ErrNotFound for what the system says of a path with no file.
func notFound(err error) error {
	if errors.Is(err, fs.ErrNotExist) || isNotDir(err) {
		return offload.ErrNotFound
	}
	return err
}

// withContext returns a reader that fails with the context's cause once that has ended.
func withContext(ctx context.Context, r io.Reader) io.Reader {
	return readerFunc(func(p []byte) (int, error) {
		if cause := context.Cause(ctx); cause != nil {
			return 0, cause
		}
		return r.Read(p)
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
