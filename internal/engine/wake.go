package engine

import (
	"context"
	"sync"
	"time"

	"github.com/offloadhq/offload/store"
)

// A mailbox keeps what the claimer shall look at, and when. Posting never blocks.
type mailbox struct {
	mu      sync.Mutex // held for moments
	news    map[store.Wake]news
	notices notice
	ring    chan struct{} // holds one token while there is something to read
}

// A notice is a reason to look at once, whatever is due; several are a sum.
type notice uint8

const (
	answerLost notice = 1 << iota // there may be leases that nobody here knows of
	letThrough                    // jobs that waited may be due: a limit, or what they are after, has let them through
	keptBack                      // the store kept a new job from starting: a pause that this process may not know of yet
)

// news is what is known of jobs that one wake tells of.
type news struct {
	now  bool      // some may be due
	next time.Time // when one becomes due; zero if that is not known
}

func newMailbox() mailbox {
	return mailbox{news: map[store.Wake]news{}, ring: make(chan struct{}, 1)}
}

// post says that a job of w becomes due after in.
func (m *mailbox) post(w store.Wake, in time.Duration) {
	m.mu.Lock()
	n := m.news[w]
	if in <= 0 {
		n.now = true
	} else {
		n.next = earliest(n.next, time.Now().Add(in))
	}
	m.news[w] = n
	m.mu.Unlock()
	ring(m.ring)
}

// tell says what a look shall tell more of.
func (m *mailbox) tell(n notice) {
	m.mu.Lock()
	m.notices |= n
	m.mu.Unlock()
	ring(m.ring)
}

// told returns what was told since it was asked.
func (m *mailbox) told() notice {
	m.mu.Lock()
	defer m.mu.Unlock()
	told := m.notices
	m.notices = 0
	return told
}

// take empties the mailbox.
func (m *mailbox) take() map[store.Wake]news {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.news) == 0 {
		return nil
	}
	taken := m.news
	m.news = map[store.Wake]news{}
	return taken
}

func (m *mailbox) clear() {
	m.take()
	select {
	case <-m.ring:
	default:
	}
}

// earliest is the earlier of two times, of which zero is none.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// ring puts a token into a channel that holds one, if there is none.
func ring(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// listen hears of jobs that were inserted elsewhere, under the identity of the moment, until
// ctx ends. A wake is passed on as it is: the claimer looks.
func (s *shift) listen(ctx context.Context) {
	pause := newPause(time.Second, 30*time.Second)
	for ctx.Err() == nil {
		process, changed := s.hand.who()
		if process.IsZero() {
			await(ctx, changed)
			continue
		}
		err := s.listenAs(ctx, process, changed)
		if err == nil {
			pause.reset()
			continue
		}
		s.trouble.report("listen", err)
		pause.wait(ctx)
	}
}

// listenAs listens until ctx ends or the process gets another identity.
func (s *shift) listenAs(ctx context.Context, process store.ID, changed <-chan struct{}) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- s.Store.Listen(ctx, process, func(w store.Wake) {
			s.trouble.clear("listen")
			s.mail.post(w, 0)
		})
	}()
	select {
	case err := <-ended:
		return err
	case <-changed:
		cancel()
		return <-ended
	}
}

// await waits until c is closed or ctx ends.
func await(ctx context.Context, c <-chan struct{}) {
	select {
	case <-c:
	case <-ctx.Done():
	}
}
