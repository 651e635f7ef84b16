package engine

import (
	"slices"
	"sync"
	"time"

	"github.com/offloadhq/offload/store"
)

const (
	// aheadFor is how much work is claimed ahead, at the present pace. It is also how long a
	// new job of a higher priority may wait behind jobs already claimed.
	aheadFor = 50 * time.Millisecond

	// maxWaiting is how many claimed jobs may wait in the hand. Times store.InlineInput it is
	// just under 16 MiB.
	maxWaiting = 4000

	// cutOff is how long after its last committed beat a process runs handlers that must not
	// overlap with their successors.
	cutOff = 9 * time.Second
)

// A hand holds the jobs that this process has claimed and not started, the slots they wait
// for, and the identity under which they were claimed.
type hand struct {
	mu      sync.Mutex
	process store.ID      // zero while the process has no identity
	changed chan struct{} // closed when process changes
	lines   map[string]*line
	total   int // slots, of all queues but those apart
	running int // attempts, of all queues but those apart
	waiting int // jobs of all lines
	runners int // goroutines
	hungry  int // lines
	pace    pace
	resting bool                 // the claimer has nothing to do: nothing is due that this process could run
	starts  map[store.Fence]bool // of jobs that are being inserted as leases
	turn    []*line              // which have jobs and slots, and wait for one of the total: round robin
	suspect bool                 // one is in the hand or runs
	beat    time.Time
	frozen  bool // nothing starts, because the process is cut off
	quiet   bool // nothing starts, because it was told so
	closed  bool // nothing starts any more
	ended   chan struct{}
	poke    chan struct{} // holds a token when the claimer shall look at the hand
	spawn   func(*runner)
}

// A line is the part of the hand that is of one queue.
type line struct {
	queue   string
	slots   int
	apart   bool // its slots are not of the total
	named   bool // it is worked even if nothing is in it
	jobs    [10][]*attempt
	count   int              // of jobs
	groups  []*group         // of tasks with Many, full or gathering, oldest first
	open    map[*Task]*group // of groups, those that gather
	running int
	runners []*runner
	idle    []*runner // of runners, the one idle longest first
	hungry  bool      // the store has more
	low     int       // a hungry line wants more when count falls to this
	queued  bool      // it is in hand.turn
	used    time.Time
	pace    pace
}

func newHand(total int, spawn func(*runner)) *hand {
	return &hand{
		total: total, lines: map[string]*line{}, starts: map[store.Fence]bool{}, changed: make(chan struct{}),
		ended: make(chan struct{}), poke: make(chan struct{}, 1), spawn: spawn,
	}
}

// adopt gives the process an identity, with which it begins to claim.
func (h *hand) adopt(process store.ID, beat time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.identify(process)
	h.beat, h.frozen, h.quiet = beat, false, false
	ring(h.poke)
}

func (h *hand) identify(process store.ID) {
	h.process = process
	close(h.changed)
	h.changed = make(chan struct{})
}

// who returns the identity of the process, and what is closed when it changes.
func (h *hand) who() (process store.ID, changed <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.process, h.changed
}

// lineOf returns the line of a queue, made at first need.
func (h *hand) lineOf(queue string, slots int, now time.Time) *line {
	l := h.lines[queue]
	if l == nil {
		l = &line{queue: queue, slots: slots, apart: queue == store.SystemQueue}
		h.lines[queue] = l
	}
	l.used = now
	return l
}

// resize gives lines as many slots as their queues have now. What runs goes on, also where there are
// fewer than run.
func (h *hand) resize(slotsOf func(queue string) int, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, l := range h.lines {
		slots := slotsOf(l.queue)
		if slots == l.slots {
			continue
		}
		more := slots > l.slots
		l.slots = slots
		if more {
			h.serve(l, now)
			ring(h.poke)
		}
	}
}

// want returns how many jobs of a queue shall be claimed now. If it is none, the claimer is
// poked as soon as that may have changed.
func (h *hand) want(queue string, slots int) int {
	now := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	if slots <= 0 || h.process.IsZero() || h.stands(now) {
		return 0
	}
	l := h.lineOf(queue, slots, now)
	h.setHungry(l, true)
	ahead := h.ahead(l, now)
	l.low = ahead / 2
	free := h.free(l) - l.count
	if len(l.groups) > 0 {
		return h.wantGrouped(l, free, ahead)
	}
	if free <= 0 && l.count > l.low {
		return 0
	}
	return max(min(free+ahead, maxWaiting-h.waiting), 0)
}

