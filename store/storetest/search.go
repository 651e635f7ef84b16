package storetest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/offloadhq/offload/store"
)

var searchLaws = []law{
	{"Search/Find", "a search without a budget finds what Find finds, in its order", searchFind},
	{"Search/Input", "a field of an input is what it is or prints as; of a list, each of its elements", searchInput},
	{"Search/Text", "text is found anywhere in an input, upper and lower case alike, escaped or not", searchText},
	{"Search/Shown", "an input is searched as it is shown, and one that is not shown is not found", searchShown},
	{"Search/Errors", "the text of an error is searched page after page, wherever its job is now, and however often it has failed", searchErrors},
	{"Search/Large", "a large input is searched, and left out of what is found", searchLarge},
	{"Search/Budget", "a search whose time is over says where it stands, and goes on from there", searchBudget},
	{"Search/Pages", "the pages of a search hold every job once, newest first", searchPages},
	{"Search/Soonest", "jobs that wait for a time are found by it, soonest first, page after page", searchSoonest},
	{"Search/Flow", "the jobs of a flow are searched by their inputs, page after page", searchFlow},
	{"Search/Process", "the jobs of a process are searched by their inputs", searchProcess},
	{"Search/Priorities", "jobs are found by their priority", searchPriorities},
	{"CountUpTo/All", "each state, queue, task and tag is counted as Find would", countUpToAll},
	{"CountUpTo/States", "states are counted whatever states are asked for, and the rest of those alone", countUpToStates},
	{"CountUpTo/Most", "counts stop where they are told to, and say that there may be more", countUpToMost},
	{"CountUpTo/Filter", "jobs that a filter selects are counted", countUpToFilter},
	{"CountUpTo/Look", "a count stops looking, and says that there may be more", countUpToLook},
}

// search is one search.
func (s *scene) search(q store.Search) store.Found {
	s.t.Helper()
	found, err := s.Store.Search(s.ctx(), q)
	s.must(err)
	return found
}

// searchAll goes from page to page to the end.
func (s *scene) searchAll(q store.Search) (list []store.ID) {
	s.t.Helper()
	for range 10_000 {
		found := s.search(q)
		if most := q.Max; most > 0 && len(found.Jobs) > most {
			s.t.Fatalf("a page of %d has %d jobs", most, len(found.Jobs))
		}
		list = append(list, idsFound(found.Jobs)...)
		var err error
		q.After, err = store.ParseCursor(found.Reached.String())
		s.must(err)
		if q.After.IsZero() {
			return list
		}
	}
	s.t.Fatal("a search does not come to an end")
	return nil
}

// wantSearched wants these jobs to be found, newest first.
func (s *scene) wantSearched(q store.Search, want ...store.ID) {
	s.t.Helper()
	slices.SortFunc(want, func(a, b store.ID) int { return b.Compare(a) })
	if got := s.searchAll(q); !slices.Equal(got, want) {
		s.t.Errorf("Search(%+v) = %v, want %v", q.Filter, got, want)
	}
}

func says(text string) func(*store.NewJob) { return input([]byte(text)) }

func inInput(path, value string) store.Search {
	return store.Search{Filter: store.Filter{Input: []store.Match{{Path: path, Value: value}}}}
}

func searchFind(s *scene) {
	for i := range 2 * len(stages) {
		stages[i%len(stages)].bring(s)
	}
	s.enqueue(queue(store.SystemQueue))
	one := s.enqueue(task("draw"), tags(map[string]string{"tenant": "1"}))
	for _, f := range []store.Filter{
		{},
		{States: []store.State{store.Completed, store.Available}},
		{States: []store.State{store.Discarded}},
		{States: []store.State{store.Running, store.Blocked}},
		{Tasks: []string{"draw"}},
		{Tag: "tenant=1"},
		{IDs: []store.ID{one, store.NewID()}},
		{Queues: []string{store.SystemQueue}},
		{Search: "o", Max: 3},
		{Max: 5},
		{Before: one, Max: 3},
	} {
		want := idsFound(s.findAll(f))
		found := s.search(store.Search{Filter: f})
		if got := idsFound(found.Jobs); !slices.Equal(got, want) {
			s.t.Errorf("Search(%+v) = %v, want %v as Find", f, got, want)
		}
		if len(want) < max(f.Max, 1) && !found.Reached.IsZero() {
			s.t.Errorf("Search(%+v) has reached %v, want the end", f, found.Reached)
		}
	}
}

