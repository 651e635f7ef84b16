package storetest

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/offloadhq/offload/store"
)

var textLaws = []law{
	{"Text/Inputs", "inputs are bytes, and come back as they were", textInputs},
	{"Text/Results", "results are bytes, and come back as they were", textResults},
	{"Text/Large", "an input over InlineInput does not come with a claim, but is there to be read", textLarge},
	{"Text/Lists", "a list leaves out large inputs and results, and says how large the input is", textLists},
	{"Text/Errors", "NUL and invalid UTF-8 in errors become U+FFFD, and what is too long is cut", textErrors},
	{"Text/Names", "names of tasks and queues may hold any character that is text", textNames},
}

// oddBytes are inputs and results that a store may be tempted to change.
func oddBytes() map[string][]byte {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	noise := make([]byte, 1<<20)
	r := rand.New(rand.NewPCG(7, 8))
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	return map[string][]byte{
		"none":          nil,
		"empty":         {},
		"every byte":    every,
		"NUL":           {0},
		"invalid UTF-8": []byte("a\xff\xc0\x80\xed\xa0\x80"),
		"spaced JSON":   []byte(" {\"b\": 1,  \"a\":1.0e2, \"a\":2}\n"),
		"quotes":        []byte(`'"\` + "`$1 %s \\x00 ?"),
		"hex in text":   []byte(`\x6869`),
		"inline":        bytes.Repeat([]byte{'x'}, store.InlineInput),
		"one more":      bytes.Repeat([]byte{'x'}, store.InlineInput+1),
		"1 MiB":         noise,
	}
}

func textInputs(s *scene) {
	p := s.join()
	for name, in := range oddBytes() {
		id := s.enqueue(input(in))
		if j := s.job(id); !bytes.Equal(j.Input, in) || j.InputSize != len(in) {
			s.t.Errorf("%s: an input of %d bytes is found as %d, said to be %d", name, len(in), len(j.Input), j.InputSize)
		}
		c := s.claimThis(p, id)
		got := c.Input
		if c.Large {
			got = s.inputs(id)[id]
		}
		if !bytes.Equal(got, in) {
			s.t.Errorf("%s: an input of %d bytes came with the claim as %d others", name, len(in), len(got))
		}
	}
}

func (s *scene) inputs(list ...store.ID) map[store.ID][]byte {
	s.t.Helper()
	in, err := s.Store.Inputs(s.ctx(), list)
	s.must(err)
	return in
}

func textResults(s *scene) {
	for name, out := range oddBytes() {
		p, c := s.running("mail")
		e := completed(c)
		e.Result = out
		s.finish(p, e)
		if got := s.job(c.ID).Result; !bytes.Equal(got, out) {
			s.t.Errorf("%s: a result of %d bytes is found as %d others", name, len(out), len(got))
		}
	}
}

func textLarge(s *scene) {
	limit := bytes.Repeat([]byte{'a'}, store.InlineInput)
	large := bytes.Repeat([]byte{'b'}, store.InlineInput+1)
	inline, over := s.enqueue(input(limit)), s.enqueue(input(large))
	unknown := store.NewID()

	claimed := s.claim(s.join(), 2)

	if c := claimed[0]; c.ID != inline || c.Large || !bytes.Equal(c.Input, limit) {
		s.t.Errorf("an input of InlineInput bytes came as %d bytes, large %v", len(c.Input), c.Large)
	}
	if c := claimed[1]; c.ID != over || !c.Large || c.Input != nil {
		s.t.Errorf("an input of one more came as %d bytes, large %v", len(c.Input), c.Large)
	}
	in := s.inputs(over, unknown, inline)
	if len(in) != 2 || !bytes.Equal(in[over], large) || !bytes.Equal(in[inline], limit) {
		s.t.Errorf("Inputs gave %d inputs, want two as they were", len(in))
	}
}

func textLists(s *scene) {
	large := bytes.Repeat([]byte{'b'}, store.InlineInput+1)
	p, c := s.running("mail", input(large))
	e := completed(c)
	e.Result = large
	s.finish(p, e)
	small := s.enqueue(input([]byte("small")))

	list := s.findAll(store.Filter{})
	if len(list) != 2 || string(list[0].Input) != "small" || list[0].ID != small {
		s.t.Fatalf("Find gave %d jobs, want two, the small one first", len(list))
	}
	if j := list[1]; j.Input != nil || j.Result != nil || j.InputSize != len(large) {
		s.t.Errorf("a list has an input of %d bytes (said to be %d) and a result of %d, want neither",
			len(j.Input), j.InputSize, len(j.Result))
	}
	if j := s.job(c.ID); !bytes.Equal(j.Input, large) || !bytes.Equal(j.Result, large) {
		s.t.Errorf("by id the input has %d bytes and the result %d, want both whole", len(j.Input), len(j.Result))
	}
}

func textErrors(s *scene) {
	long := strings.Repeat("世", store.MaxErrorStack)
	for _, given := range []store.Problem{
		{Error: "a\x00b\xff\xfec", Kind: "x\x00y", Stack: "main.go:1\x00\n\xc3"},
		{Error: long, Kind: "timeout", Stack: long},
		{Error: strings.Repeat("\x00", store.MaxErrorText), Kind: "panic"},
		{},
	} {
		for _, outcome := range []store.Outcome{store.OutcomeRetry, store.OutcomeDiscarded} {
			p, c := s.running("mail")
			e := ended(c, outcome)
			e.Failure, e.RunIn = &given, time.Hour
			s.finish(p, e)

			f := s.failures(c.ID)
			if len(f) != 1 {
				s.t.Fatalf("failures are %+v, want one", f)
			}
			want := store.CleanText(given.Error, store.MaxErrorText)
			if f[0].Error != want || f[0].Kind != store.CleanText(given.Kind, store.MaxErrorText) ||
				f[0].Stack != store.CleanText(given.Stack, store.MaxErrorStack) {
				s.t.Errorf("of error %.20q, kind %q, stack %.20q were kept %.20q, %q, %.20q",
					given.Error, given.Kind, given.Stack, f[0].Error, f[0].Kind, f[0].Stack)
			}
			if j := s.job(c.ID); j.Error != want {
				s.t.Errorf("the job shows error %.20q, want %.20q", j.Error, want)
			}
		}
	}
}

func textNames(s *scene) {
	for _, name := range []string{"a'b", `a"b`, `a\b`, "a b", "grüße/世界", "%", "a_b", "$1", "?"} {
		id := s.enqueue(queue(name), task(name))
		if j := s.job(id); j.Queue != name || j.Task != name {
			s.t.Errorf("queue %q is kept as %q, task as %q", name, j.Queue, j.Task)
		}
		s.wantFound(store.Filter{Tasks: []string{name}}, id)
		if got := s.claimFrom(s.join(), name, 10); len(got) != 1 || got[0].ID != id {
			s.t.Errorf("claimed %v from queue %q, want %v", ids(got), name, id)
		}
	}
}
