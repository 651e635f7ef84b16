package postgres

import (
	"context"
	"testing"
	"time"

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
	if _, err := beside.Exec(t.Context(), "select pg_notify($1, $2)", s.channel, "5:mail"); err != nil {
		t.Fatal(err)
	}
	for w := range heard {
		if w == (store.Wake{Queue: "mail", Priority: 5}) {
			break
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("Listen = %v", err)
	}
}
