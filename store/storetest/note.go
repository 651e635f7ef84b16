package storetest

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/offloadhq/offload/store"
)

var noteLaws = []law{
	{"Logs/Kept", "what a running job logs is kept, line by line, and shown in the order it was written", logsKept},
	{"Logs/Pages", "lines are read after one that is known, or the newest of them", logsPages},
	{"Logs/Attempts", "the log goes on with the next attempt, and stays when the job has ended", logsAttempts},
	{"Logs/Lost", "lines of an attempt that is gone are passed over, unless it has ended its job, and the others' kept", logsLost},
	{"Logs/Text", "what cannot be kept as text is cleaned, what is too long is cut, and attributes come back as they were", logsText},
	{"Logs/Lines", "a log that has MaxLogLines lines ends with one that says so", logsLines},
	{"Logs/Bytes", "a log that has MaxLogBytes ends with a line that says so, however short the next ones are", logsBytes},
	{"Logs/Deleted", "a log goes with its job", logsDeleted},
	{"Logs/Limits", "a job that has logged waits for all its limits when it is tried again", logsLimits},
	{"Logs/AtOnce", "lines that are written at once are all kept, each job's in their order", logsAtOnce},
}

// line is a line of an attempt's log.
func line(c store.Claimed, text string) store.LogLine {
	return store.LogLine{Fence: c.Fence, At: time.Now(), Level: "INFO", Text: text}
}

// lines are n lines that say their number.
func lines(c store.Claimed, from, n int) []store.LogLine {
	all := make([]store.LogLine, n)
	for i := range all {
		all[i] = line(c, fmt.Sprint(from+i))
	}
	return all
}

func (s *scene) writeLogs(process store.ID, all ...store.LogLine) {
	s.t.Helper()
	s.must(s.Store.WriteLogs(s.ctx(), process, all))
}

// logs reads a log, and checks that Seq rises.
func (s *scene) logs(id store.ID, after int64, most int) []store.LogLine {
	s.t.Helper()
	found, err := s.Store.Logs(s.ctx(), id, after, most)
	s.must(err)
	for _, l := range found {
		if l.ID != id || l.Seq <= after {
			s.t.Errorf("line %+v is among those of job %s after %d", l, id, after)
		}
		after = l.Seq
	}
	return found
}

func texts(found []store.LogLine) string {
	var all []string
	for _, l := range found {
		all = append(all, l.Text)
	}
	return strings.Join(all, " ")
}

// wantLog wants a job's log to read so, its lines joined by spaces.
func (s *scene) wantLog(id store.ID, want string) {
	s.t.Helper()
	if got := texts(s.logs(id, 0, 100_000)); got != want {
		s.t.Errorf("the log of job %s reads %q, want %q", id, got, want)
	}
}

func logsKept(s *scene) {
	p, c := s.running("mail")
	_, other := s.running("image")
	at := s.now().Add(-time.Minute)
	first := store.LogLine{Fence: c.Fence, At: at, Level: "WARN", Text: "slow", Attrs: []byte(`{"ms": 700,  "b":[1]}`)}
	s.writeLogs(p, first, line(c, "a"), line(c, "b"))
	s.writeLogs(p, line(c, "c"))
	s.writeLogs(p)

	s.wantLog(c.ID, "slow a b c")
	s.wantLog(other.ID, "")
	s.wantLog(store.NewID(), "")
	got := s.logs(c.ID, 0, 1)[0]
	if got.Fence != c.Fence || got.Level != "WARN" || string(got.Attrs) != string(first.Attrs) {
		s.t.Errorf("line is %+v, want %+v", got, first)
	}
	s.same("At", got.At, at)
	if a := s.logs(c.ID, got.Seq, 1)[0].Attrs; a != nil {
		s.t.Errorf("attributes that were not given are %q", a)
	}
}

func logsPages(s *scene) {
	p, c := s.running("mail")
	s.writeLogs(p, lines(c, 0, 50)...)
	all := s.logs(c.ID, 0, 100)
	if len(all) != 50 {
		s.t.Fatalf("%d lines were kept, want 50", len(all))
	}
	for _, page := range []struct {
		after int64
		most  int
		want  []store.LogLine
	}{
		{0, 50, all},
		{0, 7, all[:7]},
		{all[6].Seq, 7, all[7:14]},
		{all[48].Seq, 7, all[49:]},
		{all[49].Seq, 7, nil},
		{0, -3, all[47:]},
		{0, -60, all},
		{all[47].Seq, -10, all[48:]},
	} {
		got := s.logs(c.ID, page.after, page.most)
		if texts(got) != texts(page.want) {
			s.t.Errorf("Logs after %d, at most %d, are %q, want %q", page.after, page.most, texts(got), texts(page.want))
		}
	}
}

