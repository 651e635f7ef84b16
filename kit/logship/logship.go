// Package logship hands what a program logs over in nanoseconds and ships it behind it: to files that are rotated, to a collector of OpenTelemetry, to Loki, to a table of your own
// database.
//
//	ship, err := logship.New(logship.OTLP("http://collector:4318/v1/logs", logship.Resource{"service.name": "shop"}))
//	slog.SetDefault(slog.New(ship.Handler()))
//	app, err := offload.Open(ctx, address, ship)
//
// The handler keeps to the rules of log/slog for groups and attributes. What the program logs never waits for where it goes, unless Block says so.
//
// # Who ships
//
// A process that runs jobs does so by itself, as ship is a part of its app. Elsewhere call Run in a goroutine, and Close at the end:
//
//	go ship.Run(ctx)
//	defer ship.Close()
//
// Until somebody does, records wait.
//
// # What can get lost
//
// Nothing at a clean stop: what waits is shipped then, for 10 s at most (Drain); Close says how many were not. When the process is killed, what waits in memory is lost, about a second of it.
// With Spool nothing is: each record is in a file before the call returns, and what the process did not ship is shipped by the next one with the same directory. That costs some microseconds a
// record instead of some hundred nanoseconds, and after a crash up to a batch is shipped twice; a Table takes it once.
//
// While the destination is away, records wait: 10,000 of them and 64 MiB at most (Room), with Spool 1 GiB. What comes beyond is dropped and counted, and a record of its own says how many as soon as
// it can; with Block the program waits instead. Statuses 429 and 5xx are tried again with growing pauses, or when Retry-After says; a batch that is too large (413) is halved; what the destination
// refuses for good is dropped and counted. A record of more than 256 KiB (MaxRecord) is cut, says so in its attribute logship_cut, and is counted. Counts has all counts.
//
// # Why not as jobs
//
// A job is stored before the call returns: a thousand times what a record may cost, and a database that is slow would make slow whatever logs, which is also what writes to the database. So records
// go in batches, from memory or from a file.
//
// # It never logs about itself through itself
//
// Its troubles go to stderr, or where Trouble says, once a minute at most. What an HTTP transport or a driver logs with the context of a shipment is not shipped again.
package logship

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/offloadhq/offload"
)

// An Item is a record on its way.
type Item struct {
	ID    string // its own, also when it is shipped again
	Time  time.Time
	Level slog.Level
	Line  []byte // a JSON object as slog's JSONHandler writes it, with time, level and msg, without a newline
}

// A Destination takes records. Ship is called by one goroutine at a time, with at most 1,000 records and about 1 MiB. It returns nil once all are safe; a *RefusedError where
// they, or some, will never be taken; a *LaterError where the other side says when; ErrTooLarge where fewer would do. Any other error is tried again.
type Destination interface {
	Ship(ctx context.Context, items []Item) error
}

// ErrTooLarge says that fewer records at once would be taken.
var ErrTooLarge = errors.New("too large a batch")

// A RefusedError says that records will never be taken.
type RefusedError struct {
	Records int // how many; 0 is all
	Reason  string
}

func (e *RefusedError) Error() string { return "records were refused: " + e.Reason }

// A LaterError says when to try again.
type LaterError struct {
	After  time.Duration
	Reason string
}

func (e *LaterError) Error() string { return e.Reason }

// A Shipper ships records. It is a Part, and safe for concurrent use.
type Shipper struct {
	offload.Part
	to     Destination
	config config
	encode encoder
	from   source
	counts counts
	turn   chan struct{} // held by who ships
	closed atomic.Bool
	said   atomic.Int64 // when trouble was told last, seconds since 1970
	once   sync.Once
}

// A source is where records wait.
type source interface {
	put(ctx context.Context, e entry) bool // false: there was no room
	take(most, bytes int) ([]Item, error)  // the oldest; they wait until done
	done(n int)                            // so many of the oldest are shipped, or given up
	left() int                             // how many wait, about
	wake() <-chan struct{}                 // told when many wait
	shut()                                 // nothing more is put
	release() error
}

// An Option shapes a Shipper.
type Option interface{ apply(*config) }

type option func(*config)

func (f option) apply(c *config) { f(c) }

type config struct {
	level     slog.Leveler
	source    bool
	redact    func(groups []string, a slog.Attr) slog.Attr
	records   int
	bytes     int
	maxRecord int
	block     bool
	drain     time.Duration
	every     time.Duration
	spool     string
	sync      bool
	spoolMost int64
	trouble   func(error)
}

// Level is the least level that is shipped; a *slog.LevelVar may change. The default is slog.LevelInfo.
func Level(l slog.Leveler) Option { return option(func(c *config) { c.level = l }) }

// Source adds the file and line of the call.
func Source() Option { return option(func(c *config) { c.source = true }) }

// Redact calls f for each attribute before it is shipped or written anywhere, as slog.HandlerOptions.ReplaceAttr does: return another value, or the zero Attr to leave it out. Where f panics, the record is
// replaced by one that says so. f must not log to the Shipper.
func Redact(f func(groups []string, a slog.Attr) slog.Attr) Option {
	return option(func(c *config) { c.redact = f })
}