func searchInput(s *scene) {
	number := s.enqueue(says(`{"order": {"id": 42, "sum": 1.50}, "paid": true, "note": null}`))
	text := s.enqueue(says(`{"order":{"id":"42"},"items":[{"sku":"a-1"},{"sku":"b-2"}],"to":["ada","bob"]}`))
	done := s.ending("mail", store.OutcomeCompleted, says(`{"order":{"id":421}}`))
	odd := s.enqueue(says(`{"a b":{"c\"d":"x<y & \u00e9 \"z\"\n"},"42":"order"}`))
	s.enqueue(says(`"42"`))
	s.enqueue(says(`42`))
	s.enqueue(says(`[[[[[[[[[[[[[[[[[[[[[[[[42]]]]]]]]]]]]]]]]]]]]]]]]`))

	s.wantSearched(inInput("order.id", "42"), number, text)
	s.wantSearched(inInput("order.id", "421"), done)
	s.wantSearched(inInput("order.id", "4"))
	s.wantSearched(inInput("order.sum", "1.50"), number)
	s.wantSearched(inInput("paid", "true"), number)
	s.wantSearched(inInput("note", "null"), number)
	s.wantSearched(inInput("order", `{"id":"42"}`), text)
	s.wantSearched(inInput("items.sku", "b-2"), text)
	s.wantSearched(inInput("to", "ada"), text)
	s.wantSearched(inInput("to", "AD"))
	s.wantSearched(inInput("order.id.x", "42"))
	s.wantSearched(inInput("order.ids", "42"))
	s.wantSearched(inInput(`a b.c"d`, "x<y & é \"z\"\n"), odd)
	s.wantSearched(inInput("42", "order"), odd)
	both := inInput("order.id", "42")
	both.Input = append(both.Input, store.Match{Path: "to", Value: "bob"})
	s.wantSearched(both, text)
	both.States = []store.State{store.Completed}
	s.wantSearched(both)
	if got := idsFound(s.findAll(inInput("order.id", "421").Filter)); !slices.Equal(got, []store.ID{done}) {
		s.t.Errorf("Find by input = %v, want %v", got, done)
	}
}

func searchText(s *scene) {
	one := s.enqueue(says(`{"to":"Ada Lovelace","text":"\u003cb\u003eБольшой ÉTÉ"}`))
	two := s.enqueue(says(`{"to":"ad","n":-1.5e3,"k":"\u0061bsurd"}`))
	s.enqueue(says(`{"to":"100% \u212aelvin"}`))
	s.enqueue()

	s.wantSearched(inInput("", "lovelace"), one)
	s.wantSearched(inInput("", "ADA LOVE"), one)
	s.wantSearched(inInput("", "<B>больШ"), one)
	s.wantSearched(inInput("", "été"), one)
	s.wantSearched(inInput("", `"to":"ad"`), two)
	s.wantSearched(inInput("", "-1.5e3"), two)
	s.wantSearched(inInput("", "absurd"), two)
	s.wantSearched(inInput("", "kelvin"))
	s.wantSearched(inInput("", "0%_"))
	s.wantSearched(inInput("", "'; --"))
}

func searchErrors(s *scene) {
	var want, discarded []store.ID
	for i := range 12 {
		name := fmt.Sprint("queue ", i)
		p, c := s.running(name)
		for attempt := range 1 + i%3 {
			e := retried(c, 0)
			if e.Failure = (&store.Problem{Error: "way " + fmt.Sprint("abc"[i%2:i%2+1]) + " is closed"}); attempt == 2 && i%4 == 2 {
				e.Failure.Error = "and now another"
			}
			last := attempt == i%3
			switch {
			case last && i%4 < 2:
				e.Outcome = store.OutcomeDiscarded
			case last:
				e.RunIn = time.Hour
			}
			s.finish(p, e)
			if !last {
				c = s.claimFrom(p, name, 1)[0]
			}
		}
		if i%2 == 0 && (i%4 != 2 || i%3 < 2) {
			want = append(want, c.ID)
			if i%4 < 2 {
				discarded = append(discarded, c.ID)
			}
		}
	}
	s.enqueue() // has not failed
	for _, most := range []int{0, 1, 3} {
		s.wantSearched(store.Search{Filter: store.Filter{Search: "Way A", Max: most}}, want...)
		s.wantSearched(store.Search{Filter: store.Filter{Search: "Way A", Max: most, States: []store.State{store.Completed, store.Discarded}}}, discarded...)
		s.wantSearched(store.Search{Filter: store.Filter{Search: "Way A", Max: most, States: []store.State{store.Discarded}}}, discarded...)
	}
	s.wantSearched(store.Search{Filter: store.Filter{Search: "way c"}})
}