func logsAttempts(s *scene) {
	p, c := s.running("mail")
	s.writeLogs(p, line(c, "first"))
	s.finish(p, retried(c, 0))
	second := s.claimThis(p, c.ID)
	s.writeLogs(p, line(second, "second"))
	s.must(s.Store.Release(s.ctx(), p, fences(second)))
	third := s.claimThis(p, c.ID)
	s.writeLogs(p, line(third, "third"))
	s.finish(p, ended(third, store.OutcomeDiscarded))
	s.wantLog(c.ID, "first second third")
	s.act(store.Retry, c.ID)
	fourth := s.claimThis(p, c.ID)
	s.writeLogs(p, line(fourth, "fourth"))
	s.finish(p, completed(fourth))

	s.wantLog(c.ID, "first second third fourth")
	for i, l := range s.logs(c.ID, 0, 10) {
		if l.Attempt != i+1 {
			s.t.Errorf("line %q is of attempt %d, want %d", l.Text, l.Attempt, i+1)
		}
	}
}

func logsLost(s *scene) {
	p, gone := s.running("mail")
	_, others := s.running("image")
	s.enqueue(queue("mine"))
	mine := s.claimFrom(p, "mine", 1)[0]
	s.finish(p, retried(gone, 0))
	again := s.claimThis(p, gone.ID)
	s.writeLogs(p, line(gone, "of the last attempt"), line(mine, "a"), line(others, "of another process"), line(again, "b"),
		store.LogLine{Fence: store.Fence{ID: store.NewID(), Attempt: 1}, Text: "of no job"}, line(mine, "c"))

	s.wantLog(mine.ID, "a c")
	s.wantLog(gone.ID, "b")
	s.wantLog(others.ID, "")
	s.finish(p, completed(again))
	s.writeLogs(p, line(again, "after its end"), line(gone, "of the last attempt"))
	s.wantLog(gone.ID, "b after its end")
	s.declareLost(p)
	s.writeLogs(p, line(mine, "of a zombie"))
	s.wantLog(mine.ID, "a c")
}

