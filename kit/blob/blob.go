// Package blob keeps files for jobs: what a kit makes and what it reads, under keys.
//
// Jobs run on whichever machine is free, so that a path of one of them means nothing to the
// next. A Store has the same files for all: a directory (Dir: one machine, or a shared file
// system), or a bucket (package kit/blob/s3):
//
//	files, err := blob.Dir("/var/lib/shop/files")
//	info, err := files.Put(ctx, "orders/7.pdf", r, blob.Options{Type: "application/pdf"})
//
// A file appears whole or not at all, and Put replaces: a job that runs twice puts the same
// file twice, under a key made of its input or its id, and there is one.
//
// # Keys
//
// A key is a relative path with slashes, as io/fs has them: "orders/7.pdf"; see CheckKey.
// Keys that differ only in case are two in a bucket and on Linux, and one on macOS and
// Windows. In a bucket there can be both "a" and "a/b"; in a directory the second is refused.
package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path"
	"strings"
	"time"
	"unicode"

	"github.com/offloadhq/offload"
)

// A Store keeps files under keys. It is safe for concurrent use, and all methods end with
// context.Cause when the context does. A key that CheckKey refuses is refused by all.
type Store interface {
	// Put reads r to its end and keeps what it read under the key, in place of what was there.
	// When it fails, or the process dies in it, what was there stays: no reader ever
	// sees a part. It needs no more memory for a long r than for a short one.
	Put(ctx context.Context, key string, r io.Reader, o Options) (Info, error)

	// Get opens a file. Whoever reads goes on reading the same content when it is replaced or
	// deleted meanwhile; the reader must be closed. The error is offload.ErrNotFound when
	// there is nothing under the key.
	Get(ctx context.Context, key string) (io.ReadCloser, Info, error)

	// Stat returns what Get does, without the content.
	Stat(ctx context.Context, key string) (Info, error)

	// Delete deletes a file. Nothing under the key is no error.
	Delete(ctx context.Context, key string) error

	// List yields the files whose keys begin with the prefix, which may end anywhere in a key
	// and may be empty, in the order of the keys' bytes. What is put or deleted meanwhile may
	// be there or not. Type is empty where the store would have to look at each file. The
	// first error is the last that it yields.
	List(ctx context.Context, prefix string) iter.Seq2[Info, error]

	// Link returns a URL by which anybody can read the file for the lifetime, without a login.
	// It doesn't look whether the file is there. The error is ErrNoLink where the store has
	// no such URLs, as Dir.
	Link(ctx context.Context, key string, lifetime time.Duration) (string, error)
}

// Options describe a file to Put.
type Options struct {
	Type string // media type, as in Content-Type; by the key's extension if empty
}

// Info describes a file.
type Info struct {
	Key, Type string
	Size      int64 // bytes
	Modified  time.Time
	ETag      string // another one when the content is; not comparable between stores
}

// ErrNoLink reports that a store has no URLs to give.
var ErrNoLink = errors.New("blob: this store has no links")

// longestKey is the limit of S3, which holds for all stores so that files can move.
const longestKey = 1024

// CheckKey returns an *offload.InputError for field "key" unless the key can be kept by every
// store: a path that fs.ValidPath accepts, other than ".", of up to 1,024 bytes, with no part of it
// over 255 bytes, without control characters, backslashes, or the first part ".offload".
func CheckKey(key string) error {
	switch {
	case !fs.ValidPath(key) || key == ".":
		return badKey(key, `a relative path in UTF-8, as "orders/7.pdf", without empty parts, "." and ".."`)
	case len(key) > longestKey:
		return badKey(key[:64]+"…", fmt.Sprintf("up to %d bytes", longestKey))
	case strings.ContainsRune(key, '\\') || strings.ContainsFunc(key, unicode.IsControl):
		return badKey(key, "a path without backslashes and control characters")
	}
	for part := range strings.SplitSeq(key, "/") {
		if len(part) > 255 {
			return badKey(part[:64]+"…", "parts of up to 255 bytes")
		}
	}
	// Compared without case, since the file system may.
	if first, _, _ := strings.Cut(key, "/"); strings.EqualFold(first, ownDir) {
		return badKey(key, "another first part: "+ownDir+" is the store's own")
	}
	return nil
}

func badKey(key, want string) error {
	return &offload.InputError{Field: "key", Got: key, Want: want}
}

// CheckType returns an *offload.InputError for field "type" unless a media type may stand in
// an HTTP header.
func CheckType(t string) error {
	for _, c := range []byte(t) {
		if c < ' ' || c > '~' {
			return &offload.InputError{Field: "type", Got: t, Want: "a media type in ASCII, as text/csv"}
		}
	}
	if len(t) > 255 {
		return &offload.InputError{Field: "type", Got: t[:64] + "…", Want: "up to 255 bytes"}
	}
	return nil
}

// TypeOf returns the media type that a file has which was put under the key without one: by
// the key's extension, else application/octet-stream. The table is our own, since those of
// systems differ.
func TypeOf(key string) string {
	if t, ok := types[strings.ToLower(path.Ext(key))]; ok {
		return t
	}
	return "application/octet-stream"
}

var types = map[string]string{
	".avif": "image/avif", ".bmp": "image/bmp", ".gif": "image/gif", ".jpeg": "image/jpeg", ".jpg": "image/jpeg",
	".png": "image/png", ".svg": "image/svg+xml", ".webp": "image/webp", ".tif": "image/tiff", ".tiff": "image/tiff",
	".csv": "text/csv; charset=utf-8", ".txt": "text/plain; charset=utf-8", ".html": "text/html; charset=utf-8",
	".json": "application/json", ".jsonl": "application/x-ndjson", ".ndjson": "application/x-ndjson",
	".xml": "application/xml", ".pdf": "application/pdf", ".parquet": "application/vnd.apache.parquet",
	".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	".zip":  "application/zip", ".gz": "application/gzip", ".zst": "application/zstd", ".tar": "application/x-tar",
	".mp3": "audio/mpeg", ".wav": "audio/wav", ".mp4": "video/mp4", ".webm": "video/webm", ".mov": "video/quicktime",
}