func searchShown(s *scene) {
	secret := s.enqueue(says(`{"pin":4711,"word":"hunter2","to":"hunt"}`))
	sealed := s.enqueue(says(`"hunt, sealed"`))
	show := func(j *store.Job) []byte {
		if j.ID == sealed {
			return nil
		}
		return []byte(`{"pin":null,"word":"•••","to":"hunt"}`)
	}
	for value, want := range map[string][]store.ID{"hunt": {secret}, "hunter": nil, "hunter2": nil, "4711": nil, "•••": {secret}, "null": {secret}, "sealed": nil} {
		q := inInput("", value)
		q.Show = show
		s.wantSearched(q, want...)
	}
	q := inInput("pin", "null")
	q.Show = show
	s.wantSearched(q, secret)
	q.Input[0].Value = "4711"
	s.wantSearched(q)
}

func searchLarge(s *scene) {
	large := `{"pad":"` + strings.Repeat("x", 100_000) + `","to":"needle"}`
	id := s.enqueue(says(large))
	small := s.enqueue(says(`{"to":"needle"}`))
	found := s.search(inInput("to", "needle"))
	if !slices.Equal(idsFound(found.Jobs), []store.ID{small, id}) {
		s.t.Fatalf("found %v, want %v and %v", idsFound(found.Jobs), small, id)
	}
	if j := found.Jobs[1]; j.Input != nil || j.InputSize != len(large) {
		s.t.Errorf("a large input of %d bytes comes with %d, want none", j.InputSize, len(j.Input))
	}
	if string(found.Jobs[0].Input) != `{"to":"needle"}` {
		s.t.Errorf("a small input comes as %q", found.Jobs[0].Input)
	}
	q := inInput("to", "needle")
	q.IDs = []store.ID{id}
	if found = s.search(q); len(found.Jobs) != 1 || len(found.Jobs[0].Input) != len(large) {
		s.t.Errorf("a job by its id comes without its whole input")
	}
}

func searchBudget(s *scene) {
	last := s.enqueue(says(`{"n":"last"}`))
	for range 3 {
		s.insert(jobs(700)...)
	}
	first := s.enqueue(says(`{"n":"first"}`))
	q := inInput("n", "last")
	q.Budget = time.Nanosecond
	if found := s.search(q); found.Reached.IsZero() || len(found.Jobs) > 0 {
		s.t.Errorf("a search without time found %d jobs and reached %v, want a place on the way", len(found.Jobs), found.Reached)
	}
	s.wantSearched(q, last)
	q.Input[0].Value = "first"
	s.wantSearched(q, first)
}

func searchPages(s *scene) {
	var want []store.ID
	for i := range 40 {
		in, name := says(fmt.Sprintf(`{"n":"page","i":%d}`, i)), fmt.Sprintf("q%d", i)
		switch i % 5 {
		case 0:
			want = append(want, s.enqueue(in))
		case 1:
			want = append(want, s.ending(name, store.OutcomeCompleted, in))
		case 2:
			want = append(want, s.ending(name, store.OutcomeDiscarded, in))
		case 3:
			want = append(want, s.parking(name, false, in))
		default:
			_, c := s.running(name, in)
			want = append(want, c.ID)
		}
		s.enqueue(says(`{"n":"pag"}`))
	}
	for _, most := range []int{1, 7, 39, 40, 41} {
		q := inInput("n", "page")
		q.Max = most
		s.wantSearched(q, want...)
		q.Budget = time.Nanosecond
		s.wantSearched(q, want...)
	}
}

