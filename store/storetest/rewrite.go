package storetest

import (
	"time"

	"github.com/offloadhq/offload/store"
)

var rewriteLaws = []law{
	{"Rewrite/Each", "each text of a job is replaced, whatever state it is in, and nothing else", rewriteEach},
	{"Rewrite/Changed", "a text that has changed meanwhile, or is gone, is passed over", rewriteChanged},
}

func rewriteEach(s *scene) {
	p, c := s.running("mail", func(n *store.NewJob) { n.Input = []byte("old input\x00\xff") })
	s.writeLogs(p,
		store.LogLine{Fence: c.Fence, At: time.Now(), Level: "INFO", Text: "old text", Attrs: []byte(`{"old":1}`)},
		store.LogLine{Fence: c.Fence, At: time.Now(), Level: "INFO", Text: "old text"})
	s.putMemo(p, c, "", "old memo")
	s.putMemo(p, c, "step", "old memo")
	other := s.enqueue(func(n *store.NewJob) { n.Input = []byte("old input\x00\xff") })
	seq := s.logs(c.ID, 0, 10)[0].Seq

	running := []store.Text{
		{ID: c.ID, Kind: store.TextInput, Old: []byte("old input\x00\xff"), New: []byte("new input\xfe")},
		{ID: c.ID, Kind: store.TextLine, Seq: seq, Old: []byte("old text"), New: []byte("new text")},
		{ID: c.ID, Kind: store.TextAttrs, Seq: seq, Old: []byte(`{"old":1}`), New: []byte(`{"new":1}`)},
		{ID: c.ID, Kind: store.TextMemo, Name: "step", Old: []byte("old memo"), New: []byte("new memo")},
	}
	s.wantRewritten(4, running...)
	s.wantMemos(c.ID, `=old memo step=new memo`)
	e := ended(c, store.OutcomeDiscarded)
	s.finish(p, e)
	s.wantRewritten(1, store.Text{ID: c.ID, Kind: store.TextInput, Old: []byte("new input\xfe"), New: []byte("newer")})

	if j := s.want(c.ID, store.Discarded); string(j.Input) != "newer" {
		s.t.Errorf("input is %q", j.Input)
	}
	if j := s.want(other, store.Available); string(j.Input) != "old input\x00\xff" {
		s.t.Errorf("input of another job is %q", j.Input)
	}
	lines := s.logs(c.ID, 0, 10)
	if len(lines) != 2 || lines[0].Text != "new text" || string(lines[0].Attrs) != `{"new":1}` || lines[1].Text != "old text" {
		s.t.Errorf("log is %+v", lines)
	}
	p, c = s.running("results")
	e = ended(c, store.OutcomeCompleted)
	e.Result = []byte("old result")
	s.finish(p, e)
	s.wantRewritten(1, store.Text{ID: c.ID, Kind: store.TextResult, Old: []byte("old result"), New: []byte("new result")})
	if j := s.want(c.ID, store.Completed); string(j.Result) != "new result" {
		s.t.Errorf("result is %q", j.Result)
	}
}

func (s *scene) wantRewritten(want int, texts ...store.Text) {
	s.t.Helper()
	n, err := s.Store.Rewrite(s.ctx(), texts)
	s.must(err)
	if n != want {
		s.t.Errorf("Rewrite = %d, want %d", n, want)
	}
}

func rewriteChanged(s *scene) {
	id := s.enqueue(func(n *store.NewJob) { n.Input = []byte("as it is") })
	text := store.Text{ID: id, Kind: store.TextInput, Old: []byte("as it was"), New: []byte("new")}
	gone := text
	gone.ID = store.NewID()
	line, memo, result := text, text, text
	line.Kind, memo.Kind, result.Kind = store.TextLine, store.TextMemo, store.TextResult
	s.wantRewritten(0, text, gone, line, memo, result)
	s.wantRewritten(0)
	if j := s.want(id, store.Available); string(j.Input) != "as it is" {
		s.t.Errorf("input is %q", j.Input)
	}
}
