package main

import (
	"time"

	"github.com/offloadhq/offload/internal/cutwire"
	"github.com/offloadhq/offload/internal/testpg"
)

func init() {
	register(Trial{
		Name:   "slow-network",
		About:  "answers take 200 ms ± 100 ms each way, and then a connection carries 1 KB a second",
		Stores: []string{"postgres"},
		Short:  8 * time.Second, Long: 5 * time.Minute,
		Roles: map[string]Role{"probe": probe},
		Run:   slowNetwork,
	})
	register(Trial{
		Name:   "black-hole",
		About:  "connections stay open and nothing comes through: first those that listen, then all, while another worker is beside",
		Stores: []string{"postgres"},
		Short:  15 * time.Second, Long: 5 * time.Minute,
		Run: blackHole,
	})
}

// farQueue is worked behind the network only.
const farQueue = "far"

// farAway starts a worker, an enqueuer and a probe behind a proxy.
func farAway(s *Stage, rate int, tx float64) *cutwire.Proxy {
	proxy := cutwire.New(s, testpg.Host(s, s.Database.Address))
	through := testpg.WithHost(s, s.Database.Address, proxy.Addr())
	for _, spec := range []Spec{
		Worker{Slots: 20}.Spec(),
		{Role: "probe"},
		Enqueuer{Rate: rate, Tx: tx, Callers: 4, Resend: true, Mix: []Kind{{Task: "sleep", Most: 200 * time.Millisecond}}}.Spec(),
	} {
		spec.Address = through
		s.Start(spec)
	}
	ring(s, s.Database.Address)
	began := time.Now()
	s.Until("a probe hears the bell", time.Minute, func() bool { _, found := heardAfter(s, began); return found })
	return proxy
}

// probesEnd ends the probes, which look as processes of their own do.
func probesEnd(s *Stage) {
	s.Helper()
	for _, p := range s.Processes("probe") {
		if _, ok := p.Stop(30 * time.Second); !ok {
			s.Broken("process", "%s did not end", p.Name)
		}
	}
}

func slowNetwork(s *Stage) {
	proxy := farAway(s, 20, 0.1)
	proxy.Latency(200*time.Millisecond, 100*time.Millisecond)
	s.Wait(s.For / 2)
	began := time.Now()
	s.Figure("enqueue to start with 200 ms each way", started(s, "with 200 ms each way", farQueue).Sub(began).Seconds(), "s")
	proxy.Latency(0, 0)
	proxy.Bandwidth(1000)
	s.Wait(s.For / 2)
	proxy.Bandwidth(0)
	well := time.Now()
	works(s, "after 1 KB a second", farQueue, well)
	hears(s, "after 1 KB a second", well)
	probesEnd(s)
	s.Settle(2 * time.Minute)
	noneRefused(s)
	noneDiscarded(s)
	reportCalls(s)
	reportOverlaps(s)
}

func blackHole(s *Stage) {
	s.Start(Worker{Slots: 5, Queues: []string{"default"}}.Spec()) // who sees the others fall silent
	proxy := farAway(s, 50, 0.3)
	deaf := time.Now()
	if n := proxy.Deafen(); n == 0 {
		s.Fatalf("nobody listens")
	}
	hears(s, "after its connection died without a word", deaf)

	proxy.Silence(true)
	s.Wait(s.For)
	proxy.Silence(false)
	well := time.Now()
	works(s, "after the silence", farQueue, well)
	hears(s, "after the silence", well)
	probesEnd(s)
	s.Settle(2 * time.Minute)
	noneRefused(s)
	noneDiscarded(s)
	reportCalls(s)
	reportOverlaps(s)
}

// reportOverlaps reports attempts that began while an earlier one of the job went on. A process
// that is cut off ends its handlers before another one is given their jobs.
func reportOverlaps(s *Stage) {
	overlaps := 0
	for id, e := range byID(s.Ledger().Jobs) {
		for _, r := range e.Runs {
			if again, found := restart(*e, r.Attempt); found && (r.End.IsZero() || again.Before(r.End)) {
				overlaps++
				s.Say("attempts of job %s overlap: %s", id, e.runs())
			}
		}
	}
	s.AtMost("attempts that overlapped", float64(overlaps), "", 0)
}
