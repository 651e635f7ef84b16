package sqlite

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/offloadhq/offload/store"
)

// actVariable says what this program shall do as another process, instead of testing.
const actVariable = "OFFLOAD_TEST_ACT"

// acts are what another process can do. They say what they did a line each, and end when
// their input does.
var acts = map[string]func(ctx context.Context, s *Store) error{
	"claim":   actClaim,
	"drain":   actDrain,
	"listen":  actListen,
	"migrate": func(ctx context.Context, s *Store) error { return s.Migrate(ctx, store.Newest) },
	"half":    actHalf,
}

// actAlone is this program as another process.
func actAlone(act string) int {
	name, path, _ := strings.Cut(act, " ")
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	err := func() error {
		s, err := Open(ctx, path)
		if err != nil {
			return err
		}
		if err := acts[name](ctx, s.(*Store)); err != nil {
			return err
		}
		return s.Close()
	}()
	if err != nil {
		fmt.Println("error:", err)
		return 1
	}
	fmt.Println("done")
	return 0
}

func joinAs(ctx context.Context, s *Store) (store.ID, error) {
	p := store.Process{ID: store.NewID(), Host: "here", PID: os.Getpid()}
	return p.ID, s.Join(ctx, p)
}

func actClaim(ctx context.Context, s *Store) error {
	p, err := joinAs(ctx, s)
	if err != nil {
		return err
	}
	claimed, err := s.Claim(ctx, store.ClaimRequest{Process: p, Queue: "mail", Limit: 10})
	if err != nil {
		return err
	}
	fmt.Println("claimed", len(claimed))
	<-ctx.Done()
	return nil
}

func actDrain(ctx context.Context, s *Store) error {
	p, err := joinAs(ctx, s)
	if err != nil {
		return err
	}
	for {
		claimed, err := s.Claim(ctx, store.ClaimRequest{Process: p, Queue: "mail", Limit: 50})
		if err != nil || len(claimed) == 0 {
			return err
		}
		var ended []store.Ended
		for _, c := range claimed {
			fmt.Println("ran", c.ID)
			ended = append(ended, store.Ended{Fence: c.Fence, Task: c.Task, Queue: c.Queue, Outcome: store.OutcomeCompleted})
		}
		lost, err := s.Finish(ctx, p, ended)
		if err != nil || len(lost) > 0 {
			return fmt.Errorf("lost %v: %w", lost, err)
		}
	}
}

func actListen(ctx context.Context, s *Store) error {
	p, err := joinAs(ctx, s)
	if err != nil {
		return err
	}
	if err := s.Sleep(ctx, p, true); err != nil {
		return err
	}
	fmt.Println("asleep")
	return s.Listen(ctx, p, func(store.Wake) { fmt.Println("woken", time.Now().UnixMicro()) })
}

// actHalf migrates, and stands still before the commit.
func actHalf(ctx context.Context, s *Store) error {
	return s.write(ctx, "migrate half", func(t *txn) error {
		if _, err := step(t, newest(), true); err != nil {
			return err
		}
		fmt.Println("half")
		<-ctx.Done()
		return ctx.Err()
	})
}

// An actor is another process.
type actor struct {
	t     *testing.T
	cmd   *exec.Cmd
	input io.Closer
	lines *bufio.Scanner
	once  sync.Once
}

func startActor(t *testing.T, act, path string) *actor {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), actVariable+"="+act+" "+path)
	cmd.Stderr = os.Stderr
	input, err := cmd.StdinPipe()
	must(t, err)
	output, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	a := &actor{t: t, cmd: cmd, input: input, lines: bufio.NewScanner(output)}
	t.Cleanup(a.kill)
	return a
}

// says returns the next line.
func (a *actor) says() string {
	a.t.Helper()
	if !a.lines.Scan() {
		a.t.Fatal("the other process says nothing more")
	}
	return a.lines.Text()
}

// wants wants the next line to be this one.
func (a *actor) wants(line string) {
	a.t.Helper()
	if got := a.says(); got != line {
		a.t.Fatalf("the other process says %q, want %q", got, line)
	}
}

// kill ends it as the system would, without a warning.
func (a *actor) kill() {
	a.once.Do(func() {
		_ = a.cmd.Process.Kill()
		_ = a.cmd.Wait()
	})
}

// rest returns what it still says until it ends well.
func (a *actor) rest() (lines []string) {
	a.t.Helper()
	for a.lines.Scan() {
		lines = append(lines, a.lines.Text())
	}
	if len(lines) == 0 || lines[len(lines)-1] != "done" {
		a.t.Fatalf("the other process ends with %q", lines)
	}
	a.once.Do(func() { must(a.t, a.cmd.Wait()) })
	return lines[:len(lines)-1]
}

func TestProcessesDrainAFileTogether(t *testing.T) {
	s := openTest(t)
	const jobs = 2000
	for range jobs / 500 {
		_, err := s.Insert(t.Context(), someJobs(500))
		must(t, err)
	}
	actors := []*actor{startActor(t, "drain", s.path), startActor(t, "drain", s.path), startActor(t, "drain", s.path)}

	ran := map[string]int{}
	for _, a := range actors {
		for _, line := range a.rest() {
			ran[line]++
		}
	}

	for line, n := range ran {
		if n != 1 {
			t.Errorf("%s %d times", line, n)
		}
	}
	if len(ran) != jobs {
		t.Errorf("%d jobs ran, want %d", len(ran), jobs)
	}
	if counts, err := s.Counts(t.Context()); err != nil || counts[store.Completed] != jobs {
		t.Errorf("Counts = %v, %v; want %d completed", counts, err, jobs)
	}
}

