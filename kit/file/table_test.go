package file_test

import (
	"strings"
	"testing"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/file"
	"github.com/offloadhq/offload/kit/table"
	"github.com/offloadhq/offload/kit/table/parquet"
	"github.com/offloadhq/offload/kit/table/xlsx"
)

func TestTablesBecomeEachOther(t *testing.T) {
	p := newPlace(t, file.Tables(xlsx.Format{}, parquet.Format{}))
	names := []string{"csv", "jsonl", "xlsx", "parquet"}
	// Texts, which all of them have.
	p.put(t, "first.csv", []byte("\"id\",\"name\"\n\"a1\",\"é \"\"x\"\", y\"\n\"a2\",\"two\nlines\"\n"))
	want := p.get(t, "first.csv")
	for _, from := range names {
		start := "first.csv"
		if from != "csv" {
			start = "start." + from
			p.convert(t, file.TableInput{From: "first.csv", To: start})
		}
		for _, to := range names {
			between, back := from+"-"+to+"."+to, from+"-"+to+"-back.csv"
			if out := p.convert(t, file.TableInput{From: start, To: between}); out.Rows != 2 || len(out.Columns) != 2 || out.Columns[1].Name != "name" || out.Size == 0 {
				t.Errorf("%s from %s: %+v", to, from, out)
			}
			p.convert(t, file.TableInput{From: between, To: back})
			if got := p.get(t, back); got != want {
				t.Errorf("by %s and %s %q became %q", from, to, want, got)
			}
		}
	}
}

func (p *place) convert(t *testing.T, in file.TableInput) file.TableOutput {
	t.Helper()
	job, err := file.Table.Enqueue(t.Context(), p.app, in)
	if err != nil {
		t.Fatal(err)
	}
	p.app.Drain()
	out, err := file.Table.Wait(t.Context(), p.app.App, job.ID)
	if err != nil {
		t.Fatalf("%+v: %v", in, err)
	}
	return out
}

func TestTablesThatAreNone(t *testing.T) {
	p := newPlace(t, file.Limit(file.Limits{Bytes: 10_000}), file.Tables(table.CSV{Comma: ';'}, xlsx.Format{}, parquet.Format{}))
	p.put(t, "short.csv", []byte("a;b\n1\n"))
	p.put(t, "no.jsonl", []byte("{\"a\":1}\n[1]\n"))
	p.put(t, "no.xlsx", []byte("PK"))
	p.put(t, "no.parquet", []byte("PAR1PAR1"))
	p.put(t, "good.csv", []byte("a;b\n1;2\n"))
	p.put(t, "wide.csv", []byte("a;"+strings.Repeat("b", 4000)+"\n1;2\n1;2\n1;2\n"))
	for _, test := range []struct {
		in   file.TableInput
		want string
	}{
		{file.TableInput{From: "short.csv", To: "x.jsonl"}, "row 1: "},
		{file.TableInput{From: "no.jsonl", To: "x.csv"}, "row 2: "},
		{file.TableInput{From: "no.xlsx", To: "x.csv"}, "no XLSX"},
		{file.TableInput{From: "no.parquet", To: "x.csv"}, "no Parquet"},
		{file.TableInput{From: "good.csv", To: "x.pdf"}, "csv, jsonl, parquet, xlsx"},
		{file.TableInput{From: "wide.csv", To: "x.jsonl"}, "more than the limit"},
	} {
		job, err := file.Table.Enqueue(t.Context(), p.app, test.in)
		if err != nil {
			t.Fatal(err)
		}
		p.app.Drain()
		job, err = p.app.Job(t.Context(), job.ID)
		if err != nil || job.State != offload.Discarded || !strings.Contains(job.Error, test.want) {
			t.Errorf("%+v: %s, %q, %v; want it discarded for %q", test.in, job.State, job.Error, err, test.want)
		}
		if _, err := p.files.Stat(t.Context(), test.in.To); err == nil {
			t.Errorf("%+v left a file", test.in)
		}
	}
	for _, in := range []file.TableInput{
		{From: "../a.csv", To: "b.csv"},
		{From: "a.csv", To: ""},
		{From: "a.csv", To: "a.csv"},
		{From: "a", To: "b.csv"},
		{From: "a.csv", To: "b"},
	} {
		if _, err := file.Table.Enqueue(t.Context(), p.app, in); err == nil {
			t.Errorf("%+v was enqueued", in)
		}
	}
}
