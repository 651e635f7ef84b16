package export_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/blob"
	"github.com/offloadhq/offload/kit/export"
	"github.com/offloadhq/offload/kit/mail"
	"github.com/offloadhq/offload/kit/table"
	"github.com/offloadhq/offload/kit/table/parquet"
	"github.com/offloadhq/offload/kit/table/xlsx"
	"github.com/offloadhq/offload/offloadtest"
)

// tableOf reads a file.
func tableOf(t *testing.T, f table.Format, file []byte) (columns []table.Column, rows [][]any) {
	t.Helper()
	r, err := f.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return r.Columns(), rows
		}
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, slices.Clone(row))
	}
}

func state(t *testing.T, app *offloadtest.App, job *offload.Job) *offload.Job {
	t.Helper()
	job, err := app.Job(t.Context(), job.ID)
	if err != nil {
		t.Fatal(err)
	}
	return job
}

// A number is a row of a file that no format makes of pieces.
type number struct {
	N int `json:"n"`
}

func TestEachFormatGoesOn(t *testing.T) {
	s := store(t)
	var skips []int
	fails := 0
	e, err := export.New("export.numbers", func(_ context.Context, in chosen, skip int) iter.Seq2[number, error] {
		skips = append(skips, skip)
		return func(yield func(number, error) bool) {
			for i := skip; i < 120_000; i++ {
				if i == 110_000 && fails == 0 {
					fails++
					yield(number{}, errors.New("the database has gone"))
					return
				}
				if !yield(number{i}, nil) {
					return
				}
			}
		}
	}, export.To(s), export.As(table.CSV{}, table.JSONLines{}, xlsx.Format{}, parquet.Format{}), export.Choose(chosen.format))
	if err != nil {
		t.Fatal(err)
	}
	app := newApp(t, e)
	for _, f := range []table.Format{table.CSV{}, table.JSONLines{}, xlsx.Format{}, parquet.Format{}} {
		skips, fails = nil, 0
		job, err := e.Enqueue(t.Context(), app, chosen{f.Name()})
		if err != nil {
			t.Fatal(err)
		}
		app.Drain()
		app.Advance(time.Hour)
		app.Drain()
		file, err := e.Wait(t.Context(), app.App, job.ID)
		if err != nil {
			t.Fatal(err)
		}
		columns, rows := tableOf(t, f, read(t, s, file.Key))
		if len(columns) != 1 || len(rows) != 120_000 || fmt.Sprint(rows[119_999][0]) != "119999" || fmt.Sprint(rows[100_000][0]) != "100000" {
			t.Errorf("%s: %d rows of %v", f.Name(), len(rows), columns)
		}
		if !slices.Equal(skips, []int{0, 100_000}) || !strings.HasSuffix(file.Name, "."+f.Name()) || file.Type != blob.TypeOf(file.Key) {
			t.Errorf("%s: it began with rows %v, and made %+v", f.Name(), skips, file)
		}
	}
	if left := keys(t, s); len(left) != 4 {
		t.Errorf("the store has %q; want the four files", left)
	}
}

type chosen struct {
	Format string `json:"format"`
}

func (c chosen) format() string { return c.Format }

func TestUnknownFormats(t *testing.T) {
	s := store(t)
	e, err := export.New("export.numbers", func(context.Context, chosen, int) iter.Seq2[number, error] {
		return func(func(number, error) bool) {}
	}, export.To(s), export.As(table.CSV{}, xlsx.Format{}), export.Choose(chosen.format))
	if err != nil {
		t.Fatal(err)
	}
	app := newApp(t, e)
	var refused *offload.InputError
	_, err = app.Enqueue(t.Context(), offload.NewCall("export.numbers", []byte(`{"format":"pdf"}`)))
	if !errors.As(err, &refused) || refused.Field != "format" || refused.Want != "one of csv, xlsx" {
		t.Errorf("a PDF is enqueued: %v; want an InputError", err)
	}
	// by who can't look into it
	batch, err := app.Enqueue(t.Context(), offload.Batch(e.Call(chosen{"pdf"})))
	if err != nil {
		t.Fatal(err)
	}
	app.Drain()
	members, err := app.Jobs(t.Context(), offload.Filter{Tasks: []string{"export.numbers"}})
	if err != nil || len(members) != 1 || members[0].Batch != batch[0].ID || members[0].State != offload.Discarded || !strings.Contains(members[0].Error, "one of csv, xlsx") {
		t.Errorf("a PDF is %+v, %v; want it discarded", members, err)
	}
	job, err := e.Enqueue(t.Context(), app, chosen{})
	if err != nil {
		t.Fatal(err)
	}
	app.Drain()
	if job := state(t, app, job); job.State != offload.Completed {
		t.Errorf("no format is %+v; want the first", job)
	}
}