func TestAKilledProcessIsSeenAtOnce(t *testing.T) {
	s := openTest(t)
	_, err := s.Insert(t.Context(), someJobs(3))
	must(t, err)
	a := startActor(t, "claim", s.path)
	a.wants("claimed 3")
	me, err := joinAs(t.Context(), s)
	must(t, err)
	if v, err := s.Look(t.Context(), me); err != nil || len(v.Dead) > 0 {
		t.Fatalf("while it lives, Look finds dead %v, %v", v.Dead, err)
	}

	a.kill()
	dead := waitDead(t, s, me)
	_, err = s.Reap(t.Context(), []store.Beaten{{ID: dead, Count: -1}})
	must(t, err)

	claimed, err := s.Claim(t.Context(), store.ClaimRequest{Process: me, Queue: "mail", Limit: 10})
	if err != nil || len(claimed) != 3 || claimed[0].Attempt != 2 || claimed[0].Crashes != 1 {
		t.Errorf("Claim = %+v, %v; want the three jobs again", claimed, err)
	}
	if _, err := os.Stat(lockPath(s.path, dead)); !os.IsNotExist(err) {
		t.Errorf("the lock of a reaped process is left behind: %v", err)
	}
}

// waitDead sleeps until a process is found dead.
func waitDead(t *testing.T, s *Store, me store.ID) (dead store.ID) {
	t.Helper()
	must(t, s.Sleep(t.Context(), me, true))
	ctx, stop := context.WithCancel(t.Context())
	look := func(store.Wake) {
		v, err := s.Look(t.Context(), me)
		must(t, err)
		if len(v.Dead) == 1 {
			dead = v.Dead[0]
			stop()
		}
	}
	look(store.Wake{}) // as an engine does each second; what Listen watches was seen there
	must(t, s.Listen(ctx, me, look))
	return dead
}

func TestAStoreThatIsClosedIsSeenToo(t *testing.T) {
	s := openTest(t)
	other, err := Open(t.Context(), s.path)
	must(t, err)
	gone, err := joinAs(t.Context(), other.(*Store))
	must(t, err)
	me, err := joinAs(t.Context(), s)
	must(t, err)

	must(t, other.Close())

	if dead := waitDead(t, s, me); dead != gone {
		t.Errorf("%s is found dead, want %s", dead, gone)
	}
}

func TestASleeperIsWokenByAnotherProcess(t *testing.T) {
	s := openTest(t)
	a := startActor(t, "listen", s.path)
	a.wants("asleep")

	_, err := s.Insert(t.Context(), someJobs(1))
	must(t, err)

	if line := a.says(); !strings.HasPrefix(line, "woken") {
		t.Errorf("the sleeper says %q", line)
	}
}

func TestASleeperIsWokenByATransactionOfTheUser(t *testing.T) {
	s := openTest(t)
	me, err := joinAs(t.Context(), s)
	must(t, err)
	must(t, s.Sleep(t.Context(), me, true))
	ctx, stop := context.WithCancel(t.Context())
	woken, ended := make(chan store.Wake, 100), make(chan error, 1)
	go func() { ended <- s.Listen(ctx, me, func(w store.Wake) { woken <- w }) }()
	tx, err := openPool(t, s.path).Begin()
	must(t, err)
	within, err := s.Within(tx)
	must(t, err)
	_, err = within.Insert(t.Context(), someJobs(1))
	must(t, err)
	must(t, tx.Commit())

	<-woken

	stop()
	must(t, <-ended)
}

// Nothing but its own commits must wake a process that sleeps: looking costs.
func TestOwnCommitsThatMakeNothingDueWakeNobody(t *testing.T) {
	s := openTest(t)
	me, err := joinAs(t.Context(), s)
	must(t, err)
	must(t, s.Sleep(t.Context(), me, true))
	_, err = s.Beat(t.Context(), store.Process{ID: me})
	must(t, err)
	e := &ear{process: me, ring: make(chan struct{}, 1)}
	s.ears.open(e)
	defer s.ears.shut(e)

	s.pollVersion()

	if heard, _ := s.ears.heard(e); len(heard) > 0 {
		t.Errorf("heard %v after a beat of its own", heard)
	}
	other := openFile(t, s.path)
	_, err = other.Insert(t.Context(), someJobs(1))
	must(t, err)
	if heard, _ := s.ears.heard(e); len(heard) != 1 || heard[0] != (store.Wake{Queue: "mail", Priority: 5}) {
		t.Errorf("heard %v, want the wake of another Store of this process", heard)
	}
	s.pollVersion()
	if heard, _ := s.ears.heard(e); len(heard) != 1 {
		t.Errorf("heard %v, want to see the commit of the other connection", heard)
	}
}

func TestMigrateFromManyProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "offload.db")
	s := openFile(t, path)
	var actors []*actor
	for range 4 {
		actors = append(actors, startActor(t, "migrate", path))
	}
	for _, a := range actors {
		a.rest()
	}
	must(t, s.Ready(t.Context()))
	if versions, err := s.Versions(t.Context()); err != nil || len(versions) != len(migrations) || versions[0].Applied.IsZero() {
		t.Errorf("Versions = %v, %v", versions, err)
	}
}

func TestMigrateAfterAKillHalfWay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "offload.db")
	s := openFile(t, path)
	a := startActor(t, "half", path)
	a.wants("half")
	a.kill()

	must(t, s.Migrate(t.Context(), store.Newest))

	must(t, s.Ready(t.Context()))
	_, err := s.Insert(t.Context(), someJobs(1))
	must(t, err)
}
