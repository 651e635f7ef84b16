package dashboard

import (
	"fmt"
	"time"

	"github.com/offloadhq/offload/operate"
)

// behind is how long a job of a queue that is worked may wait before the queue counts as behind.
const behind = time.Minute

// verdict says in a sentence how things stand: the worst first. tone is "good", "busy" or "bad", and why a path that
// shows more.
// fresh is how many kinds of error are new.
func verdict(queues []operate.Queue, processes []operate.Process, fresh int, now time.Time) (text, tone, why string) {
	lost, stuck := 0, 0
	for _, p := range processes {
		if p.Lost {
			lost++
		}
		stuck += len(p.Stuck)
	}
	var worst *operate.Queue
	for i := range queues {
		q := &queues[i]
		if q.Available > 0 && !q.Paused && (worst == nil || q.Oldest.Before(worst.Oldest)) {
			worst = q
		}
	}
	waited := time.Duration(0)
	if worst != nil {
		waited = max(0, now.Sub(worst.Oldest))
	}
	switch {
	case len(processes) == 0 && worst != nil:
		return fmt.Sprintf("No process works: %s waits for %s.", worst.Name, span(waited)), "bad", "/processes"
	case len(processes) == 0:
		return "No process works. What is enqueued waits for one.", "busy", "/processes"
	case lost > 0:
		return fmt.Sprintf("%s lost; the jobs are being given to others.", plural(lost, "process is", "processes are")), "bad", "/processes"
	case worst != nil && worst.Workers == 0 && waited > behind:
		return fmt.Sprintf("No process works %s: its oldest job waits for %s.", worst.Name, span(waited)), "bad", "/queues"
	case worst != nil && waited > behind:
		return fmt.Sprintf("%s is %s behind: %d of %d workers busy.", worst.Name, span(waited), worst.Running, worst.Workers), "bad", "/queues"
	case stuck > 0:
		return fmt.Sprintf("%s of a context that has ended.", plural(stuck, "handler takes no notice", "handlers take no notice")), "busy", "/processes"
	}
	if paused := pausedQueues(queues); paused != "" {
		return paused, "busy", "/queues"
	}
	if fresh > 0 {
		return plural(fresh, "new kind", "new kinds") + " of error in the last hour.", "busy", "/errors"
	}
	if worst != nil && waited >= time.Second {
		return fmt.Sprintf("All queues keep up. The oldest job waits %s.", span(waited)), "good", "/queues"
	}
	return "All queues keep up.", "good", "/queues"
}

// pausedQueues says which queues are paused though jobs wait in them; "" if none is.
func pausedQueues(queues []operate.Queue) string {
	name, n := "", 0
	for _, q := range queues {
		if q.Paused && q.Available+q.Blocked > 0 {
			name, n = q.Name, n+1
		}
	}
	switch n {
	case 0:
		return ""
	case 1:
		return name + " is paused, and jobs wait in it."
	}
	return fmt.Sprintf("%d queues are paused, and jobs wait in them.", n)
}
