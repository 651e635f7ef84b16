package file

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

// pageJobs is how much work the page shows.
const pageJobs = 100

// A pageRow is a job in the page: what its input and its result say.
type pageRow struct {
	Job     *offload.Job
	Percent int           // of one that runs and says so
	Ended   bool          // well
	Took    time.Duration // the attempt that did

	// Of the input, whichever task it is of; empty where it can't be read here.
	From string `json:"from"`
	To   string `json:"to"`
	Tool string `json:"tool"`

	Made pageMade
}

// pageMade is what a result says, whichever task it is of.
type pageMade struct {
	Size     int64      `json:"size"`
	FromSize int64      `json:"from_size"`
	Rows     int64      `json:"rows"`
	Sum      string     `json:"sum"`
	Files    []pageMade `json:"files"`
}

// Page is a page for dashboard.Page("Files", file.Page(app)): what is being made of which file and was last, how large both are, how long it took, and why it failed. The
// dashboard says who may see it; served elsewhere, the program has to.
func Page(app *offload.App) http.Handler {
	tasks := []string{Compress.Name(), Decompress.Name(), Checksum.Name(), Unpack.Name(), Convert.Name(), Table.Name()}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		jobs, err := app.Jobs(r.Context(), offload.Filter{Tasks: tasks, Max: pageJobs})
		if err != nil {
			http.Error(w, fmt.Sprintf("look for work on files: %v", err), http.StatusServiceUnavailable)
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
	_ = json.Unmarshal(job.Input, &row) // one that is encrypted can't be read here
	if p := job.Progress; p != nil && p.Total > 0 && job.State == offload.Running {
		row.Percent = min(100*p.Done/p.Total, 100)
	}
	if job.State != offload.Completed {
		return row
	}
	_ = json.Unmarshal(job.Result, &row.Made)
	for _, f := range row.Made.Files {
		row.Made.Size += f.Size
	}
	if row.Made.Sum != "" { // nothing was made
		row.Made.Size, row.Made.FromSize = 0, row.Made.Size
	}
	row.Ended, row.Took = true, job.FinishedAt.Sub(job.StartedAt).Round(time.Millisecond)
	return row
}

// Share is how large what was made is, in percent of what it was made of; 0 where that is not known.
func (m pageMade) Share() int64 {
	if m.FromSize <= 0 {
		return 0
	}
	return 100 * m.Size / m.FromSize
}