func searchSoonest(s *scene) {
	var want []store.ID
	add := func(after time.Duration, with ...func(*store.NewJob)) {
		want = append(want, s.enqueue(append(with, delay(after))...))
	}
	for i := range 10 {
		add(time.Duration(i+1)*time.Minute, queue([]string{"mail", "image", "b"}[i%3]), priority([]int{5, 0, 9}[i%3]))
	}
	retryable := s.ending("mail", store.OutcomeRetry) // in an hour
	want = append(want, retryable)
	add(2 * time.Hour)
	same := store.IDAt(s.now())
	at := s.now().Add(3 * time.Hour)
	for i := range 5 {
		same[15] = byte(i)
		id := same
		want = append(want, s.enqueue(func(n *store.NewJob) { n.ID, n.RunAt = id, at }))
	}
	s.enqueue()
	s.enqueue(queue(store.SystemQueue), delay(time.Minute))
	s.ending("mail", store.OutcomeCompleted)

	for _, most := range []int{1, 4, 1000} {
		f := store.Filter{Soonest: true, Max: most}
		if got := s.searchAll(store.Search{Filter: f}); !slices.Equal(got, want) {
			s.t.Errorf("soonest, in pages of %d: %v, want %v", most, got, want)
		}
		f.States = []store.State{store.Retryable}
		if got := s.searchAll(store.Search{Filter: f}); !slices.Equal(got, []store.ID{retryable}) {
			s.t.Errorf("retryable, in pages of %d: %v, want %v", most, got, retryable)
		}
		f.States, f.Queues = []store.State{store.Scheduled}, []string{"image"}
		if got := s.searchAll(store.Search{Filter: f, Budget: time.Nanosecond}); !slices.Equal(got, []store.ID{want[1], want[4], want[7]}) {
			s.t.Errorf("of one queue, in pages of %d: %v", most, got)
		}
	}
}

func searchPriorities(s *scene) {
	first, last := s.enqueue(priority(0)), s.enqueue(priority(9))
	done := s.ending("mail", store.OutcomeCompleted, priority(0))
	s.enqueue()
	s.wantFound(store.Filter{Priorities: []int{0}}, first, done)
	s.wantFound(store.Filter{Priorities: []int{9, 0}}, first, last, done)
	s.wantSearched(store.Search{Filter: store.Filter{Priorities: []int{9}}}, last)
}

func (s *scene) countUpTo(f store.Filter, most int) *store.Counted {
	s.t.Helper()
	c, err := s.Store.CountUpTo(s.ctx(), f, most)
	s.must(err)
	return c
}

// wantCounted wants names to have these counts.
func wantCounted[K comparable](s *scene, what string, got, want map[K]int) {
	s.t.Helper()
	got = maps.Clone(got)
	maps.DeleteFunc(got, func(_ K, n int) bool { return n == 0 })
	if !maps.Equal(got, want) {
		s.t.Errorf("%s are counted %v, want %v", what, got, want)
	}
}

func countUpToAll(s *scene) {
	byState, byQueue := map[store.State]int{}, map[string]int{}
	for i := range 2 * len(stages) {
		stage := stages[i%len(stages)]
		stage.bring(s)
		byState[stage.state]++
	}
	tagged := s.enqueue(tags(map[string]string{"tenant": "1", "vip": ""}))
	byState[store.Available]++
	s.enqueue(queue(store.SystemQueue))
	all := s.findAll(store.Filter{Max: 1000})
	byTask := map[string]int{}
	for _, j := range all {
		byQueue[j.Queue]++
		byTask[j.Task]++
	}
	c := s.countUpTo(store.Filter{}, 1001)
	wantCounted(s, "states", c.States, byState)
	wantCounted(s, "queues", c.Queues, byQueue)
	wantCounted(s, "tasks", c.Tasks, byTask)
	wantCounted(s, "tags", c.Tags, map[string]int{"tenant=1": 1, "vip=": 1})
	if len(c.More) > 0 {
		s.t.Errorf("there may be more %v, want none", c.More)
	}
	wantCounted(s, "states of a tag", s.countUpTo(store.Filter{Tag: "tenant=1"}, 1001).States, map[store.State]int{s.job(tagged).State: 1})
}

