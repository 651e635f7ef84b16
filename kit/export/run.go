package export

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/mail"
	"github.com/offloadhq/offload/kit/table"
)

// A writer is an export at work.
type writer[In, Row any] struct {
	config
	task   string
	rows   Rows[In, Row]
	shape  *shape[Row]
	count  func(context.Context, In) (int, error)
	mailTo func(In) (string, string)
	name   func(In) string
	choose func(In) string
	expire *offload.Task[expiry]
	sweep  *offload.Task[offload.ID]
}

// run is the task's work.
func (w *writer[In, Row]) run(ctx context.Context, in In) (File, error) {
	f, err := w.make(ctx, in)
	var wrong *table.ValueError
	var refused *offload.InputError
	if errors.As(err, &wrong) || errors.As(err, &refused) {
		return f, offload.Discard(err) // as it would be again
	}
	return f, err
}

func (w *writer[In, Row]) make(ctx context.Context, in In) (File, error) {
	format, err := w.formatOf(in)
	if err != nil {
		return File{}, err
	}
	job := offload.JobOf(ctx)
	// Once the file is there, its segments may be gone.
	f, err := offload.Step(ctx, "file", func(ctx context.Context) (File, error) {
		if err := w.sweepLater(ctx, job.ID); err != nil {
			return File{}, err
		}
		s, err := w.resume(ctx, format)
		if err != nil {
			return File{}, err
		}
		if err := w.write(ctx, in, s, format); err != nil {
			return File{}, err
		}
		return w.assemble(ctx, in, s, format)
	})
	if err != nil {
		return File{}, err
	}
	if w.mailTo != nil {
		if err := w.send(ctx, in, job.ID, &f); err != nil {
			return File{}, fmt.Errorf("mail the export: %w", err)
		}
	}
	return f, w.removeSegments(ctx, job.ID)
}

// A state is what the attempts so far have written, as it is kept over them.
type state struct {
	Format  string          `json:"format"`
	Columns []table.Column  `json:"columns,omitempty"`
	Split   int             `json:"split,omitempty"`
	Rows    int             `json:"rows,omitempty"`
	Runs    []run           `json:"runs,omitempty"`
	Last    json.RawMessage `json:"last,omitempty"`  // row of them
	Ended   bool            `json:"ended,omitempty"` // there are no more
}

// A run is the segments that one attempt has written. They are kept apart by attempts, as one that is thought
// dead may still write.
type run struct {
	Attempt  int `json:"attempt"`
	Segments int `json:"segments"`
}

// segments are the keys of all, in order.
func (s *state) segments(c *config, job offload.ID) (keys []string) {
	for _, r := range s.Runs {
		for range r.Segments {
			keys = append(keys, c.segmentKey(job, len(keys), r.Attempt))
		}
	}
	return keys
}

// resume returns what is there already: nothing, if it is of other columns, or not there any more.
func (w *writer[In, Row]) resume(ctx context.Context, format table.Format) (*state, error) {
	none := &state{Format: format.Name(), Columns: w.shape.columns, Split: w.split}
	s, err := offload.Resume[*state](ctx)
	if err != nil || s == nil {
		return none, err
	}
	if s.Format != none.Format || s.Split != none.Split || none.Columns != nil && !slices.Equal(s.Columns, none.Columns) {
		return none, nil
	}
	for _, key := range s.segments(&w.config, offload.JobOf(ctx).ID) {
		switch _, err := w.store.Stat(ctx, key); {
		case errors.Is(err, offload.ErrNotFound):
			return none, nil
		case err != nil:
			return nil, err
		}
	}
	return s, nil
}

// write writes segments behind those that are there.
func (w *writer[In, Row]) write(ctx context.Context, in In, s *state, format table.Format) error {
	if s.Ended {
		return nil
	}
	total := 0
	if w.count != nil {
		var err error
		if total, err = w.count(ctx, in); err != nil {
			return fmt.Errorf("count rows: %w", err)
		}
	}
	p := &pass[Row]{config: &w.config, shape: w.shape, state: s, format: format, job: offload.JobOf(ctx), total: total}
	defer func() { p.drop(errors.New("export: the attempt has ended")) }()
	if s.Last != nil {
		ctx = context.WithValue(ctx, lastKey{}, s.Last)
	}
	for r, err := range w.rows(ctx, in, s.Rows) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return fmt.Errorf("read rows: %w", err)
		}
		if err := p.row(ctx, r); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return p.end(ctx)
}

// send sends the mail, once.
func (w *writer[In, Row]) send(ctx context.Context, in In, job offload.ID, f *File) error {
	to, subject := w.mailTo(in)
	if to == "" {
		return nil
	}
	text := fmt.Sprintf("%s is ready: %d rows, %d bytes.\n", f.Name, f.Rows, f.Bytes)
	if f.Link != "" {
		text += "\n" + f.Link + "\n"
	}
	if !f.Expires.IsZero() {
		text += "\nIt is there until " + f.Expires.UTC().Format("2 January 2006 15:04") + " UTC.\n"
	}
	m := mail.Message{To: []string{to}, Subject: subject, Text: text}
	if f.Bytes <= w.attach {
		m.Attach = []mail.File{{Name: f.Name, Blob: f.Key}}
	}
	once := offload.Unique{Key: "export " + job.String(), For: 30 * 24 * time.Hour}
	_, err := mail.Send.Enqueue(ctx, offload.AppOf(ctx), m, once)
	return err
}
