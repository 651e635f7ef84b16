package dashboard

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/offloadhq/offload"
)

const (
	mostExported = 100_000
	exportTime   = 5 * time.Minute
	exportPage   = 500
)

// exportJobs writes the jobs of a list as CSV or as JSON, a line each, page by page.
func (d *dashboard) exportJobs(r *request, w http.ResponseWriter) error {
	q, err := r.jobQuery(r.URL.Query())
	if err != nil {
		return err
	}
	format := r.URL.Query().Get("format")
	if format != "csv" && format != "jsonl" {
		return badField("format", shortened(format, 20), "csv or jsonl")
	}
	ctx, cancel := context.WithTimeout(r.whole, exportTime)
	defer cancel()
	out := csv.NewWriter(w)
	lines := json.NewEncoder(w)
	q.filter.Max = exportPage
	for n := 0; n < mostExported; {
		jobs, err := d.app.Jobs(ctx, q.filter)
		if err != nil && n == 0 {
			return err
		}
		if err != nil {
			d.log(ctx, "export jobs", err)
			panic(http.ErrAbortHandler) // what was sent must not look whole
		}
		if n == 0 {
			h := w.Header()
			h.Set("Content-Type", map[string]string{"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}[format])
			h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="jobs-%s.%s"`, r.now.UTC().Format("20060102-150405"), format))
			if format == "csv" {
				_ = out.Write([]string{"id", "task", "queue", "state", "priority", "attempt", "failures", "created_at", "run_at", "started_at", "finished_at", "error", "tags", "input"})
			}
		}
		for _, job := range jobs {
			if format == "csv" {
				_ = out.Write(jobRecord(job)) // Error tells
			} else if lines.Encode(job) != nil {
				return nil // who asked has gone
			}
		}
		out.Flush()
		if n += len(jobs); out.Error() != nil || len(jobs) < exportPage {
			return nil
		}
		q.filter.Before = jobs[len(jobs)-1].ID
	}
	return nil
}

// jobRecord is a job as a line of CSV.
func jobRecord(job *offload.Job) []string {
	stamp := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format(time.RFC3339Nano)
	}
	tags := ""
	if len(job.Tags) > 0 {
		text, _ := json.Marshal(job.Tags)
		tags = string(text)
	}
	record := []string{
		job.ID.String(), job.Task, job.Queue, string(job.State), strconv.Itoa(job.Priority), strconv.Itoa(job.Attempt), strconv.Itoa(job.Failures),
		stamp(job.CreatedAt), stamp(job.RunAt), stamp(job.StartedAt), stamp(job.FinishedAt), job.Error, tags, string(job.Input),
	}
	for i, text := range record {
		record[i] = harmless(text)
	}
	return record
}

// harmless keeps a table program from taking a text for a formula.
// See https://owasp.org/www-community/attacks/CSV_Injection.
func harmless(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}
