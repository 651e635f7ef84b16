package xlsx_test

import (
	"context"
	"iter"
	"path/filepath"
	"testing"
	"time"

	"github.com/thedatashed/xlsxreader"

	"github.com/offloadhq/offload/kit/blob"
	"github.com/offloadhq/offload/kit/export"
	"github.com/offloadhq/offload/kit/export/xlsx"
	"github.com/offloadhq/offload/offloadtest"
)

// What is written is read by another library: texts as texts, numbers as numbers.
func TestTablesAreRead(t *testing.T) {
	type row struct {
		ID    int       `json:"id"`
		Name  string    `json:"name"`
		Price float64   `json:"price"`
		At    time.Time `json:"at"`
	}
	dir := t.TempDir()
	files, err := blob.Dir(dir)
	if err != nil {
		t.Fatal(err)
	}
	e, err := export.New("export.table", func(_ context.Context, n, skip int) iter.Seq2[row, error] {
		return func(yield func(row, error) bool) {
			for i := skip; i < n; i++ {
				if !yield(row{i, "=SUM(A1) ä <&", 1.5, time.Date(2026, 11, 27, 1, 2, 3, 0, time.UTC)}, nil) {
					return
				}
			}
		}
	}, export.To(files), export.As(xlsx.Format))
	if err != nil {
		t.Fatal(err)
	}
	app := offloadtest.New(e)
	defer app.Close()
	job, err := e.Enqueue(t.Context(), app, 1000)
	if err != nil {
		t.Fatal(err)
	}
	app.Drain()
	f, err := e.Wait(t.Context(), app.App, job.ID)
	if err != nil {
		t.Fatal(err)
	}
	x, err := xlsxreader.OpenFile(filepath.Join(dir, filepath.FromSlash(f.Key)))
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	n := 0
	for r := range x.ReadRows(x.Sheets[0]) {
		if r.Error != nil {
			t.Fatal(r.Error)
		}
		switch n++; n {
		case 1:
			if len(r.Cells) != 4 || r.Cells[0].Value != "id" || r.Cells[3].Value != "at" {
				t.Errorf("the head is %+v", r.Cells)
			}
		case 1001:
			if r.Cells[0].Value != "999" || r.Cells[0].Type != xlsxreader.TypeNumerical || r.Cells[1].Value != "=SUM(A1) ä <&" || r.Cells[2].Value != "1.5" {
				t.Errorf("the last row is %+v", r.Cells)
			}
		}
	}
	if n != 1001 || f.Rows != 1000 {
		t.Errorf("%d rows, %+v", n, f)
	}
}
