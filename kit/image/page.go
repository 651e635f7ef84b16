package image

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/page"
)

//go:embed page.html
var pageHTML string

var pages = page.Parse(pageHTML, template.FuncMap{"kB": func(n int64) string { return strconv.FormatFloat(float64(n)/1000, 'f', 1, 64) }})

// pageJobs is how many pictures the page shows.
const pageJobs = 100

// A pageRow is a picture in the page.
type pageRow struct {
	Job   *offload.Job
	In    Input         // empty where it can't be read here
	Files []File        // that were made
	Took  time.Duration // the attempt that made them
}

// Page is a page for dashboard.Page("Pictures", image.Page(app)): what was made last of which picture, how large in pixels and bytes, how long it took, and why it failed. The
// dashboard says who may see it; served elsewhere, the program has to.
func Page(app *offload.App) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		jobs, err := app.Jobs(r.Context(), offload.Filter{Tasks: []string{Render.Name()}, Max: pageJobs})
		if err != nil {
			http.Error(w, fmt.Sprintf("look for pictures: %v", err), http.StatusServiceUnavailable)
			return
		}
		rows := make([]pageRow, len(jobs))
		for i, job := range jobs {
			rows[i] = rowOf(job)
		}
		pages.Show(w, "list", rows)
	})
	return mux
}

func rowOf(job *offload.Job) pageRow {
	row := pageRow{Job: job}
	row.In, _ = Render.Input(job)
	if job.State == offload.Completed && json.Unmarshal(job.Result, &row.Files) == nil {
		row.Took = job.FinishedAt.Sub(job.StartedAt).Round(time.Millisecond)
	}
	return row
}

// FromBytes is how large the picture was; 0 where that is not known.
func (r pageRow) FromBytes() int64 {
	if len(r.Files) == 0 {
		return 0
	}
	return r.Files[0].FromBytes
}

// Bytes is how large all that was made of it is together.
func (r pageRow) Bytes() (sum int64) {
	for i := range r.Files {
		sum += r.Files[i].Bytes
	}
	return sum
}
