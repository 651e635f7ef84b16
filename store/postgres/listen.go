package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/store"
)

// Numbers of listening.
const (
	listenEvery = 10 * time.Second       // a connection that listens makes a round trip so often
	pongTime    = 5 * time.Second        // and takes so long for it at most
	pollEvery   = 250 * time.Millisecond // in place of notifications behind a pooler
	redialMost  = 10 * time.Second       // between tries to listen again
)

// channelOf is the channel on which the processes of a schema are told of jobs.
func channelOf(schema string) string {
	name := schema + "_wake"
	if len(name) > 63 {
		sum := sha256.Sum256([]byte(schema))
		name = "offload_" + hex.EncodeToString(sum[:16])
	}
	return name
}

// anything is the wake that says no more than that there may be something.
var anything = store.Wake{Priority: -1}

func encodeWake(w store.Wake) string { return strconv.Itoa(w.Priority) + ":" + w.Queue }

func decodeWake(s string) store.Wake {
	priority, queue, _ := strings.Cut(s, ":")
	n, err := strconv.Atoi(priority)
	if err != nil {
		return anything // of a later release
	}
	return store.Wake{Queue: queue, Priority: n}
}

// notify is the statement that tells processes that sleep.
func (s *Store) notify(wakes []store.Wake) step {
	told := make([]string, len(wakes))
	for i, w := range wakes {
		told[i] = encodeWake(w)
	}
	return step{sql: s.sql.notify, args: []any{s.channel, told}}
}

// wake tells processes that sleep of jobs that were put back. It is a hint: if it fails, their
// next look finds the jobs.
func (s *Store) wake(ctx context.Context, wakes []store.Wake) {
	if len(wakes) == 0 {
		return
	}
	s.ears.hear(wakes)
	_ = s.onEngine(ctx, "wake", func(ctx context.Context, conn *pgx.Conn) error {
		return s.run(ctx, conn, s.notify(wakes))
	})
}

// Ears are the calls of Listen on this store. What is inserted here they hear without the server.
type ears struct {
	mu  sync.Mutex
	all map[*ear]bool
}

// An ear is one call of Listen.
type ear struct {
	mu    sync.Mutex
	heard []store.Wake  // and not told yet
	ring  chan struct{} // holds one token while there is something to tell
}

func (e *ears) open() *ear {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.all == nil {
		e.all = map[*ear]bool{}
	}
	one := &ear{ring: make(chan struct{}, 1)}
	e.all[one] = true
	return one
}

func (e *ears) shut(one *ear) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.all, one)
}

func (e *ears) hear(wakes []store.Wake) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for one := range e.all {
		for _, w := range wakes {
			one.hear(w)
		}
	}
}

func (e *ear) hear(w store.Wake) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !slices.Contains(e.heard, w) {
		e.heard = append(e.heard, w)
	}
	select {
	case e.ring <- struct{}{}:
	default:
	}
}

func (e *ear) take() []store.Wake {
	e.mu.Lock()
	defer e.mu.Unlock()
	heard := e.heard
	e.heard = nil
	return heard
}

// Listen is that of store.Member.
func (s *Store) Listen(ctx context.Context, _ store.ID, wake func(store.Wake)) error {
	one := s.ears.open()
	defer s.ears.shut(one)
	listening, cancel := context.WithCancel(ctx)
	defer context.AfterFunc(s.life, cancel)()
	var line sync.WaitGroup
	line.Go(func() { s.keepListening(listening, one) })
	defer line.Wait()
	defer cancel()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.life.Done():
			return s.fail("listen", errClosed)
		case <-one.ring:
		}
		for _, w := range one.take() {
			wake(w)
		}
	}
}

// keepListening keeps a connection that listens until ctx ends. After each time that it was
// deaf, anything may have come.
func (s *Store) keepListening(ctx context.Context, one *ear) {
	for n := 0; ctx.Err() == nil; n++ {
		if n > 0 {
			one.hear(anything)
		}
		if s.pooled {
			rest(ctx, pollEvery/2+rand.N(pollEvery))
			continue
		}
		began := time.Now()
		err := s.listenOnce(ctx, one)
		if ctx.Err() != nil {
			return
		}
		slog.DebugContext(ctx, "offload: the connection that listens has broken; jobs are found by asking", "error", err)
		if time.Since(began) > redialMost {
			n = 0
		}
		wait := min(100*time.Millisecond<<min(n, 10), redialMost)
		rest(ctx, wait/2+rand.N(wait))
	}
}

// rest waits a while, or until ctx ends.
func rest(ctx context.Context, while time.Duration) {
	timer := time.NewTimer(while)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// listenOnce listens until the connection breaks or is deaf.
func (s *Store) listenOnce(ctx context.Context, one *ear) error {
	conn, err := s.dial(ctx)
	if err != nil {
		return err
	}
	defer hangUp(conn)
	if err := within(ctx, connectTime, func(ctx context.Context) error {
		_, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{s.channel}.Sanitize())
		return err
	}); err != nil {
		return err
	}
	one.hear(anything) // what came before
	for {
		var heard string
		err := within(ctx, s.listenEvery, func(ctx context.Context) error {
			n, err := conn.WaitForNotification(ctx)
			if err == nil {
				heard = n.Payload
			}
			return err
		})
		switch {
		case err == nil:
			one.hear(decodeWake(heard))
		case ctx.Err() != nil || conn.IsClosed():
			return err
		case !errors.Is(err, context.DeadlineExceeded):
			return err
		default:
			if err := within(ctx, s.pongTime, func(ctx context.Context) error { return s.pong(ctx, conn) }); err != nil {
				return err
			}
		}
	}
}

// errDemoted is why a connection that is sound is given up.
var errDemoted = errors.New("store/postgres: the server has become one that is only read")

// pong makes a round trip to a server on which jobs can still be stored.
func (s *Store) pong(ctx context.Context, conn *pgx.Conn) error {
	var writable bool
	if err := conn.QueryRow(ctx, read("writable"), pgx.QueryExecModeSimpleProtocol).Scan(&writable); err != nil {
		return err
	}
	if !writable {
		s.leave()
		return errDemoted
	}
	return nil
}

// hangUp closes a connection. To tell a server that does not answer takes the driver up to 15 s,
// which it may have for itself.
func hangUp(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(ctx)
	select {
	case <-conn.PgConn().CleanupDone():
	case <-ctx.Done():
	}
}

func within(ctx context.Context, d time.Duration, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	return f(ctx)
}

// dial makes a connection that is in no pool.
func (s *Store) dial(ctx context.Context) (conn *pgx.Conn, err error) {
	config := s.pool.Config()
	if config.BeforeConnect != nil {
		if err := config.BeforeConnect(ctx, config.ConnConfig); err != nil {
			return nil, err
		}
	}
	shape(config.ConnConfig, s.pooled)
	err = within(ctx, connectTime, func(ctx context.Context) error {
		conn, err = pgx.ConnectConfig(ctx, config.ConnConfig)
		return err
	})
	return conn, err
}
