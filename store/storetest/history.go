package storetest

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload/store"
	"github.com/offloadhq/offload/store/memory"
)

var historyLaws = []law{
	{"History/Model", "any history of calls is answered as the model answers it", historyModel},
	{"History/Crowd", "any history that many processes make at once leaves each job in one place, each attempt with one owner and one end", historyCrowd},
}

// eachSeed plays a history for each seed, each on a store of its own.
func (s *scene) eachSeed(play func(s *scene, r *rand.Rand)) {
	seeds := []uint64{*seed}
	if *seed == 0 {
		seeds = nil
		for i := range *histories {
			seeds = append(seeds, uint64(i)+1)
		}
	}
	for _, seed := range seeds {
		s.t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("play this history again with -storetest.seed=%d", seed)
				}
			})
			play(&scene{t: t, Subject: s.open(t), open: s.open}, rand.New(rand.NewPCG(seed, 0)))
		})
	}
}

func historyModel(s *scene) {
	s.eachSeed(func(s *scene, r *rand.Rand) {
		h := &history{
			scene: s, model: &scene{t: s.t, Subject: Subject{Store: memory.New()}}, r: r,
			accepted: map[store.Fence]bool{},
		}
		s.t.Cleanup(func() {
			if s.t.Failed() {
				s.t.Logf("what was done:\n\t%s", strings.Join(h.steps, "\n\t"))
			}
		})
		for range 3 {
			h.joins()
		}
		for i := 0; i < 250 && !s.t.Failed(); i++ {
			h.step()
			if i%5 == 0 {
				h.compare()
			}
		}
		h.compare()
	})
}

// A history is a series of random calls, each made to the store under test and to the model.
//
// Claims take all that a lane has, so that two clocks need not agree on the order within it;
// delays are none or an hour, so that they need not agree on when it is over.
type history struct {
	*scene
	model     *scene
	r         *rand.Rand
	steps     []string
	processes []store.ID
	ids       []store.ID // of all jobs
	held      []hold     // and some that were held
	accepted  map[store.Fence]bool
}

// A hold is an attempt that a process holds, or once held.
type hold struct {
	process store.ID
	claimed store.Claimed
}

func (h *history) step() {
	h.t.Helper()
	switch n := h.r.IntN(100); {
	case n < 15:
		h.inserts()
	case n < 35:
		h.claims()
	case n < 42:
		h.claimsParked()
	case n < 62:
		h.finishes()
	case n < 68:
		h.givesBack("release", func(s *scene, p store.ID, f []store.Fence) error { return s.Store.Release(s.ctx(), p, f) })
	case n < 74:
		suspect := h.r.IntN(3) == 0
		h.givesBack(fmt.Sprint("park, suspect ", suspect), func(s *scene, p store.ID, f []store.Fence) error {
			return s.Store.Park(s.ctx(), p, suspect, f)
		})
	case n < 88:
		h.acts()
	case n < 92:
		h.reaps()
	case n < 94:
		h.leaves()
	case n < 97:
		h.pauses()
	default:
		h.beats()
	}
}

