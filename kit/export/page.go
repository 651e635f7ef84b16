package export

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/page"
)

//go:embed page.html
var pageHTML string

var pages = page.Parse(pageHTML, template.FuncMap{"size": size})

// pageJobs is how many exports the page shows.
const pageJobs = 100

// A pageRow is an export in the page.
type pageRow struct {
	Job     *offload.Job
	Percent int   // of one that runs and knows how much there is; 0 if it doesn't
	File    *File // of one that has completed
	Gone    bool  // the file has been let go
}

// Page is a page for dashboard.Page("Exports", …): the newest exports of the tasks that are named, how far each is, and the files that are there, with
// their links. The dashboard says who may see it; served elsewhere, the program has to.
func Page(app *offload.App, tasks ...string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		var rows []pageRow
		if len(tasks) > 0 { // a filter without tasks would be of all
			jobs, err := app.Jobs(r.Context(), offload.Filter{Tasks: tasks, Max: pageJobs})
			if err != nil {
				http.Error(w, fmt.Sprintf("look for exports: %v", err), http.StatusInternalServerError)
				return
			}
			for _, job := range jobs {
				rows = append(rows, rowOf(job, time.Now()))
			}
		}
		pages.Show(w, "list", rows)
	})
	return mux
}

func rowOf(job *offload.Job, now time.Time) pageRow {
	row := pageRow{Job: job}
	if p := job.Progress; p != nil && p.Total > 0 && job.State == offload.Running {
		row.Percent = min(100*p.Done/p.Total, 100)
	}
	if job.State != offload.Completed || len(job.Result) == 0 {
		return row
	}
	var f File
	if json.Unmarshal(job.Result, &f) == nil {
		row.File, row.Gone = &f, !f.Expires.IsZero() && f.Expires.Before(now)
	}
	return row
}

// size is a number of bytes for people.
func size(n int64) string {
	const units = "kMGT"
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	value, unit := float64(n), -1
	for value >= 1000 && unit < len(units)-1 {
		value, unit = value/1000, unit+1
	}
	return fmt.Sprintf("%.3g %cB", value, units[unit])
}
