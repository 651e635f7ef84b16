package export

import (
	"archive/zip"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"time"
	"unicode"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/blob"
	"github.com/offloadhq/offload/kit/table"
)

// assemble puts the file together.
func (w *writer[In, Row]) assemble(ctx context.Context, in In, s *state, format table.Format) (File, error) {
	job := offload.JobOf(ctx)
	name := job.Task + " " + job.CreatedAt.UTC().Format("2006-01-02")
	if w.name != nil {
		name = w.name(in)
	}
	if name = safeName(name); name == "" {
		name = "export"
	}
	ending := "." + format.Name()
	if w.zip {
		ending = ".zip"
	}
	f := File{Name: name + ending, Key: w.fileKey(job.ID) + ending, Rows: s.Rows}
	f.Type = blob.TypeOf(f.Key)
	a := &assembly{config: &w.config, state: s, format: format, job: job.ID, name: name}
	r, pipe := io.Pipe()
	filled := make(chan error, 1)
	go func() {
		err := a.fill(ctx, pipe)
		_ = pipe.CloseWithError(err)
		filled <- err
	}()
	info, err := w.store.Put(ctx, f.Key, r, blob.Options{Type: f.Type})
	_ = r.CloseWithError(cmp.Or(err, io.ErrClosedPipe))
	if why := <-filled; why != nil && (err == nil || !errors.Is(why, err)) {
		err = why // and the store said it too, if it said anything
	}
	if err != nil {
		if ctx.Err() != nil {
			return f, context.Cause(ctx)
		}
		return f, fmt.Errorf("put the export together: %w", err)
	}
	f.Bytes = info.Size
	lasts := 24 * time.Hour
	if w.keep > 0 {
		lasts = w.keep
		f.Expires = time.Now().Add(w.keep)
		if err := w.expireLater(ctx, f.Key); err != nil {
			return f, err
		}
	}
	if w.links != nil {
		f.Link = w.links.URL(f.Key, f.Name, lasts)
	}
	return f, nil
}

// fileKey is the key of a job's file without its ending.
func (c *config) fileKey(job offload.ID) string { return path.Join(c.folder, job.String()) }

// An assembly makes a file of segments.
type assembly struct {
	*config
	*state
	format  table.Format
	job     offload.ID
	name    string
	written int // rows, of a format whose rows were only kept
}

// fill writes the file, or a ZIP with a file of each so many rows.
func (a *assembly) fill(ctx context.Context, to io.Writer) error {
	keys := a.segments(a.config, a.job)
	if !a.zip {
		return a.file(ctx, to, keys, a.Rows)
	}
	z := zip.NewWriter(to)
	for left, n := a.Rows, 1; n == 1 || left > 0; n++ {
		rows, header := left, &zip.FileHeader{Name: a.name + "." + a.format.Name(), Method: zip.Deflate, Modified: time.Now()}
		if a.split > 0 {
			rows = min(left, a.split)
			header.Name = fmt.Sprintf("%s-%d.%s", a.name, n, a.format.Name())
		}
		if _, joins := a.format.(table.Joiner); !joins {
			header.Method = zip.Store // such formats compress themselves
		}
		out, err := z.CreateHeader(header)
		if err != nil {
			return err
		}
		own := max(1, (rows+segmentRows-1)/segmentRows)
		if err := a.file(ctx, out, keys[:own], rows); err != nil {
			return err
		}
		keys, left = keys[own:], left-rows
	}
	return z.Close()
}

// file writes one file of its segments.
func (a *assembly) file(ctx context.Context, to io.Writer, keys []string, rows int) error {
	if _, joins := a.format.(table.Joiner); joins {
		for _, key := range keys {
			err := a.read(ctx, key, func(r io.Reader) error {
				_, err := io.Copy(to, r)
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	}
	verifier, verifies := a.format.(table.Verifier)
	if !verifies {
		return a.rows(ctx, to, keys)
	}
	// What shall be verified has to be there to be read.
	temp, err := os.CreateTemp("", "offload-export-*")
	if err != nil {
		return err
	}
	defer func() {
		_ = temp.Close()
		_ = os.Remove(temp.Name())
	}()
	if err := a.rows(ctx, temp, keys); err != nil {
		return err
	}
	size, err := temp.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if err := verifier.Verify(temp, size, int64(rows)); err != nil {
		return err
	}
	_, err = io.Copy(to, io.NewSectionReader(temp, 0, size))
	return err
}

// rows writes the rows of segments in the format.
func (a *assembly) rows(ctx context.Context, to io.Writer, keys []string) error {
	w, err := a.format.NewWriter(to, a.Columns)
	if err != nil {
		return err
	}
	before := a.written
	for _, key := range keys {
		err := a.read(ctx, key, func(r io.Reader) error {
			return unstage(r, len(a.Columns), w, func() {
				if a.written++; a.written%256 == 0 {
					offload.Progress(ctx, a.written, a.Rows, "writing "+a.format.Name())
				}
			})
		})
		if err != nil {
			_ = w.Close() // frees what it holds
			var wrong *table.ValueError
			if errors.As(err, &wrong) {
				return ofRow(wrong, before+int(wrong.Row))
			}
			return err
		}
	}
	return w.Close()
}

// read reads a segment.
func (a *assembly) read(ctx context.Context, key string, f func(io.Reader) error) error {
	r, _, err := a.store.Get(ctx, key)
	if err != nil {
		return err
	}
	return errors.Join(f(r), r.Close())
}

const longestName = 100 // runes

// safeName is a name that can be one of a file everywhere.
func safeName(name string) string {
	runes := []rune(strings.ToValidUTF8(name, "-"))
	for i, c := range runes {
		if unicode.IsControl(c) || unicode.Is(unicode.Cf, c) || strings.ContainsRune(`/\:*?"<>|`, c) {
			runes[i] = '-'
		}
	}
	return strings.Trim(string(runes[:min(len(runes), longestName)]), ". ")
}
