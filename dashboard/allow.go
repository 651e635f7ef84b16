package dashboard

import (
	"slices"

	"github.com/offloadhq/offload/operate"
)

// AllowTask lets admins enqueue and edit jobs of tasks that are marked offload.Dangerous, such as kit/command's "command" and
// kit/httpcall's "http", and set schedules of them. Without it nobody can from here.
func AllowTask(names ...string) Option {
	return option(func(c *config) { c.allowed = append(c.allowed, names...) })
}

// mayEnqueue refuses a task that is not to be enqueued, edited or scheduled by who asks.
func (d *dashboard) mayEnqueue(r *request, task string) error {
	tasks, err := d.readTasks(r)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(tasks, func(t operate.Task) bool { return t.Name == task })
	if i < 0 || !tasks[i].Dangerous {
		return nil
	}
	switch {
	case !slices.Contains(d.allowed, task):
		return badField("task", task, "one that is not dangerous; dashboard.AllowTask, or --allow-task, lets admins enqueue it from here")
	case !r.role.may(Admin):
		return badField("task", task, "one that is not dangerous, or the role "+string(Admin))
	}
	return nil
}