// Room is how many records, and how many bytes of them, wait in memory. The default is 10,000 and 64 MiB.
func Room(records, bytes int) Option {
	return option(func(c *config) { c.records, c.bytes = records, bytes })
}

// MaxRecord is how long the texts of a record are together before it is cut, 1 KiB to 10 MiB. The default is 256 KiB.
func MaxRecord(bytes int) Option { return option(func(c *config) { c.maxRecord = bytes }) }

// Block makes whoever logs wait for room, or for their context to end, instead of dropping records. Then what is logged is as reliable as its destination, and the program too.
func Block() Option { return option(func(c *config) { c.block = true }) }

// Drain is how long Run and Close ship what waits, at the end. The default is 10 s.
func Drain(d time.Duration) Option { return option(func(c *config) { c.drain = d }) }

// Every is how long records wait for others before they are shipped, unless a thousand have come. The default is 1 s.
func Every(d time.Duration) Option { return option(func(c *config) { c.every = d }) }

// Spool writes each record into a file in dir before the call returns, so that a killed process loses none. With synced they are on the disk then, for machines that lose power; that takes as long as the disk.
// One process at a time has the directory. Up to 1 GiB wait in it.
func Spool(dir string, synced bool) Option {
	return option(func(c *config) { c.spool, c.sync = dir, synced })
}

// Trouble is told what goes wrong with shipping, once a minute at most, in place of stderr. It must not log to the Shipper.
func Trouble(f func(error)) Option { return option(func(c *config) { c.trouble = f }) }

// New makes a Shipper. It starts nothing; with Spool it takes the directory.
func New(to Destination, opts ...Option) (*Shipper, error) {
	c := config{level: slog.LevelInfo, records: 10_000, bytes: 64 << 20, maxRecord: 256 << 10, drain: 10 * time.Second, every: time.Second, spoolMost: 1 << 30}
	c.trouble = func(err error) { fmt.Fprintln(os.Stderr, "offload/kit/logship:", err) }
	for _, o := range opts {
		if o != nil {
			o.apply(&c)
		}
	}
	if err := c.check(to); err != nil {
		return nil, err
	}
	if d, ok := to.(interface{ check() error }); ok {
		if err := d.check(); err != nil {
			return nil, err
		}
	}
	s := &Shipper{to: to, config: c, turn: make(chan struct{}, 1)}
	s.encode.init(s)
	if c.spool == "" {
		s.from = newQueue(s)
	} else {
		spool, err := openSpool(s)
		if err != nil {
			return nil, err
		}
		s.from = spool
	}
	s.Part = offload.Parts(offload.Beside(s.Run), offload.OnClose(s.Close))
	return s, nil
}

func (c *config) check(to Destination) error {
	switch {
	case to == nil:
		return &offload.InputError{Field: "destination", Got: "nil", Want: "one made by Files, OTLP, Loki or Table, or of your own"}
	case c.level == nil:
		return &offload.InputError{Field: "Level", Got: "nil", Want: "a level"}
	case c.records < 1 || c.bytes < c.maxRecord:
		return &offload.InputError{Field: "Room", Got: fmt.Sprint(c.records, " and ", c.bytes), Want: "1 record or more, and as many bytes as MaxRecord"}
	case c.maxRecord < 1<<10 || c.maxRecord > 10<<20:
		return &offload.InputError{Field: "MaxRecord", Got: c.maxRecord, Want: "1 KiB to 10 MiB"}
	case c.drain < 0:
		return &offload.InputError{Field: "Drain", Got: c.drain, Want: "0 or more"}
	case c.every < time.Millisecond || c.every > time.Minute:
		return &offload.InputError{Field: "Every", Got: c.every, Want: "1 ms to 1 min"}
	case c.trouble == nil:
		return &offload.InputError{Field: "Trouble", Got: "nil", Want: "a function"}
	}
	return nil
}

// Counts are of one Shipper, since it was made.
type Counts struct {
	Logged  int64 // taken from the program
	Shipped int64 // taken by the destination
	Dropped int64 // there was no room, or it was logged after Close
	Refused int64 // by the destination, for good
	Cut     int64 // too long
	Lost    int64 // not shipped when Close gave up; with Spool they wait for the next process
	Own     int64 // logged by a shipment itself
	Retries int64 // of batches
	Waiting int64 // now
}

type counts struct {
	logged, shipped, dropped, refused, cut, lost, own, retries atomic.Int64
	told                                                       atomic.Int64 // of dropped
}

// Counts says what has become of records so far.
func (s *Shipper) Counts() Counts {
	c := &s.counts
	return Counts{
		Logged: c.logged.Load(), Shipped: c.shipped.Load(), Dropped: c.dropped.Load(), Refused: c.refused.Load(), Cut: c.cut.Load(),
		Lost: c.lost.Load(), Own: c.own.Load(), Retries: c.retries.Load(), Waiting: int64(s.from.left()),
	}
}

// say tells trouble, once a minute.
func (s *Shipper) say(err error) {
	now := time.Now().Unix()
	if last := s.said.Load(); now-last >= 60 && s.said.CompareAndSwap(last, now) {
		s.config.trouble(err)
	}
}
