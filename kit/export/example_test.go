package export_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"log"
	"log/slog"
	"os"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/blob"
	"github.com/offloadhq/offload/kit/export"
	"github.com/offloadhq/offload/offloadtest"
)

func Example() {
	dir, err := os.MkdirTemp("", "files")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	files, err := blob.Dir(dir)
	if err != nil {
		log.Fatal(err)
	}
	type order struct {
		ID    int    `json:"id"`
		Buyer string `json:"buyer"`
	}
	orders := func(ctx context.Context, year, skip int) iter.Seq2[order, error] {
		return func(yield func(order, error) bool) { // in a program rows of a database: export.Query, export.Pages
			for i := skip; i < 3; i++ {
				if !yield(order{i + 1, "Ada"}, nil) {
					return
				}
			}
		}
	}
	e, err := export.New("export.orders", orders, export.To(files), export.Name(func(year int) string { return fmt.Sprint("orders ", year) }))
	if err != nil {
		log.Fatal(err)
	}
	app := offloadtest.New(e, offload.LogTo(slog.New(slog.DiscardHandler)))
	defer app.Close()

	ctx := context.Background()
	job, err := e.Enqueue(ctx, app, 2026)
	if err != nil {
		log.Fatal(err)
	}
	app.Drain() // in a program: app.Run(ctx)

	f, err := e.Wait(ctx, app.App, job.ID)
	if err != nil {
		log.Fatal(err)
	}
	r, _, err := files.Get(ctx, f.Key)
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	fmt.Printf("%s: %d rows\n", f.Name, f.Rows)
	io.Copy(os.Stdout, r)
	// Output:
	// orders 2026.csv: 3 rows
	// "id","buyer"
	// 1,"Ada"
	// 2,"Ada"
	// 3,"Ada"
}
