package storetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

var findLaws = []law{
	{"Find/States", "jobs are found by each state, as Counts counts them", findStates},
	{"Find/Fields", "a filter selects what matches all of its fields", findFields},
	{"Find/Tags", "jobs are found by the name of a tag, or by name and value", findTags},
	{"Find/Search", "jobs are found by text in the error of their last failure, in any case, character by character", findSearch},
	{"Find/Created", "jobs are found by when they were created: from since, and before until", findCreated},
	{"Find/Pages", "pages are newest id first, and together give each job once", findPages},
	{"Find/Max", "a list has 100 jobs unless more are asked for", findMax},
	{"Find/System", "offload's own jobs are left out of lists and counts unless asked for", findSystem},
	{"Find/Unknown", "ids that are not there are left out", findUnknown},
	{"Find/ByProcess", "jobs are found by the process that runs them", findByProcess},
	{"Queues/Shown", "each queue with jobs that have not ended, or that is paused, is shown by name with its counts", queuesShown},
	{"Queues/Most", "counts of a queue stop where they are told to", queuesMost},
	{"Queues/Oldest", "a queue shows since when its oldest available job waits", queuesOldest},
}

func findStates(s *scene) {
	byState := map[store.State][]store.ID{}
	for range 2 {
		for _, in := range stages {
			byState[in.state] = append(byState[in.state], in.bring(s))
		}
	}
	counts, err := s.Store.Counts(s.ctx())
	s.must(err)
	for _, state := range store.States {
		found := s.findAll(store.Filter{States: []store.State{state}})
		if !sameIDs(idsFound(found), byState[state]) {
			s.t.Errorf("%d jobs are found %s, want %d", len(found), state, len(byState[state]))
		}
		for _, j := range found {
			if j.State != state {
				s.t.Errorf("job %s was found as %s, and is %s", j.ID, state, j.State)
			}
		}
		if counts[state] != len(byState[state]) {
			s.t.Errorf("Counts counts %d %s, want %d", counts[state], state, len(byState[state]))
		}
	}
	two := s.findAll(store.Filter{States: []store.State{store.Running, store.Completed}})
	if !sameIDs(idsFound(two), slices.Concat(byState[store.Running], byState[store.Completed])) {
		s.t.Errorf("%d jobs are found running or completed", len(two))
	}
	if all := s.findAll(store.Filter{}); len(all) != 2*len(stages) {
		s.t.Errorf("%d jobs are found, want all %d", len(all), 2*len(stages))
	}
}

// wantFound wants a filter to select these jobs.
func (s *scene) wantFound(f store.Filter, want ...store.ID) {
	s.t.Helper()
	if got := idsFound(s.findAll(f)); !sameIDs(got, want) {
		s.t.Errorf("Find(%+v) = %v, want %v", f, got, want)
	}
}

func findFields(s *scene) {
	sendMail := s.enqueue()
	drawMail := s.enqueue(task("draw"))
	sendImage := s.enqueue(queue("image"))
	doneImage := s.ending("image", store.OutcomeCompleted, task("draw"), priority(0))

	s.wantFound(store.Filter{Tasks: []string{"send"}}, sendMail, sendImage)
	s.wantFound(store.Filter{Queues: []string{"image"}}, sendImage, doneImage)
	s.wantFound(store.Filter{Tasks: []string{"send", "draw"}, Queues: []string{"mail"}}, sendMail, drawMail)
	s.wantFound(store.Filter{Tasks: []string{"draw"}, States: []store.State{store.Completed}}, doneImage)
	s.wantFound(store.Filter{Tasks: []string{"draw"}, Queues: []string{"image"}, States: []store.State{store.Available}})
	s.wantFound(store.Filter{Tasks: []string{"paint"}})
	s.wantFound(store.Filter{IDs: []store.ID{sendMail, doneImage}, Tasks: []string{"draw"}}, doneImage)
	s.wantFound(store.Filter{IDs: []store.ID{sendMail, doneImage}}, sendMail, doneImage)
}

