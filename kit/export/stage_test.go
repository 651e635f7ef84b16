package export

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offloadhq/offload/kit/table"
)

// A kept is a table.Writer that keeps rows.
type kept [][]any

func (k *kept) Write(row []any) error { *k = append(*k, slices.Clone(row)); return nil }
func (k *kept) Close() error          { return nil }

func TestStageKeepsValues(t *testing.T) {
	columns := make([]table.Column, 10)
	for i := range columns {
		columns[i].Name = string(rune('a' + i))
	}
	rows := kept{
		{nil, true, false, int64(math.MinInt64), math.Inf(-1), "é\x00\xff", time.Date(2026, 11, 27, 1, 2, 3, 4, time.FixedZone("", 3600)), []byte{}, table.Decimal("1.0"), json.RawMessage("[]")},
		{"", nil, nil, int64(0), 0.1, nil, nil, []byte{1}, nil, nil},
	}
	var b bytes.Buffer
	w, err := newStage(&b, columns)
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
	var got kept
	err = unstage(bytes.NewReader(b.Bytes()), len(columns), &got, func() {})
	if diff := cmp.Diff(rows, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	for n := 1; n < b.Len(); n++ {
		var part kept
		if err := unstage(bytes.NewReader(b.Bytes()[:n]), len(columns), &part, func() {}); err == nil && len(part) != 1 {
			t.Fatalf("%d bytes of %d are taken for %d rows", n, b.Len(), len(part))
		}
	}
	var wrong *table.ValueError
	if err := w.Write([]any{1}); !errors.As(err, &wrong) {
		t.Errorf("a row that is short: %v; want a ValueError", err)
	}
}

func FuzzUnstage(f *testing.F) {
	f.Add([]byte{isText, 1, 'a', isInt, 2})
	f.Add([]byte{isTime, 2, 0, 0})
	f.Add([]byte{isBytes, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, text []byte) {
		_ = unstage(bytes.NewReader(text), 2, &kept{}, func() {}) // doesn't panic
	})
}
