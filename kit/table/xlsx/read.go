package xlsx

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/xuri/excelize/v2"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/table"
)

// NewReader reads a file whose first row names the columns. Values are texts, as a person sees them in the spreadsheet.
// Rows without any are left out. A sheet is in a temporary file while it is read, if it is large.
// A file that would become larger than 4 GiB unpacked is refused.
func (f Format) NewReader(r io.ReaderAt, size int64) (table.Reader, error) {
	file, err := excelize.OpenReader(io.NewSectionReader(r, 0, size), excelize.Options{UnzipSizeLimit: 4 << 30, UnzipXMLSizeLimit: 16 << 20})
	if err != nil {
		return nil, &table.ValueError{Err: fmt.Errorf("no XLSX: %w", err)}
	}
	in := &reader{file: file, sheets: file.GetSheetList()}
	if f.Sheet != "" {
		at := slices.Index(in.sheets, f.Sheet)
		if at < 0 {
			return nil, errors.Join(&offload.InputError{Field: "Sheet", Got: f.Sheet, Want: "one of the file's: " + strings.Join(in.sheets, ", ")}, file.Close())
		}
		in.sheets = in.sheets[at:]
	}
	if err := in.first(); err != nil {
		return nil, errors.Join(err, in.Close())
	}
	return in, nil
}

type reader struct {
	file    *excelize.File
	sheets  []string // that are still to be read
	rows    *excelize.Rows
	header  []string
	columns []table.Column
	values  []any
	row     int64
}

// first reads the header.
func (r *reader) first() error {
	header, err := r.open()
	if err != nil && !errors.Is(err, io.EOF) {
		return &table.ValueError{Err: err}
	}
	r.header = header
	r.columns = table.NameColumns(header)
	r.values = make([]any, len(header))
	if len(header) == 0 {
		return &offload.InputError{Field: "file", Got: "one without a first row", Want: "XLSX with a header"}
	}
	return nil
}

// open goes to the next sheet, and returns its first row.
func (r *reader) open() ([]string, error) {
	if r.rows != nil {
		if err := r.rows.Close(); err != nil {
			return nil, err
		}
		r.rows = nil
	}
	if len(r.sheets) == 0 {
		return nil, io.EOF
	}
	rows, err := r.file.Rows(r.sheets[0])
	if err != nil {
		return nil, err
	}
	r.rows, r.sheets = rows, r.sheets[1:]
	return r.next()
}

// next returns the next row of the sheet that has a value.
func (r *reader) next() ([]string, error) {
	if r.rows == nil {
		return nil, io.EOF
	}
	for r.rows.Next() {
		cells, err := r.rows.Columns()
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(cells, func(s string) bool { return s != "" }) {
			return cells, nil
		}
	}
	if err := r.rows.Error(); err != nil {
		return nil, err
	}
	return nil, io.EOF
}

func (r *reader) Columns() []table.Column { return r.columns }

func (r *reader) Read() ([]any, error) {
	cells, err := r.next()
	for errors.Is(err, io.EOF) && len(r.sheets) > 0 {
		var header []string
		if header, err = r.open(); err != nil {
			continue
		}
		if !slices.Equal(header, r.header) {
			err = io.EOF
			continue
		}
		cells, err = r.next()
	}
	if errors.Is(err, io.EOF) {
		return nil, io.EOF
	}
	r.row++
	if err == nil && len(cells) > len(r.columns) {
		err = fmt.Errorf("%d cells for %d columns", len(cells), len(r.columns))
	}
	if err != nil {
		return nil, &table.ValueError{Row: r.row, Err: err}
	}
	for i := range r.values {
		r.values[i] = ""
		if i < len(cells) {
			r.values[i] = strings.ToValidUTF8(cells[i], "\uFFFD")
		}
	}
	return r.values, nil
}

func (r *reader) Close() error {
	var err error
	if r.rows != nil {
		err = r.rows.Close()
		r.rows = nil
	}
	return errors.Join(err, r.file.Close())
}
