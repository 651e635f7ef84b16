package export

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/blob"
	"github.com/offloadhq/offload/kit/mail"
)

// segment is how many rows are kept at a time.
const segment = 100_000

// A writer is an export at work.
type writer[In, Row any] struct {
	config
	rows   Rows[In, Row]
	expire *offload.Task[string]
}

// done is what earlier attempts have written.
type done struct {
	Segments int `json:"segments"` // of the store: of rows, or files of Split
	Rows     int `json:"rows"`
}

// run is the task's work.
func (w *writer[In, Row]) run(ctx context.Context, in In) (File, error) {
	job := offload.JobOf(ctx)
	so, err := offload.Resume[done](ctx)
	if err != nil {
		return File{}, err
	}
	// Once the file is there, its segments may be gone.
	f, err := offload.Step(ctx, "file", func(ctx context.Context) (File, error) {
		total := 0
		if w.total != nil {
			if total, err = w.total.(func(context.Context, In) (int, error))(ctx, in); err != nil {
				return File{}, fmt.Errorf("count rows: %w", err)
			}
		}
		if so, err = w.write(ctx, in, job.ID, so, total); err != nil {
			return File{}, err
		}
		return w.assemble(ctx, in, job, so)
	})
	if err != nil {
		return File{}, err
	}
	if w.config.mail != nil {
		if to, subject := w.config.mail.(func(In) (string, string))(in); to != "" {
			once := offload.Unique{Key: "export " + job.ID.String(), For: 30 * 24 * time.Hour}
			if _, err := mail.Send.Enqueue(ctx, offload.AppOf(ctx), message(to, subject, &f), once); err != nil {
				return File{}, fmt.Errorf("mail the export: %w", err)
			}
		}
	}
	return f, w.sweep(ctx, job.ID, so.Segments)
}

// part is the key of a segment.
func part(job offload.ID, n int) string { return fmt.Sprintf("exports/.parts/%s/%06d", job, n) }

// each is how many rows go into one segment: all, where segments can't be joined.
func (c *config) each() int {
	switch {
	case c.split > 0:
		return c.split
	case c.format.Joins():
		return segment
	}
	return 0
}

// write writes segments behind those that are there.
func (w *writer[In, Row]) write(ctx context.Context, in In, job offload.ID, so done, total int) (done, error) {
	values, row := valuesOf(reflect.TypeFor[Row]()), []any(nil)
	var s *open
	defer func() {
		if s != nil {
			s.drop(errors.New("export: the attempt has ended"))
		}
	}()
	finish := func() error {
		err := s.end()
		s = nil
		if err != nil {
			return err
		}
		so.Segments++
		return offload.Checkpoint(ctx, so)
	}
	each := w.each()
	for r, err := range w.rows(ctx, in, so.Rows) {
		if ctx.Err() != nil {
			return so, context.Cause(ctx)
		}
		if err != nil {
			return so, fmt.Errorf("read rows: %w", err)
		}
		if s == nil {
			if s, err = w.begin(ctx, part(job, so.Segments), so.Segments == 0 || w.split > 0); err != nil {
				return so, err
			}
		}
		row = values(r, row)
		if len(row) != len(w.columns) {
			return so, offload.Discard(fmt.Errorf("row %d has %d values, and there are %d columns", so.Rows+1, len(row), len(w.columns)))
		}
		if err := s.rows.Write(row); err != nil {
			return so, fmt.Errorf("write row %d: %w", so.Rows+1, err)
		}
		so.Rows++
		s.n++
		if so.Rows%1000 == 0 {
			offload.Progress(ctx, so.Rows, max(total, 0), "")
		}
		if each > 0 && s.n == each {
			if err := finish(); err != nil {
				return so, err
			}
		}
	}
	if ctx.Err() != nil {
		return so, context.Cause(ctx)
	}
	if s == nil && so.Segments == 0 { // no row: a file with its columns all the same
		var err error
		if s, err = w.begin(ctx, part(job, 0), true); err != nil {
			return so, err
		}
	}
	if s != nil {
		if err := finish(); err != nil {
			return so, err
		}
	}
	return so, nil
}

// An open is a segment that is being written into the store.
type open struct {
	rows RowWriter
	pipe *io.PipeWriter
	put  chan error
	n    int
}