func (h *history) log(format string, args ...any) {
	h.steps = append(h.steps, fmt.Sprintf(format, args...))
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// some returns up to n of a slice, in any order.
func some[T any](r *rand.Rand, from []T, n int) []T {
	mixed := slices.Clone(from)
	r.Shuffle(len(mixed), func(i, k int) { mixed[i], mixed[k] = mixed[k], mixed[i] })
	return mixed[:min(len(mixed), r.IntN(n+1))]
}

// both makes one call to both, and wants the same answer.
func both[T any](h *history, doing string, call func(s *scene) (T, error), same func(got, want T) bool) T {
	h.t.Helper()
	got, err := call(h.scene)
	want, wantErr := call(h.model)
	if (err == nil) != (wantErr == nil) {
		h.t.Fatalf("%s: error %v, want %v", doing, err, wantErr)
	}
	if !same(got, want) {
		h.t.Fatalf("%s gave\n\t%+v\nwant\n\t%+v", doing, got, want)
	}
	return got
}

// done makes one call that has no answer to both.
func (h *history) done(doing string, call func(s *scene) error) {
	h.t.Helper()
	both(h, doing, func(s *scene) (bool, error) { return true, call(s) }, func(bool, bool) bool { return true })
}

func (h *history) joins() {
	p := store.Process{ID: store.NewID(), Name: "worker", Host: "host", PID: 7}
	h.processes = append(h.processes, p.ID)
	h.log("join %s", p.ID)
	h.done("join", func(s *scene) error { return s.Store.Join(s.ctx(), p) })
}

func (h *history) queue() string { return pick(h.r, []string{"mail", "image"}) }

func (h *history) inserts() {
	var all []store.NewJob
	for range 1 + h.r.IntN(5) {
		n := aJob(queue(h.queue()), task(pick(h.r, []string{"send", "draw"})), priority(h.r.IntN(3)))
		if h.r.IntN(6) == 0 {
			n.Delay = time.Hour
		}
		if len(h.ids) > 0 && h.r.IntN(10) == 0 {
			n.ID = pick(h.r, h.ids)
		} else {
			h.ids = append(h.ids, n.ID)
		}
		all = append(all, n)
		h.log("insert %s %s priority %d delay %v", n.ID, n.Queue, n.Priority, n.Delay)
	}
	both(h, "insert", func(s *scene) ([]store.Inserted, error) { return s.Store.Insert(s.ctx(), all) }, slices.Equal)
}

func (h *history) claims() {
	req := store.ClaimRequest{Process: pick(h.r, h.processes), Queue: h.queue(), Limit: 1000}
	if h.r.IntN(2) == 0 {
		req.Priorities = []int{h.r.IntN(3)}
	}
	h.log("claim by %s from %s %v", req.Process, req.Queue, req.Priorities)
	h.hold(req.Process, both(h, "claim", func(s *scene) ([]store.Claimed, error) {
		claimed, err := s.Store.Claim(s.ctx(), req)
		if req.Priorities != nil || err == nil {
			wantOrdered(h.t, claimed)
		}
		return claimed, err
	}, sameClaims))
}

func (h *history) claimsParked() {
	req := store.ParkedRequest{Process: pick(h.r, h.processes), Queue: h.queue(), Limit: 1000, Tasks: []string{"send"}}
	if h.r.IntN(2) == 0 {
		req.Tasks = []string{"draw", "send"}
	}
	h.log("claim parked by %s from %s %v", req.Process, req.Queue, req.Tasks)
	h.hold(req.Process, both(h, "claim parked", func(s *scene) ([]store.Claimed, error) {
		return s.Store.ClaimParked(s.ctx(), req)
	}, sameClaims))
}

func (h *history) hold(p store.ID, claimed []store.Claimed) {
	for _, c := range claimed {
		h.held = append(h.held, hold{p, c})
	}
}

func sameClaims(got, want []store.Claimed) bool {
	byID := func(a, b store.Claimed) int { return a.ID.Compare(b.ID) }
	return slices.EqualFunc(
		slices.SortedFunc(slices.Values(got), byID), slices.SortedFunc(slices.Values(want), byID),
		func(a, b store.Claimed) bool {
			return a.Fence == b.Fence && a.Task == b.Task && a.Queue == b.Queue && a.Priority == b.Priority &&
				bytes.Equal(a.Input, b.Input) && a.Failures == b.Failures && a.Crashes == b.Crashes
		})
}

// holds returns some attempts of one process; it keeps none of them, or all.
func (h *history) holds(keep bool) (process store.ID, list []store.Claimed) {
	if len(h.held) == 0 {
		return pick(h.r, h.processes), nil
	}
	process = pick(h.r, h.held).process
	seen := map[store.ID]bool{}
	for _, held := range some(h.r, h.held, len(h.held)) {
		if held.process == process && !seen[held.claimed.ID] {
			seen[held.claimed.ID] = true
			list = append(list, held.claimed)
		}
	}
	if !keep {
		h.drop(process, list)
	}
	return process, list
}

func (h *history) drop(process store.ID, list []store.Claimed) {
	h.held = slices.DeleteFunc(h.held, func(held hold) bool {
		return held.process == process && slices.ContainsFunc(list, func(c store.Claimed) bool {
			return c.Fence == held.claimed.Fence
		})
	})
}

func (h *history) finishes() {
	p, list := h.holds(h.r.IntN(3) == 0)
	var all []store.Ended
	for _, c := range list {
		e := ended(c, pick(h.r, []store.Outcome{
			store.OutcomeCompleted, store.OutcomeRetry, store.OutcomeSnooze, store.OutcomeDiscarded, store.OutcomeCancelled,
		}))
		if h.r.IntN(2) == 0 {
			e.RunIn = time.Hour
		}
		all = append(all, e)
		h.log("finish by %s: %s attempt %d %s in %v", p, e.ID, e.Attempt, e.Outcome, e.RunIn)
	}
	// Whether an attempt that has ended otherwise is lost is asked where the answer matters: a
	// success that was not written, an end that another process has overtaken.
	plain := map[store.Fence]bool{}
	for _, e := range all {
		over := h.model.find(e.ID)
		plain[e.Fence] = !h.accepted[e.Fence] &&
			(e.Outcome == store.OutcomeCompleted || len(over) == 1 && !over[0].State.Ended())
	}
	lost := both(h, "finish", func(s *scene) ([]store.Fence, error) {
		return s.Store.Finish(s.ctx(), p, all)
	}, func(got, want []store.Fence) bool {
		unclear := func(f store.Fence) bool { return !plain[f] }
		return sameFences(slices.DeleteFunc(slices.Clone(got), unclear), slices.DeleteFunc(slices.Clone(want), unclear))
	})
	for _, e := range all {
		h.accepted[e.Fence] = h.accepted[e.Fence] || !slices.Contains(lost, e.Fence)
	}
}

func (h *history) givesBack(doing string, call func(s *scene, p store.ID, f []store.Fence) error) {
	p, list := h.holds(false)
	h.log("%s by %s: %v", doing, p, fences(list...))
	h.done(doing, func(s *scene) error { return call(s, p, fences(list...)) })
}

func (h *history) acts() {
	act := store.Act{
		Verb: pick(h.r, []store.Verb{store.Cancel, store.Cancel, store.Retry, store.RunNow, store.Delete, store.Change}),
		IDs:  append(some(h.r, h.ids, 4), store.NewID()),
	}
	if act.Verb == store.Change {
		to, first := h.queue(), h.r.IntN(3)
		act.Edit = &store.Edit{Input: []byte(fmt.Sprint(h.r.Uint32()))}
		if h.r.IntN(2) == 0 {
			act.Edit = &store.Edit{Queue: &to, Priority: &first}
		}
	}
	h.log("%s %v", act.Verb, act.IDs)
	both(h, string(act.Verb), func(s *scene) ([]store.Acted, error) { return s.Store.Act(s.ctx(), act) },
		func(got, want []store.Acted) bool {
			return slices.EqualFunc(got, want, func(a, b store.Acted) bool {
				return a.ID == b.ID && a.State == b.State &&
					(a.Effect == store.Done) == (b.Effect == store.Done) &&
					(a.Effect == store.NotStored) == (b.Effect == store.NotStored)
			})
		})
}

func (h *history) reaps() {
	lost := some(h.r, h.processes, 2)
	var beaten []store.Beaten
	for _, p := range lost {
		beaten = append(beaten, store.Beaten{ID: p, Count: int64(-1 + 100_000*h.r.IntN(2))}) // lost, or beating
	}
	h.log("reap %v", beaten)
	both(h, "reap", func(s *scene) (store.Reaped, error) { return s.Store.Reap(s.ctx(), beaten) },
		func(got, want store.Reaped) bool { return got == want })
	h.joins()
}

func (h *history) leaves() {
	p := pick(h.r, h.processes)
	h.held = slices.DeleteFunc(h.held, func(held hold) bool { return held.process == p })
	h.log("leave %s", p)
	h.done("leave", func(s *scene) error { return s.Store.Leave(s.ctx(), p) })
	h.joins()
}

func (h *history) pauses() {
	c := pick(h.r, []store.Control{
		{PauseTask: "send"},
		{ResumeTask: "send"},
		{PauseTask: "draw"},
		{ResumeTask: "draw"},
		{PauseQueue: "mail"},
		{ResumeQueue: "mail"},
	})
	h.log("control %+v", c)
	h.done("control", func(s *scene) error { return s.Store.Control(s.ctx(), c) })
}

func (h *history) beats() {
	p := pick(h.r, h.processes)
	both(h, "beat", func(s *scene) (store.Beats, error) { return s.Store.Beat(s.ctx(), store.Process{ID: p}) },
		func(got, want store.Beats) bool { return got.Lost == want.Lost && slices.Equal(got.Peers, want.Peers) })
}

// compare compares all there is to see.
func (h *history) compare() {
	h.t.Helper()
	both(h, "find", func(s *scene) ([]store.Job, error) {
		return s.Store.Find(s.ctx(), store.Filter{Max: 100_000})
	}, func(got, want []store.Job) bool { return slices.EqualFunc(got, want, h.sameJob) })
	both(h, "counts", func(s *scene) (map[store.State]int, error) {
		counts, err := s.Store.Counts(s.ctx())
		maps.DeleteFunc(counts, func(_ store.State, n int) bool { return n == 0 })
		return counts, err
	}, maps.Equal)
	for _, p := range h.processes {
		both(h, "look", func(s *scene) (string, error) {
			v, err := s.Store.Look(s.ctx(), p)
			return shown(v), err
		}, func(got, want string) bool { return got == want })
	}
	for _, id := range some(h.r, h.ids, 10) {
		both(h, "failures", func(s *scene) ([]store.Failure, error) { return s.Store.Failures(s.ctx(), id) },
			func(got, want []store.Failure) bool {
				return slices.EqualFunc(got, want, func(a, b store.Failure) bool {
					return a.Attempt == b.Attempt && a.Kind == b.Kind && a.Process == b.Process &&
						(a.Kind == "crash" || a.Error == b.Error && a.Stack == b.Stack)
				})
			})
	}
}

// sameJob compares what does not hang on the clock, nor on how a store words a crash.
func (h *history) sameJob(got, want store.Job) bool {
	plain := func(j store.Job) string {
		if j.Error != "" && j.Error != "no route to host" {
			j.Error = "a crash"
		}
		return fmt.Sprintf("%s %s %s %s %q %d attempt %d failures %d crashes %d by %q cancelling %v error %q input %q result %q",
			j.ID, j.Task, j.Queue, j.State, j.Waits, j.Priority, j.Attempt, j.Failures, j.Crashes, j.Process,
			j.Cancelling, j.Error, j.Input, j.Result)
	}
	if plain(got) != plain(want) {
		h.t.Errorf("job is\n\t%s\nwant\n\t%s", plain(got), plain(want))
		return false
	}
	return true
}

// shown is what a view shows beside times.
func shown(v store.View) string {
	var lanes []string
	for _, l := range v.Lanes {
		lanes = append(lanes, fmt.Sprint(l.Queue, " ", l.Priority))
	}
	slices.SortFunc(v.Parked, func(a, b store.Parked) int {
		return cmp.Or(cmp.Compare(a.Queue, b.Queue), cmp.Compare(a.Task, b.Task))
	})
	slices.Sort(v.Suspects)
	slices.Sort(v.Paused)
	slices.Sort(v.Tasks)
	return fmt.Sprintf("lanes %v parked %v suspects %v paused %v tasks %v cancel %v quiet %v stop %v lost %v",
		lanes, v.Parked, v.Suspects, v.Paused, v.Tasks, sorted(v.Cancel), v.Quiet, v.Stop, v.Lost)
}
