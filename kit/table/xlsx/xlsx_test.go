package xlsx

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/thedatashed/xlsxreader"
	"github.com/xuri/excelize/v2"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/table"
)

func write(t testing.TB, f Format, columns []table.Column, rows ...[]any) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := f.NewWriter(&b, columns)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if err := w.Write(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func read(f Format, file []byte) (columns []table.Column, rows [][]any, err error) {
	r, err := f.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return r.Columns(), rows, nil
		}
		if err != nil {
			return r.Columns(), rows, err
		}
		rows = append(rows, slices.Clone(row))
	}
}

var noon = time.Date(2026, 11, 27, 12, 30, 0, 0, time.UTC)

func TestValuesOfEachKind(t *testing.T) {
	for _, test := range []struct {
		kind  table.Kind
		value any
		typ   excelize.CellType
		shown string
	}{
		{table.Text, "=1+1", excelize.CellTypeInlineString, "=1+1"},
		{table.Text, " a <b> & \"c\"\n", excelize.CellTypeInlineString, " a <b> & \"c\"\n"},
		{table.Text, "_x0041_", excelize.CellTypeInlineString, "_x0041_"},
		{table.Text, "\xff\x01\x00", excelize.CellTypeInlineString, "\uFFFD\uFFFD\uFFFD"},
		{table.Int, 7, excelize.CellTypeUnset, "7"},
		{table.Int, int64(math.MaxInt64), excelize.CellTypeInlineString, "9223372036854775807"},
		{table.Float, 1.5, excelize.CellTypeUnset, "1.5"},
		{table.Float, math.Inf(1), excelize.CellTypeInlineString, "+Inf"},
		{table.Bool, true, excelize.CellTypeBool, "TRUE"},
		{table.Any, noon.In(time.FixedZone("", 3600)), excelize.CellTypeUnset, "2026-11-27 12:30:00"},
		{table.Date, noon, excelize.CellTypeUnset, "2026-11-27"},
		{table.Time, time.Date(1899, 1, 1, 0, 0, 0, 0, time.UTC), excelize.CellTypeInlineString, "1899-01-01T00:00:00Z"},
		{table.DecimalKind, table.Decimal("19.90"), excelize.CellTypeUnset, "19.9"},
		{table.DecimalKind, table.Decimal("12345678901234567.89"), excelize.CellTypeInlineString, "12345678901234567.89"},
		{table.JSON, map[string]int{"a": 1}, excelize.CellTypeInlineString, `{"a":1}`},
		{table.Bytes, []byte{1, 2}, excelize.CellTypeInlineString, "AQI="},
	} {
		file := write(t, Format{}, []table.Column{{Name: "a", Kind: test.kind}, {Name: "b"}}, []any{test.value, "x"})
		f, err := excelize.OpenReader(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		typ, _ := f.GetCellType("Sheet", "A2")
		formula, _ := f.GetCellFormula("Sheet", "A2")
		shown, err := f.GetCellValue("Sheet", "A2")
		if shown != test.shown || typ != test.typ || formula != "" || err != nil {
			t.Errorf("%#v is %q of type %v, formula %q, %v; want %q of type %v", test.value, shown, typ, formula, err, test.shown, test.typ)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if _, rows, err := read(Format{}, file); err != nil || cmp.Diff([][]any{{test.shown, "x"}}, rows) != "" {
			t.Errorf("%#v is read as %q, %v; want %q", test.value, rows, err, test.shown)
		}
	}
}

// Another library reads what this one wrote: texts as texts, numbers as numbers.
func TestAnotherLibraryReadsIt(t *testing.T) {
	columns := []table.Column{{Name: "id", Kind: table.Int}, {Name: "name", Kind: table.Text}, {Name: "price", Kind: table.Float}, {Name: "at", Kind: table.Time}}
	rows := make([][]any, 1000)
	for i := range rows {
		rows[i] = []any{int64(i), "=SUM(A1) ä <&", 1.5, noon}
	}
	x, err := xlsxreader.NewReader(write(t, Format{}, columns, rows...))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for r := range x.ReadRows(x.Sheets[0]) {
		if r.Error != nil {
			t.Fatal(r.Error)
		}
		switch n++; n {
		case 1:
			if len(r.Cells) != 4 || r.Cells[0].Value != "id" || r.Cells[3].Value != "at" {
				t.Errorf("the header is %+v", r.Cells)
			}
		case 1001:
			c := r.Cells
			if c[0].Value != "999" || c[0].Type != xlsxreader.TypeNumerical || c[1].Value != "=SUM(A1) ä <&" || c[2].Value != "1.5" || c[3].Value != "2026-11-27T12:30:00Z" {
				t.Errorf("the last row is %+v", c)
			}
		}
	}
	if n != 1001 {
		t.Errorf("%d rows; want 1,001", n)
	}
}

func TestMoreRowsThanASheetHas(t *testing.T) {
	columns := []table.Column{{Name: "n", Kind: table.Text}, {Name: "m", Kind: table.Text}}
	given := [][]any{{"1", ""}, {"2", "b"}, {"3", "c"}, {"4", "d"}, {"5", "e"}}
	name := strings.Repeat("é", 31)
	file := write(t, Format{Sheet: name, rows: 3}, columns, given...)
	f, err := excelize.OpenReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got, want := f.GetSheetList(), []string{name, name[:2*29] + " 2", name[:2*29] + " 3"}; !slices.Equal(got, want) {
		t.Errorf("sheets %q; want %q", got, want)
	}
	for _, from := range []string{"", name} {
		got, rows, err := read(Format{Sheet: from}, file)
		if diff := cmp.Diff(columns, got) + cmp.Diff(given, rows); err != nil || diff != "" {
			t.Errorf("from sheet %q: %v %s", from, err, diff)
		}
	}
	var refused *offload.InputError
	if _, _, err := read(Format{Sheet: "Orders"}, file); !errors.As(err, &refused) || refused.Field != "Sheet" {
		t.Errorf("a sheet that isn't there: %v; want an InputError", err)
	}
}

func TestFilesOfOthers(t *testing.T) {
	f := excelize.NewFile()
	defer f.Close()
	for cell, value := range map[string]any{"A2": "id", "C2": "id", "A4": 1, "B4": 2, "A5": 3} {
		if err := f.SetCellValue("Sheet1", cell, value); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	columns, rows, err := read(Format{}, b.Bytes())
	want := table.NameColumns([]string{"id", "", "id"})
	if diff := cmp.Diff(want, columns) + cmp.Diff([][]any{{"1", "2", ""}, {"3", "", ""}}, rows); err != nil || diff != "" {
		t.Error(err, diff)
	}
	if err := f.SetCellValue("Sheet1", "D6", "beyond"); err != nil {
		t.Fatal(err)
	}
	b.Reset()
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	var wrong *table.ValueError
	if _, _, err := read(Format{}, b.Bytes()); !errors.As(err, &wrong) || wrong.Row != 3 {
		t.Errorf("a cell beyond the header: %v; want a ValueError of row 3", err)
	}
	var empty bytes.Buffer
	z := zip.NewWriter(&empty)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for _, file := range [][]byte{nil, []byte("a,b\n1,2\n"), empty.Bytes(), b.Bytes()[:b.Len()-30]} {
		if _, _, err := read(Format{}, file); err == nil {
			t.Errorf("%d bytes that are no XLSX were read", len(file))
		}
	}
}

func TestWhatASheetCantHold(t *testing.T) {
	var refused *offload.InputError
	if _, err := (Format{Sheet: "a/b"}).NewWriter(io.Discard, []table.Column{{Name: "a"}}); !errors.As(err, &refused) || refused.Field != "Sheet" {
		t.Errorf("a sheet a/b: %v; want an InputError", err)
	}
	if _, err := (Format{}).NewWriter(io.Discard, nil); !errors.As(err, &refused) {
		t.Errorf("no columns: %v; want an InputError", err)
	}
	w, err := Format{}.NewWriter(io.Discard, []table.Column{{Name: "a"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range [][]any{{strings.Repeat("é", 32_768)}, {1, 2}, {make(chan int)}} {
		var wrong *table.ValueError
		if err := w.Write(row); !errors.As(err, &wrong) {
			t.Errorf("%.20v: %v; want a ValueError", row, err)
		}
	}
	if err := w.Write([]any{strings.Repeat("é", 32_767)}); err != nil {
		t.Error(err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}
