package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/offloadhq/offload/store"
)

func init() { acts["full"] = actFull }

// limitFiles lets no file of this process grow beyond a size; 0 lifts the limit.
func limitFiles(size uint64) error {
	signal.Ignore(syscall.SIGXFSZ) // which would end the program
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &l); err != nil {
		return err
	}
	if l.Cur = size; size == 0 {
		l.Cur = l.Max
	}
	return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &l)
}

// actFull fills a file up to a limit while somebody reads, then without a reader, and then lifts
// the limit. It says how many jobs were stored each time.
func actFull(ctx context.Context, s *Store) error {
	if err := limitFiles(2 << 20); err != nil {
		return err
	}
	reader, err := hold(ctx, s.read, nil)
	if err != nil {
		return err
	}
	if _, err := texts(reader, "BEGIN"); err != nil {
		return err
	}
	if _, err := texts(reader, "SELECT count(*) FROM offload_job"); err != nil {
		return err
	}
	stored := 0
	fill := func() error { // until two calls in a row are refused, as an Enqueue that tries again would
		var err error
		for refused := 0; refused < 2; {
			if _, err = s.Insert(ctx, someJobs(50)); err != nil {
				refused++
				continue
			}
			stored, refused = stored+50, 0
		}
		fmt.Println("stored", stored)
		if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "the disk has failed") {
			return fmt.Errorf("refused with %w, want an ErrUnavailable that names the disk", err)
		}
		return nil
	}
	if err := fill(); err != nil {
		return err
	}
	reader.drop()
	if err := fill(); err != nil {
		return err
	}
	if err := limitFiles(0); err != nil {
		return err
	}
	_, err = s.Insert(ctx, someJobs(50))
	return err
}

// A disk that the log has filled has room for jobs when the log can be folded into the file:
// nothing else would do so while no commit succeeds.
func TestAFullDiskTakesJobsAgainWhenTheLogCanBeFolded(t *testing.T) {
	s := openTest(t)
	a := startActor(t, "full", s.path)

	said := a.rest()

	if len(said) != 2 {
		t.Fatalf("the other process says %q", said)
	}
	var held, free int
	if _, err := fmt.Sscanf(strings.Join(said, " "), "stored %d stored %d", &held, &free); err != nil {
		t.Fatal(err)
	}
	if held == 0 || free < 2*held {
		t.Errorf("%d jobs were stored while the log was held, %d in all after it was let go", held, free)
	}
	again, err := Open(t.Context(), s.path)
	must(t, err)
	defer func() { must(t, again.Close()) }()
	if counts, err := again.Counts(t.Context()); err != nil || counts[store.Available] != free+50 {
		t.Errorf("Counts = %v, %v; want %d jobs", counts, err, free+50)
	}
	if found, err := texts(openPoolSession(t, s.path), "PRAGMA integrity_check"); err != nil || len(found) != 1 || found[0] != "ok" {
		t.Errorf("integrity_check says %q, %v", found, err)
	}
}

// openPoolSession is a connection of the user's.
func openPoolSession(t *testing.T, path string) *session {
	t.Helper()
	c, err := hold(t.Context(), openPool(t, path), nil)
	must(t, err)
	t.Cleanup(c.drop)
	return c
}
