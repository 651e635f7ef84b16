package export_test

import (
	"archive/zip"
	"bytes"
	"context"
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	_ "modernc.org/sqlite"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/blob"
	"github.com/offloadhq/offload/kit/export"
	"github.com/offloadhq/offload/kit/mail"
	"github.com/offloadhq/offload/kit/table"
	"github.com/offloadhq/offload/offloadtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type input struct {
	Rows int `json:"rows"`
}

type row struct {
	ID     int       `json:"id"`
	Name   string    `json:"name"`
	Cents  int64     `json:"cents"`
	At     time.Time `json:"at"`
	Note   *string   `json:"note"`
	Hidden string    `json:"-"`
}

var someTime = time.Date(2026, 11, 27, 1, 2, 3, 0, time.UTC)

func rowOf(i int) row {
	return row{ID: i, Name: fmt.Sprintf("näme %d", i), Cents: int64(-i), At: someTime}
}

// count yields as many rows as the input says.
func count(_ context.Context, in input, skip int) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		for i := skip; i < in.Rows; i++ {
			if !yield(rowOf(i), nil) {
				return
			}
		}
	}
}

func store(t *testing.T) blob.Store {
	t.Helper()
	s, err := blob.Dir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newApp(t *testing.T, parts ...offload.Part) *offloadtest.App {
	t.Helper()
	app := offloadtest.New(append(parts, offload.LogTo(slog.New(slog.DiscardHandler)))...)
	t.Cleanup(func() { app.Close() })
	return app
}

func made[In any](t *testing.T, app *offloadtest.App, e *export.Export[In], in In) export.File {
	t.Helper()
	job, err := e.Enqueue(t.Context(), app, in)
	if err != nil {
		t.Fatal(err)
	}
	app.Drain()
	f, err := e.Wait(t.Context(), app.App, job.ID)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func read(t *testing.T, s blob.Store, key string) []byte {
	t.Helper()
	r, _, err := s.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func keys(t *testing.T, s blob.Store) (all []string) {
	t.Helper()
	for info, err := range s.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, info.Key)
	}
	return all
}

// wantRows checks a CSV of count.
func wantRows(t *testing.T, text []byte, n int) {
	t.Helper()
	lines, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil || len(lines) != n+1 || !slices.Equal(lines[0], []string{"id", "name", "cents", "at", "note"}) {
		t.Fatalf("%d lines, %v; want %d rows", len(lines), err, n)
	}
	for i, line := range lines[1:] {
		if want := []string{fmt.Sprint(i), fmt.Sprintf("näme %d", i), fmt.Sprint(-i), "2026-11-27T01:02:03Z", ""}; !slices.Equal(line, want) {
			t.Fatalf("row %d is %q, want %q", i, line, want)
		}
	}
}

func TestRowsBecomeAFile(t *testing.T) {
	s := store(t)
	e, err := export.New("export.rows", count, export.To(s), export.Name(func(in input) string { return fmt.Sprintf("%d rows/of 2026", in.Rows) }),
		export.Total(func(_ context.Context, in input) (int, error) { return in.Rows, nil }))
	if err != nil {
		t.Fatal(err)
	}
	app := newApp(t, e)
	for _, n := range []int{0, 1, 250_000} { // two segments and a half
		f := made(t, app, e, input{n})
		text := read(t, s, f.Key)
		wantRows(t, text, n)
		if f.Rows != n || f.Bytes != int64(len(text)) || f.Name != fmt.Sprintf("%d rows-of 2026.csv", n) {
			t.Errorf("the file is %+v", f)
		}
	}
	if left := keys(t, s); len(left) != 3 {
		t.Errorf("the store has %q, want the three files", left)
	}
}

func TestFormats(t *testing.T) {
	s := store(t)
	e, err := export.New("export.rows", count, export.To(s), export.As(table.JSONLines{}))
	if err != nil {
		t.Fatal(err)
	}
	app := newApp(t, e)
	text := read(t, s, made(t, app, e, input{100_001}).Key)
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	var got map[string]any
	if err := json.Unmarshal(lines[100_000], &got); err != nil || len(lines) != 100_001 || got["id"] != 100_000.0 || got["name"] != "näme 100000" || got["note"] != nil {
		t.Errorf("%d lines, the last is %v, %v", len(lines), got, err)
	}
}

func TestTextsAreNoFormulas(t *testing.T) {
	for _, raw := range []bool{false, true} {
		s := store(t)
		texts := []string{"=1+1", "+a", "-a", "@A1", "\tx", "\rx", "\nx", "＝1", "＋1", "－1", "＠1", "fine", "", `a"b,c`}
		e, err := export.New("export.texts", func(context.Context, input, int) iter.Seq2[[]any, error] {
			return func(yield func([]any, error) bool) {
				for _, text := range texts {
					if !yield([]any{text, -1, -1.5, int8(-1)}, nil) {
						return
					}
				}
			}
		}, export.To(s), export.As(table.CSV{Raw: raw}), export.Columns("text", "int", "float", "small"))
		if err != nil {
			t.Fatal(err)
		}
		app := newApp(t, e)
		lines, err := csv.NewReader(bytes.NewReader(read(t, s, made(t, app, e, input{}).Key))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range lines[1:] {
			want := strings.ReplaceAll(texts[i], "\r\n", "\n")
			if !raw && i < 11 {
				want = "'" + want
			}
			if line[0] != want || line[1] != "-1" || line[2] != "-1.5" || line[3] != "-1" {
				t.Errorf("raw %v: %q becomes %q", raw, texts[i], line)
			}
		}
	}
}

// An attempt that dies leaves segments, and the next goes on behind them.
func TestExportsGoOnAfterAFailure(t *testing.T) {
	s := store(t)
	var skips []int
	fails := 2
	e, err := export.New("export.rows", func(ctx context.Context, in input, skip int) iter.Seq2[row, error] {
		skips = append(skips, skip)
		return func(yield func(row, error) bool) {
			for i := skip; i < in.Rows; i++ {
				if i == skip+150_000 && fails > 0 {
					fails--
					yield(row{}, errors.New("the database has gone"))
					return
				}
				if !yield(rowOf(i), nil) {
					return
				}
			}
		}
	}, export.To(s))
	if err != nil {
		t.Fatal(err)
	}
	app := newApp(t, e)
	job, err := e.Enqueue(t.Context(), app, input{320_000})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		app.Drain()
		app.Advance(time.Hour)
	}
	f, err := e.Wait(t.Context(), app.App, job.ID)
	if err != nil {
		t.Fatal(err)
	}
	wantRows(t, read(t, s, f.Key), 320_000)
	if !slices.Equal(skips, []int{0, 100_000, 200_000}) {
		t.Errorf("it began with rows %v", skips)
	}
	if left := keys(t, s); len(left) != 1 {
		t.Errorf("left behind: %q", left)
	}
}

func TestTwiceIsOneFile(t *testing.T) {
	s := store(t)
	out, err := mail.New(mail.Keep{Dir: t.TempDir()}, mail.From("a@shop.example"))
	if err != nil {
		t.Fatal(err)
	}
	e, err := export.New("export.rows", count, export.To(s), export.Keep(time.Hour), export.MailTo(func(input) (string, string) { return "ada@example.com", "Your rows" }))
	if err != nil {
		t.Fatal(err)
	}
	app := newApp(t, e, out)
	offloadtest.Twice(t, app, e.Call(input{10}), func() any {
		mails, err := app.Jobs(t.Context(), offload.Filter{Tasks: []string{"mail", "export.rows.expire"}})
		return fmt.Sprint(keys(t, s), len(mails), err)
	})
	app.Advance(2 * time.Hour)
	app.Drain()
	if left := keys(t, s); len(left) > 0 {
		t.Errorf("after its time there is %q", left)
	}
}

func TestSplitAndZip(t *testing.T) {
	s := store(t)
	e, err := export.New("export.rows", count, export.To(s), export.Split(40), export.Name(func(input) string { return "rows" }))
	if err != nil {
		t.Fatal(err)
	}
	app := newApp(t, e)
	f := made(t, app, e, input{100})
	text := read(t, s, f.Key)
	z, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	if err != nil || len(z.File) != 3 || f.Name != "rows.zip" {
		t.Fatalf("%+v: %v", f, err)
	}
	rows := 0
	for i, file := range z.File {
		r, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		lines, err := csv.NewReader(r).ReadAll()
		r.Close()
		if err != nil || lines[0][0] != "id" || file.Name != fmt.Sprintf("rows-%d.csv", i+1) {
			t.Errorf("%s: %q, %v", file.Name, lines[0], err)
		}
		rows += len(lines) - 1
	}
	if rows != 100 {
		t.Errorf("%d rows in all", rows)
	}
}

func TestPagesAndQueries(t *testing.T) {
	s := store(t)
	pages, err := export.New("export.pages", export.Pages(func(_ context.Context, in input, after *row) (page []row, err error) {
		next := 0
		if after != nil {
			next = after.ID + 1
		}
		for i := next; i < min(next+7, in.Rows); i++ {
			page = append(page, rowOf(i))
		}
		return page, nil
	}), export.To(s))
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+t.TempDir()+"/x.db")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE n AS WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i < 99) SELECT i, 'x' || i AS name FROM c"); err != nil {
		t.Fatal(err)
	}
	query, err := export.New("export.query", export.Query(db, "SELECT i, name FROM n WHERE i < $1 ORDER BY i", func(in input) []any { return []any{in.Rows} }),
		export.To(s), export.Columns("number", "name"))
	if err != nil {
		t.Fatal(err)
	}
	app := newApp(t, pages, query)
	wantRows(t, read(t, s, made(t, app, pages, input{100}).Key), 100)
	lines, err := csv.NewReader(bytes.NewReader(read(t, s, made(t, app, query, input{50}).Key))).ReadAll()
	if err != nil || len(lines) != 51 || !slices.Equal(lines[50], []string{"49", "x49"}) {
		t.Errorf("%d lines, %v", len(lines), err)
	}
}

