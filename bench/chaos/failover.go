package main

import (
	"strings"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/cutwire"
	"github.com/offloadhq/offload/internal/testpg"
)

func init() {
	register(Trial{
		Name:   "failover",
		About:  "a replica is promoted while the old primary stays up and only reads, for workers at an address that moves and at one of both servers",
		Stores: []string{"postgres"},
		Short:  3 * time.Second, Long: 2 * time.Minute,
		Open:  openServer,
		Tasks: []Task{promptTask},
		Run:   failover,
	})
}

// promptTask is the task of these jobs: as any that asks another server, it has a timeout. A
// commit that the old primary was about to send to its replica waits for ever, and the
// connection to it is well all the time.
var promptTask = Task{
	Name:    "prompt",
	Options: append([]offload.TaskOption{offload.Timeout(15 * time.Second)}, sleepTask.Options...),
	Run:     sleepTask.Run,
}

func failover(s *Stage) {
	old := s.Database.Server
	replica := old.Replica(s)
	// What has been committed is on both, so that none of it can be lost with the old one.
	old.Exec(s, "alter system set synchronous_standby_names = '*'")
	old.Exec(s, "select pg_reload_conf()")
	s.Cleanup(func() { // what waits for the replica is let go only when nobody takes it for an answer
		old.Exec(s, "alter system reset synchronous_standby_names")
		old.Exec(s, "select pg_reload_conf()")
	})
	before, after := s.Database.Address, testpg.WithHost(s, s.Database.Address, testpg.Host(s, replica.Address()))
	proxy := cutwire.New(s, testpg.Host(s, before))
	moves := testpg.WithHost(s, before, proxy.Addr())
	both := testpg.WithHost(s, before, testpg.Host(s, before)+","+testpg.Host(s, after))
	both = testpg.With(s, both, "target_session_attrs", "read-write")
	addresses := map[string]string{"moves": moves, "both": both}
	var names []string
	for name, address := range addresses {
		queue := "of-" + name
		for _, spec := range []Spec{
			Worker{Slots: 10, Queues: []string{queue}}.Spec(),
			{Role: "probe"},
			Enqueuer{
				Rate: 50, Tx: 0.3, Callers: 4, Resend: true,
				Mix: []Kind{{Task: promptTask.Name, Queue: queue, Most: 100 * time.Millisecond}},
			}.Spec(),
		} {
			spec.Address = address
			names = append(names, s.Start(spec).Name+" at "+name)
		}
	}
	s.Say("%s", strings.Join(names, ", "))
	bells := []*bell{ring(s, before)}
	s.Wait(s.For)

	old.ReadOnly(s, true)
	proxy.Target(testpg.Host(s, after)) // open connections stay where they are
	replica.Promote(s)
	promoted := time.Now()
	s.Blind(func() { s.Database = OnPostgres(after, replica) })
	bells = append(bells, ring(s, after))
	bells[0].stop()
	for name := range addresses {
		works(s, "at an address that "+name, "of-"+name, promoted)
	}
	for _, p := range s.Processes("probe") {
		s.Until("every probe hears again", time.Minute, func() bool {
			at, found := heardBy(s, p, promoted)
			if found {
				s.AtMost("LISTEN again, "+p.Name, at.Sub(promoted).Seconds(), "s", 20)
			}
			return found
		})
	}
	if !s.Short {
		s.Wait(s.For)
	}
	probesEnd(s)
	s.Settle(2 * time.Minute)
	noneRefused(s)
	noneDiscarded(s)
	reportCalls(s)
}
