package sqlite

import (
	"fmt"
	"slices"
	"testing"

	"github.com/offloadhq/offload/store"
)

// Jobs of a task are found by an index of tasks where they are few, and by walking where they are many. That must not show.
func TestJobsOfATaskAreFoundInBothWays(t *testing.T) {
	s := openTest(t)
	all := map[string][]store.ID{}
	for i := range 120 {
		n := newJob("mail")
		n.Task = []string{"old", "draw", "send", "new"}[i/30] // in blocks, so that there is something to skip
		if i%10 == 0 {
			n.Task = "now and then"
		}
		_, err := s.Insert(t.Context(), []store.NewJob{n})
		must(t, err)
		all[n.Task] = append(all[n.Task], n.ID)
	}
	defer func(n int) { rareMost = n }(rareMost)
	for _, rareMost = range []int{0, 20, findStretch} {
		for _, tasks := range [][]string{{"old"}, {"draw"}, {"now and then"}, {"new", "old"}, {"none"}, {"none", "send"}} {
			var want []store.ID
			for _, task := range tasks {
				want = append(want, all[task]...)
			}
			slices.SortFunc(want, func(a, b store.ID) int { return b.Compare(a) })
			for _, f := range []store.Filter{{}, {States: []store.State{store.Available}}, {States: []store.State{store.Completed}}} {
				f.Tasks, f.Max = tasks, 1000
				expect := want
				if slices.Contains(f.States, store.Completed) {
					expect = nil
				}
				t.Run(fmt.Sprint(rareMost, tasks, f.States), func(t *testing.T) {
					wantFoundInPages(t, s, f, expect)
				})
			}
		}
	}
}

// wantFoundInPages finds jobs at once, in pages, and by a search.
func wantFoundInPages(t *testing.T, s *Store, f store.Filter, want []store.ID) {
	t.Helper()
	found, err := s.Find(t.Context(), f)
	must(t, err)
	if got := idsOfJobs(found); !slices.Equal(got, want) {
		t.Errorf("Find has %d jobs, want %d", len(got), len(want))
	}
	var paged []store.ID
	for f.Max = 7; ; f.Before = paged[len(paged)-1] {
		page, err := s.Find(t.Context(), f)
		must(t, err)
		if paged = append(paged, idsOfJobs(page)...); len(page) < 7 {
			break
		}
	}
	if !slices.Equal(paged, want) {
		t.Errorf("pages of Find have %d jobs, want %d", len(paged), len(want))
	}
	var searched []store.ID
	f.Before = store.ID{}
	q := store.Search{Filter: f}
	for {
		page, err := s.Search(t.Context(), q)
		must(t, err)
		searched = append(searched, idsOfJobs(page.Jobs)...)
		if q.After = page.Reached; page.Reached == (store.Cursor{}) {
			break
		}
	}
	if !slices.Equal(searched, want) {
		t.Errorf("pages of Search have %d jobs, want %d", len(searched), len(want))
	}
}

func idsOfJobs(jobs []store.Job) (ids []store.ID) {
	for _, j := range jobs {
		ids = append(ids, j.ID)
	}
	return ids
}
