package dashboard

import (
	"context"

	"github.com/offloadhq/offload/operate"
)

// readTasks reads the tasks for whoever needs them now.
func (d *dashboard) readTasks(r *request) ([]operate.Task, error) {
	return shared(r, "tasks", stripAge, func(ctx context.Context) ([]operate.Task, error) { return r.op.Tasks(ctx) })
}

func taskRowOf(t *operate.Task) taskRow {
	row := taskRow{Task: *t}
	if t.Paused {
		row.Acts = append(row.Acts, do("Resume", "/tasks/resume", Operator, "task", t.Name).main())
	} else {
		row.Acts = append(row.Acts, do("Pause", "/tasks/pause", Operator, "task", t.Name))
	}
	return row
}

func (d *dashboard) pauseTask(r *request) (*done, error) {
	name := r.PostForm.Get("task")
	if err := r.op.PauseTask(r.Context(), name); err != nil {
		return nil, err
	}
	undo := do("Resume", "/tasks/resume", Operator, "task", name)
	return &done{text: "Paused the task " + name + ". What runs goes on; nothing new of it begins.", undo: &undo}, nil
}

func (d *dashboard) resumeTask(r *request) (*done, error) {
	name := r.PostForm.Get("task")
	if err := r.op.ResumeTask(r.Context(), name); err != nil {
		return nil, err
	}
	return &done{text: "Resumed the task " + name + "."}, nil
}
