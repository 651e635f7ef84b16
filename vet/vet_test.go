package vet_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/offloadhq/offload/vet"
)

// What is found, and what is not, is said in the packages of testdata, at the line.
func TestFindings(t *testing.T) {
	for _, pkg := range []string{"shop", "web", "frameworks", "loops", "notify"} {
		t.Run(pkg, func(t *testing.T) { analysistest.Run(t, analysistest.TestData(), vet.Analyzer, pkg) })
	}
}

// Enqueues beside a transaction come with the edit that puts them in.
func TestBesideTransaction(t *testing.T) {
	analysistest.RunWithSuggestedFixes(t, analysistest.TestData(), vet.Analyzer, "beside")
}

// ignoring takes what analysistest has to say of a package without marks.
type ignoring struct{}

func (ignoring) Errorf(string, ...any) {}

// The lines that are offered are made of what the call says, and of what the function has.
func TestInstead(t *testing.T) {
	want := []string{
		`archive: file.Unpack.Enqueue(ctx, h.app, file.UnpackInput{From: …, To: …})`,
		`archive: file.Decompress.Enqueue(ctx, h.app, file.CompressInput{From: …, To: …})`,
		`bulk: Rows.Enqueue(ctx, h.app.Tx(tx), in) // var Rows = offload.NewTask("rows", writeRows)`,
		`command: command.Run.Enqueue(ctx, h.app, command.Input{Argv: []string{"convert", in, out}})`,
		`command: command.Run.Enqueue(ctx, h.app, command.Input{Argv: append([]string{"tar"}, names...)})`,
		`goroutine: mail.Send.Enqueue(c.Request.Context(), app, mail.Message{To: …, Subject: …, Text: …})`,
		`goroutine: Later.Enqueue(c.Request.Context(), app, in) // var Later = offload.NewTask("later", later)`,
		`http: httpcall.Call.Enqueue(c.Request.Context(), app, httpcall.Input{Method: "PUT", URL: "https://crm.example", JSON: …})`,
		`http: httpcall.Call.Enqueue(c.Request.Context(), app, httpcall.Input{URL: url})`,
		`mail: mail.Send.Enqueue(ctx, h.app, mail.Message{To: []string{to, "boss@example.com"}, Subject: …, Text: …})`,
		`sleep: Later.Enqueue(ctx, h.app, in, offload.Delay(3 * time.Second))`,
		`tx: Rows.Enqueue(ctx, h.app.Tx(tx), ids)`,
	}
	var got []string
	for _, result := range analysistest.Run(ignoring{}, analysistest.TestData(), vet.Analyzer, "instead") {
		for _, d := range result.Diagnostics {
			for _, r := range d.Related {
				if line, ok := strings.CutPrefix(r.Message, "instead: "); ok {
					got = append(got, d.Category+": "+line)
				}
			}
		}
	}
	if diff := cmp.Diff(slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(got))); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}