func TestLinks(t *testing.T) {
	s := store(t)
	key, old := []byte("a key of 24 bytes......."), []byte("an old key of 24 bytes..")
	denied := false
	var links *export.Links
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { links.ServeHTTP(w, r) }))
	defer server.Close()
	links, err := export.NewLinks(s, server.URL+"/exports/", func(_ *http.Request, f export.File) bool { return !denied && f.Key != "" }, key, old)
	if err != nil {
		t.Fatal(err)
	}
	e, err := export.New("export.rows", count, export.To(s), export.Link(links), export.Keep(time.Hour), export.Name(func(input) string { return "Größe" }))
	if err != nil {
		t.Fatal(err)
	}
	app := newApp(t, e)
	f := made(t, app, e, input{3})
	get := func(url string, header ...string) (*http.Response, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(header) == 2 {
			r.Header.Set(header[0], header[1])
		}
		answer, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer, string(text)
	}
	answer, text := get(f.Link)
	wantRows(t, []byte(text), 3)
	if answer.Header.Get("Content-Disposition") != "attachment; filename*=utf-8''Gr%C3%B6%C3%9Fe.csv" || answer.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("it comes with %v", answer.Header)
	}
	if answer, text := get(f.Link, "Range", "bytes=1-2"); answer.StatusCode != http.StatusPartialContent || text != "id" {
		t.Errorf("a part: %d %q", answer.StatusCode, text)
	}
	other, err := export.NewLinks(s, server.URL+"/exports/", nil, []byte("quite another key, as long"))
	if err != nil {
		t.Fatal(err)
	}
	for url, want := range map[string]int{
		f.Link[:len(f.Link)-2] + "AA": 404, links.URL(f.Key, f.Name, -time.Second): 404, other.URL(f.Key, f.Name, time.Hour): 404, server.URL + "/exports/x": 404,
		links.URL("exports/none.csv", "x", time.Hour): 410,
	} {
		if answer, _ := get(url); answer.StatusCode != want {
			t.Errorf("%s: %d, want %d", url, answer.StatusCode, want)
		}
	}
	before, err := export.NewLinks(s, server.URL+"/exports/", nil, old)
	if err != nil {
		t.Fatal(err)
	}
	if answer, _ := get(before.URL(f.Key, f.Name, time.Hour)); answer.StatusCode != 200 {
		t.Errorf("a link of the old key: %d", answer.StatusCode)
	}
	denied = true
	if answer, _ := get(f.Link); answer.StatusCode != http.StatusForbidden {
		t.Errorf("whoever may not: %d", answer.StatusCode)
	}
}

