package offload_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
	"github.com/offloadhq/offload/store"
)

// Four processes on one database each take a job that none of the others has.
func TestProcessesShareTheWork(t *testing.T) {
	onEachStore(t, func(t *testing.T, address string) {
		app := open(t, address)
		var workers []*worker
		for range 4 {
			workers = append(workers, startWorker(t, address))
		}
		var ids []offload.ID
		for range workers {
			ids = append(ids, enqueue(t, app, hold, 1, offload.Queue("one")))
		}
		ran := map[*worker]bool{}
		for _, id := range ids {
			ran[firstOf(t, id.String(), workers...)] = true
		}
		if len(ran) != len(workers) {
			t.Errorf("%d processes run %d jobs of a queue in which each runs one", len(ran), len(ids))
		}
		if err := app.Cancel(t.Context(), ids...); err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			if job := wantEnd(t, app, id, offload.Cancelled); job.Attempt != 1 {
				t.Errorf("job %s was started %d times", id, job.Attempt)
			}
		}
		for _, w := range workers {
			w.stop(t)
		}
	})
}

func TestCancelEndsTheContextInAnotherProcess(t *testing.T) {
	onEachStore(t, func(t *testing.T, address string) {
		app := open(t, address)
		w := startWorker(t, address)
		id := enqueue(t, app, hold, 1)
		w.await(t, id.String()+" attempt 1 holds")
		if job := read(t, app, id); job.State != offload.Running || job.Process == "" {
			t.Errorf("while it runs the job is %+v", job)
		}
		if err := app.Cancel(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		w.await(t, fmt.Sprintf("%s attempt 1 ended: %v", id, offload.ErrCancelled))
		wantEnd(t, app, id, offload.Cancelled)
		w.stop(t)
	})
}

// The jobs of a process that was killed run elsewhere, at no cost to them.
func TestJobsOfAKilledProcessRunElsewhere(t *testing.T) {
	onEachStore(t, func(t *testing.T, address string) {
		app := open(t, address)
		a, b := startWorker(t, address), startWorker(t, address)
		id := enqueue(t, app, hold, 1)
		dies := firstOf(t, id.String()+" attempt 1 holds", a, b)
		lives := a
		if dies == a {
			lives = b
		}
		dies.kill()
		lives.await(t, id.String()+" attempt 2 holds")
		if job := read(t, app, id); job.State != offload.Running || job.Failures != 0 {
			t.Errorf("at its second process the job is %+v", job)
		}
		until(t, "the dead process is forgotten", func() bool {
			processes, err := operate.As(app, "ada").Processes(t.Context())
			return err == nil && len(processes) == 1
		})
		if err := app.Cancel(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		wantEnd(t, app, id, offload.Cancelled)
		lives.stop(t)
	})
}

func TestResultIsWaitedForAcrossProcesses(t *testing.T) {
	onEachStore(t, func(t *testing.T, address string) {
		app := open(t, address)
		startWorker(t, address)
		for n := range 20 {
			got, err := twice.Wait(t.Context(), app, enqueue(t, app, twice.Task, n))
			if err != nil || got != 2*n {
				t.Errorf("Wait = %d, %v; want %d", got, err, 2*n)
			}
		}
	})
}

// A stop gives jobs back at no cost, whether their handlers return or not.
func TestStoppedProcessGivesItsJobsBack(t *testing.T) {
	onEachStore(t, func(t *testing.T, address string) {
		app := open(t, address)
		w := startWorker(t, address)
		polite, rude := enqueue(t, app, hold, 1), enqueue(t, app, ignore, 1)
		w.await(t, polite.String()+" attempt 1 holds")
		w.await(t, rude.String()+" attempt 1 ignores")
		w.stop(t)
		w.await(t, fmt.Sprintf("%s attempt 1 ended: %v", polite, offload.ErrStopping))
		for _, id := range []offload.ID{polite, rude} {
			if job := read(t, app, id); job.State != offload.Available || job.Failures != 0 || job.Error != "" {
				t.Errorf("after the stop job of %s is %+v", job.Task, job)
			}
		}
		next := startWorker(t, address)
		next.await(t, polite.String()+" attempt 2 holds")
		next.await(t, rude.String()+" attempt 2 ignores")
	})
}

// While two releases of a program work one database, jobs that only the new one knows wait
// for it, and cost nothing.
func TestNewTasksWaitForTheNewProgram(t *testing.T) {
	onEachStore(t, func(t *testing.T, address string) {
		app := open(t, address, fresh)
		startWorker(t, address)
		id := enqueue(t, app, fresh, 1)
		until(t, "the old program parked the job", func() bool { return read(t, app, id).State == offload.Blocked })
		if job := read(t, app, id); job.Waits != store.WaitsTask || job.Failures != 0 {
			t.Errorf("at a program that does not know its task the job is %+v", job)
		}
		deployed := startWorker(t, address, "deployed")
		for range 5 {
			wantEnd(t, app, id, offload.Completed)
			deployed.await(t, id.String())
			id = enqueue(t, app, fresh, 1)
		}
	})
}

func TestPauseHoldsJobsOfAProcessThatRuns(t *testing.T) {
	onEachStore(t, func(t *testing.T, address string) {
		app := open(t, address)
		ada := operate.As(app, "ada")
		w := startWorker(t, address)
		wantEnd(t, app, enqueue(t, app, twice.Task, 1), offload.Completed) // it works

		if err := ada.PauseTask(t.Context(), "twice"); err != nil {
			t.Fatal(err)
		}
		var id offload.ID
		until(t, "a job of the paused task was parked", func() bool {
			id = enqueue(t, app, twice.Task, 1)
			until(t, "the job moved", func() bool { return read(t, app, id).State != offload.Available })
			return read(t, app, id).State == offload.Blocked
		})
		beside := enqueue(t, app, hold, 1) // of the same queue
		w.await(t, beside.String()+" attempt 1 holds")
		if job := read(t, app, id); job.State != offload.Blocked || job.Waits != store.WaitsPaused || job.Failures != 0 {
			t.Errorf("the job of the paused task is %+v", job)
		}
		if err := ada.ResumeTask(t.Context(), "twice"); err != nil {
			t.Fatal(err)
		}
		wantEnd(t, app, id, offload.Completed)

		if err := ada.PauseQueue(t.Context(), "mail"); err != nil {
			t.Fatal(err)
		}
		paused := enqueue(t, app, twice.Task, 1, offload.Queue("mail"))
		wantEnd(t, app, enqueue(t, app, twice.Task, 1), offload.Completed)
		if err := ada.ResumeQueue(t.Context(), "mail"); err != nil {
			t.Fatal(err)
		}
		wantEnd(t, app, paused, offload.Completed)
	})
}

func TestProcessesAreQuietedAndStoppedFromAfar(t *testing.T) {
	onEachStore(t, func(t *testing.T, address string) {
		app := open(t, address)
		ada := operate.As(app, "ada")
		first := startWorker(t, address)
		held := enqueue(t, app, hold, 1)
		first.await(t, held.String()+" attempt 1 holds")
		processes, err := ada.Processes(t.Context())
		if err != nil || len(processes) != 1 || processes[0].PID != first.cmd.Process.Pid || processes[0].Version != offload.Version {
			t.Fatalf("Processes = %+v, %v; want the one worker, pid %d", processes, err, first.cmd.Process.Pid)
		}
		id := processes[0].ID
		if err := ada.QuietProcess(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		second := startWorker(t, address)
		until(t, "the quiet process left a job to the other", func() bool {
			next := enqueue(t, app, twice.Task, 1)
			wantEnd(t, app, next, offload.Completed)
			return firstOf(t, next.String(), first, second) == second
		})
		if job := read(t, app, held); job.State != offload.Running {
			t.Errorf("the job that a quiet process was running is %+v", job)
		}
		if err := ada.StopProcess(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		<-first.ended
		if !first.cmd.ProcessState.Success() {
			t.Errorf("a process that was told to stop ended with %v", first.cmd.ProcessState)
		}
		second.await(t, held.String()+" attempt 2 holds")
		if err := ada.StopProcess(t.Context(), id); !errors.Is(err, offload.ErrNotFound) {
			t.Errorf("StopProcess of one that has ended: %v; want ErrNotFound", err)
		}
	})
}

// What a process enqueues within the second reaches those that sleep, and what is enqueued
// for later comes in its time.
func TestSleepingProcessIsWoken(t *testing.T) {
	onEachStore(t, func(t *testing.T, address string) {
		app := open(t, address)
		startWorker(t, address)
		wantEnd(t, app, enqueue(t, app, twice.Task, 1), offload.Completed)
		later := enqueue(t, app, twice.Task, 1, offload.Delay(100*time.Millisecond))
		job := wantEnd(t, app, later, offload.Completed)
		if job.StartedAt.Before(job.RunAt) {
			t.Errorf("started at %v, before its time %v", job.StartedAt, job.RunAt)
		}
	})
}
