package sqlite

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/offloadhq/offload/store"
)

// What was erased is in no byte of the file nor of its log after Forget, whatever pages it has been on: jobs come
// in an order that splits and merges pages, are large and small, run, fail, log, and are erased
// a few at a time, among others that stay.
func TestErasedJobsAreInNoByteOfTheFile(t *testing.T) {
	s := openTest(t)
	p := store.Process{ID: store.NewID()}
	must(t, s.Join(t.Context(), p))
	r := rand.New(rand.NewPCG(1, 2))
	text := func(secret bool, most int) string {
		word := "harmless words "
		if secret {
			word = "CANARY-5417 "
		}
		return strings.Repeat(word, 1+r.IntN(most))
	}
	var all []store.NewJob
	gone := map[store.ID]bool{}
	for i := range 1200 {
		job := someJobs(1)[0]
		secret := i%3 != 0
		job.Input = []byte(text(secret, 1<<r.IntN(11)))
		gone[job.ID] = secret
		all = append(all, job)
	}
	r.Shuffle(len(all), func(i, k int) { all[i], all[k] = all[k], all[i] })
	for len(all) > 0 {
		n := min(len(all), 1+r.IntN(100))
		_, err := s.Insert(t.Context(), all[:n])
		must(t, err)
		all = all[n:]
		for range 3 {
			liveSome(t, s, p.ID, func(id store.ID, most int) string { return text(gone[id], most) })
		}
	}
	for range 30 {
		liveSome(t, s, p.ID, func(id store.ID, most int) string { return text(gone[id], most) })
	}
	var ids []store.ID
	for id, secret := range gone {
		if secret {
			ids = append(ids, id)
		}
	}
	erased := 0
	for len(ids) > 0 {
		n := min(len(ids), 100)
		acted, err := s.Act(t.Context(), store.Act{Verb: store.Erase, IDs: ids[:n]})
		must(t, err)
		ids = ids[n:]
		for _, a := range acted {
			if a.Effect == store.Done {
				erased++
			}
		}
	}
	if erased != 800 {
		t.Errorf("%d jobs were erased, want 800", erased)
	}

	must(t, s.Forget(t.Context()))

	for _, path := range []string{s.path, s.path + "-wal"} {
		data, err := os.ReadFile(path)
		must(t, err)
		if n := bytes.Count(data, []byte("CANARY")); n > 0 {
			t.Errorf("%s has %d words of what was erased in its %d bytes", path, n, len(data))
		}
		if path == s.path && !bytes.Contains(data, []byte("harmless words")) {
			t.Error("what was not erased is not there: the test looks at the wrong bytes")
		}
	}
}

// liveSome runs what is due: it logs, keeps memos, and completes or fails for good.
func liveSome(t *testing.T, s *Store, process store.ID, text func(id store.ID, most int) string) {
	t.Helper()
	claimed, err := s.Claim(t.Context(), store.ClaimRequest{Process: process, Queue: "mail", Limit: 60})
	must(t, err)
	var lines []store.LogLine
	var ended []store.Ended
	for i, c := range claimed {
		for k := range i % 5 {
			lines = append(lines, store.LogLine{
				Fence: c.Fence, At: time.Now(), Level: "INFO", Text: text(c.ID, 50),
				Attrs: fmt.Appendf(nil, `{"of":%q}`, text(c.ID, 9*k+1)),
			})
			must(t, s.PutMemo(t.Context(), process, c.Fence, store.Memo{Name: fmt.Sprint(k % 2), Data: []byte(text(c.ID, 400))}))
		}
		must(t, s.WriteProgress(t.Context(), process, []store.Progress{{Fence: c.Fence, Done: 1, Note: text(c.ID, 3)}}))
		e := store.Ended{Fence: c.Fence, Task: c.Task, Queue: c.Queue, Outcome: store.OutcomeCompleted, Result: []byte(text(c.ID, 300))}
		if i%2 == 0 {
			e.Outcome, e.Result = store.OutcomeDiscarded, nil
			e.Failure = &store.Problem{Error: text(c.ID, 100), Kind: "test", Stack: text(c.ID, 200)}
		}
		ended = append(ended, e)
	}
	must(t, s.WriteLogs(t.Context(), process, lines))
	_, err = s.Finish(t.Context(), process, ended)
	must(t, err)
}
