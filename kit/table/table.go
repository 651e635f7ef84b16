// Package table writes and reads rows of columns in the formats that people ask for: CSV and JSON lines here,
// which need nothing but the standard library, and in packages of their own, with the libraries that they need,
// XLSX (kit/table/xlsx) and Parquet (kit/table/parquet).
//
//	orders, err := table.NewStruct[Order]()
//	w, err := table.CSV{}.NewWriter(file, orders.Columns)
//	row, err := orders.Row(order)
//	err = w.Write(row)
//	err = w.Close()
//
// Writers and readers go through a file of any length with the memory of a few rows, except where a format
// says otherwise. They are not safe for concurrent use; formats and structs are.
//
// # Values
//
// A value of a row is nil, bool, int64, float64, string, time.Time, []byte, Decimal or json.RawMessage.
// Writers take other types too, as Value makes them one of these.
//
// # Spreadsheets
//
// A cell of text that a spreadsheet would take for a formula is made harmless in CSV; see CSV. In XLSX
// a text is a text.
package table

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/offloadhq/offload"
)

// A Format writes and reads tables.
type Format interface {
	// Name is what users ask for, and the extension of files: "csv".
	Name() string

	// NewWriter begins a file on w. The columns are refused with an *offload.InputError if there
	// are none, or two have one name.
	NewWriter(w io.Writer, columns []Column) (Writer, error)

	// NewReader reads a file of size bytes.
	NewReader(r io.ReaderAt, size int64) (Reader, error)
}

// A Writer writes rows.
type Writer interface {
	// Write writes a row with a value for each column. It may keep what it wrote in memory until
	// Close. A value that the format can't hold is a *ValueError. The row is the caller's again when it returns.
	Write(row []any) error

	// Close ends the file, without closing what it is written on. A file whose Writer was not closed
	// is none.
	Close() error
}

// A Reader reads rows.
type Reader interface {
	// Columns are those of the file, with the kinds that it tells.
	Columns() []Column

	// Read returns the next row, valid until the next Read, and io.EOF behind the last.
	Read() ([]any, error)

	// Close frees what was needed for reading.
	Close() error
}

// A Joiner is a Format whose files can be made of pieces, written one after another.
type Joiner interface {
	Format

	// NewPiece is NewWriter for a piece that is not the first of its file.
	NewPiece(w io.Writer, columns []Column) (Writer, error)
}

// A Verifier is a Format that can tell a whole file from one that is not.
type Verifier interface {
	Format

	// Verify opens a file as any reader would, and returns an error unless it has that many rows.
	Verify(r io.ReaderAt, size, rows int64) error
}

// A Column has a name, and values of a kind.
type Column struct {
	Name string `json:"name"`
	Kind Kind   `json:"kind,omitempty"`
}

// A Kind says what the values of a column are, for formats that want it said. Values of another type are
// written as they are where the format can.
type Kind string

// The kinds.
const (
	Any         Kind = ""        // not known
	Text        Kind = "text"    // string
	Int         Kind = "int"     // int64
	Float       Kind = "float"   // float64
	Bool        Kind = "bool"    // bool
	Time        Kind = "time"    // time.Time
	Date        Kind = "date"    // time.Time, of which the day counts
	DecimalKind Kind = "decimal" // Decimal
	Bytes       Kind = "bytes"   // []byte
	JSON        Kind = "json"    // json.RawMessage
)

// A Decimal is an exact number as text: "19.90". Value makes one only of such a text.
type Decimal string

// A ValueError says which value can't be written or read. The same row fails again.
type ValueError struct {
	Row    int64  // from 1, without the header
	Column string // "" is all of the row
	Err    error
}

// Error says which value, and what is wrong with it.
func (e *ValueError) Error() string {
	if e.Column == "" {
		return fmt.Sprintf("row %d: %v", e.Row, e.Err)
	}
	return fmt.Sprintf("row %d, column %q: %v", e.Row, e.Column, e.Err)
}

// Unwrap returns what is wrong.
func (e *ValueError) Unwrap() error { return e.Err }

// mostColumns is the limit of XLSX, which holds for all formats.
const mostColumns = 16_384

// CheckColumns returns an *offload.InputError unless the columns can be those of a table: at least one, at most
// 16,384, with names that differ and are not empty.
func CheckColumns(columns []Column) error {
	if n := len(columns); n == 0 || n > mostColumns {
		return &offload.InputError{Field: "columns", Got: n, Want: "1 to 16,384"}
	}
	seen := make(map[string]bool, len(columns))
	for i, c := range columns {
		field := fmt.Sprintf("columns[%d]", i)
		switch {
		case c.Name == "":
			return &offload.InputError{Field: field, Got: "no name", Want: "a name; in SQL by AS"}
		case seen[c.Name]:
			return &offload.InputError{Field: field, Got: c.Name, Want: "a name that no other column has; in SQL by AS"}
		}
		seen[c.Name] = true
	}
	return nil
}

// NameColumns makes columns of texts of a header: those without a name, or with one that was there before, get
// another.
func NameColumns(header []string) []Column {
	columns, seen := make([]Column, len(header)), make(map[string]bool, len(header))
	for i, name := range header {
		name = strings.ToValidUTF8(name, "\uFFFD")
		if name == "" {
			name = "column " + strconv.Itoa(i+1)
		}
		for n, plain := 2, name; seen[name]; n++ {
			name = plain + " " + strconv.Itoa(n)
		}
		seen[name] = true
		columns[i] = Column{name, Text}
	}
	return columns
}

// counter knows the row that is being written or read, for errors.
type counter struct {
	columns []Column
	row     int64
}

// wrong is an error of the value in column i, or with -1 of the row.
func (c *counter) wrong(i int, err error) error {
	e := &ValueError{Row: c.row, Err: err}
	if i >= 0 {
		e.Column = c.columns[i].Name
	}
	return e
}

// begin begins a row that shall be written.
func (c *counter) begin(row []any) error {
	c.row++
	if len(row) != len(c.columns) {
		return c.wrong(-1, fmt.Errorf("%d values for %d columns", len(row), len(c.columns)))
	}
	return nil
}