func TestFormatsOfAsAreOfDifferentNames(t *testing.T) {
	var refused *offload.InputError
	if _, err := export.New("e", count, export.To(store(t)), export.As(table.CSV{}, table.CSV{Raw: true})); !errors.As(err, &refused) || refused.Field != "As" {
		t.Errorf("two formats of one name: %v; want an InputError", err)
	}
}

func TestPagesGoOnBehindTheirKey(t *testing.T) {
	s := store(t)
	var asked []int
	fails := 1
	e, err := export.New("export.pages", export.Pages(func(_ context.Context, _ input, after *number) (page []number, err error) {
		next := 0
		if after != nil {
			next = after.N + 1
		}
		asked = append(asked, next)
		if next > 140_000 && fails > 0 {
			fails--
			return nil, errors.New("the database has gone")
		}
		for i := next; i < min(next+30_000, 200_000); i++ {
			page = append(page, number{i})
		}
		return page, nil
	}), export.To(s))
	if err != nil {
		t.Fatal(err)
	}
	app := newApp(t, e)
	job, err := e.Enqueue(t.Context(), app, input{})
	if err != nil {
		t.Fatal(err)
	}
	app.Drain()
	asked = nil
	app.Advance(time.Hour)
	app.Drain()
	f, err := e.Wait(t.Context(), app.App, job.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, rows := tableOf(t, table.CSV{}, read(t, s, f.Key)); len(rows) != 200_000 || rows[199_999][0] != "199999" || rows[100_000][0] != "100000" {
		t.Errorf("%d rows", len(rows))
	}
	if asked[0] != 100_000 {
		t.Errorf("the second attempt asks for pages from %v; want from 100,000", asked)
	}
}

func TestQueriesSayTheirColumns(t *testing.T) {
	s := store(t)
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), `CREATE TABLE o (id INTEGER, mail TEXT, paid BOOLEAN, at DATETIME);
		INSERT INTO o VALUES (1, '=1', 1, '2026-11-27 12:00:00'), (2, NULL, NULL, NULL)`); err != nil {
		t.Fatal(err)
	}
	rows := export.Query(db, "SELECT * FROM o WHERE id <= $1 ORDER BY id", func(in input) []any { return []any{in.Rows} })
	e, err := export.New("export.query", rows, export.To(s), export.As(parquet.Format{}))
	if err != nil {
		t.Fatal(err)
	}
	app := newApp(t, e)
	want := []table.Column{{Name: "id", Kind: table.Int}, {Name: "mail", Kind: table.Text}, {Name: "paid", Kind: table.Bool}, {Name: "at", Kind: table.Time}}
	for _, n := range []int{0, 2} {
		columns, rows := tableOf(t, parquet.Format{}, read(t, s, made(t, app, e, input{n}).Key))
		if !slices.Equal(columns, want) || len(rows) != n || n > 0 && rows[0][1] != "=1" {
			t.Errorf("%v of %v", rows, columns)
		}
	}
	wrong, err := export.New("export.wrong", rows, export.To(s), export.Columns("one"))
	if err != nil {
		t.Fatal(err)
	}
	app = newApp(t, wrong)
	job, err := wrong.Enqueue(t.Context(), app, input{})
	if err != nil {
		t.Fatal(err)
	}
	app.Drain()
	if job := state(t, app, job); job.State != offload.Discarded || !strings.Contains(job.Error, "Columns") {
		t.Errorf("one name for four columns: %+v; want it discarded", job)
	}
}

