package table

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

// JSONLines is a JSON object in each line (jsonlines.org), with all columns in their order. Times are texts by RFC
// 3339, bytes texts in base64; a float that JSON lacks, as NaN, is null. Its reader goes through the file
// twice, since only all of its lines tell the columns: those of the first object, then what others have
// beside them.
type JSONLines struct{}

// Name is "jsonl".
func (JSONLines) Name() string { return "jsonl" }

// NewWriter begins a file.
func (f JSONLines) NewWriter(w io.Writer, columns []Column) (Writer, error) {
	out := &jsonWriter{counter: counter{columns: columns}, out: bufio.NewWriterSize(w, 64<<10)}
	for i, c := range columns {
		key := appendJSONText([]byte{','}, c.Name)
		if i == 0 {
			key[0] = '{'
		}
		out.keys = append(out.keys, append(key, ':'))
	}
	return out, CheckColumns(columns)
}

// NewPiece goes on with a file.
func (f JSONLines) NewPiece(w io.Writer, columns []Column) (Writer, error) {
	return f.NewWriter(w, columns)
}

type jsonWriter struct {
	counter
	out  *bufio.Writer
	keys [][]byte // with what stands before and behind them
	line []byte
}

func (w *jsonWriter) Write(row []any) error {
	if err := w.begin(row); err != nil {
		return err
	}
	w.line = w.line[:0]
	for i, v := range row {
		w.line = append(w.line, w.keys[i]...)
		if err := w.value(w.columns[i].Kind, v); err != nil {
			return w.wrong(i, err)
		}
	}
	_, err := w.out.Write(append(w.line, '}', '\n'))
	return err
}

func (w *jsonWriter) value(kind Kind, v any) (err error) {
	switch v := v.(type) {
	case nil:
		w.line = append(w.line, "null"...)
	case bool, int64:
		w.line, err = AppendText(w.line, kind, v)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			w.line = append(w.line, "null"...)
			break
		}
		w.line = appendFloat(w.line, v)
	case string:
		w.line = appendJSONText(w.line, v)
	case Decimal:
		if !isDecimal(string(v)) {
			w.line = appendJSONText(w.line, string(v))
			break
		}
		w.line = append(w.line, v...)
	case time.Time:
		w.line = append(w.line, '"')
		w.line = v.AppendFormat(w.line, layoutOf(kind))
		w.line = append(w.line, '"')
	case []byte:
		w.line = append(w.line, '"')
		w.line = base64.StdEncoding.AppendEncode(w.line, v)
		w.line = append(w.line, '"')
	case json.RawMessage:
		var compact bytes.Buffer // a line break in it would end the line
		if err := json.Compact(&compact, v); err != nil {
			return err
		}
		w.line = append(w.line, compact.Bytes()...)
	default:
		made, err := Value(v)
		if err != nil {
			return err
		}
		return w.value(kind, made)
	}
	return err
}

func (w *jsonWriter) Close() error { return w.out.Flush() }

// appendJSONText appends a text in quotes.
func appendJSONText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			var text bytes.Buffer
			e := json.NewEncoder(&text)
			e.SetEscapeHTML(false)
			_ = e.Encode(s) // a text always encodes; what is no UTF-8 as U+FFFD
			return append(b, bytes.TrimSuffix(text.Bytes(), []byte("\n"))...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// NewReader reads a file of objects, one after another.
func (f JSONLines) NewReader(r io.ReaderAt, size int64) (Reader, error) {
	out := &jsonReader{at: map[string]int{}}
	open := func() *json.Decoder {
		d := json.NewDecoder(bufio.NewReaderSize(io.NewSectionReader(r, 0, size), 64<<10))
		d.UseNumber()
		return d
	}
	out.in = open()
	for {
		err := out.object(out.learn)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	for i := range out.columns {
		if out.columns[i].Kind == unseen {
			out.columns[i].Kind = Any
		}
	}
	if err := CheckColumns(out.columns); err != nil {
		return nil, err
	}
	out.in, out.row, out.values = open(), 0, make([]any, len(out.columns))
	return out, nil
}

type jsonReader struct {
	counter
	in     *json.Decoder
	at     map[string]int // of the column with the name
	values []any
}

func (r *jsonReader) Columns() []Column { return r.columns }

func (r *jsonReader) Close() error { return nil }

func (r *jsonReader) Read() ([]any, error) {
	clear(r.values)
	err := r.object(func(name string, v any) error {
		i, ok := r.at[name]
		if !ok {
			return errors.New("the file has changed while it was read")
		}
		if n, whole := v.(int64); whole && r.columns[i].Kind == Float {
			v = float64(n)
		}
		r.values[i] = v
		return nil
	})
	return r.values, err
}

// learn takes a value's column and kind in.
func (r *jsonReader) learn(name string, v any) error {
	i, ok := r.at[name]
	if !ok {
		if i = len(r.columns); i == mostColumns {
			return fmt.Errorf("it has more than %d names", mostColumns)
		}
		r.at[name], r.columns = i, append(r.columns, Column{name, unseen})
	}
	kind := unseen
	switch v.(type) {
	case bool:
		kind = Bool
	case int64:
		kind = Int
	case float64:
		kind = Float
	case Decimal:
		kind = DecimalKind
	case string:
		kind = Text
	case json.RawMessage:
		kind = JSON
	}
	c := &r.columns[i]
	switch {
	case kind == unseen || kind == c.Kind:
	case c.Kind == unseen:
		c.Kind = kind
	case kind == Int && c.Kind == Float || kind == Float && c.Kind == Int:
		c.Kind = Float
	default:
		c.Kind = Any
	}
	return nil
}

// unseen is the kind of a column that was null so far: as good as any.
const unseen Kind = "null"

// object reads an object and calls f for each of its values. Of names that are there twice the last counts.
func (r *jsonReader) object(f func(name string, v any) error) error {
	open, err := r.in.Token()
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	r.row++
	if err == nil && open != json.Delim('{') {
		err = fmt.Errorf("%v is no object", open)
	}
	for err == nil && r.in.More() {
		var name json.Token
		if name, err = r.in.Token(); err != nil {
			break
		}
		var raw json.RawMessage
		if err = r.in.Decode(&raw); err == nil {
			var v any
			if v, err = fromJSON(raw); err == nil {
				err = f(fmt.Sprint(name), v)
			}
		}
	}
	if err == nil {
		_, err = r.in.Token()
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return r.wrong(-1, err)
	}
	return nil
}

// fromJSON is the value that JSON stands for.
func fromJSON(raw json.RawMessage) (any, error) {
	switch c := raw[0]; {
	case c == '"':
		var text string
		err := json.Unmarshal(raw, &text)
		return text, err
	case c == 't' || c == 'f':
		return c == 't', nil
	case c == 'n':
		return nil, nil
	case c == '{' || c == '[':
		return raw, nil
	}
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return n, nil
	}
	// A float keeps 15 digits whatever they are.
	if n, err := strconv.ParseFloat(string(raw), 64); err == nil && len(bytes.TrimLeft(raw, "-0.")) <= 16 {
		return n, nil
	}
	return Decimal(raw), nil
}
