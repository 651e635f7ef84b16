// Package parquet is the table format of data lakes: Apache Parquet, with zstd.
//
//	orders, err := export.New("export.orders", export.Spec[Input]{Formats: []table.Format{parquet.Format{}}, …})
//
// A column is of the type that its Kind says: INT64, DOUBLE, BOOLEAN, BYTE_ARRAY, TIMESTAMP in microseconds of UTC, DATE, and STRING
// for texts, decimals (exact, as text), JSON, and where the kind is not known. All are optional. A
// value that the type can't hold, as a text in a column of numbers, is a *table.ValueError.
//
// Rows are kept in memory until there are 100,000 of them, or about 16 MiB, and then written as a row group. The library is
// github.com/parquet-go/parquet-go.
//
// # Files of strangers
//
// Don't read them with this package: how much memory a page takes is what the file says, and the library asks for it, also for 4 GiB.
// Writing has no such danger.
package parquet

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"reflect"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/offloadhq/offload/kit/table"
)

// Format is Parquet.
type Format struct{}

// Name is "parquet".
func (Format) Name() string { return "parquet" }

// What is kept in memory until it is a row group.
const (
	groupRows  = 100_000
	groupBytes = 16 << 20
)

// NewWriter begins a file.
func (Format) NewWriter(w io.Writer, columns []table.Column) (table.Writer, error) {
	if err := table.CheckColumns(columns); err != nil {
		return nil, err
	}
	return &writer{
		out: parquet.NewGenericWriter[any](w, schemaOf(columns), parquet.Compression(&parquet.Zstd)), columns: columns,
		cells: make(parquet.Row, len(columns)),
	}, nil
}

// schemaOf makes the schema of columns, in their order.
func schemaOf(columns []table.Column) *parquet.Schema {
	g := group{Group: parquet.Group{}}
	for _, c := range columns {
		node := parquet.Optional(nodeOf(c.Kind))
		g.Group[c.Name] = node
		g.fields = append(g.fields, field{node, c.Name})
	}
	return parquet.NewSchema("table", g)
}

func nodeOf(kind table.Kind) parquet.Node {
	switch kind {
	case table.Int:
		return parquet.Int(64)
	case table.Float:
		return parquet.Leaf(parquet.DoubleType)
	case table.Bool:
		return parquet.Leaf(parquet.BooleanType)
	case table.Time:
		return parquet.Timestamp(parquet.Microsecond)
	case table.Date:
		return parquet.Date()
	case table.Bytes:
		return parquet.Leaf(parquet.ByteArrayType)
	case table.JSON:
		return parquet.JSON()
	}
	return parquet.String()
}

// A group is a parquet.Group with its fields in the order of the columns instead of their names'.
type group struct {
	parquet.Group
	fields []parquet.Field
}

func (g group) Fields() []parquet.Field { return g.fields }

type field struct {
	parquet.Node
	name string
}

func (f field) Name() string { return f.name }

// Value is for rows that are Go values, which ours are not.
func (f field) Value(reflect.Value) reflect.Value { return reflect.Value{} }

type writer struct {
	out     *parquet.GenericWriter[any]
	columns []table.Column
	row     int64
	cells   parquet.Row
	inGroup int64
	bytes   int
}

func (w *writer) Write(row []any) error {
	w.row++
	if len(row) != len(w.columns) {
		return &table.ValueError{Row: w.row, Err: fmt.Errorf("%d values for %d columns", len(row), len(w.columns))}
	}
	for i, v := range row {
		cell, err := w.cell(w.columns[i].Kind, v)
		if err != nil {
			return &table.ValueError{Row: w.row, Column: w.columns[i].Name, Err: err}
		}
		present := 1
		if cell.IsNull() {
			present = 0
		}
		w.cells[i] = cell.Level(0, present, i)
	}
	if _, err := w.out.WriteRows([]parquet.Row{w.cells}); err != nil {
		return err
	}
	w.bytes += 16 * len(row)
	if w.inGroup++; w.inGroup < groupRows && w.bytes < groupBytes {
		return nil
	}
	w.inGroup, w.bytes = 0, 0
	return w.out.Flush()
}

// cell is a value as the column's type has it.
func (w *writer) cell(kind table.Kind, v any) (parquet.Value, error) {
	v, err := table.Value(v)
	if v == nil || err != nil {
		return parquet.NullValue(), err
	}
	none := func() (parquet.Value, error) {
		return parquet.NullValue(), fmt.Errorf("%.100v (%T) in a column of kind %s", v, v, kind)
	}
	switch kind {
	case table.Int:
		switch v := v.(type) {
		case int64:
			return parquet.Int64Value(v), nil
		case float64:
			if n := int64(v); float64(n) == v && math.Abs(v) < 1<<53 {
				return parquet.Int64Value(n), nil
			}
		}
		return none()
	case table.Float:
		switch v := v.(type) {
		case int64:
			if n := float64(v); int64(n) == v {
				return parquet.DoubleValue(n), nil
			}
		case float64:
			return parquet.DoubleValue(v), nil
		}
		return none()
	case table.Bool:
		if v, ok := v.(bool); ok {
			return parquet.BooleanValue(v), nil
		}
		return none()
	case table.Time:
		if v, ok := v.(time.Time); ok && v.Year() > -290_000 && v.Year() < 290_000 {
			return parquet.Int64Value(v.UnixMicro()), nil
		}
		return none()
	case table.Date:
		if v, ok := v.(time.Time); ok && v.Year() > -290_000 && v.Year() < 290_000 {
			day := time.Date(v.Year(), v.Month(), v.Day(), 0, 0, 0, 0, time.UTC)
			return parquet.Int32Value(int32(day.Unix() / 86_400)), nil //nolint:gosec // years are looked at
		}
		return none()
	case table.Bytes:
		switch v := v.(type) {
		case []byte:
			w.bytes += len(v)
			return parquet.ByteArrayValue(v), nil
		case string:
			w.bytes += len(v)
			return parquet.ByteArrayValue([]byte(v)), nil
		}
		return none()
	case table.JSON:
		if raw, ok := v.(json.RawMessage); ok && json.Valid(raw) {
			w.bytes += len(raw)
			return parquet.ByteArrayValue(raw), nil
		}
		text, err := json.Marshal(v)
		w.bytes += len(text)
		return parquet.ByteArrayValue(text), err
	}
	text, err := table.AppendText(nil, kind, v)
	w.bytes += len(text)
	return parquet.ByteArrayValue([]byte(strings.ToValidUTF8(string(text), "\uFFFD"))), err
}

// Close writes the last row group, and the footer.
func (w *writer) Close() error { return w.out.Close() }

// Verify reads the footer, and the rows it tells of. The library has written footers that
// nobody could read.
func (Format) Verify(r io.ReaderAt, size, rows int64) error {
	f, err := parquet.OpenFile(r, size)
	if err != nil {
		return fmt.Errorf("open what was written: %w", err)
	}
	if f.NumRows() != rows {
		return fmt.Errorf("what was written has %d rows; want %d", f.NumRows(), rows)
	}
	return nil
}