func countUpToStates(s *scene) {
	s.enqueue()
	s.ending("image", store.OutcomeCompleted, task("draw"))
	s.ending("image", store.OutcomeDiscarded, task("paint"))
	c := s.countUpTo(store.Filter{States: []store.State{store.Completed}}, 10)
	wantCounted(s, "states", c.States, map[store.State]int{store.Available: 1, store.Completed: 1, store.Discarded: 1})
	wantCounted(s, "queues", c.Queues, map[string]int{"image": 1})
	wantCounted(s, "tasks", c.Tasks, map[string]int{"draw": 1})
}

func countUpToMost(s *scene) {
	s.insert(jobs(30)...)
	s.insert(jobs(20, delay(time.Hour))...)
	s.claim(s.join(), 8)
	c := s.countUpTo(store.Filter{}, 10)
	wantCounted(s, "states", c.States, map[store.State]int{store.Available: 10, store.Scheduled: 10, store.Running: 8})
	wantCounted(s, "queues", c.Queues, map[string]int{"mail": 10})
	if !maps.Equal(c.More, map[store.State]bool{store.Available: true, store.Scheduled: true}) {
		s.t.Errorf("there may be more %v, want available and scheduled", c.More)
	}
}

func countUpToFilter(s *scene) {
	p, c := s.running("mail", task("draw"), priority(0))
	e := ended(c, store.OutcomeDiscarded)
	e.Failure = &store.Problem{Error: "no Route to host"}
	s.finish(p, e)
	s.running("image", task("draw"))
	s.enqueue()
	for what, test := range map[string]struct {
		f    store.Filter
		want map[store.State]int
	}{
		"task":     {store.Filter{Tasks: []string{"draw"}}, map[store.State]int{store.Discarded: 1, store.Running: 1}},
		"queue":    {store.Filter{Queues: []string{"image"}}, map[store.State]int{store.Running: 1}},
		"priority": {store.Filter{Priorities: []int{0}}, map[store.State]int{store.Discarded: 1}},
		"error":    {store.Filter{Search: "no route"}, map[store.State]int{store.Discarded: 1}},
		"no error": {store.Filter{Search: "no rout_"}, map[store.State]int{}},
		"process":  {store.Filter{Process: p}, map[store.State]int{}},
		"since":    {store.Filter{Since: s.now().Add(time.Hour)}, map[store.State]int{}},
		"flow":     {store.Filter{Flow: store.NewID()}, map[store.State]int{}},
		"batch":    {store.Filter{Batch: store.NewID()}, map[store.State]int{}},
	} {
		wantCounted(s, "states by "+what, s.countUpTo(test.f, 10).States, test.want)
	}
}

func countUpToLook(s *scene) {
	s.enqueue(task("draw"))
	s.insert(jobs(store.CountLook * 2)...)
	c := s.countUpTo(store.Filter{Tasks: []string{"paint"}}, 1)
	if c.States[store.Available] != 0 || !c.More[store.Available] {
		s.t.Errorf("%d are counted, and more is %v; want none, and that there may be more", c.States[store.Available], c.More)
	}
}

func searchFlow(s *scene) {
	var list []store.NewJob
	flow := store.NewID()
	for i := range 30 {
		list = append(list, aJob(says(fmt.Sprintf(`{"n":%d}`, i%3)), func(n *store.NewJob) { n.Terms = &store.Terms{Flow: flow} }))
	}
	s.insert(list...)
	s.enqueue(says(`{"n":1}`))
	s.claim(s.join(), 5)
	var want []store.ID
	for i := 1; i < 30; i += 3 {
		want = append(want, list[i].ID)
	}
	q := inInput("n", "1")
	q.Flow = flow
	for _, q.Max = range []int{3, 100} {
		for _, q.Budget = range []time.Duration{0, time.Nanosecond} {
			s.wantSearched(q, want...)
		}
	}
}

func searchProcess(s *scene) {
	p, c := s.running("mail", says(`{"n":1}`))
	s.running("mail", says(`{"n":1}`))
	q := inInput("n", "1")
	q.Process = p
	s.wantSearched(q, c.ID)
	q.States = []store.State{store.Available}
	s.wantSearched(q)
}
