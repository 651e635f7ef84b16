package parquet_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offloadhq/offload/kit/table"
	"github.com/offloadhq/offload/kit/table/parquet"
)

var columns = []table.Column{
	{Name: "z", Kind: table.Int},
	{Name: "text", Kind: table.Text},
	{Name: "float", Kind: table.Float},
	{Name: "bool", Kind: table.Bool},
	{Name: "at", Kind: table.Time},
	{Name: "day", Kind: table.Date},
	{Name: "price", Kind: table.DecimalKind},
	{Name: "raw", Kind: table.Bytes},
	{Name: "doc", Kind: table.JSON},
	{Name: "a"},
}

var noon = time.Date(2026, 11, 27, 12, 0, 0, 123_000, time.UTC)

func write(t testing.TB, columns []table.Column, rows ...[]any) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := parquet.Format{}.NewWriter(&b, columns)
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

func read(file []byte) (columns []table.Column, rows [][]any, err error) {
	r, err := parquet.Format{}.NewReader(bytes.NewReader(file), int64(len(file)))
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

func TestWhatIsWrittenIsRead(t *testing.T) {
	given := [][]any{
		{int64(-5), "=1+1 é", 1.5, true, noon, noon, table.Decimal("19.90"), []byte{0xff, 0}, json.RawMessage(`{"a":1}`), 7},
		{nil, nil, nil, nil, nil, nil, nil, nil, nil, nil},
		{int64(1) << 60, "", int64(2), false, noon.In(time.FixedZone("", 3600)), noon, nil, []byte{}, json.RawMessage(`[]`), noon},
	}
	file := write(t, columns, given...)
	got, rows, err := read(file)
	want := slices.Clone(columns)
	want[6].Kind, want[9].Kind = table.Text, table.Text
	day := time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)
	wantRows := [][]any{
		{int64(-5), "=1+1 é", 1.5, true, noon, day, "19.90", []byte{0xff, 0}, json.RawMessage(`{"a":1}`), "7"},
		{nil, nil, nil, nil, nil, nil, nil, nil, nil, nil},
		{int64(1) << 60, "", 2.0, false, noon, day, nil, []byte{}, json.RawMessage(`[]`), "2026-11-27T12:00:00.000123Z"},
	}
	if diff := cmp.Diff(want, got) + cmp.Diff(wantRows, rows); err != nil || diff != "" {
		t.Error(err, diff)
	}
	verify := parquet.Format{}.Verify
	if err := verify(bytes.NewReader(file), int64(len(file)), 3); err != nil {
		t.Error(err)
	}
	if verify(bytes.NewReader(file), int64(len(file)), 4) == nil || verify(bytes.NewReader(file[:len(file)-9]), int64(len(file)-9), 3) == nil {
		t.Error("a file with other rows, or one that is cut, was taken for a whole one")
	}
}

func TestManyRowGroups(t *testing.T) {
	var b bytes.Buffer
	w, err := parquet.Format{}.NewWriter(&b, []table.Column{{Name: "n", Kind: table.Int}})
	if err != nil {
		t.Fatal(err)
	}
	const n = 250_001
	for i := range n {
		if err := w.Write([]any{int64(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	_, rows, err := read(b.Bytes())
	if err != nil || len(rows) != n || rows[n-1][0] != int64(n-1) {
		t.Errorf("%d rows, %v; want %d", len(rows), err, n)
	}
}

func TestValuesThatDontFit(t *testing.T) {
	w, err := parquet.Format{}.NewWriter(io.Discard, columns)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range map[int]any{0: "a", 2: "a", 3: int64(1), 4: "2026", 5: int64(1), 7: 1.5, 8: json.RawMessage("{")} {
		row := make([]any, len(columns))
		row[i] = v
		var wrong *table.ValueError
		if err := w.Write(row); !errors.As(err, &wrong) || wrong.Column != columns[i].Name {
			t.Errorf("%v in %s: %v; want a ValueError that names it", v, columns[i].Name, err)
		}
	}
	if err := w.Write(nil); err == nil {
		t.Error("a row without values was taken")
	}
	if _, err := (parquet.Format{}).NewWriter(io.Discard, nil); err == nil {
		t.Error("a file without columns was begun")
	}
}

// A file that is cut anywhere is refused, or read up to there, and panics nobody. It is no fuzz target since a file can
// make the library ask for any amount of memory.
func TestCutFiles(t *testing.T) {
	file := write(t, columns, make([]any, len(columns)))
	for n := range len(file) {
		if _, _, err := read(file[:n]); err == nil {
			t.Errorf("%d bytes of %d are a whole file", n, len(file))
		}
	}
}
