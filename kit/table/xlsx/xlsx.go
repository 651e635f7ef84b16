// Package xlsx is the table format of spreadsheets: XLSX, Office Open XML.
//
//	orders, err := export.New("export.orders", export.Spec[Input]{Formats: []table.Format{xlsx.Format{}}, …})
//
// Texts are texts, so that no formula ever runs which a value looks like. Numbers are numbers, and where a spreadsheet
// would lose digits of one, as of 9007199254740993, its text. Times are in UTC, to the millisecond; those
// before March 1900, which spreadsheets don't have, are texts.
//
// While a file is written its rows are in a temporary file of the machine, beyond 16 MB. It is read and written by
// github.com/xuri/excelize.
package xlsx

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/xuri/excelize/v2"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/table"
)

// Format is XLSX.
type Format struct {
	// Sheet is the name of the sheet that is written: "Sheet" if empty. A file of more rows than a
	// sheet can have has others, "Sheet 2" and so on, with the same header. The reader reads this sheet, or the file's
	// first if it is empty, and those behind it that have the same header.
	Sheet string

	rows int // of a sheet, in tests
}

// Name is "xlsx".
func (Format) Name() string { return "xlsx" }

const (
	mostRows  = 1_048_576 // of a sheet, with its header
	mostCell  = 32_767    // UTF-16 units of a text
	mostExact = 1 << 53   // up to here a float64 has every whole number
)

// NewWriter begins a file. Of it nothing is written to w before Close.
func (f Format) NewWriter(w io.Writer, columns []table.Column) (table.Writer, error) {
	if err := table.CheckColumns(columns); err != nil {
		return nil, err
	}
	out := &writer{out: w, columns: columns, name: f.Sheet, most: f.rows, file: excelize.NewFile(), cells: make([]any, len(columns))}
	if out.name == "" {
		out.name = "Sheet"
	}
	if out.most == 0 {
		out.most = mostRows
	}
	if err := out.begin(); err != nil {
		return nil, errors.Join(err, out.file.Close())
	}
	return out, nil
}

type writer struct {
	out     io.Writer
	columns []table.Column
	name    string
	most    int
	file    *excelize.File
	sheet   *excelize.StreamWriter
	sheets  int
	at      int   // the row of the sheet
	row     int64 // of all
	cells   []any
	bold    int
	styles  map[table.Kind]int
}

// begin makes the styles and the first sheet.
func (w *writer) begin() error {
	bold, err := w.file.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}})
	if err != nil {
		return err
	}
	w.bold, w.styles = bold, map[table.Kind]int{}
	for kind, layout := range map[table.Kind]string{table.Time: "yyyy-mm-dd hh:mm:ss", table.Date: "yyyy-mm-dd"} {
		if w.styles[kind], err = w.file.NewStyle(&excelize.Style{CustomNumFmt: &layout}); err != nil {
			return err
		}
	}
	if err := w.file.SetSheetName("Sheet1", w.name); err != nil {
		return &offload.InputError{Field: "Sheet", Got: w.name, Want: `a name of up to 31 characters without : \ / ? * [ ]`}
	}
	return w.next()
}

// next begins a sheet.
func (w *writer) next() error {
	name := w.name
	if w.sheets++; w.sheets > 1 {
		end := " " + strconv.Itoa(w.sheets)
		if runes := []rune(name); len(runes)+len(end) > 31 {
			name = string(runes[:31-len(end)])
		}
		name += end
		if err := errors.Join(w.sheet.Flush(), second(w.file.NewSheet(name))); err != nil {
			return err
		}
	}
	sheet, err := w.file.NewStreamWriter(name)
	if err != nil {
		return err
	}
	w.sheet, w.at = sheet, 0
	if err := sheet.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	header := make([]any, len(w.columns))
	for i, c := range w.columns {
		if err := checkText(c.Name); err != nil {
			return &offload.InputError{Field: fmt.Sprintf("columns[%d]", i), Got: err, Want: "a shorter name"}
		}
		header[i] = excelize.Cell{StyleID: w.bold, Value: c.Name}
	}
	return w.put(header)
}

func second(_ int, err error) error { return err }

func (w *writer) put(cells []any) error {
	w.at++
	return w.sheet.SetRow("A"+strconv.Itoa(w.at), cells)
}

func (w *writer) Write(row []any) error {
	w.row++
	if len(row) != len(w.columns) {
		return &table.ValueError{Row: w.row, Err: fmt.Errorf("%d values for %d columns", len(row), len(w.columns))}
	}
	if w.at == w.most {
		if err := w.next(); err != nil {
			return err
		}
	}
	for i, v := range row {
		cell, err := w.cell(w.columns[i].Kind, v)
		if err != nil {
			return &table.ValueError{Row: w.row, Column: w.columns[i].Name, Err: err}
		}
		w.cells[i] = cell
	}
	return w.put(w.cells)
}

// cell is a value as excelize takes it.
func (w *writer) cell(kind table.Kind, v any) (any, error) {
	v, err := table.Value(v)
	if err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case nil, bool:
		return v, nil
	case int64:
		if v >= -mostExact && v <= mostExact {
			return v, nil
		}
	case float64:
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			return v, nil
		}
	case string:
		return v, checkText(v)
	case time.Time:
		if kind != table.Date {
			kind = table.Time
		}
		if v = v.UTC(); !v.Before(firstTime) && v.Year() <= 9999 {
			return excelize.Cell{StyleID: w.styles[kind], Value: v}, nil
		}
	case table.Decimal:
		if n, err := strconv.ParseFloat(string(v), 64); err == nil && digits(string(v)) <= 15 {
			return n, nil
		}
	}
	text, err := table.AppendText(nil, kind, v)
	if err != nil {
		return nil, err
	}
	return string(text), checkText(string(text))
}

// firstTime is when spreadsheets begin to agree on the days: they have a 29 February 1900.
var firstTime = time.Date(1900, 3, 1, 0, 0, 0, 0, time.UTC)

// digits counts those of a number that count.
func digits(s string) int {
	s, _, _ = strings.Cut(strings.ToLower(s), "e")
	return len(strings.ReplaceAll(strings.TrimLeft(s, "-0."), ".", ""))
}

func checkText(s string) error {
	if len(s) <= mostCell {
		return nil
	}
	n := 0
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	if n > mostCell {
		return fmt.Errorf("a text of %d characters; a cell of XLSX has at most 32,767", n)
	}
	return nil
}

// Close writes the file.
func (w *writer) Close() error {
	err := w.sheet.Flush()
	if err == nil {
		err = w.file.Write(w.out)
	}
	return errors.Join(err, w.file.Close())
}
