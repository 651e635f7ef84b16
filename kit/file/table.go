package file

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/table"
)

// Tables gives formats of tables to a kit, beside table.CSV and table.JSONLines, or in place of those of the same name:
// xlsx.Format{}, parquet.Format{}, table.CSV{Comma: ';'}.
func Tables(formats ...table.Format) Option {
	return func(w *worker) {
		for _, f := range formats {
			if f != nil {
				w.tables[f.Name()] = f
			}
		}
	}
}

// TableInput says which table becomes which.
type TableInput struct {
	From       string `json:"from"`
	To         string `json:"to"`
	FromFormat string `json:"from_format,omitempty"` // "csv", "jsonl", …; by the key's end if empty
	ToFormat   string `json:"to_format,omitempty"`
}

// TableOutput is a table that was made.
type TableOutput struct {
	Output
	Rows    int64          `json:"rows"`
	Columns []table.Column `json:"columns"`
}

// Validate refuses what no worker could do.
func (in TableInput) Validate() error {
	if err := checkKey("from", in.From); err != nil {
		return err
	}
	if err := checkKey("to", in.To); err != nil {
		return err
	}
	if in.From == in.To {
		return &offload.InputError{Field: "to", Got: in.To, Want: "another key than from"}
	}
	if formatName(in.FromFormat, in.From) == "" {
		return &offload.InputError{Field: "from_format", Got: "nothing", Want: `a format, or a key that ends with one, as ".csv"`}
	}
	if formatName(in.ToFormat, in.To) == "" {
		return &offload.InputError{Field: "to_format", Got: "nothing", Want: `a format, or a key that ends with one, as ".csv"`}
	}
	return nil
}

// formatName is the name of the format that is meant.
func formatName(given, key string) string {
	if given != "" {
		return given
	}
	name := strings.ToLower(strings.TrimPrefix(path.Ext(key), "."))
	if name == "ndjson" { // the same by another name
		return "jsonl"
	}
	return name
}

// tableFormat is the worker's format.
func (w *worker) tableFormat(field, given, key string) (table.Format, error) {
	name := formatName(given, key)
	if f, ok := w.tables[name]; ok {
		return f, nil
	}
	var names []string
	for has := range w.tables {
		names = append(names, has)
	}
	slices.Sort(names)
	return nil, offload.Discard(&offload.InputError{Task: Table.Name(), Field: field, Got: name, Want: "one of this worker's: " + strings.Join(names, ", ")})
}

func (w *worker) table(ctx context.Context, in TableInput) (TableOutput, error) {
	from, err := w.tableFormat("from_format", in.FromFormat, in.From)
	if err != nil {
		return TableOutput{}, err
	}
	to, err := w.tableFormat("to_format", in.ToFormat, in.To)
	if err != nil {
		return TableOutput{}, err
	}
	source, fromSize, err := w.spool(ctx, in.From)
	if err != nil {
		return TableOutput{}, err
	}
	defer drop(source)
	made, err := os.CreateTemp("", "offload-file-*")
	if err != nil {
		return TableOutput{}, err
	}
	defer drop(made)
	out, err := copyTable(ctx, from, to, source, fromSize, &bounded{made, w.limits.Bytes})
	var wrong *table.ValueError
	var refused *offload.InputError
	switch {
	case errors.As(err, &wrong), errors.As(err, &refused), errors.Is(err, errBound):
		return out, broken(in.From, err)
	case err != nil:
		return out, err
	}
	size, err := made.Seek(0, io.SeekCurrent)
	if err != nil {
		return out, err
	}
	if v, ok := to.(table.Verifier); ok {
		if err := v.Verify(made, size, out.Rows); err != nil {
			return out, fmt.Errorf("file: %q: %w", in.To, err)
		}
	}
	out.Output, err = w.put(ctx, in.To, io.NewSectionReader(made, 0, size))
	out.FromSize = fromSize
	return out, err
}

// copyTable writes the rows of one file to another.
func copyTable(ctx context.Context, from, to table.Format, source io.ReaderAt, size int64, made io.Writer) (out TableOutput, err error) {
	r, err := from.NewReader(source, size)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	buffer := bufio.NewWriterSize(made, 64<<10)
	out.Columns = r.Columns()
	w, err := to.NewWriter(buffer, out.Columns)
	if err != nil {
		return out, err
	}
	if err := copyRows(ctx, w, r, &out.Rows); err != nil {
		_ = w.Close() // frees what it holds
		return out, err
	}
	if err := w.Close(); err != nil {
		return out, err
	}
	return out, buffer.Flush()
}

func copyRows(ctx context.Context, w table.Writer, r table.Reader, rows *int64) error {
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := w.Write(row); err != nil {
			return err
		}
		if *rows++; *rows%256 == 0 {
			offload.Progress(ctx, int(*rows), 0, "")
		}
	}
}

var errBound = errors.New("it becomes more than the limit (file.Limits)")

// A bounded is a writer that takes so many bytes.
type bounded struct {
	w    io.Writer
	left int64
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.left -= int64(len(p)); b.left < 0 {
		return 0, errBound
	}
	return b.w.Write(p)
}
