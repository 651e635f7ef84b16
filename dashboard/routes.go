package dashboard

import "net/http"

// A route is one thing that can be asked of the dashboard, and the least role that may.
type route struct {
	method, path string
	role         Role
	show         func(*request) (*content, error) // of GET
	do           func(*request) (*done, error)    // of POST
	raw          func(*request, http.ResponseWriter) error
}

// table is every route there is. What is not here is 404, and who has less than its role gets 403: there
// is no other place that decides.
func (d *dashboard) table() []route {
	return []route{
		{"GET", "/{$}", Viewer, d.overview, nil, nil},

		{"GET", "/jobs", Viewer, d.jobs, nil, nil},
		{"GET", "/retries", Viewer, d.retries, nil, nil},
		{"GET", "/scheduled", Viewer, d.scheduled, nil, nil},
		{"GET", "/discarded", Viewer, d.discarded, nil, nil},
		{"GET", "/jobs/export", Operator, nil, nil, d.exportJobs},
		{"GET", "/jobs/{id}", Viewer, d.job, nil, nil},
		{"GET", "/jobs/{id}/json", Operator, nil, nil, d.downloadJob},
		{"GET", "/jobs/new", Operator, d.newJob, nil, nil},
		{"POST", "/jobs/new", Operator, nil, d.enqueue, nil},
		{"POST", "/jobs/act", Operator, nil, d.actOnJobs, nil},

		{"GET", "/errors", Viewer, d.errors, nil, nil},
		{"GET", "/errors/{group}", Viewer, d.errorGroup, nil, nil},
		{"POST", "/errors/retry", Operator, nil, d.retryError, nil},
		{"POST", "/errors/discard", Operator, nil, d.discardError, nil},
		{"POST", "/errors/mute", Operator, nil, d.muteError, nil},
		{"POST", "/errors/resolve", Operator, nil, d.resolveError, nil},
		{"POST", "/errors/open", Operator, nil, d.openError, nil},

		{"GET", "/queues", Viewer, d.queues, nil, nil},
		{"POST", "/queues/pause", Operator, nil, d.pauseQueue, nil},
		{"POST", "/queues/resume", Operator, nil, d.resumeQueue, nil},
		{"POST", "/queues/workers", Admin, nil, d.setWorkers, nil},
		{"POST", "/queues/workers/reset", Admin, nil, d.resetWorkers, nil},
		{"POST", "/tasks/pause", Operator, nil, d.pauseTask, nil},
		{"POST", "/tasks/resume", Operator, nil, d.resumeTask, nil},

		{"GET", "/limits", Viewer, d.limits, nil, nil},
		{"POST", "/limits/set", Admin, nil, d.setLimit, nil},
		{"POST", "/limits/reset", Admin, nil, d.resetLimit, nil},
		{"POST", "/limits/pause", Operator, nil, d.pauseLimit, nil},
		{"POST", "/limits/skip", Operator, nil, d.skipLimit, nil},

		{"GET", "/schedules", Viewer, d.schedules, nil, nil},
		{"GET", "/schedules/of/{name...}", Viewer, d.schedule, nil, nil},
		{"POST", "/schedules/run", Operator, nil, d.runSchedule, nil},
		{"POST", "/schedules/pause", Operator, nil, d.pauseSchedule, nil},
		{"POST", "/schedules/resume", Operator, nil, d.resumeSchedule, nil},
		{"GET", "/schedules/set", Admin, d.newSchedule, nil, nil},
		{"POST", "/schedules/set", Admin, nil, d.setSchedule, nil},
		{"POST", "/schedules/remove", Admin, nil, d.removeSchedule, nil},

		{"GET", "/workflows", Viewer, d.workflows, nil, nil},
		{"GET", "/workflows/{id}", Viewer, d.workflow, nil, nil},
		{"POST", "/workflows/retry", Operator, nil, d.retryWorkflow, nil},
		{"POST", "/workflows/cancel", Operator, nil, d.cancelWorkflow, nil},

		{"GET", "/processes", Viewer, d.processes, nil, nil},
		{"GET", "/processes/{id}", Viewer, d.process, nil, nil},
		{"POST", "/processes/quiet", Admin, nil, d.quietProcess, nil},
		{"POST", "/processes/stop", Admin, nil, d.stopProcess, nil},

		{"GET", "/operations", Viewer, d.operations, nil, nil},
		{"POST", "/operations/cancel", Operator, nil, d.cancelOperation, nil},

		{"GET", "/find", Viewer, d.find, nil, nil},
		{"POST", "/views/save", Operator, nil, d.saveView, nil},
		{"POST", "/views/remove", Operator, nil, d.removeView, nil},

		{"GET", "/settings", Viewer, d.settings, nil, nil},
		{"POST", "/settings", Viewer, nil, d.saveSettings, nil},
	}
}

// routes fills the mux from the table.
func (d *dashboard) routes() {
	d.mux = http.NewServeMux()
	for _, t := range d.table() {
		d.mux.HandleFunc(t.method+" "+t.path, func(w http.ResponseWriter, r *http.Request) { d.answer(w, r, &t) })
	}
	for _, p := range d.pages {
		d.mux.HandleFunc("/x/"+p.slug+"/", func(w http.ResponseWriter, r *http.Request) { d.added(w, r, p) })
	}
	d.mux.HandleFunc("GET /assets/{name}", d.asset)
	d.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		d.answer(w, r, &route{"", "", Viewer, d.nothing, nil, nil})
	})
}