// wantGrouped is want where groups gather: one more job for each slot that none of them will
// take, and those that are missing in groups for which there is a slot.
func (h *hand) wantGrouped(l *line, free, ahead int) int {
	slots := free
	if slots <= 0 && ahead > 0 && l.count == 0 {
		slots = 1 // its turn will come
	}
	n := max(free-len(l.groups)+ahead, 0) + l.room(slots)
	return max(min(n, maxWaiting-h.waiting), 0)
}

// free returns how many more attempts of a line may run.
func (h *hand) free(l *line) int {
	free := l.slots - l.running
	if !l.apart {
		free = min(free, h.total-h.running)
	}
	return max(free, 0)
}

// ahead returns how many jobs of a line may wait for slots.
func (h *hand) ahead(l *line, now time.Time) int {
	ahead := l.pace.rate(now) * aheadFor.Seconds()
	if l.count == 0 && !l.apart && h.running >= h.total {
		// Other lines hold all slots. Where those change hands quickly, a few jobs that wait
		// get this line its turn.
		ahead = max(ahead, min(h.pace.rate(now)*aheadFor.Seconds(), 10))
	}
	return int(min(ahead, maxWaiting))
}

func (h *hand) setHungry(l *line, hungry bool) {
	if l.hungry != hungry {
		l.hungry = hungry
		if hungry {
			h.hungry++
		} else {
			h.hungry--
		}
	}
}

// sated says that the store has no more due jobs of a queue.
func (h *hand) sated(queue string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if l := h.lines[queue]; l != nil {
		h.setHungry(l, false)
	}
}

// stands reports whether nothing starts.
func (h *hand) stands(now time.Time) bool {
	return h.frozen || h.quiet || h.closed || now.Sub(h.beat) >= cutOff
}

// mayBegin reports whether an attempt that took long to get ready may begin: its lease may have
// been given away meanwhile if its process has another identity now, or was cut off. A drain
// has neither a beat nor a hand.
func (h *hand) mayBegin(a *attempt) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.beat.IsZero() || a.process == h.process && !h.frozen && time.Since(h.beat) < cutOff
}

// put adds jobs of one queue and starts what can be started. It returns false, and takes none,
// if they were claimed under an identity that the process has no more, or too late.
func (h *hand) put(process store.ID, queue string, slots int, jobs []*attempt) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.add(process, queue, slots, jobs)
}

// add is put under the lock.
func (h *hand) add(process store.ID, queue string, slots int, jobs []*attempt) bool {
	now := time.Now()
	if process != h.process || h.closed || h.quiet {
		return false
	}
	l := h.lineOf(queue, slots, now)
	for _, a := range jobs {
		if a.task.Many != nil {
			h.gather(l, a, now)
			continue
		}
		p := min(max(a.job.Priority, 0), len(l.jobs)-1)
		l.jobs[p] = append(l.jobs[p], a)
		l.count++
	}
	h.waiting += len(jobs)
	if len(l.open) > 0 {
		h.watch(l, now)
	}
	l.pace.begin(now)
	h.pace.begin(now)
	h.serve(l, now)
	return true
}

// rest says whether the claimer has nothing to do.
func (h *hand) rest(resting bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.resting = resting
}

// reserve keeps a slot for a job that is not stored yet, and gives the attempt this process's
// identity. It returns false unless the job could start at once, and nothing waits before it.
func (h *hand) reserve(a *attempt, slots int) bool {
	now := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.resting || slots <= 0 || h.process.IsZero() || h.stands(now) || len(h.turn) > 0 {
		return false
	}
	l := h.lineOf(a.job.Queue, slots, now)
	if l.hungry || l.count > 0 || h.free(l) == 0 {
		return false
	}
	a.process = h.process
	h.starts[a.job.Fence] = true
	l.running++
	h.running++
	return true
}

// cede gives up the slot that was kept for a job.
func (h *hand) cede(a *attempt) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.vacate(a)
	ring(h.poke) // somebody may have waited for it meanwhile
}

func (h *hand) vacate(a *attempt) {
	delete(h.starts, a.job.Fence)
	h.lines[a.job.Queue].running--
	h.running--
}

// begin starts a job in the slot that was kept for it. It returns false if that is too late.
func (h *hand) begin(a *attempt, slots int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.vacate(a)
	return h.add(a.process, a.job.Queue, slots, []*attempt{a})
}