func TestAValueThatCantBeWrittenIsNamedOnce(t *testing.T) {
	s := store(t)
	for name, f := range map[string]table.Format{"stage": parquet.Format{}, "csv": table.CSV{}, "xlsx": xlsx.Format{}} {
		e, err := export.New("export."+name, func(_ context.Context, _ input, skip int) iter.Seq2[[]any, error] {
			return func(yield func([]any, error) bool) {
				for i := skip; i < 100_003; i++ {
					row := []any{i, "a"}
					if i == 100_001 {
						row = []any{i, make(chan int)}
						if name == "xlsx" {
							row[1] = strings.Repeat("x", 40_000)
						}
					}
					if !yield(row, nil) {
						return
					}
				}
			}
		}, export.To(s), export.As(f), export.Columns("n", "text"))
		if err != nil {
			t.Fatal(err)
		}
		app := newApp(t, e)
		job, err := e.Enqueue(t.Context(), app, input{})
		if err != nil {
			t.Fatal(err)
		}
		app.Drain()
		if job := state(t, app, job); job.State != offload.Discarded || strings.Count(job.Error, "row 100002") != 1 {
			t.Errorf("%s: %s, %q; want it discarded for row 100002", name, job.State, job.Error)
		}
		// What it has left is there for a retry, and goes after a week.
		if len(keys(t, s)) == 0 {
			t.Error("the segment has gone already")
		}
		for range 10 {
			app.Advance(24 * time.Hour)
			app.Drain()
		}
		if left := keys(t, s); len(left) > 0 {
			t.Errorf("%s: left after a week: %q", name, left)
		}
	}
}

