package storetest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/offloadhq/offload/store"
)

var lookLaws = []law{
	{"Look/Empty", "in an empty store there is nothing to see but the time", lookEmpty},
	{"Look/Lanes", "each queue and priority with due jobs is a lane, with its earliest run_at", lookLanes},
	{"Look/Parked", "each queue and task with parked jobs is shown, those of paused tasks are not", lookParked},
	{"Look/Paused", "paused queues and tasks are shown until their resume", lookPaused},
	{"Look/Cancel", "a cancelled job that runs is shown to its process, until the attempt has ended", lookCancel},
	{"Look/Told", "a process that was told to be quiet or to stop sees it, others do not", lookTold},
	{"Listen/Insert", "an insert wakes a process that sleeps", listenInsert},
	{"Listen/OtherStore", "so does an insert by another process", listenOtherStore},
	{"Listen/Release", "so does a job that is put back", listenRelease},
	{"Listen/Later", "a process that sleeps looks when a job is inserted for later, so that it knows when", listenLater},
	{"Listen/Park", "so it does when a job is parked, whose task it may know", listenPark},
	{"Listen/Told", "so it does when a job that runs is cancelled, on a pause, and when a process is told something", listenTold},
	{"Listen/Ends", "Listen returns nil when its context has ended", listenEnds},
}

func (s *scene) look(process store.ID) store.View {
	s.t.Helper()
	v, err := s.Store.Look(s.ctx(), process)
	s.must(err)
	return v
}

func lookEmpty(s *scene) {
	before := s.now()
	v := s.look(s.join())
	s.between("Now", v.Now, before, s.now())
	if len(v.Lanes)+len(v.Parked)+len(v.Suspects)+len(v.Paused)+len(v.Tasks)+len(v.Cancel) > 0 || v.Quiet || v.Stop || v.Lost {
		s.t.Errorf("Look = %+v, want nothing", v)
	}
}

func lookLanes(s *scene) {
	s.enqueue(delay(2 * time.Hour))
	mail := s.enqueue(delay(time.Hour))
	first := s.enqueue(priority(0))
	s.enqueue(priority(0))
	image := s.enqueue(queue("image"), priority(9))
	system := s.enqueue(queue(store.SystemQueue))
	s.parking("parked", false)
	s.running("running")
	s.ending("completed", store.OutcomeCompleted)

	want := []store.Lane{
		{Queue: "image", Priority: 9, RunAt: s.job(image).RunAt},
		{Queue: "mail", Priority: 0, RunAt: s.job(first).RunAt},
		{Queue: "mail", Priority: 5, RunAt: s.job(mail).RunAt},
		{Queue: store.SystemQueue, Priority: 5, RunAt: s.job(system).RunAt},
	}
	got := s.look(s.join()).Lanes
	if !slices.EqualFunc(got, want, func(a, b store.Lane) bool {
		return a.Queue == b.Queue && a.Priority == b.Priority && a.RunAt.Equal(b.RunAt)
	}) {
		s.t.Errorf("lanes are %v\nwant %v", got, want)
	}
}

func lookParked(s *scene) {
	s.parking("mail", false)
	s.parking("mail", false)
	s.parking("mail", false, task("draw"))
	s.parking("image", false, task("draw"))
	s.parking("audit", true)
	p := s.join()

	want := []store.Parked{{Queue: "image", Task: "draw"}, {Queue: "mail", Task: "draw"}, {Queue: "mail", Task: "send"}}
	if v := s.look(p); !sameParked(v.Parked, want) || !slices.Equal(v.Suspects, []string{"audit"}) {
		s.t.Errorf("parked are %v, suspects in %v; want %v, audit", v.Parked, v.Suspects, want)
	}
	s.must(s.Store.Control(s.ctx(), store.Control{PauseTask: "draw"}))
	if v := s.look(p); !sameParked(v.Parked, want[2:]) {
		s.t.Errorf("while draw is paused, parked are %v, want %v", v.Parked, want[2:])
	}
	s.must(s.Store.Control(s.ctx(), store.Control{ResumeTask: "draw"}))
	if v := s.look(p); !sameParked(v.Parked, want) {
		s.t.Errorf("after the resume of draw, parked are %v, want %v", v.Parked, want)
	}
	for _, p := range want {
		s.claimParked(s.join(), p.Queue, 10, p.Task)
	}
	if v := s.look(p); len(v.Parked) > 0 {
		s.t.Errorf("parked are %v when all were claimed", v.Parked)
	}
}

func sameParked(a, b []store.Parked) bool {
	order := func(a, b store.Parked) int {
		return slices.Compare([]string{a.Queue, a.Task}, []string{b.Queue, b.Task})
	}
	return slices.Equal(slices.SortedFunc(slices.Values(a), order), slices.SortedFunc(slices.Values(b), order))
}

func lookPaused(s *scene) {
	p := s.join()
	for _, c := range []store.Control{{PauseQueue: "mail"}, {PauseQueue: "mail"}, {PauseQueue: "image"}, {PauseTask: "draw"}} {
		s.must(s.Store.Control(s.ctx(), c))
	}
	if v := s.look(p); !slices.Equal(slices.Sorted(slices.Values(v.Paused)), []string{"image", "mail"}) || !slices.Equal(v.Tasks, []string{"draw"}) {
		s.t.Errorf("paused are queues %v and tasks %v, want image, mail and draw", v.Paused, v.Tasks)
	}
	for _, c := range []store.Control{{ResumeQueue: "mail"}, {ResumeQueue: "other"}, {ResumeTask: "draw"}} {
		s.must(s.Store.Control(s.ctx(), c))
	}
	if v := s.look(p); !slices.Equal(v.Paused, []string{"image"}) || len(v.Tasks) > 0 {
		s.t.Errorf("paused are queues %v and tasks %v, want image alone", v.Paused, v.Tasks)
	}
}

