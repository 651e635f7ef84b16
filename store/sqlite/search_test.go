package sqlite

import (
	"fmt"
	"slices"
	"testing"

	"github.com/offloadhq/offload/store"
)

// Few jobs fail, and many wait before them: who searches for an error must not look through those that wait.
func TestErrorsAreSearchedAmongFailuresAlone(t *testing.T) {
	s := openTest(t)
	me, err := joinAs(t.Context(), s)
	must(t, err)
	_, err = s.Insert(t.Context(), someJobs(9))
	must(t, err)
	claimed, err := s.Claim(t.Context(), store.ClaimRequest{Process: me, Queue: "mail", Limit: 9})
	must(t, err)
	var want []store.ID
	ends := make([]store.Ended, len(claimed))
	for i, c := range claimed {
		ends[i] = store.Ended{Fence: c.Fence, Outcome: store.OutcomeDiscarded, Failure: &store.Problem{Error: fmt.Sprintf("way %d is closed", i%3)}}
		if i%3 == 2 {
			want = append(want, c.ID)
		}
	}
	_, err = s.Finish(t.Context(), me, ends)
	must(t, err)
	_, err = s.Insert(t.Context(), someJobs(3*searchFirst))
	must(t, err)

	q := store.Search{Filter: store.Filter{Search: "Way 2 is", Max: len(want)}, Budget: 1}
	found, err := s.Search(t.Context(), q)
	must(t, err)
	slices.SortFunc(want, func(a, b store.ID) int { return b.Compare(a) })
	if got := idsOfJobs(found.Jobs); !slices.Equal(got, want) {
		t.Errorf("one step finds %v, want %v", got, want)
	}
	for q.Max, q.After = 0, (store.Cursor{}); ; q.After = found.Reached {
		if found, err = s.Search(t.Context(), q); err != nil || len(found.Jobs) > 0 {
			break
		}
	}
	if got := idsOfJobs(found.Jobs); err != nil || !slices.Equal(got, want) || found.Reached != (store.Cursor{}) {
		t.Errorf("all are %v, %v, and more from %v; want %v", got, err, found.Reached, want)
	}
}
