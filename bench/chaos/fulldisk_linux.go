package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/offloadhq/offload"
)

func init() {
	roles := map[string]Role{"full-worker": workFull, "full-enqueuer": enqueueFull}
	register(Trial{
		Name:   "file-limit",
		About:  "no file may grow any more for a while, as with a quota",
		Stores: []string{"sqlite"},
		Short:  10 * time.Second, Long: 5 * time.Minute,
		Roles: roles,
		Run:   func(s *Stage) { fullDisk(s, limitFiles(s)) },
	})
	register(Trial{
		Name:   "full-disk",
		About:  "the file lies on a disk of 1 to 8 MiB, which is full, and is made larger after a while",
		Stores: []string{"sqlite"},
		Short:  10 * time.Second, Long: 5 * time.Minute,
		Rooted: true,
		Needs:  func(string) string { return lacksRoot("mount", "umount") },
		Open:   func(s *Stage) *Database { return OnSQLite(filepath.Join(mountMemory(s), "chaos.db")) },
		Roles:  roles,
		Run:    func(s *Stage) { fullDisk(s, remount(s)) },
	})
}

// A tap lets the files of a trial grow, or not.
type tap struct{ shut, open func() }

func fullDisk(s *Stage, t tap) {
	worker := s.Start(Spec{Role: "full-worker", Options: Worker{Slots: 20}})
	enqueuer := s.Start(Spec{Role: "full-enqueuer"})
	var full []Span
	var resumed []time.Duration
	hold := min(s.For/3, 75*time.Second) // longer than a process may go on without a beat, and than a minute
	for first := true; first || s.Left() > hold; first = false {
		s.Until("jobs are enqueued", time.Minute, func() bool { return s.ackedSince(time.Now().Add(-time.Second)) })
		s.Wait(s.Between(500*time.Millisecond, 1500*time.Millisecond))
		t.shut()
		began := time.Now()
		s.Until("an enqueue is refused", time.Minute, func() bool { return s.notedSince(noteRefused, began) })
		began = time.Now()
		s.Wait(hold)
		t.open()
		freed := time.Now()
		full = append(full, Span{began, freed})
		s.Until("jobs are enqueued and run again", time.Minute, func() bool {
			return s.ackedSince(freed) && s.startedSince(freed)
		})
		resumed = append(resumed, time.Since(freed))
	}
	if _, ok := enqueuer.Stop(30 * time.Second); !ok {
		s.Broken("process", "%s did not end", enqueuer.Name)
	}
	s.Settle(2 * time.Minute)
	checkFile(s, s.Database)
	for _, n := range s.Ledger().NotesOf(noteStrange) {
		s.Broken("error", "%s", n.Words)
	}
	s.wantKept(full)
	s.Figure("times that it was full", float64(len(full)), "")
	s.Figure("calls that had no turn in their second", float64(len(s.Ledger().NotesOf(noteLate))), "")
	s.Figure("enqueue refused after, max", Quantile(s.took(noteRefused), 1), "s")
	s.AtMost("goes on after there is room", Quantile(resumed, 1), "s", 5)
	s.reportLog(worker, full)
}

const (
	noteRefused = "refused in "
	noteLate    = "no turn in "
	noteStrange = "strange: "
)

// enqueueFull is the role of a process whose calls have a second each, as those of a web server
// may have.
func enqueueFull(ctx context.Context, c *Child) error {
	signal.Ignore(syscall.SIGXFSZ) // which ends a Go program that writes more than it may
	app, err := openPatiently(ctx, c, offload.LogTo(c.Log))
	if err != nil {
		return err
	}
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for n := 0; Doze(ctx, 20*time.Millisecond) == nil; n++ {
				in := Work{Tx: n%10 == 0}
				if i == 0 && n%5 == 0 { // some end while the disk is full
					in.Sleep = time.Duration(n%8) * time.Second / 2
				}
				enqueueWithin(c, app, in, time.Second)
			}
		})
	}
	all.Wait()
	return app.Close()
}

// enqueueWithin enqueues one job, and notes an error that does not say what it should.
func enqueueWithin(c *Child, app *offload.App, in Work, d time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	began := time.Now()
	call := c.Ledger.call(Kind{Task: sleepTask.Name}, in)
	_, err := app.Enqueue(ctx, call)
	c.Ledger.answered([]*offload.Call{call}, err)
	if err == nil {
		return
	}
	took := time.Since(began).String()
	switch unknown := errors.Is(err, offload.ErrUnavailable); {
	case unknown && strings.Contains(err.Error(), "disk"):
		c.Ledger.Note(call.ID(), 0, noteRefused+took)
	case !unknown && errors.Is(err, context.DeadlineExceeded): // others were before it: it was not tried, and stored nothing
		c.Ledger.Note(call.ID(), 0, noteLate+took)
	default:
		c.Ledger.Note(call.ID(), 0, noteStrange+"want an ErrUnavailable that names the disk, or the end of its own time: "+err.Error())
	}
}

// workFull is the role of a worker that writes more than it may and lives.
func workFull(ctx context.Context, c *Child) error {
	signal.Ignore(syscall.SIGXFSZ)
	return work(ctx, c)
}