func logsText(s *scene) {
	p, c := s.running("mail")
	long := strings.Repeat("ä", store.MaxLogText)
	given := []store.LogLine{
		{Text: "a\x00b\xffc", Level: "IN\x00FO"},
		{Text: long, Level: "INFO"},
		{Text: `'"\` + "`$1 %s 🦊\n", Level: strings.Repeat("x", 1000)},
		{Text: "", Level: ""},
		{Text: "escaped", Level: "INFO", Attrs: []byte(` {"a":"\u0000", "b": 1.0e2, "a": 2} `)},
		{Text: "as long as may be", Level: "INFO", Attrs: []byte(`{"a":"` + strings.Repeat("x", store.MaxLogText-8) + `"}`)},
		{Text: "too long", Level: "INFO", Attrs: []byte(`{"a":"` + strings.Repeat("x", store.MaxLogText-7) + `"}`)},
		{Text: "no text", Level: "INFO", Attrs: []byte("{\"a\":\"\xff\"}")},
		{Text: "NUL", Level: "INFO", Attrs: []byte("{\"a\":\"\x00\"}")},
	}
	for i := range given {
		given[i].Fence, given[i].At = c.Fence, time.Now()
	}
	s.writeLogs(p, given...)

	got := s.logs(c.ID, 0, 100)
	if len(got) != len(given) {
		s.t.Fatalf("%d lines were kept, want %d", len(got), len(given))
	}
	for i, l := range got {
		want := given[i].Kept()
		if l.Text != want.Text || l.Level != want.Level || !bytes.Equal(l.Attrs, want.Attrs) || (l.Attrs == nil) != (want.Attrs == nil) {
			s.t.Errorf("line %d is %.60q %.60q %.60q, want %.60q %.60q %.60q", i, l.Level, l.Text, l.Attrs, want.Level, want.Text, want.Attrs)
		}
	}
}

// wantFull wants a log to end with the line that says that it is full, after so many others.
func (s *scene) wantFull(id store.ID, before int) {
	s.t.Helper()
	all := s.logs(id, 0, 2*store.MaxLogLines)
	if len(all) != before+1 {
		s.t.Fatalf("%d lines are kept, want %d and one more", len(all), before)
	}
	if last := all[before]; last.Text != store.LogFull || last.Level != "WARN" || last.Attrs != nil {
		s.t.Errorf("the log ends with %+v, want a warning that it is full", last)
	}
	if before > 0 && all[before-1].Text == store.LogFull {
		s.t.Error("two lines say that the log is full")
	}
}

func logsLines(s *scene) {
	p, c := s.running("mail")
	s.enqueue(queue("mail"))
	other := s.claimOne(p)
	const most = store.MaxLogLines
	s.writeLogs(p, lines(c, 0, most-10)...)
	s.writeLogs(p, lines(c, most-10, 10)...)
	if got := s.logs(c.ID, 0, 2*most); len(got) != most || got[most-1].Text != fmt.Sprint(most-1) {
		s.t.Fatalf("%d lines are kept, want %d", len(got), most)
	}
	s.writeLogs(p, slices.Concat(lines(c, most, 5), []store.LogLine{line(other, "a")}, lines(c, most, 5))...)
	s.wantFull(c.ID, most)
	s.writeLogs(p, line(c, "more"), line(other, "b"))
	s.wantFull(c.ID, most)
	s.wantLog(other.ID, "a b")
	s.finish(p, retried(c, 0))
	again := s.claimThis(p, c.ID)
	s.writeLogs(p, line(again, "in another attempt"))
	s.wantFull(c.ID, most)
}

func logsBytes(s *scene) {
	p, c := s.running("mail")
	long := store.LogLine{
		Fence: c.Fence, At: time.Now(), Text: strings.Repeat("x", store.MaxLogText/2),
		Attrs: []byte(`{"a":"` + strings.Repeat("y", store.MaxLogText/2-8) + `"}`),
	}
	const fit = store.MaxLogBytes / store.MaxLogText
	s.writeLogs(p, slices.Repeat([]store.LogLine{long}, fit-1)...)
	short := long
	short.Text = short.Text[:len(short.Text)-1]
	s.writeLogs(p, short, line(c, "1")) // just as many
	if got := s.logs(c.ID, 0, 2*fit); len(got) != fit+1 || got[fit].Text != "1" {
		s.t.Fatalf("%d lines are kept, want %d", len(got), fit+1)
	}
	s.writeLogs(p, line(c, "2"), line(c, ""))
	s.wantFull(c.ID, fit+1)
	s.writeLogs(p, line(c, ""), line(c, "3"))
	s.wantFull(c.ID, fit+1)
}

func logsDeleted(s *scene) {
	p, c := s.running("mail")
	s.writeLogs(p, line(c, "a"))
	s.finish(p, ended(c, store.OutcomeCancelled))
	s.wantLog(c.ID, "a")
	s.act(store.Delete, c.ID)
	s.wantLog(c.ID, "")

	p, c = s.running("mail", retain(time.Hour))
	s.writeLogs(p, line(c, "a"))
	s.finish(p, completed(c))
	s.advance(2 * time.Hour)
	s.prune(10)
	s.wantGone(c.ID)
	s.wantLog(c.ID, "")
}

func logsAtOnce(s *scene) {
	s.insert(jobs(4)...)
	p := s.join()
	claimed := s.claim(p, 4)
	together(8, func(i int) {
		for n := range 25 {
			s.writeLogs(p, line(claimed[i%4], fmt.Sprint(i, ":", n)), line(claimed[(i+1)%4], "other"))
		}
	})
	for k, c := range claimed {
		all := s.logs(c.ID, 0, 1000)
		if len(all) != 100 {
			s.t.Errorf("%d lines are kept, want 100", len(all))
		}
		for _, i := range []int{k, k + 4} {
			var mine []string
			for _, l := range all {
				if strings.HasPrefix(l.Text, fmt.Sprint(i, ":")) {
					mine = append(mine, l.Text)
				}
			}
			if len(mine) != 25 || !slices.IsSortedFunc(mine, func(a, b string) int {
				return cmp.Or(len(a)-len(b), strings.Compare(a, b))
			}) {
				s.t.Errorf("one writer's lines are %v, want 25 in their order", mine)
			}
		}
	}
}

func logsLimits(s *scene) {
	s.limits(store.Limit{Name: "crm", Max: 1}, store.Limit{Name: "disk", Max: 1})
	p := s.join()
	id := s.let(under("crm", "a"), under("disk", ""))
	c := s.takesThis(p, id)
	s.writeLogs(p, line(c, "once"))
	s.must(s.Store.PutMemo(s.ctx(), p, c.Fence, store.Memo{Name: "step", Data: []byte("1")}))
	s.finish(p, retried(c, time.Hour))
	crm, disk := s.takesThis(p, s.let(under("crm", "a"))), s.takesThis(p, s.let(under("disk", "")))
	s.advance(time.Hour + time.Second)
	s.wantTakes(p) // it is decided, and waits for the first of its limits

	s.finish(p, completed(crm))

	s.settle()
	s.wantTakes(p)
	s.wantWaits(id, "disk")
	s.finish(p, completed(disk))
	s.wantLog(id, "once")
	s.wantRuns(p, id)
}