func TestExportsThatCantBeAreRefused(t *testing.T) {
	s := store(t)
	anys := func(context.Context, input, int) iter.Seq2[[]any, error] { return nil }
	for field, make := range map[string]func() error{
		"To":      func() error { _, err := export.New("e", count); return err },
		"As":      func() error { _, err := export.New("e", count, export.To(s), export.As(nil)); return err },
		"columns": func() error { _, err := export.New("e", anys, export.To(s)); return err },
		"row": func() error {
			_, err := export.New[input, int]("e", func(context.Context, input, int) iter.Seq2[int, error] { return nil }, export.To(s))
			return err
		},
		"Choose": func() error {
			_, err := export.New("e", count, export.To(s), export.Choose(func(string) string { return "" }))
			return err
		},
		"Attach": func() error { _, err := export.New("e", count, export.To(s), export.Attach(-1)); return err },
		"Total":  func() error { _, err := export.New("e", count, export.To(s), export.Total[int](nil)); return err },
		"Name":   func() error { _, err := export.New("e", count, export.To(s), export.Name[int](nil)); return err },
		"Split":  func() error { _, err := export.New("e", count, export.To(s), export.Split(0)); return err },
		"Keep":   func() error { _, err := export.New("e", count, export.To(s), export.Keep(-1)); return err },
		"MailTo": func() error {
			_, err := export.New("e", count, export.To(s), export.MailTo(func(string) (string, string) { return "", "" }))
			return err
		},
		"rows": func() error { _, err := export.New[input, row]("e", nil, export.To(s)); return err },
		"keys": func() error { _, err := export.NewLinks(s, "https://x/", nil, []byte("short")); return err },
		"base": func() error { _, err := export.NewLinks(s, "https://x", nil, make16()); return err },
	} {
		err := make()
		if wrong := (*offload.InputError)(nil); !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	e, err := export.New("e", func(context.Context, input, int) iter.Seq2[[]any, error] {
		return func(yield func([]any, error) bool) { yield([]any{1, 2}, nil) }
	}, export.To(s), export.Columns("one"))
	if err != nil {
		t.Fatal(err)
	}
	app := newApp(t, e)
	job, err := e.Enqueue(t.Context(), app, input{})
	if err != nil {
		t.Fatal(err)
	}
	app.Drain()
	if job, err = app.Job(t.Context(), job.ID); err != nil || job.State != offload.Discarded || !strings.Contains(job.Error, "1 columns") {
		t.Errorf("a row that does not fit: %+v, %v", job, err)
	}
	if left := keys(t, s); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// unzip returns the files of a ZIP.
func unzip(t *testing.T, text []byte) (files [][]byte) {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		file, err := io.ReadAll(r)
		if err = errors.Join(err, r.Close()); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

func make16() []byte { return make([]byte, 16) }
