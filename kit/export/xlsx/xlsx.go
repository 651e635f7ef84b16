// Package xlsx writes exports as tables for Excel and its like:
//
//	orders, err := export.New("export.orders", rows, export.To(files), export.As(xlsx.Format))
//
// It is a package of its own for what it links. A sheet takes 1,048,576 rows: more begin another sheet. Rows wait in a temporary file until the table is whole, so that
// memory stays small; a table begins anew after a crash, where export.Split does not make several of it.
package xlsx

import (
	"fmt"
	"io"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/offloadhq/offload/kit/export"
)

// Format is the format, for export.As.
var Format export.Format = format{}

type format struct{}

func (format) Ending() string { return ".xlsx" }
func (format) Type() string {
	return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
}
func (format) Joins() bool { return false }

func (format) Begin(w io.Writer, columns []string, _ bool) (export.RowWriter, error) {
	head := make([]any, len(columns))
	for i, name := range columns {
		head[i] = name
	}
	b := &book{to: w, file: excelize.NewFile(), head: head}
	date := "yyyy-mm-dd hh:mm:ss"
	style, err := b.file.NewStyle(&excelize.Style{CustomNumFmt: &date})
	if err != nil {
		return nil, err
	}
	b.date = style
	return b, b.sheet()
}

// mostRows is how many a sheet takes.
const mostRows = 1_048_576

// A book is a table that is being written.
type book struct {
	to     io.Writer
	file   *excelize.File
	head   []any
	stream *excelize.StreamWriter
	row    int
	sheets int
	date   int
}

// sheet begins a sheet.
func (b *book) sheet() error {
	if b.stream != nil {
		if err := b.stream.Flush(); err != nil {
			return err
		}
	}
	b.sheets++
	name := fmt.Sprintf("Sheet%d", b.sheets)
	if b.sheets > 1 {
		if _, err := b.file.NewSheet(name); err != nil {
			return err
		}
	}
	var err error
	if b.stream, err = b.file.NewStreamWriter(name); err != nil {
		return err
	}
	b.row = 1
	return b.stream.SetRow("A1", b.head)
}

// Write writes a row. What is a text stays one: no program takes it for a formula.
func (b *book) Write(values []any) error {
	if b.row == mostRows {
		if err := b.sheet(); err != nil {
			return err
		}
	}
	b.row++
	at, err := excelize.CoordinatesToCellName(1, b.row)
	if err != nil {
		return err
	}
	for i, v := range values {
		if at, is := v.(time.Time); is {
			values[i] = excelize.Cell{StyleID: b.date, Value: at}
		}
	}
	return b.stream.SetRow(at, values)
}

// Close writes the table.
func (b *book) Close() error {
	defer b.file.Close() // its temporary files
	if err := b.stream.Flush(); err != nil {
		return err
	}
	return b.file.Write(b.to)
}
