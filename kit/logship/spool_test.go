package logship_test

import (
	"bufio"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload/kit/logship"
)

// child logs until it is killed, and says of each record when the call has returned. It ships nothing.
func child(dir string) {
	ship, err := logship.New(&catch{}, logship.Spool(dir, false))
	if err != nil {
		log.Fatal(err)
	}
	l := slog.New(ship.Handler())
	for i := 0; ; i++ {
		l.Info(fmt.Sprint("record ", i))
		fmt.Println(i)
	}
}

func TestAKilledProcessLosesNothingOfASpool(t *testing.T) {
	dir := t.TempDir()
	for life := range 2 {
		command := exec.Command(os.Args[0])
		command.Env = append(os.Environ(), "LOGSHIP_CHILD="+dir)
		command.Stderr = os.Stderr
		said, err := command.StdoutPipe()
		must(t, err)
		must(t, command.Start())
		lines := bufio.NewScanner(said)
		n := 0
		for lines.Scan() {
			n++
			if n == 500 {
				must(t, command.Process.Kill())
			}
		}
		_ = command.Wait() // it was killed
		if n < 500 {
			t.Fatalf("life %d said %d", life, n)
		}
		to := &catch{}
		ship := open(t, to, logship.Spool(dir, false))
		must(t, ship.Flush(t.Context()))
		got := to.messages(t)
		if len(got) < n || len(got) > n+1 { // one may have been written and not said
			t.Errorf("life %d: %d shipped of %d", life, len(got), n)
		}
		for i, m := range got {
			if m != fmt.Sprint("record ", i) {
				t.Fatalf("life %d: record %d is %q", life, i, m)
			}
		}
		must(t, ship.Close())
	}
}

func TestASpoolGoesOnWhereTheLastProcessEnded(t *testing.T) {
	dir := t.TempDir()
	ids := map[string]int{}
	taken := 0
	say := func(items []logship.Item) error {
		if len(items) > 300 {
			return logship.ErrTooLarge
		}
		if taken += len(items); taken > 1500 {
			return errors.New("away")
		}
		return nil
	}
	text := strings.Repeat("x", 10_000)
	first := &catch{says: say}
	ship := open(t, first, logship.Spool(dir, true), logship.Drain(time.Second))
	l := slog.New(ship.Handler())
	for i := range 2500 { // some segments
		l.Info(fmt.Sprint(i), "text", text)
	}
	if _, err := logship.New(first, logship.Spool(dir, false)); err == nil {
		t.Error("two processes have one spool")
	}
	if err := ship.Close(); err == nil || !strings.Contains(err.Error(), "wait in the spool") || ship.Counts().Lost != 0 {
		t.Errorf("Close = %v, %+v", err, ship.Counts())
	}

	// The end of the last segment is torn, and somebody has written nonsense into it.
	segments, err := filepath.Glob(filepath.Join(dir, "0*"))
	must(t, err)
	f, err := os.OpenFile(segments[len(segments)-1], os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteString("nonsense\n123 0 {\"time")
	must(t, err)
	must(t, f.Close())

	second := &catch{}
	ship = open(t, second, logship.Spool(dir, false))
	slog.New(ship.Handler()).Info("of the second")
	must(t, ship.Flush(t.Context()))
	for _, item := range append(first.items, second.items...) {
		ids[item.ID]++
	}
	all := append(first.messages(t), second.messages(t)...)
	if len(ids) != 2501 || len(all) != 2501 || all[2500] != "of the second" || ship.Counts().Refused != 1 {
		t.Errorf("%d ids, %d records, the last %q, %+v", len(ids), len(all), all[len(all)-1], ship.Counts())
	}
	for i, m := range all[:2500] {
		if m != fmt.Sprint(i) {
			t.Fatalf("record %d is %q", i, m)
		}
	}
	segments, err = filepath.Glob(filepath.Join(dir, "0*"))
	must(t, err)
	if len(segments) != 1 {
		t.Errorf("%d segments are left", len(segments))
	}
	must(t, ship.Close())
	third := &catch{}
	ship = open(t, third, logship.Spool(dir, false))
	if n := ship.Counts().Waiting; n != 0 {
		t.Errorf("%d wait again", n)
	}
}