func (c *config) begin(ctx context.Context, key string, first bool) (*open, error) {
	r, w := io.Pipe()
	s := &open{pipe: w, put: make(chan error, 1)}
	go func() {
		_, err := c.store.Put(ctx, key, r, blob.Options{Type: "application/octet-stream"})
		_ = r.CloseWithError(errors.Join(err, io.ErrClosedPipe)) // whoever writes hears of it
		s.put <- err
	}()
	var err error
	if s.rows, err = c.format.Begin(w, c.columns, first); err != nil {
		s.drop(err)
		return nil, fmt.Errorf("begin a file: %w", err)
	}
	return s, nil
}

// end ends a segment; it is in the store then.
func (s *open) end() error {
	err := s.rows.Close()
	if err != nil {
		s.drop(err)
		return fmt.Errorf("end a file: %w", err)
	}
	_ = s.pipe.Close()
	if err := <-s.put; err != nil {
		return fmt.Errorf("keep rows: %w", err)
	}
	return nil
}

// drop leaves a segment unwritten.
func (s *open) drop(why error) {
	_ = s.pipe.CloseWithError(why)
	<-s.put
}

// assemble puts the file together.
func (w *writer[In, Row]) assemble(ctx context.Context, in In, job *offload.Job, so done) (File, error) {
	name := job.Task + " " + job.CreatedAt.UTC().Format("2006-01-02")
	if w.fileName != nil {
		name = w.fileName.(func(In) string)(in)
	}
	if name = safeName(name); name == "" {
		name = "export"
	}
	f := File{Name: name + w.format.Ending(), Rows: so.Rows}
	kind := w.format.Type()
	if w.zip {
		f.Name, kind = name+".zip", "application/zip"
	}
	f.Key = "exports/" + job.ID.String() + f.Name[len(name):]
	if w.keep > 0 { // before the file is there: nobody may forget it
		once := offload.Unique{Key: f.Key, For: w.keep + 24*time.Hour}
		if _, err := w.expire.Enqueue(ctx, offload.AppOf(ctx), f.Key, offload.Delay(w.keep), once); err != nil {
			return f, fmt.Errorf("arrange that the export goes: %w", err)
		}
	}
	r, pipe := io.Pipe()
	filled := make(chan error, 1)
	go func() {
		err := w.fill(ctx, pipe, name, job.ID, so)
		_ = pipe.CloseWithError(err)
		filled <- err
	}()
	info, err := w.store.Put(ctx, f.Key, r, blob.Options{Type: kind})
	_ = r.CloseWithError(errors.Join(err, io.ErrClosedPipe))
	if err = errors.Join(<-filled, err); err != nil {
		if ctx.Err() != nil {
			return f, context.Cause(ctx)
		}
		return f, fmt.Errorf("put the export together: %w", err)
	}
	f.Bytes = info.Size
	if w.links != nil {
		lasts := 24 * time.Hour
		if w.keep > 0 {
			lasts = w.keep
		}
		f.Link = w.links.URL(f.Key, f.Name, lasts)
	}
	return f, nil
}

// fill writes the segments one behind the other, or each as a file of a ZIP.
func (w *writer[In, Row]) fill(ctx context.Context, to io.Writer, name string, job offload.ID, so done) error {
	var z *zip.Writer
	into := func(string) (io.Writer, error) { return to, nil }
	if w.zip {
		z = zip.NewWriter(to)
		into = func(file string) (io.Writer, error) { return z.Create(file) }
	}
	var out io.Writer
	for n := range so.Segments {
		if out == nil || w.split > 0 {
			file := name + w.format.Ending()
			if w.split > 0 {
				file = fmt.Sprintf("%s-%d%s", name, n+1, w.format.Ending())
			}
			var err error
			if out, err = into(file); err != nil {
				return err
			}
		}
		in, _, err := w.store.Get(ctx, part(job, n))
		if err != nil {
			return err
		}
		_, err = io.Copy(out, in)
		if err = errors.Join(err, in.Close()); err != nil {
			return err
		}
	}
	if z != nil {
		return z.Close()
	}
	return nil
}

// sweep removes the segments.
func (w *writer[In, Row]) sweep(ctx context.Context, job offload.ID, n int) error {
	for i := range n {
		if err := w.store.Delete(ctx, part(job, i)); err != nil {
			return fmt.Errorf("remove segments: %w", err)
		}
	}
	return nil
}
