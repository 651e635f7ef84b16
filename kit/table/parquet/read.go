package parquet

import (
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"

	"github.com/offloadhq/offload/kit/table"
)

// NewReader reads a file of plain columns. One with lists, maps or structs is refused, as no table has them.
func (Format) NewReader(r io.ReaderAt, size int64) (in table.Reader, err error) {
	defer recoverAs(&err) // the library panics on some files
	f, err := parquet.OpenFile(r, size, parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, &table.ValueError{Err: fmt.Errorf("no Parquet: %w", err)}
	}
	out := &reader{row: make([]parquet.Row, 1)}
	for _, field := range f.Schema().Fields() {
		if !field.Leaf() || field.Repeated() {
			return nil, &table.ValueError{Column: field.Name(), Err: errors.New("has values that are no plain ones")}
		}
		kind, get := typeOf(field.Type())
		out.columns = append(out.columns, table.Column{Name: field.Name(), Kind: kind})
		out.get = append(out.get, get)
	}
	if err := table.CheckColumns(out.columns); err != nil {
		return nil, err
	}
	out.values = make([]any, len(out.columns))
	groups := f.RowGroups()
	out.rows = parquet.MultiRowGroup(groups...).Rows()
	return out, nil
}

type reader struct {
	rows    parquet.Rows
	columns []table.Column
	get     []getter
	row     []parquet.Row
	at      int64
	values  []any
}

func (r *reader) Columns() []table.Column { return r.columns }

func (r *reader) Read() (values []any, err error) {
	r.at++
	defer func() {
		if err != nil && err != io.EOF { //nolint:errorlint // our own
			err = &table.ValueError{Row: r.at, Err: err}
		}
	}()
	defer recoverAs(&err)
	r.row[0] = r.row[0][:0]
	n, err := r.rows.ReadRows(r.row)
	if n == 0 {
		if err == nil || errors.Is(err, io.EOF) {
			return nil, io.EOF
		}
		return nil, err
	}
	if len(r.row[0]) != len(r.values) {
		return nil, fmt.Errorf("%d values for %d columns", len(r.row[0]), len(r.values))
	}
	for i, v := range r.row[0] {
		if r.values[i] = nil; v.IsNull() {
			continue
		}
		r.values[i] = r.get[i](v)
	}
	return r.values, nil
}

func (r *reader) Close() (err error) {
	defer recoverAs(&err)
	return r.rows.Close()
}

func recoverAs(err *error) {
	if v := recover(); v != nil {
		*err = fmt.Errorf("no Parquet that can be read: %v", v)
	}
}
