package table_test

import (
	"bytes"
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	_ "modernc.org/sqlite"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/table"
)

// write makes a file of rows.
func write(t testing.TB, f table.Format, columns []table.Column, rows ...[]any) string {
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
	return b.String()
}

// read reads a whole file.
func read(f table.Format, file string) (columns []table.Column, rows [][]any, err error) {
	r, err := f.NewReader(strings.NewReader(file), int64(len(file)))
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

var noon = time.Date(2026, 11, 27, 12, 0, 0, 500_000_000, time.UTC)

func TestValuesOfEachKind(t *testing.T) {
	columns := []table.Column{{Name: "a"}, {Name: "day", Kind: table.Date}}
	for _, test := range []struct {
		value     any
		csv, json string
	}{
		{nil, ``, `null`},
		{"", `""`, `""`},
		{"a \"b\"\nc", "\"a \"\"b\"\"\nc\"", `"a \"b\"\nc"`},
		{"<é>", `"<é>"`, `"<é>"`},
		{"\xff\x00", "\"\uFFFD\uFFFD\"", `"` + "\\ufffd" + `\u0000"`},
		{true, `true`, `true`},
		{int64(-5), `-5`, `-5`},
		{uint64(math.MaxUint64), `18446744073709551615`, `18446744073709551615`},
		{1.5, `1.5`, `1.5`},
		{float32(1.1), `1.1`, `1.1`},
		{1e300, `1e+300`, `1e+300`},
		{math.NaN(), `NaN`, `null`},
		{table.Decimal("19.90"), `19.90`, `19.90`},
		{table.Decimal("=1"), `"'=1"`, `"=1"`},
		{noon, `"2026-11-27T12:00:00.5Z"`, `"2026-11-27T12:00:00.5Z"`},
		{[]byte{1, 2}, `AQI=`, `"AQI="`},
		{json.RawMessage("{\"a\":\n1}"), "\"{\"\"a\"\":\n1}\"", `{"a":1}`},
		{map[string]int{"a": 1}, `"{""a"":1}"`, `{"a":1}`},
		{sql.NullString{}, ``, `null`},
		{sql.NullInt64{Int64: 7, Valid: true}, `7`, `7`},
		{(*int)(nil), ``, `null`},
		{time.Second, `1000000000`, `1000000000`},
		{offload.ID{}, `"` + offload.ID{}.String() + `"`, `"` + offload.ID{}.String() + `"`},
	} {
		if got, want := write(t, table.CSV{}, columns, []any{test.value, noon}), "\"a\",\"day\"\n"+test.csv+",\"2026-11-27\"\n"; got != want {
			t.Errorf("CSV of %#v is %q; want %q", test.value, got, want)
		}
		if got, want := write(t, table.JSONLines{}, columns, []any{test.value, noon}), `{"a":`+test.json+`,"day":"2026-11-27"}`+"\n"; got != want {
			t.Errorf("JSON lines of %#v are %q; want %q", test.value, got, want)
		}
	}
}

func TestFormulasAreHarmless(t *testing.T) {
	columns := []table.Column{{Name: "=a"}}
	for text, want := range map[string]string{
		"=1+1":                           "'=1+1",
		"+1+1":                           "'+1+1",
		"-1+1":                           "'-1+1",
		"@SUM(A1)":                       "'@SUM(A1)",
		"\t=1":                           "'\t'=1",
		"\r=1":                           "'\r'=1",
		"\n=1":                           "'\n'=1",
		" =1":                            "' =1",
		"\u00a0=1":                       "'\u00a0=1",
		"\ufeff=1":                       "'\ufeff=1",
		"＝1":                             "'＝1",
		"＋1":                             "'＋1",
		"－1":                             "'－1",
		"＠a":                             "'＠a",
		"a;=1":                           "a;'=1",
		"a,=1":                           "a,'=1",
		"a\"=1":                          "a\"'=1",
		"a\n@b":                          "a\n'@b",
		"=cmd|' /C calc'!A0":             "'=cmd|' /C calc'!A0",
		"=HYPERLINK(\"http://x\",\"y\")": "'=HYPERLINK(\"http://x\",\"y\")",
		"+49 170 1":                      "'+49 170 1",
		// and what is none
		"-5":          "-5",
		"+49170":      "+49170",
		"-5.25":       "-5.25",
		"52.5,-13.4":  "52.5,-13.4",
		"a=b":         "a=b",
		"a@b.example": "a@b.example",
		"x - y":       "x - y",
		"a\r\nb":      "a\r\nb",
		"'=1":         "'=1",
		"":            "",
	} {
		file := write(t, table.CSV{}, columns, []any{text})
		records, err := csv.NewReader(strings.NewReader(file)).ReadAll()
		if want = strings.ReplaceAll(want, "\r\n", "\n"); err != nil || records[1][0] != want || records[0][0] != "'=a" { // encoding/csv makes CRLF LF
			t.Errorf("%q became %q, %v; want %q", text, records, err, want)
		}
		if !strings.HasPrefix(file, "\"'=a\"\n\"") {
			t.Errorf("%q: %q is not quoted", text, file)
		}
		if file := write(t, table.CSV{Raw: true}, columns, []any{text}); file != "\"=a\"\n\""+strings.ReplaceAll(text, `"`, `""`)+"\"\n" {
			t.Errorf("%q was changed in raw CSV: %q", text, file)
		}
	}
}

// What a spreadsheet sees that splits at another separator than the file has.
func TestNoCellBeginsAFormulaWhateverSeparates(t *testing.T) {
	for _, text := range []string{"a;=1+1;b", "a\t=1\t@x", "a\n=1+cmd|'!A0\"", "a|-1+1", "a,\"=1", "x;\"=1+1\";", "a; =1", "a\n\n=1"} {
		file := write(t, table.CSV{}, []table.Column{{Name: "n"}}, []any{text})
		for _, cell := range strings.FieldsFunc(file, func(r rune) bool { return strings.ContainsRune(",;\t|\r\n\"", r) }) {
			if cell = strings.TrimSpace(cell); strings.ContainsAny(cell[:min(1, len(cell))], "=+-@") {
				t.Errorf("%q: the cell %q of %q begins a formula", text, cell, file)
			}
		}
	}
}

func TestPiecesMakeAFile(t *testing.T) {
	columns := []table.Column{{Name: "n", Kind: table.Int}}
	for _, f := range []table.Joiner{table.CSV{BOM: true}, table.JSONLines{}} {
		whole := write(t, f, columns, []any{1}, []any{2})
		var piece bytes.Buffer
		w, err := f.NewPiece(&piece, columns)
		if err == nil {
			err = errors.Join(w.Write([]any{2}), w.Close())
		}
		if joined := write(t, f, columns, []any{1}) + piece.String(); err != nil || joined != whole {
			t.Errorf("%s: %q of pieces, %v; want %q", f.Name(), joined, err, whole)
		}
	}
}

type base struct {
	ID int64 `json:"id"`
}

type skipped struct{ Inner string }

type order struct {
	base
	*skipped `json:"-"`
	Email    string    `json:"email,omitempty" table:"mail"`
	Paid     *bool     `json:"paid"`
	At       time.Time `json:"at"`
	Password string    `table:"-"`
	Lines    []string
	Note     sql.Null[string]
	hidden   int
}

func TestColumnsOfAStruct(t *testing.T) {
	s, err := table.NewStruct[*order]()
	if err != nil {
		t.Fatal(err)
	}
	want := []table.Column{
		{Name: "id", Kind: table.Int},
		{Name: "mail", Kind: table.Text},
		{Name: "paid", Kind: table.Bool},
		{Name: "at", Kind: table.Time},
		{Name: "Lines", Kind: table.JSON},
		{Name: "Note", Kind: table.Text},
	}
	if diff := cmp.Diff(want, s.Columns); diff != "" {
		t.Error(diff)
	}
	row, err := s.Row(&order{base: base{7}, Email: "ada@example.com", At: noon, Lines: []string{"a"}, Password: "x", hidden: 1})
	if diff := cmp.Diff([]any{int64(7), "ada@example.com", nil, noon, json.RawMessage(`["a"]`), nil}, row); err != nil || diff != "" {
		t.Error(err, diff)
	}
	if _, err := s.Row(nil); err == nil {
		t.Error("a nil row was taken")
	}
	var refused *offload.InputError
	if _, err := table.NewStruct[int](); !errors.As(err, &refused) {
		t.Errorf("columns of an int: %v; want an InputError", err)
	}
	if _, err := table.NewStruct[struct{ hidden int }](); !errors.As(err, &refused) {
		t.Errorf("columns of nothing: %v; want an InputError", err)
	}
}

func TestRowsOfAQuery(t *testing.T) {
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, err = db.ExecContext(t.Context(), `
		CREATE TABLE o (id INTEGER, email TEXT, price DECIMAL(10,2), paid BOOLEAN, at DATETIME, doc JSON, pic BLOB);
		INSERT INTO o VALUES (1, 'ada', '19.90', 1, '2026-11-27 12:00:00.5', '{"a":1}', x'ff'), (2, NULL, NULL, NULL, NULL, 'no json', NULL)`)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := db.QueryContext(t.Context(), `SELECT *, 1+1 AS two FROM o ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	s, err := table.NewScanner(rows)
	if err != nil {
		t.Fatal(err)
	}
	kinds := []table.Kind{table.Int, table.Text, table.DecimalKind, table.Bool, table.Time, table.JSON, table.Bytes, table.Any}
	for i, kind := range kinds {
		if s.Columns[i].Kind != kind {
			t.Errorf("column %+v; want it of kind %q", s.Columns[i], kind)
		}
	}
	var got [][]any
	for rows.Next() {
		row, err := s.Row()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, slices.Clone(row))
	}
	want := [][]any{
		{int64(1), "ada", 19.9, true, noon, json.RawMessage(`{"a":1}`), []byte{0xff}, int64(2)}, // SQLite makes 19.90 a float
		{int64(2), nil, nil, nil, nil, "no json", nil, int64(2)},
	}
	if diff := cmp.Diff(want, got); diff != "" || rows.Err() != nil {
		t.Error(diff, rows.Err())
	}
	twice, err := db.QueryContext(t.Context(), `SELECT id, id FROM o`)
	if err != nil {
		t.Fatal(err)
	}
	defer twice.Close()
	var refused *offload.InputError
	if _, err := table.NewScanner(twice); !errors.As(err, &refused) || twice.Err() != nil {
		t.Errorf("two columns of one name: %v; want an InputError", err)
	}
}

func TestReadCSV(t *testing.T) {
	columns, rows, err := read(table.CSV{Comma: ';'}, "\uFEFFid;id;;\"na\"\"me\"\r\n1;\"a;\nb\";;\xff\r\n")
	want := []table.Column{{Name: "id", Kind: table.Text}, {Name: "id 2", Kind: table.Text}, {Name: "column 3", Kind: table.Text}, {Name: `na"me`, Kind: table.Text}}
	if diff := cmp.Diff(want, columns) + cmp.Diff([][]any{{"1", "a;\nb", "", "\uFFFD"}}, rows); err != nil || diff != "" {
		t.Error(err, diff)
	}
	var wrong *table.ValueError
	if _, _, err := read(table.CSV{}, "a,b\n1,2\n1\n"); !errors.As(err, &wrong) || wrong.Row != 2 {
		t.Errorf("a short row: %v; want a ValueError of row 2", err)
	}
	var refused *offload.InputError
	if _, _, err := read(table.CSV{}, ""); !errors.As(err, &refused) {
		t.Errorf("an empty file: %v; want an InputError", err)
	}
	if _, err := (table.CSV{Comma: '"'}).NewWriter(io.Discard, want); !errors.As(err, &refused) || refused.Field != "Comma" {
		t.Errorf("a quote between cells: %v; want an InputError", err)
	}
}

func TestReadJSONLines(t *testing.T) {
	columns, rows, err := read(table.JSONLines{}, "{\"n\":1,\"t\":\"a\",\"x\":null}\n\n{\"n\":2.5,\"t\":7,\"new\":{\"a\":[1]},\"n\":3.5} {\"n\":123456789012345678901234567890}")
	want := []table.Column{{Name: "n", Kind: table.Any}, {Name: "t", Kind: table.Any}, {Name: "x"}, {Name: "new", Kind: table.JSON}}
	wantRows := [][]any{
		{int64(1), "a", nil, nil},
		{3.5, int64(7), nil, json.RawMessage(`{"a":[1]}`)},
		{table.Decimal("123456789012345678901234567890"), nil, nil, nil},
	}
	if diff := cmp.Diff(want, columns) + cmp.Diff(wantRows, rows); err != nil || diff != "" {
		t.Error(err, diff)
	}
	for file, row := range map[string]int64{"{\"a\":1}\n[1]": 2, "7": 1, "{\"a\":1": 1, "{\"a\":1}{\"a\":}": 2, "{": 1} {
		var wrong *table.ValueError
		if _, _, err := read(table.JSONLines{}, file); !errors.As(err, &wrong) || wrong.Row != row {
			t.Errorf("%q: %v; want a ValueError of row %d", file, err, row)
		}
	}
	var refused *offload.InputError
	if _, _, err := read(table.JSONLines{}, " \n"); !errors.As(err, &refused) {
		t.Errorf("an empty file: %v; want an InputError", err)
	}
}

func TestWritersRefuse(t *testing.T) {
	for _, f := range []table.Format{table.CSV{}, table.JSONLines{}} {
		for _, columns := range [][]table.Column{nil, {{Name: ""}}, {{Name: "a"}, {Name: "a"}}, make([]table.Column, 16_385)} {
			var refused *offload.InputError
			if _, err := f.NewWriter(io.Discard, columns); !errors.As(err, &refused) {
				t.Errorf("%s of %d columns: %v; want an InputError", f.Name(), len(columns), err)
			}
		}
		w, err := f.NewWriter(io.Discard, []table.Column{{Name: "a"}, {Name: "b"}})
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range [][]any{{1}, {1, 2, 3}, {1, make(chan int)}, {1, json.RawMessage("{")}} {
			var wrong *table.ValueError
			if err := w.Write(row); !errors.As(err, &wrong) && !(f.Name() == "csv" && len(row) == 2 && row[1] != nil) {
				t.Errorf("%s of %v: %v; want a ValueError", f.Name(), row, err)
			}
		}
	}
}

func FuzzCSV(f *testing.F) {
	f.Add("=1+1", "a;-\"\n", true)
	f.Add("\xff\x00＝", "", false)
	f.Fuzz(func(t *testing.T, a, b string, raw bool) {
		file := write(t, table.CSV{Raw: raw}, []table.Column{{Name: "a"}, {Name: "b"}}, []any{a, b})
		_, rows, err := read(table.CSV{}, file)
		if err != nil || len(rows) != 1 {
			t.Fatalf("%q, %q: %v, %v", a, b, rows, err)
		}
		plain := func(s string) string {
			s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
			s = strings.ReplaceAll(s, "\r\n", "\n") // as encoding/csv does
			return strings.ReplaceAll(s, "\uFFFD\uFFFD", "\uFFFD")
		}
		for i, text := range []string{a, b} {
			got, want := plain(rows[0][i].(string)), plain(text)
			for strings.Contains(got, "\uFFFD\uFFFD") || strings.Contains(want, "\uFFFD\uFFFD") {
				got, want = plain(got), plain(want)
			}
			if !raw { // apostrophes are all that is added
				got, want = strings.ReplaceAll(got, "'", ""), strings.ReplaceAll(want, "'", "")
				got, want = strings.ReplaceAll(got, "\r\n", "\n"), strings.ReplaceAll(want, "\r\n", "\n")
			}
			if got != want {
				t.Errorf("%q came back as %q", text, rows[0][i])
			}
			if cell := rows[0][i].(string); !raw && cell != "" && strings.ContainsAny(cell[:1], "=@\t\r\n") {
				t.Errorf("%q begins a formula", cell)
			}
		}
	})
}

func FuzzReadJSONLines(f *testing.F) {
	f.Add(`{"a":1,"b":"x"}` + "\n" + `{"a":null,"c":[1,{"d":2}]}`)
	f.Add(`{"a":-1e400}`)
	f.Fuzz(func(t *testing.T, file string) {
		columns, rows, err := read(table.JSONLines{}, file)
		if err != nil {
			return
		}
		again := write(t, table.JSONLines{}, columns, rows...)
		columns, rows, err = read(table.JSONLines{}, again)
		if err != nil {
			t.Fatalf("%q became %q: %v", file, again, err)
		}
		if third := write(t, table.JSONLines{}, columns, rows...); third != again {
			t.Errorf("%q became %q, then %q", file, again, third)
		}
	})
}