func lookCancel(s *scene) {
	p, c := s.running("mail")
	other, _ := s.running("mail")
	s.cancel(c.ID)
	for range 2 {
		if v := s.look(p); !slices.Equal(v.Cancel, []store.ID{c.ID}) {
			s.t.Errorf("Look shows cancelled %v, want %v", v.Cancel, c.ID)
		}
	}
	if v := s.look(other); len(v.Cancel) > 0 {
		s.t.Errorf("another process sees cancelled %v", v.Cancel)
	}
	if j := s.want(c.ID, store.Running); !j.Cancelling {
		s.t.Error("the job does not show that it is asked to end")
	}
	s.finish(p, ended(c, store.OutcomeCancelled))
	if v := s.look(p); len(v.Cancel) > 0 {
		s.t.Errorf("Look shows cancelled %v after the end", v.Cancel)
	}
	s.act(store.Retry, c.ID)
	s.claimThis(p, c.ID)
	if v, j := s.look(p), s.job(c.ID); len(v.Cancel) > 0 || j.Cancelling {
		s.t.Error("an old signal cancels the next attempt")
	}
}

func lookTold(s *scene) {
	quiet, stop, other := s.join(), s.join(), s.join()
	s.must(s.Store.Control(s.ctx(), store.Control{QuietProcess: quiet}))
	s.must(s.Store.Control(s.ctx(), store.Control{StopProcess: stop}))
	if v, p := s.look(quiet), s.process(quiet); !v.Quiet || v.Stop || !p.Quiet || p.Stop {
		s.t.Errorf("a process told to be quiet sees %+v", v)
	}
	if v, p := s.look(stop), s.process(stop); !v.Stop || !p.Stop {
		s.t.Errorf("a process told to stop sees %+v", v)
	}
	if v := s.look(other); v.Quiet || v.Stop {
		s.t.Errorf("a process that was told nothing sees %+v", v)
	}
}

// listening is a process that sleeps and listens until the law ends.
func (s *scene) listening(queue string) (heard <-chan store.Wake) {
	s.t.Helper()
	p := store.Process{ID: store.NewID(), Host: "host", PID: 1, Queues: map[string]int{queue: 10}}
	s.must(s.Store.Join(s.ctx(), p))
	ctx, stop := context.WithCancel(context.Background())
	told := make(chan store.Wake, 1000)
	var listener sync.WaitGroup
	listener.Go(func() {
		err := s.Store.Listen(ctx, p.ID, func(w store.Wake) {
			select {
			case told <- w:
			default: // enough was heard
			}
		})
		if err != nil {
			s.t.Errorf("Listen = %v, want nil", err)
		}
	})
	s.t.Cleanup(func() {
		stop()
		listener.Wait()
	})
	s.must(s.Store.Sleep(s.ctx(), p.ID, true))
	return told
}

// wantWake wants a wake for a queue, while doing something again and again: what happened
// before Listen was ready it may miss.
func (s *scene) wantWake(heard <-chan store.Wake, queue string, do func()) {
	s.t.Helper()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	late := time.NewTimer(time.Minute)
	defer late.Stop()
	do()
	for {
		select {
		case w := <-heard:
			if w.Queue == queue || w.Queue == "" {
				return
			}
		case <-again.C:
			do()
		case <-late.C:
			s.t.Fatal("nobody was woken within a minute")
		}
	}
}

func listenInsert(s *scene) {
	s.wantWake(s.listening("mail"), "mail", func() { s.enqueue() })
}

func listenOtherStore(s *scene) {
	other := s.another()
	s.wantWake(s.listening("mail"), "mail", func() { other.enqueue() })
}

func listenRelease(s *scene) {
	p, c := s.running("mail")
	s.wantWake(s.listening("mail"), "mail", func() {
		s.must(s.Store.Release(s.ctx(), p, fences(c)))
		c = s.claimOne(p)
	})
}

func listenLater(s *scene) {
	s.wantWake(s.listening("mail"), "", func() { s.enqueue(delay(time.Minute)) })
}

func listenPark(s *scene) {
	p, c := s.running("mail")
	s.wantWake(s.listening("mail"), "", func() {
		s.must(s.Store.Park(s.ctx(), p, false, fences(c)))
		c = s.claimParked(p, "mail", 1, c.Task)[0]
	})
}

func listenTold(s *scene) {
	heard := s.listening("mail")
	s.wantWake(heard, "", func() {
		_, c := s.running("mail")
		s.cancel(c.ID)
	})
	for _, c := range []store.Control{
		{PauseQueue: "mail"},
		{ResumeQueue: "mail"},
		{PauseTask: "send"},
		{ResumeTask: "send"},
		{QuietProcess: s.join()},
		{StopProcess: s.join()},
	} {
		drain(heard)
		s.wantWake(heard, "", func() { s.must(s.Store.Control(s.ctx(), c)) })
	}
}

// drain forgets what was heard so far.
func drain(heard <-chan store.Wake) {
	for {
		select {
		case <-heard:
		default:
			return
		}
	}
}

func listenEnds(s *scene) {
	p := s.join()
	ctx, stop := context.WithCancel(s.ctx())
	ended := make(chan error, 1)
	go func() { ended <- s.Store.Listen(ctx, p, func(store.Wake) {}) }()
	stop()
	if err := <-ended; err != nil {
		s.t.Errorf("Listen = %v, want nil", err)
	}
}