// serve starts jobs of a line on idle and new runners, as far as slots go.
func (h *hand) serve(l *line, now time.Time) {
	if h.stands(now) {
		return
	}
	for l.running < l.slots && h.has(l) {
		if !l.apart && h.running >= h.total {
			if !l.queued {
				l.queued = true
				h.turn = append(h.turn, l)
			}
			return
		}
		h.startOn(h.runnerFor(l), now)
	}
}

// has reports whether a line has something to start.
func (h *hand) has(l *line) bool {
	return l.count > 0 || len(l.groups) > 0 && h.nextGroup(l) != nil
}

// runnerFor returns the runner that was idle last, or a new one.
func (h *hand) runnerFor(l *line) *runner {
	if n := len(l.idle); n > 0 {
		r := l.idle[n-1]
		l.idle = l.idle[:n-1]
		return r
	}
	r := &runner{line: l, jobs: make(chan *attempt, 1)}
	l.runners = append(l.runners, r)
	h.runners++
	h.spawn(r)
	return r
}

func (h *hand) startOn(r *runner, now time.Time) { r.jobs <- h.start(r, now) }

// start takes the first job of a runner's line into a slot.
func (h *hand) start(r *runner, now time.Time) *attempt {
	l := r.line
	a := h.pop(l)
	h.waiting -= a.size()
	l.running++
	if !l.apart {
		h.running++
	}
	a.started = now
	if a.group != nil {
		for _, member := range a.group.jobs {
			member.started = now
		}
	}
	r.current = a
	if l.hungry && l.count <= l.low {
		ring(h.poke)
	}
	return a
}

// pop takes the first job of a line that has one, or the first group.
func (h *hand) pop(l *line) *attempt {
	if len(l.groups) > 0 {
		if a := h.popGroup(l); a != nil {
			return a
		}
	}
	for p, jobs := range l.jobs {
		if len(jobs) > 0 {
			a := jobs[0]
			jobs[0] = nil
			l.jobs[p] = jobs[1:]
			if len(jobs) == 1 {
				l.jobs[p] = nil
			}
			l.count--
			return a
		}
	}
	return nil
}

// next ends the attempt of a runner, if it has one, and returns its next one; nil if it must
// wait for r.jobs, which is closed when there will be none.
func (h *hand) next(r *runner, now time.Time) *attempt {
	h.mu.Lock()
	defer h.mu.Unlock()
	l := r.line
	if r.current != nil {
		h.stop(r, now)
	}
	if h.closed {
		h.dismiss(r)
		return nil
	}
	// Lines that wait for a slot of the total come before this runner's own.
	for len(h.turn) > 0 && h.running < h.total {
		other := h.turn[0]
		h.turn = h.turn[1:]
		other.queued = false
		if other == l {
			break
		}
		if other.running < other.slots && !h.stands(now) && h.has(other) {
			h.startOn(h.runnerFor(other), now)
			h.serve(other, now)
		}
	}
	if !h.stands(now) && l.running < l.slots && h.has(l) {
		var a *attempt
		if l.apart || h.running < h.total {
			a = h.start(r, now)
		}
		h.serve(l, now) // what is left takes its turn
		if a != nil {
			return a
		}
	}
	l.idle = append(l.idle, r)
	r.idle = now
	return nil
}

// stop frees the slot of a runner.
func (h *hand) stop(r *runner, now time.Time) {
	l := r.line
	if r.current.job.Suspect() {
		h.suspect = false
		ring(h.poke)
	}
	if r.current.group == nil { // what is claimed ahead is claimed for single jobs
		l.pace.add(1, now)
	}
	r.current = nil
	l.running--
	h.pace.add(1, now)
	full := false
	if !l.apart {
		full = h.running >= h.total
		h.running--
	}
	if l.hungry && l.count <= l.low || full && h.hungry > 0 {
		ring(h.poke)
	}
}

// dismiss ends a runner.
func (h *hand) dismiss(r *runner) {
	l := r.line
	l.runners = slices.DeleteFunc(l.runners, func(other *runner) bool { return other == r })
	close(r.jobs)
	h.runners--
	if h.closed && h.runners == 0 {
		close(h.ended)
	}
}

// takeSuspect reports whether a suspect of a queue may be started at once: none is here, and
// a slot is free.
func (h *hand) takeSuspect(queue string, slots int) bool {
	now := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.suspect || slots <= 0 || h.process.IsZero() || h.stands(now) {
		return false
	}
	l := h.lineOf(queue, slots, now)
	h.suspect = h.free(l) > l.count
	return h.suspect
}

// dropSuspect undoes a takeSuspect that has brought none.
func (h *hand) dropSuspect() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.suspect = false
}
