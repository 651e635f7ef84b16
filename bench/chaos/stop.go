package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/offloadhq/offload"
)

func init() {
	register(Trial{
		Name:  "stop",
		About: "workers are asked to end while their handlers obey, ignore it, panic, exit, hang, or cannot even log",
		Short: time.Second, Long: 10 * time.Minute,
		Tasks: []Task{{Name: "stop", Options: []offload.TaskOption{offload.Backoff(soon)}, Run: stopHandler}},
		Run:   stop,
	})
}

// stopGrace is what workers of this trial give their handlers.
const stopGrace = 2 * time.Second

// leftBehind is how long after the grace period a handler that has not returned is left behind:
// offload waits a moment longer, and a result that comes later is nobody's.
const leftBehind = 1400 * time.Millisecond

// A stopCase is a kind of worker that is asked to end.
type stopCase struct {
	do      string // how its handlers behave
	spec    func(s *Stage) Spec
	dies    bool // its process is ended by a handler, or by a second signal: that is no stop
	signals int
	needs   func() string
}

func stopCases() []stopCase {
	mute := func(do string) func(s *Stage) Spec {
		return func(s *Stage) Spec {
			spec := Worker{Slots: 4, Grace: stopGrace, Do: do}.Spec()
			spec.Stderr = fullPipe(s)
			return spec
		}
	}
	plain := func(do string) func(*Stage) Spec {
		return func(*Stage) Spec { return Worker{Slots: 4, Grace: stopGrace, Do: do}.Spec() }
	}
	return []stopCase{
		{do: "obey", spec: plain("obey")},
		{do: "ignore", spec: plain("ignore")},
		{do: "panic", spec: plain("panic")},
		{do: "panic beside", spec: plain("panic beside"), dies: true},
		{do: "exit", spec: plain("exit"), dies: true},
		{do: "deadlock", spec: plain("deadlock")},
		{do: "files", spec: func(*Stage) Spec {
			return Worker{Slots: 4, Grace: stopGrace, Files: 64, Do: "files"}.Spec()
		}},
		{do: "mute", spec: mute("mute")},
		{do: "mute and deaf", spec: mute("mute and deaf")},
		{do: "obey", signals: 2, dies: true, spec: plain("obey")},
		{do: "ignore", needs: needsUnshare, spec: func(*Stage) Spec {
			spec := Worker{Slots: 4, Grace: stopGrace, Do: "ignore"}.Spec()
			spec.Wrap = []string{"unshare", "--pid", "--fork", "--kill-child"}
			return spec
		}},
	}
}

// name is how people know the case.
func (c *stopCase) name() string {
	switch {
	case c.signals > 1:
		return "second signal"
	case c.needs != nil:
		return "as PID 1"
	}
	return map[string]string{
		"obey": "obedient", "ignore": "ignoring its context", "panic": "panicking", "panic beside": "panicking in a goroutine of its own",
		"exit": "calling os.Exit", "deadlock": "deadlocked", "files": "out of files", "mute": "blocked standard error",
		"mute and deaf": "blocked standard error, ignoring its context",
	}[c.do]
}

// needsUnshare says why no process can be made PID 1 here.
func needsUnshare() string {
	if os.Geteuid() != 0 {
		return "run it as root"
	}
	if _, err := exec.LookPath("unshare"); err != nil {
		return "install with apt-get install util-linux"
	}
	if out, err := exec.Command("unshare", "--pid", "--fork", "--kill-child", "true").CombinedOutput(); err != nil {
		return fmt.Sprintf("unshare does not work here: %v: %s", err, out)
	}
	return ""
}

// fullPipe is a pipe that nobody reads, and that takes nothing any more.
func fullPipe(s *Stage) *os.File {
	r, w, err := os.Pipe()
	if err != nil {
		s.Fatalf("make a pipe: %v", err)
	}
	s.Cleanup(func() {
		r.Close()
		w.Close()
	})
	if err := w.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		s.Fatalf("fill a pipe: %v", err)
	}
	for err == nil {
		_, err = w.Write(make([]byte, 1<<10))
	}
	return w
}

// stopHandler runs for seconds in a worker that is asked to end, and misbehaves as that worker
// does. Elsewhere, and whenever it runs again, it is a plain job.
func stopHandler(ctx context.Context, h *Hand, in Work) error {
	job := offload.JobOf(ctx)
	if h.Do == "" || job.Attempt > 1 {
		return sleepTask.Run(ctx, h, Work{Tx: in.Tx})
	}
	var err error
	switch h.Do {
	case "ignore", "mute and deaf":
		time.Sleep(in.Sleep)
	case "deadlock":
		select {}
	case "files":
		err = holdFiles(ctx, in)
	default:
		err = Doze(ctx, in.Sleep)
	}
	switch h.Do {
	case "panic":
		panic("a handler's panic")
	case "panic beside":
		if err != nil {
			go func() { panic("a panic beside a handler") }()
			select {}
		}
	case "exit":
		if err != nil {
			os.Exit(7)
		}
	}
	if err == nil && in.Tx {
		err = h.Complete(context.WithoutCancel(ctx))
	}
	return err
}