func TestARetryWithoutSegmentsBeginsAnew(t *testing.T) {
	s := store(t)
	broken := true
	e, err := export.New("export.numbers", func(_ context.Context, _ input, skip int) iter.Seq2[number, error] {
		return func(yield func(number, error) bool) {
			for i := skip; i < 100_010; i++ {
				if i == 100_005 && broken {
					yield(number{}, offload.Discard(errors.New("no such table")))
					return
				}
				if !yield(number{i}, nil) {
					return
				}
			}
		}
	}, export.To(s))
	if err != nil {
		t.Fatal(err)
	}
	app := newApp(t, e)
	job, err := e.Enqueue(t.Context(), app, input{})
	if err != nil {
		t.Fatal(err)
	}
	app.Drain()
	if left := keys(t, s); len(left) != 1 {
		t.Fatalf("left: %q; want a segment", left)
	}
	for _, key := range keys(t, s) {
		if err := s.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	broken = false
	if err := app.Retry(t.Context(), job.ID); err != nil {
		t.Fatal(err)
	}
	app.Drain()
	f, err := e.Wait(t.Context(), app.App, job.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, rows := tableOf(t, table.CSV{}, read(t, s, f.Key)); len(rows) != 100_010 || rows[0][0] != "0" {
		t.Errorf("%d rows", len(rows))
	}
}

func TestFilesAreAttached(t *testing.T) {
	outbox := t.TempDir()
	s, err := blob.Dir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	out, err := mail.New(mail.Keep{Dir: outbox}, mail.From("a@shop.example"), mail.Blobs(s))
	if err != nil {
		t.Fatal(err)
	}
	e, err := export.New("export.rows", count, export.To(s), export.Attach(1000), export.Keep(48*time.Hour),
		export.Name(func(in input) string { return "Größe \u202e\r\n" }),
		export.MailTo(func(in input) (string, string) { return "ada@example.com", "Your rows" }))
	if err != nil {
		t.Fatal(err)
	}
	app := newApp(t, e, out)
	for n, attached := range map[int]bool{3: true, 300: false} {
		f := made(t, app, e, input{n})
		app.Drain()
		mails, err := app.Jobs(t.Context(), offload.Filter{Tasks: []string{"mail"}, Max: 1})
		if err != nil || len(mails) != 1 || mails[0].State != offload.Completed {
			t.Fatalf("%+v, %v; want a mail sent", mails, err)
		}
		var m mail.Message
		if err := json.Unmarshal(mails[0].Input, &m); err != nil {
			t.Fatal(err)
		}
		if (len(m.Attach) == 1) != attached || attached && (m.Attach[0].Name != f.Name || f.Name != "Größe ---.csv") || !strings.Contains(m.Text, f.Expires.UTC().Format("2 January 2006")) {
			t.Errorf("%d rows: %+v of %+v", n, m, f)
		}
	}
	kept, err := os.ReadDir(outbox)
	if err != nil || len(kept) < 2 {
		t.Errorf("the outbox has %v, %v", kept, err)
	}
	var refused *offload.InputError
	with := 0
	for _, mail := range kept {
		text, err := os.ReadFile(filepath.Join(outbox, mail.Name()))
		if err == nil && strings.Contains(string(text), "Content-Disposition: attachment") {
			with++
		}
	}
	if with != 1 {
		t.Errorf("%d of the mails have a file, want 1", with)
	}
	if _, err := export.New("e", count, export.To(s), export.Attach(1), export.Keep(time.Hour)); !errors.As(err, &refused) || refused.Field != "Keep" {
		t.Errorf("attached, and gone in an hour: %v; want an InputError", err)
	}
}

// Files are below the folder that was asked for, the store itself too, and nothing else is left there.
func TestFilesAreInTheFolder(t *testing.T) {
	for folder, want := range map[string]string{"": "", "a/b": "a/b/"} {
		s, err := blob.Dir(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		e, err := export.New("export.rows", count, export.To(s), export.Folder(folder), export.Keep(48*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		app := newApp(t, e)
		f := made(t, app, e, input{3})
		var keys []string
		for info, err := range s.List(t.Context(), "") {
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, info.Key)
		}
		if dir, _ := path.Split(f.Key); dir != want || !slices.Equal(keys, []string{f.Key}) {
			t.Errorf("folder %q: %s, and %q", folder, f.Key, keys)
		}
		app.Advance(49 * time.Hour)
		app.Drain()
		if _, err := s.Stat(t.Context(), f.Key); !errors.Is(err, offload.ErrNotFound) {
			t.Errorf("folder %q: %v; want the file gone in time", folder, err)
		}
	}
	var refused *offload.InputError
	s, err := blob.Dir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := export.New("e", count, export.To(s), export.Folder("../x")); !errors.As(err, &refused) || refused.Field != "Folder" {
		t.Errorf("a folder outside: %v; want an InputError", err)
	}
}

// A full store refuses a segment, and the attempt says so.
type fullStore struct{ blob.Store }

func (fullStore) Put(_ context.Context, _ string, r io.Reader, _ blob.Options) (blob.Info, error) {
	_, _ = io.CopyN(io.Discard, r, 1000)
	return blob.Info{}, errors.New("no space left on device")
}

func TestAFullStoreIsRetried(t *testing.T) {
	for _, f := range []table.Format{table.CSV{}, xlsx.Format{}} {
		e, err := export.New("export.rows", count, export.To(fullStore{store(t)}), export.As(f))
		if err != nil {
			t.Fatal(err)
		}
		app := newApp(t, e)
		job, err := e.Enqueue(t.Context(), app, input{50_000})
		if err != nil {
			t.Fatal(err)
		}
		app.Drain()
		if job := state(t, app, job); job.State != offload.Retryable || !strings.Contains(job.Error, "no space left") {
			t.Errorf("%s, %q; want it retryable", job.State, job.Error)
		}
	}
}

func TestSplitOfFormatsThatCompress(t *testing.T) {
	s := store(t)
	e, err := export.New("export.rows", count, export.To(s), export.Split(60_000), export.As(parquet.Format{}))
	if err != nil {
		t.Fatal(err)
	}
	app := newApp(t, e)
	for n, want := range map[int][]int{0: {0}, 60_000: {60_000}, 150_000: {60_000, 60_000, 30_000}} {
		files := unzip(t, read(t, s, made(t, app, e, input{n}).Key))
		var got []int
		for _, file := range files {
			_, rows := tableOf(t, parquet.Format{}, file)
			got = append(got, len(rows))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d rows are in files of %v; want %v", n, got, want)
		}
	}
}