func findTags(s *scene) {
	odd := map[string]string{`a"b\c%_`: `x'y"z=\`, "empty": "", "ключ": "значение"}
	one := s.enqueue(tags(map[string]string{"tenant": "1", "vip": "yes"}))
	two := s.enqueue(tags(map[string]string{"tenant": "2"}))
	ended := s.ending("mail", store.OutcomeCompleted, tags(map[string]string{"tenant": "1"}))
	strange := s.enqueue(tags(odd))
	s.enqueue()

	s.wantFound(store.Filter{Tag: "tenant"}, one, two, ended)
	s.wantFound(store.Filter{Tag: "tenant=1"}, one, ended)
	s.wantFound(store.Filter{Tag: "tenant="})
	s.wantFound(store.Filter{Tag: "tenant=_"})
	s.wantFound(store.Filter{Tag: "vip=yes", States: []store.State{store.Available}}, one)
	s.wantFound(store.Filter{Tag: "ten"})
	s.wantFound(store.Filter{Tag: "empty="}, strange)
	s.wantFound(store.Filter{Tag: "empty"}, strange)
	s.wantFound(store.Filter{Tag: `a"b\c%_=x'y"z=\`}, strange)
	s.wantFound(store.Filter{Tag: "ключ=значение"}, strange)
}

func findSearch(s *scene) {
	failing := func(text string, in time.Duration) store.ID {
		p, c := s.running("mail")
		e := retried(c, in)
		e.Failure = &store.Problem{Error: text}
		s.finish(p, e)
		return c.ID
	}
	route := failing("dial tcp: No Route to Host", time.Hour)
	full := failing("disk is 100% full_now", time.Hour)
	s.enqueue(delay(time.Hour))
	healed := failing("no route to host", 0)
	p := s.join()
	e := retried(s.claimThis(p, healed), time.Hour)
	e.Failure = &store.Problem{Error: "another problem"}
	s.finish(p, e)

	s.wantFound(store.Filter{Search: "no route"}, route)
	s.wantFound(store.Filter{Search: "NO ROUTE"}, route)
	s.wantFound(store.Filter{Search: "another"}, healed)
	s.wantFound(store.Filter{Search: "100% full_"}, full)
	s.wantFound(store.Filter{Search: "disk%full"})
	s.wantFound(store.Filter{Search: "disk_is"})
	s.wantFound(store.Filter{Search: `\`})
	s.wantFound(store.Filter{Search: "'; --"})
}

func findCreated(s *scene) {
	var created []time.Time
	var list []store.ID
	for range 3 {
		id := s.enqueue()
		list = append(list, id)
		created = append(created, s.job(id).CreatedAt)
	}
	if created[0].Equal(created[2]) {
		s.t.Skip("not run: the store's clock stands still")
	}
	s.wantFound(store.Filter{Since: created[0]}, list...)
	s.wantFound(store.Filter{Until: created[0]})
	s.wantFound(store.Filter{Since: created[0].Add(-time.Hour), Until: created[2].Add(time.Hour)}, list...)
	s.wantFound(store.Filter{Since: created[2].Add(time.Hour)})
	if created[1].After(created[0]) && created[2].After(created[1]) {
		s.wantFound(store.Filter{Since: created[1]}, list[1:]...)
		s.wantFound(store.Filter{Until: created[1]}, list[0])
		s.wantFound(store.Filter{Since: created[1], Until: created[2]}, list[1])
	}
}

func findPages(s *scene) {
	var all []store.ID
	for i := range 57 {
		all = append(all, stages[i%len(stages)].bring(s))
	}
	for _, f := range []store.Filter{{}, {States: []store.State{store.Available, store.Completed, store.Blocked}}, {Tasks: []string{"send"}}} {
		f.Max = 1000
		whole := idsFound(s.findAll(f))
		var paged []store.ID
		for f.Max = 10; ; f.Before = paged[len(paged)-1] {
			page := idsFound(s.findAll(f))
			if len(page) > 10 {
				s.t.Fatalf("a page of 10 has %d jobs", len(page))
			}
			if paged = append(paged, page...); len(page) < 10 {
				break
			}
		}
		newest := sorted(whole)
		slices.Reverse(newest)
		if !slices.Equal(whole, newest) || !slices.Equal(paged, whole) {
			s.t.Errorf("Find(%+v): %d jobs in pages, %d at once; want the same, newest first", f, len(paged), len(whole))
		}
		if len(f.States) == 0 && !sameIDs(whole, all) {
			s.t.Errorf("%d of %d jobs were found", len(whole), len(all))
		}
	}
}

func findMax(s *scene) {
	s.insert(jobs(150)...)
	for asked, want := range map[int]int{0: 100, 1: 1, 149: 149, 1000: 150} {
		if got := len(s.findAll(store.Filter{Max: asked})); got != want {
			s.t.Errorf("Find with max %d gave %d jobs, want %d", asked, got, want)
		}
	}
}

func findSystem(s *scene) {
	own := s.enqueue(queue(store.SystemQueue))
	users := s.enqueue()
	s.wantFound(store.Filter{}, users)
	s.wantFound(store.Filter{States: []store.State{store.Available}}, users)
	s.wantFound(store.Filter{Queues: []string{store.SystemQueue}}, own)
	s.wantFound(store.Filter{IDs: []store.ID{own}}, own)
	s.wantAll(1)
	if q := s.queues(0); len(q) != 1 || q[0].Name != "mail" {
		s.t.Errorf("queues are %+v, want mail alone", q)
	}
	if got := s.claimFrom(s.join(), store.SystemQueue, 10); len(got) != 1 || got[0].ID != own {
		s.t.Errorf("claimed %v, want offload's own job", ids(got))
	}
}

func findUnknown(s *scene) {
	id := s.enqueue()
	s.wantFound(store.Filter{IDs: []store.ID{store.NewID(), id, store.NewID()}}, id)
	s.wantFound(store.Filter{IDs: []store.ID{store.NewID()}})
}

func findByProcess(s *scene) {
	p, c := s.running("mail")
	_, other := s.running("mail")
	s.wantFound(store.Filter{Process: p}, c.ID)
	s.finish(p, completed(c))
	s.wantFound(store.Filter{Process: p})
	s.wantFound(store.Filter{States: []store.State{store.Running}}, other.ID)
}

func (s *scene) queues(most int) []store.Queue {
	s.t.Helper()
	q, err := s.Store.Queues(s.ctx(), most)
	s.must(err)
	return q
}

func queuesShown(s *scene) {
	for _, in := range stages {
		in.bring(s)
	}
	s.must(s.Store.Control(s.ctx(), store.Control{PauseQueue: "paused"}))
	s.must(s.Store.Control(s.ctx(), store.Control{PauseQueue: "running"}))

	want := []string{ // those whose stages have not ended
		"available", "parked", "paused", "released", "retryable", "running", "scheduled", "snoozed", "suspect",
	}
	var got []string
	for _, q := range s.queues(0) {
		got = append(got, q.Name)
		if q.Paused != (q.Name == "paused" || q.Name == "running") {
			s.t.Errorf("queue %s: paused is %v", q.Name, q.Paused)
		}
		for _, state := range store.States {
			n := 0
			if q.Name != "paused" && stageOf(q.Name).state == state {
				n = 1
			}
			if q.Counts[state] != n {
				s.t.Errorf("queue %s has %d %s jobs, want %d", q.Name, q.Counts[state], state, n)
			}
		}
	}
	if !slices.Equal(got, want) {
		s.t.Errorf("queues are %v, want %v", got, want)
	}
}

func queuesMost(s *scene) {
	s.insert(jobs(30)...)
	s.insert(jobs(20, delay(time.Hour))...)
	s.claim(s.join(), 8)
	for most, want := range map[int]string{0: "22 20 8", 10: "10 10 8", 1: "1 1 1"} {
		q := s.queues(most)
		if len(q) != 1 {
			s.t.Fatalf("queues are %+v, want one", q)
		}
		c := q[0].Counts
		if got := fmt.Sprint(c[store.Available], c[store.Scheduled], c[store.Running]); got != want {
			s.t.Errorf("counts that stop at %d are %s, want %s", most, got, want)
		}
	}
}

func queuesOldest(s *scene) {
	first := s.enqueue()
	s.advance(time.Minute)
	s.insert(jobs(5)...)
	s.enqueue(priority(0))
	s.enqueue(queue("later"), delay(time.Hour))
	q := s.queues(0)
	if len(q) != 2 || !q[0].Oldest.IsZero() || q[0].Name != "later" {
		s.t.Fatalf("queues are %+v, want later without an available job, and mail", q)
	}
	s.same("Oldest", q[1].Oldest, s.job(first).RunAt)
}