// holdFiles takes all files that the process may open, and then time.
func holdFiles(ctx context.Context, in Work) error {
	var held []*os.File
	defer func() {
		for _, f := range held {
			f.Close()
		}
	}()
	for {
		f, err := os.Open("/dev/null")
		if err != nil {
			return Doze(ctx, in.Sleep)
		}
		held = append(held, f)
	}
}

func stop(s *Stage) {
	for range 2 {
		s.Start(Worker{Slots: 50}.Spec())
	}
	t := &stopRounds{Stage: s}
	for round := 1; round == 1 || s.Left() > 0; round++ {
		t.round(round == 1)
	}
	s.Settle(2 * time.Minute)
	t.report()
}

// stopRounds are the rounds of the trial.
type stopRounds struct {
	*Stage
	mu    sync.Mutex
	stops []stopped
}

// A stopped is a worker that was asked to end.
type stopped struct {
	*stopCase
	process *Process
	asked   time.Time
	took    time.Duration
}

// round starts a worker of each case, waits until each runs handlers, and asks each to end.
func (t *stopRounds) round(first bool) {
	var workers []stopped
	for _, c := range stopCases() {
		if c.needs != nil {
			if why := c.needs(); why != "" {
				if first {
					t.LeftOut("chaos/stop as PID 1", why)
				}
				continue
			}
		}
		spec := c.spec(t.Stage)
		spec.MayDie = c.dies
		workers = append(workers, stopped{stopCase: &c, process: t.Start(spec)})
	}
	t.feed(workers)
	var all sync.WaitGroup
	for i, w := range workers {
		random := rand.New(rand.NewPCG(t.Rand.Uint64(), uint64(i)))
		all.Go(func() { t.stop(w, random) })
	}
	all.Wait()
}

// feed enqueues jobs until each worker runs some: more and more, since those that have slots left and are quicker may take all
// that there are, again and again.
func (t *stopRounds) feed(workers []stopped) {
	const most = 2 * time.Minute // on a busy machine a dozen processes take their time to start
	began := time.Now()
	for more := 0; time.Since(began) < most; more++ {
		hungry := 0
		for _, w := range workers {
			if !t.works(w.process) {
				hungry++
			}
		}
		if hungry == 0 {
			return
		}
		for range 2*hungry + more/5 {
			t.Enqueue(Kind{Task: "stop"}, Work{Sleep: t.Between(time.Second, 8*time.Second), Tx: t.Rand.IntN(2) == 0})
		}
		t.Wait(200 * time.Millisecond)
	}
	t.Fatalf("the workers do not take jobs")
}

// works reports whether a process runs a handler, or has ended.
func (t *stopRounds) works(p *Process) bool {
	if !p.Alive() {
		return true
	}
	l := t.Ledger()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.Jobs {
		for _, r := range e.Runs {
			if r.Process == p.Name && r.End.IsZero() {
				return true
			}
		}
	}
	return false
}

// stop asks a worker to end. One that has not ended long after its time is killed.
func (t *stopRounds) stop(w stopped, random *rand.Rand) {
	t.pauseFor(between(random, 0, 2*time.Second))
	if w.signals > 1 {
		w.process.Signal(syscall.SIGTERM)
		t.pauseFor(between(random, 0, time.Second))
	}
	w.asked = time.Now()
	w.took, _ = w.process.Stop(stopGrace + 15*time.Second)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stops = append(t.stops, w)
}

// report reports how long stops took, how soon the jobs ran elsewhere, and that no result of a
// handler that had ended was lost.
func (t *stopRounds) report() {
	l := t.Ledger()
	slowest, released := map[string]time.Duration{}, map[string]time.Duration{}
	var again []time.Duration
	for _, w := range t.stops {
		name := w.name()
		slowest[name] = max(slowest[name], w.took)
		if w.dies {
			continue // its jobs were lost with it
		}
		for id, e := range l.Jobs {
			for _, r := range e.Runs {
				if r.Process != w.process.Name {
					continue
				}
				at, elsewhere := restart(*e, r.Attempt)
				if elsewhere && !r.End.IsZero() && r.End.Before(w.asked.Add(stopGrace+leftBehind)) && r.How == "" {
					t.Broken("stop", "%s, %s, lost the result of job %s: %s", w.process.Name, name, id, e.runs())
				}
				if elsewhere && (r.End.IsZero() || r.How != "panic") {
					took := max(at.Sub(w.process.Ended()), 0)
					again, released[name] = append(again, took), max(released[name], took)
				}
			}
		}
	}
	for name, took := range slowest {
		t.AtMost("stop, "+name, took.Seconds(), "s", (stopGrace + 2*time.Second).Seconds())
	}
	t.Figure("stops", float64(len(t.stops)), "")
	t.Figure("jobs released by stops", float64(len(again)), "")
	t.AtMost("from the end of a process to the start of its released jobs elsewhere, max", Quantile(again, 1), "s", 1)
}
