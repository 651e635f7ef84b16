package export

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/blob"
	"github.com/offloadhq/offload/kit/table"
)

// segmentRows is how many rows are kept at a time.
const segmentRows = 100_000

// partsOf is where the segments of a job are.
func (c *config) partsOf(job offload.ID) string {
	return path.Join(c.folder, ".parts", job.String()) + "/"
}

func (c *config) segmentKey(job offload.ID, n, attempt int) string {
	return fmt.Sprintf("%s%06d-%d", c.partsOf(job), n, attempt)
}

// A pass is an attempt that writes rows.
type pass[Row any] struct {
	*config
	*state
	shape  *shape[Row]
	format table.Format
	job    *offload.Job
	total  int
	open   *open // the segment that is being written
	values []any
	last   Row // that was written
}

// row writes a row.
func (p *pass[Row]) row(ctx context.Context, r Row) error {
	if record, is := any(r).(*Record); is && record.values == nil {
		return p.head(record.columns)
	}
	values, err := p.shape.values(p.values[:0], r)
	if err != nil {
		return p.wrong(&table.ValueError{Err: err})
	}
	p.values = values
	if p.open == nil {
		if p.open, err = p.begin(ctx); err != nil {
			return err
		}
	}
	if err := p.open.rows.Write(values); err != nil {
		return p.wrong(err)
	}
	p.last = r
	p.Rows++
	p.open.n++
	if p.Rows%256 == 0 {
		offload.Progress(ctx, p.Rows, max(p.total, 0), "")
	}
	if p.open.n < segmentRows && (p.split == 0 || p.Rows%p.split > 0) {
		return nil
	}
	if err := p.close(); err != nil {
		return err
	}
	p.Last = jsonOf(p.last)
	return offload.Checkpoint(ctx, p.state)
}

// wrong is an error of the row behind those that are written.
func (p *pass[Row]) wrong(err error) error {
	var wrong *table.ValueError
	if errors.As(err, &wrong) {
		return ofRow(wrong, p.Rows+1)
	}
	return fmt.Errorf("write row %d: %w", p.Rows+1, err)
}

// ofRow is an error of a value that names the row of the export.
func ofRow(wrong *table.ValueError, row int) error {
	for inner := (*table.ValueError)(nil); errors.As(wrong.Err, &inner); {
		wrong = inner
	}
	return &table.ValueError{Row: int64(row), Column: wrong.Column, Err: wrong.Err}
}

// head takes the columns of a query, which must be those of the rows that are there.
func (p *pass[Row]) head(said []table.Column) error {
	columns, err := p.shape.head(said)
	if err != nil {
		return err
	}
	if p.Rows > 0 && !slices.Equal(columns, p.Columns) {
		return errors.New("the query has other columns now than when the rows before were written")
	}
	p.Columns = columns
	return nil
}

// end ends the rows.
func (p *pass[Row]) end(ctx context.Context) error {
	if p.open == nil && len(p.Runs) == 0 { // no row: a file with its columns all the same
		var err error
		if p.open, err = p.begin(ctx); err != nil {
			return err
		}
	}
	if p.open != nil {
		if err := p.close(); err != nil {
			return err
		}
	}
	p.Ended = true
	return offload.Checkpoint(ctx, p.state)
}

// An open is a segment that is being written into the store.
type open struct {
	rows table.Writer
	pipe *io.PipeWriter
	put  chan error
	n    int
}

// begin begins a segment: of the file's own text where a file can be made of pieces, of rows to be written again otherwise.
func (p *pass[Row]) begin(ctx context.Context) (*open, error) {
	r, w := io.Pipe()
	s := &open{pipe: w, put: make(chan error, 1)}
	key := p.segmentKey(p.job.ID, len(p.segments(p.config, p.job.ID)), p.job.Attempt)
	go func() {
		_, err := p.store.Put(ctx, key, r, blob.Options{Type: "application/octet-stream"})
		_ = r.CloseWithError(cmp.Or(err, io.ErrClosedPipe)) // whoever writes hears of it
		s.put <- err
	}()
	var err error
	switch f, joins := p.format.(table.Joiner); {
	case !joins:
		s.rows, err = newStage(w, p.Columns)
	case p.Rows == 0 || p.split > 0 && p.Rows%p.split == 0:
		s.rows, err = f.NewWriter(w, p.Columns)
	default:
		s.rows, err = f.NewPiece(w, p.Columns)
	}
	if err != nil {
		s.drop(err)
		return nil, fmt.Errorf("begin a file: %w", err)
	}
	return s, nil
}

// close ends the segment; it is in the store then.
func (p *pass[Row]) close() error {
	s := p.open
	p.open = nil
	if err := s.rows.Close(); err != nil {
		s.drop(err)
		return fmt.Errorf("end a file: %w", err)
	}
	_ = s.pipe.Close()
	if err := <-s.put; err != nil {
		return fmt.Errorf("keep rows: %w", err)
	}
	if n := len(p.Runs); n == 0 || p.Runs[n-1].Attempt != p.job.Attempt {
		p.Runs = append(p.Runs, run{Attempt: p.job.Attempt})
	}
	p.Runs[len(p.Runs)-1].Segments++
	return nil
}

// drop leaves a segment that is open unwritten.
func (p *pass[Row]) drop(why error) {
	if p.open != nil {
		p.open.drop(why)
	}
}

func (s *open) drop(why error) {
	_ = s.pipe.CloseWithError(why)
	<-s.put
}

// newStage begins a segment of rows for a format whose files can't be made of pieces.
func newStage(w io.Writer, columns []table.Column) (table.Writer, error) {
	return &stage{w: bufio.NewWriterSize(w, 64<<10), columns: columns}, table.CheckColumns(columns)
}
