package main

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/internal/testpg"
)

func init() {
	register(Trial{
		Name:   "connections-taken",
		About:  "somebody else takes every connection of the server, and keeps them for longer than a process may be silent",
		Stores: []string{"postgres"},
		Short:  11 * time.Second, Long: 5 * time.Minute,
		Open: func(s *Stage) *Database { return openServerWith(s, "max_connections = 40") },
		Run:  takeConnections,
	})
}

func takeConnections(s *Stage) {
	address := roleFor(s, "program", "all")
	other := testpg.WithUser(s, s.Database.Address, "other", "")
	if err := s.Database.exec(s.ctx, "create role other login"); err != nil {
		s.Fatalf("%v", err)
	}
	for _, spec := range []Spec{
		Worker{Slots: 20}.Spec(),
		Enqueuer{Rate: 100, Tx: 0.3, Callers: 4, Resend: true, Mix: []Kind{{Task: "sleep", Most: 100 * time.Millisecond}}}.Spec(),
	} {
		spec.Address = address
		s.Start(spec)
	}
	s.Until("jobs run", time.Minute, func() bool { return starts(s.Ledger()) > 50 })

	began := time.Now()
	taken := takeAll(s, other)
	if err := s.Database.exec(s.ctx, "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'program'"); err != nil {
		s.Fatalf("%v", err)
	}
	s.Wait(s.For)
	n := taken.giveBack()
	over := time.Now()
	s.Figure("connections taken", float64(n), "")
	works(s, "after the connections were given back", farQueue, over) // where no other job is in front
	s.Settle(2 * time.Minute)
	noneRefused(s)
	noneDiscarded(s)
	for _, role := range []string{"worker", "enqueuer"} {
		s.AtMost("log lines of the "+role+" each second", float64(mostOf(logLines(s, role, began, over)))/over.Sub(began).Seconds(), "", 1)
	}
}

// A taker takes each connection that there is, until it gives them back.
type taker struct {
	cancel context.CancelFunc
	all    sync.WaitGroup
	conns  []*pgx.Conn
}

func takeAll(s *Stage, address string) *taker {
	ctx, cancel := context.WithCancel(s.ctx)
	t := &taker{cancel: cancel}
	t.all.Go(func() {
		for ctx.Err() == nil {
			conn, err := pgx.Connect(ctx, address)
			if err != nil {
				_ = Doze(ctx, time.Millisecond) // one may become free
				continue
			}
			t.conns = append(t.conns, conn)
		}
	})
	s.Cleanup(func() { t.giveBack() })
	return t
}

// giveBack gives all back, and returns how many they were.
func (t *taker) giveBack() (n int) {
	t.cancel()
	t.all.Wait()
	n = len(t.conns)
	for _, conn := range t.conns {
		_ = conn.Close(context.Background())
	}
	t.conns = nil
	return n
}