// limitFiles keeps the files of all processes from growing beyond what the database has, and a
// little more. What they write into the ledger and their logs stays below that.
func limitFiles(s *Stage) tap {
	set := func(limit uint64) {
		for _, role := range []string{"full-worker", "full-enqueuer"} {
			for _, p := range s.Processes(role) {
				if err := unix.Prlimit(p.PID, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: limit, Max: unix.RLIM_INFINITY}, nil); err != nil {
					s.Fatalf("limit the files of %s: %v", p.Name, err)
				}
			}
		}
	}
	return tap{
		shut: func() {
			info, err := os.Stat(s.Database.Address)
			if err != nil {
				s.Fatalf("%v", err)
			}
			set(uint64(info.Size()) + 64<<10)
		},
		open: func() { set(unix.RLIM_INFINITY) },
	}
}

// mountMemory mounts a disk in memory, of which there is plenty until it is shut.
func mountMemory(s *Stage) string {
	s.Helper()
	at := s.TempDir()
	s.mount(at, "-t", "tmpfs", "-o", "size=64m", "chaos")
	return at
}

// remount makes the disk in memory as small as what is on it and a little more, or large.
func remount(s *Stage) tap {
	at := filepath.Dir(s.Database.Address)
	size := func(bytes uint64) error {
		return exec.Command("mount", "-o", fmt.Sprintf("remount,size=%d", bytes), at).Run()
	}
	return tap{
		shut: func() {
			// While it is written to, it may have grown beyond what was asked for.
			s.Until("the disk is small", 10*time.Second, func() bool {
				var fs unix.Statfs_t
				if err := unix.Statfs(at, &fs); err != nil {
					s.Fatalf("look at the disk: %v", err)
				}
				used := (fs.Blocks - fs.Bfree) * uint64(fs.Bsize)
				return size(max(used+64<<10, 1<<20)) == nil
			})
		},
		open: func() {
			if err := size(512 << 20); err != nil {
				s.Fatalf("make the disk larger: %v", err)
			}
		},
	}
}

// ackedSince reports whether a job that was enqueued after a time is durable.
func (s *Stage) ackedSince(t time.Time) bool {
	for _, e := range s.Ledger().Jobs {
		if e.Tried.After(t) && !e.Acked.IsZero() {
			return true
		}
	}
	return false
}

// startedSince reports whether a handler was started after a time.
func (s *Stage) startedSince(t time.Time) bool {
	for _, e := range s.Ledger().Jobs {
		for _, r := range e.Runs {
			if r.Start.After(t) {
				return true
			}
		}
	}
	return false
}

// notedSince reports whether something was noted after a time.
func (s *Stage) notedSince(words string, t time.Time) bool {
	for _, n := range s.Ledger().NotesOf(words) {
		if n.Time.After(t) {
			return true
		}
	}
	return false
}

// took reads the durations of notes.
func (s *Stage) took(words string) (all []time.Duration) {
	for _, n := range s.Ledger().NotesOf(words) {
		d, err := time.ParseDuration(strings.TrimPrefix(n.Words, words))
		if err != nil {
			s.Errorf("%q: %v", n.Words, err)
		}
		all = append(all, d)
	}
	return all
}

// wantKept wants what handlers have done while nothing could be written not to be done again:
// their process lives, and keeps their ends until there is room.
func (s *Stage) wantKept(full []Span) {
	s.Helper()
	kept := 0
	for id, e := range s.Ledger().Jobs {
		for _, r := range e.Runs {
			for _, span := range full {
				if r.How != "" || !span.has(r.End) {
					continue
				}
				kept++
				if again, found := restart(*e, r.Attempt); found {
					s.Broken("kept", "attempt %d of job %s ended well at %s while the disk was full, and it was run again at %s",
						r.Attempt, id, clock(r.End), clock(again))
				}
			}
		}
	}
	s.Figure("ends kept in memory", float64(kept), "")
}

// reportLog reports how much a worker said while the disk was full: more than a line a minute of
// one kind, each time, is noise.
func (s *Stage) reportLog(p *Process, full []Span) {
	s.Helper()
	type kind struct {
		time  int // which of the times that it was full
		words string
	}
	kinds, lines := map[kind][]time.Time{}, 0
	for scan := bufio.NewScanner(strings.NewReader(s.logOf(p))); scan.Scan(); {
		stamp, rest, _ := strings.Cut(strings.TrimPrefix(scan.Text(), "time="), " ")
		at, err := time.Parse(time.RFC3339Nano, stamp)
		if err != nil {
			continue
		}
		for i, span := range full {
			if span.has(at) {
				_, words, _ := strings.Cut(rest, `msg="`)
				words, _, _ = strings.Cut(words, `"`)
				kinds[kind{i, words}] = append(kinds[kind{i, words}], at)
				lines++
			}
		}
	}
	most := 0
	for _, times := range kinds {
		for i, from := range times {
			n := 0
			for _, t := range times[i:] {
				if t.Sub(from) < time.Minute-time.Second {
					n++
				}
			}
			most = max(most, n)
		}
	}
	seconds := 0.0
	for _, span := range full {
		seconds += span.To.Sub(span.From).Seconds()
	}
	s.Figure("lines that a worker logged while it was full", float64(lines), "")
	s.Figure("seconds that it was full", seconds, "s")
	s.AtMost("lines of one kind within a minute", float64(most), "", 1)
}
