package table

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/offloadhq/offload"
)

// CSV is RFC 4180, in UTF-8, with a header and lines that end with LF. Texts, JSON and times are quoted; nothing
// between two commas is nil, and "" an empty text. Its reader takes CRLF, quotes where they are needed only, and
// a byte order mark; all of its values are texts.
//
// A text that a spreadsheet would take for a formula, since it or what follows a separator in it begins with = + - @, tab, or their
// full-width forms, gets an apostrophe before that place (CWE-1236). Numbers are numbers: -5 stays what it
// is, also as a text. Raw leaves all texts as they are, for programs: never open such a file in a
// spreadsheet.
type CSV struct {
	Comma byte // between cells: ',' if 0; ';' suits spreadsheets where the comma is the decimal point
	BOM   bool // begin with a byte order mark, by which Excel knows UTF-8
	Raw   bool // leave texts that look like formulas as they are
}

// Name is "csv".
func (CSV) Name() string { return "csv" }

func (f CSV) comma() (byte, error) {
	switch f.Comma {
	case 0:
		return ',', nil
	case ',', ';', '\t', '|':
		return f.Comma, nil
	}
	return 0, &offload.InputError{Field: "Comma", Got: strconv.QuoteRune(rune(f.Comma)), Want: "a comma, a semicolon, a tab or |"}
}

// NewWriter begins a file with the names of the columns.
func (f CSV) NewWriter(w io.Writer, columns []Column) (Writer, error) {
	out, err := f.newWriter(w, columns)
	if err != nil {
		return nil, err
	}
	if f.BOM {
		out.line = append(out.line, "\uFEFF"...)
	}
	for i, c := range columns {
		if i > 0 {
			out.line = append(out.line, out.comma)
		}
		out.line = appendQuoted(out.line, c.Name, !f.Raw)
	}
	return out, out.end()
}

// NewPiece goes on with a file.
func (f CSV) NewPiece(w io.Writer, columns []Column) (Writer, error) { return f.newWriter(w, columns) }

func (f CSV) newWriter(w io.Writer, columns []Column) (*csvWriter, error) {
	comma, err := f.comma()
	if err != nil {
		return nil, err
	}
	return &csvWriter{counter: counter{columns: columns}, out: bufio.NewWriterSize(w, 64<<10), comma: comma, harmless: !f.Raw}, CheckColumns(columns)
}

type csvWriter struct {
	counter
	out      *bufio.Writer
	comma    byte
	harmless bool
	line     []byte
}

func (w *csvWriter) Write(row []any) error {
	if err := w.begin(row); err != nil {
		return err
	}
	for i, v := range row {
		if i > 0 {
			w.line = append(w.line, w.comma)
		}
		if err := w.cell(w.columns[i].Kind, v); err != nil {
			w.line = w.line[:0]
			return w.wrong(i, err)
		}
	}
	if len(row) == 1 && len(w.line) == 0 {
		w.line = append(w.line, `""`...) // an empty line would be none
	}
	return w.end()
}

func (w *csvWriter) cell(kind Kind, v any) (err error) {
	switch v := v.(type) {
	case nil:
	case string:
		w.line = appendQuoted(w.line, v, w.harmless)
	case json.RawMessage:
		w.line = appendQuoted(w.line, string(v), w.harmless)
	case Decimal:
		if !isDecimal(string(v)) {
			w.line = appendQuoted(w.line, string(v), w.harmless)
			break
		}
		w.line = append(w.line, v...)
	case time.Time:
		w.line = append(w.line, '"')
		w.line = v.AppendFormat(w.line, layoutOf(kind))
		w.line = append(w.line, '"')
	case bool, int64, float64, []byte:
		w.line, err = AppendText(w.line, kind, v)
	default:
		made, err := Value(v)
		if err != nil {
			return err
		}
		return w.cell(kind, made)
	}
	return err
}

func (w *csvWriter) end() error {
	w.line = append(w.line, '\n')
	_, err := w.out.Write(w.line)
	w.line = w.line[:0]
	return err
}

func (w *csvWriter) Close() error { return w.out.Flush() }

// NewReader reads a file whose first row names the columns. Names that are missing or there before become others.
func (f CSV) NewReader(r io.ReaderAt, size int64) (Reader, error) {
	comma, err := f.comma()
	if err != nil {
		return nil, err
	}
	in := bufio.NewReaderSize(io.NewSectionReader(r, 0, size), 64<<10)
	if begin, err := in.Peek(3); err == nil && bytes.Equal(begin, []byte("\uFEFF")) {
		_, _ = in.Discard(3)
	}
	out := &csvReader{in: csv.NewReader(in)}
	out.in.Comma, out.in.ReuseRecord = rune(comma), true
	header, err := out.in.Read()
	if errors.Is(err, io.EOF) {
		return nil, &offload.InputError{Field: "file", Got: "an empty one", Want: "CSV with a header"}
	}
	if err != nil {
		return nil, &ValueError{Err: err}
	}
	out.columns = NameColumns(header)
	out.values = make([]any, len(header))
	return out, CheckColumns(out.columns)
}

type csvReader struct {
	counter
	in     *csv.Reader
	values []any
}

func (r *csvReader) Columns() []Column { return r.columns }

func (r *csvReader) Read() ([]any, error) {
	record, err := r.in.Read()
	if errors.Is(err, io.EOF) {
		return nil, io.EOF
	}
	r.row++
	if err != nil {
		return nil, r.wrong(-1, err)
	}
	for i, text := range record {
		r.values[i] = strings.ToValidUTF8(text, "\uFFFD")
	}
	return r.values, nil
}

func (r *csvReader) Close() error { return nil }
