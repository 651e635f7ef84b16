package postgres

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/offloadhq/offload/internal/cutwire"
	"github.com/offloadhq/offload/internal/testpg"
	"github.com/offloadhq/offload/store"
)

// A connection that listens and hears nothing any more, since the link is dead and nobody said
// so, is found out and made anew.
func TestListenOutlivesADeadLink(t *testing.T) {
	address := testpg.URL(t)
	p := cutwire.New(t, testpg.Host(t, address))
	s, err := open(t.Context(), testpg.WithHost(t, address, p.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	s.listenEvery, s.pongTime = 50*time.Millisecond, 50*time.Millisecond
	ctx, stop := context.WithCancel(t.Context())
	heard := make(chan store.Wake, 100)
	ended := make(chan error)
	go func() { ended <- s.Listen(ctx, store.ID{}, func(w store.Wake) { heard <- w }) }()
	if w := <-heard; w != anything {
		t.Errorf("first heard %+v, want anything", w)
	}

	p.Silence(true)
	for links := p.Links(); p.Links() <= links; { // until the dead connection is given up for a new one
		select {
		case <-heard:
		case <-time.After(time.Millisecond):
		}
	}
	p.Silence(false)
	for w := range heard { // listening again
		if w == anything {
			break
		}
	}
	beside, err := s.dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer beside.Close(context.Background())
	for told := false; !told; { // again: where the machine is slow the new connection may seem dead, too
		if _, err := beside.Exec(t.Context(), "select pg_notify($1, $2)", s.channel, "5:mail"); err != nil {
			t.Fatal(err)
		}
		for pause := time.After(100 * time.Millisecond); pause != nil && !told; {
			select {
			case w := <-heard:
				told = w == store.Wake{Queue: "mail", Priority: 5}
			case <-pause:
				pause = nil
			}
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("Listen = %v", err)
	}
}

// One that is deaf for good is not waited for.
func TestListenDoesNotWaitForADeadConnection(t *testing.T) {
	address := testpg.URL(t)
	p := cutwire.New(t, testpg.Host(t, address))
	s, heard := listening(t, testpg.WithHost(t, address, p.Addr()))
	p.Deafen()
	for told := time.After(12 * time.Second); ; { // the driver tries to tell the server for 15 s
		select {
		case w := <-heard:
			if w == bell {
				return
			}
		case <-time.After(50 * time.Millisecond):
			ringBell(t, s, address)
		case <-told:
			t.Fatal("nothing is heard before the driver has done with the dead connection")
		}
	}
}

// When another server has become the primary, and the old one is still there to be read, nothing
// stays behind with it.
func TestFailoverLeavesNothingBehind(t *testing.T) {
	old := testpg.Start(t)
	address := old.Database(t)
	p := cutwire.New(t, testpg.Host(t, address))
	s, heard := listening(t, testpg.WithHost(t, address, p.Addr()))
	if err := s.Migrate(t.Context(), store.Newest); err != nil {
		t.Fatal(err)
	}
	replica := old.Replica(t)
	var held []*pgxpool.Conn // several, so that several are idle
	for range 3 {
		conn, err := s.pool.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, conn)
	}
	for _, conn := range held {
		conn.Release()
	}
	old.ReadOnly(t, true)
	p.Target(testpg.Host(t, replica.Address()))
	replica.Promote(t)

	after := testpg.WithHost(t, address, testpg.Host(t, replica.Address()))
	for rung := false; !rung; {
		select {
		case w := <-heard:
			rung = w == bell
		case <-time.After(50 * time.Millisecond):
			ringBell(t, s, after)
		}
	}
	for _, conn := range s.pool.AcquireAllIdle(t.Context()) {
		var writable bool
		if err := conn.QueryRow(t.Context(), read("writable")).Scan(&writable); err != nil || !writable {
			t.Errorf("a connection of the pool leads to a server that is only read, %v", err)
		}
		conn.Release()
	}
	job := store.NewJob{ID: store.NewID(), Task: "send", Queue: "mail"}
	for tries := 1; ; tries++ {
		_, err := s.Insert(t.Context(), []store.NewJob{job})
		if err == nil {
			break
		}
		if !errors.Is(err, store.ErrUnavailable) || tries == 3 {
			t.Fatalf("Insert, made %d times, = %v", tries, err)
		}
	}
}

// bell is a wake that is heard only if it is rung for.
var bell = store.Wake{Queue: "bell", Priority: 5}

func ringBell(t *testing.T, s *Store, address string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), "select pg_notify($1, $2)", s.channel, encodeWake(bell)); err != nil {
		t.Fatal(err)
	}
}

// listening is a store that listens impatiently until the test ends, and what it has heard
// since it began.
func listening(t *testing.T, address string) (*Store, <-chan store.Wake) {
	t.Helper()
	s, err := open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	s.listenEvery, s.pongTime = 50*time.Millisecond, 500*time.Millisecond
	ctx, stop := context.WithCancel(context.Background())
	heard := make(chan store.Wake, 1000)
	ended := make(chan error)
	go func() { ended <- s.Listen(ctx, store.ID{}, func(w store.Wake) { heard <- w }) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Listen = %v", err)
		}
		s.Close()
	})
	<-heard // that it listens
	return s, heard
}
