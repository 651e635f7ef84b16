package kits

import (
	"bytes"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	arrowparquet "github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/offloadhq/offload/kit/table"
	"github.com/offloadhq/offload/kit/table/parquet"
)

// Another library, Apache's own, reads the Parquet that the kit writes: types, nulls and values.
func TestArrowReadsParquet(t *testing.T) {
	columns := []table.Column{
		{Name: "id", Kind: table.Int},
		{Name: "name", Kind: table.Text},
		{Name: "price", Kind: table.Float},
		{Name: "paid", Kind: table.Bool},
		{Name: "at", Kind: table.Time},
		{Name: "day", Kind: table.Date},
		{Name: "amount", Kind: table.DecimalKind},
		{Name: "raw", Kind: table.Bytes},
		{Name: "any"},
	}
	noon := time.Date(2026, 11, 27, 12, 0, 0, 1000, time.UTC)
	const n = 150_000 // two row groups
	var b bytes.Buffer
	w, err := parquet.Format{}.NewWriter(&b, columns)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		row := []any{int64(i), "=é", 1.5, i%2 == 0, noon, noon, table.Decimal("19.90"), []byte{0xff}, i}
		if i == n-1 {
			row = make([]any, len(columns))
		}
		if err := w.Write(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := pqarrow.ReadTable(t.Context(), bytes.NewReader(b.Bytes()), arrowparquet.NewReaderProperties(nil), pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Release()
	if got.NumRows() != n || int(got.NumCols()) != len(columns) {
		t.Fatalf("%d rows of %d columns", got.NumRows(), got.NumCols())
	}
	types := []arrow.Type{arrow.INT64, arrow.STRING, arrow.FLOAT64, arrow.BOOL, arrow.TIMESTAMP, arrow.DATE32, arrow.STRING, arrow.BINARY, arrow.STRING}
	want := []string{"149998", "=é", "1.5", "true", "2026-11-27T12:00:00.000001Z", "2026-11-27", "19.90", "/w==", "149998"}
	for i, c := range columns {
		field := got.Schema().Field(i)
		if field.Name != c.Name || field.Type.ID() != types[i] || !field.Nullable {
			t.Errorf("column %d is %v; want %s of %v", i, field, c.Name, types[i])
		}
		chunks := got.Column(i).Data().Chunks()
		last := chunks[len(chunks)-1]
		if at := last.Len() - 2; valueAt(last, at) != want[i] || !last.IsNull(at+1) || got.Column(i).NullN() != 1 {
			t.Errorf("column %s ends with %s, null: %v; want %s", c.Name, valueAt(last, at), last.IsNull(at+1), want[i])
		}
	}
}

func valueAt(a arrow.Array, i int) string {
	if a, ok := a.(*array.Timestamp); ok {
		return a.Value(i).ToTime(a.DataType().(*arrow.TimestampType).Unit).Format(time.RFC3339Nano)
	}
	return a.ValueStr(i)
}
