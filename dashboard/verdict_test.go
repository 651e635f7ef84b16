package dashboard

import (
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
)

// The worst is said first, with a page that shows more of it.
func TestVerdict(t *testing.T) {
	now := time.Now()
	good := operate.Process{}
	for want, is := range map[string]struct {
		queue   operate.Queue
		process *operate.Process
		fresh   int
	}{
		"good /queues: All queues keep up.":                                       {operate.Queue{Name: "mail"}, &good, 0},
		"good /queues: All queues keep up. The oldest job waits 5 s.":             {operate.Queue{Name: "mail", Available: 1, Workers: 1, Oldest: now.Add(-5 * time.Second)}, &good, 0},
		"busy /errors: 2 new kinds of error in the last hour.":                    {operate.Queue{Name: "mail"}, &good, 2},
		"busy /queues: mail is paused, and jobs wait in it.":                      {operate.Queue{Name: "mail", Available: 1, Paused: true, Oldest: now.Add(-time.Hour)}, &good, 2},
		"busy /processes: 1 handler takes no notice of a context that has ended.": {operate.Queue{}, &operate.Process{Stuck: make([]offload.ID, 1)}, 2},
		"bad /queues: mail is 10 min behind: 1 of 2 workers busy.":                {operate.Queue{Name: "mail", Available: 1, Running: 1, Workers: 2, Oldest: now.Add(-10 * time.Minute)}, &good, 2},
		"bad /queues: No process works mail: its oldest job waits for 10 min.":    {operate.Queue{Name: "mail", Available: 1, Oldest: now.Add(-10 * time.Minute)}, &good, 2},
		"bad /processes: 1 process is lost; the jobs are being given to others.":  {operate.Queue{}, &operate.Process{Lost: true}, 2},
		"busy /processes: No process works. What is enqueued waits for one.":      {operate.Queue{}, nil, 2},
		"bad /processes: No process works: mail waits for 10 min.":                {operate.Queue{Name: "mail", Available: 1, Oldest: now.Add(-10 * time.Minute)}, nil, 2},
	} {
		var processes []operate.Process
		if is.process != nil {
			processes = append(processes, *is.process)
		}
		text, tone, why := verdict([]operate.Queue{is.queue}, processes, is.fresh, now)
		if got := tone + " " + why + ": " + text; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
