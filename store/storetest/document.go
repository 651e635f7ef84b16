package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/offloadhq/offload/store"
)

var documentLaws = []law{
	{"Document/Put", "a document is read as it was written, by kind and key", documentPut},
	{"Document/Stale", "a document is written only over the version that the caller wants", documentStale},
	{"Document/Delete", "a document is deleted only in the version that the caller wants, and its versions never come again", documentDelete},
	{"Document/Expires", "a document that has expired is gone, and pruned", documentExpires},
	{"Document/Pages", "documents come by key, page after page", documentPages},
	{"Document/Race", "of many who write over one version, one does", documentRace},
}

func (s *scene) keep(d store.Document, want int64, keep time.Duration) store.Document {
	s.t.Helper()
	put, err := s.Store.PutDocument(s.ctx(), d, want, keep)
	s.must(err)
	return put
}

func (s *scene) documents(kind, after string, most int, keys ...string) []store.Document {
	s.t.Helper()
	all, err := s.Store.Documents(s.ctx(), kind, after, most, keys...)
	s.must(err)
	return all
}

func view(key, value string) store.Document {
	return store.Document{Kind: "view", Key: key, Value: []byte(value)}
}

func documentPut(s *scene) {
	odd := []store.Document{
		view("a/b <script>", "{}"), view("ключ\u202e", "\x00\xff"), view("", ""),
		{Kind: "view2", Key: "a", Value: bytes.Repeat([]byte("x"), store.MaxDocument)},
	}
	for _, d := range odd {
		put := s.keep(d, store.AnyVersion, 0)
		got := s.documents(d.Kind, "", 0, d.Key, "none")
		if len(got) != 1 || got[0].Key != d.Key || !bytes.Equal(got[0].Value, d.Value) || got[0].Version != put.Version || !got[0].At.Equal(put.At) || !got[0].Expires.IsZero() {
			s.t.Errorf("document %q is read as %.200v, want %.200v", d.Key, got, put)
		}
	}
	if got := s.documents("view3", "", 10); len(got) > 0 {
		s.t.Errorf("of another kind there are %v", got)
	}
}

func documentStale(s *scene) {
	first := s.keep(view("a", "1"), store.NoVersion, 0)
	second := s.keep(view("a", "2"), first.Version, 0)
	third := s.keep(view("a", "3"), store.AnyVersion, 0)
	if first.Version == second.Version || second.Version == third.Version || first.Version <= 0 {
		s.t.Errorf("versions are %d, %d, %d; want three", first.Version, second.Version, third.Version)
	}
	for _, want := range []int64{store.NoVersion, first.Version, second.Version, third.Version + 1} {
		_, err := s.Store.PutDocument(s.ctx(), view("a", "x"), want, 0)
		s.wantErr(err, store.ErrStale)
	}
	_, err := s.Store.PutDocument(s.ctx(), view("b", "x"), third.Version, 0)
	s.wantErr(err, store.ErrStale)
	if got := s.documents("view", "", 10); len(got) != 1 || string(got[0].Value) != "3" {
		s.t.Errorf("documents are %v, want the third alone", got)
	}
}

func documentDelete(s *scene) {
	first := s.keep(view("a", "1"), store.NoVersion, 0)
	second := s.keep(view("a", "2"), first.Version, 0)
	s.wantErr(s.Store.DeleteDocument(s.ctx(), "view", "a", first.Version), store.ErrStale)
	s.must(s.Store.DeleteDocument(s.ctx(), "view", "a", second.Version))
	s.must(s.Store.DeleteDocument(s.ctx(), "view", "a", second.Version))
	s.must(s.Store.DeleteDocument(s.ctx(), "view", "none", store.AnyVersion))
	if got := s.documents("view", "", 10); len(got) > 0 {
		s.t.Errorf("documents are %v, want none", got)
	}
	third := s.keep(view("a", "3"), store.NoVersion, 0)
	if third.Version == first.Version || third.Version == second.Version {
		s.t.Errorf("version %d comes again", third.Version)
	}
	s.must(s.Store.DeleteDocument(s.ctx(), "view", "a", store.AnyVersion))
}

func documentExpires(s *scene) {
	short := s.keep(view("short", "1"), store.AnyVersion, time.Minute)
	s.keep(view("long", "2"), store.AnyVersion, time.Hour)
	s.keep(view("ever", "3"), store.AnyVersion, 0)
	s.same("Expires", short.Expires, short.At.Add(time.Minute))
	s.advance(2 * time.Minute)
	keys := func() (keys []string) {
		for _, d := range s.documents("view", "", 10) {
			keys = append(keys, d.Key)
		}
		return keys
	}
	if got := keys(); !slices.Equal(got, []string{"ever", "long"}) {
		s.t.Errorf("documents are %v, want ever and long", got)
	}
	if got := s.documents("view", "", 10, "short"); len(got) > 0 {
		s.t.Errorf("what has expired is read as %v", got)
	}
	_, err := s.Store.PutDocument(s.ctx(), view("short", "x"), short.Version, 0)
	s.wantErr(err, store.ErrStale)
	again := s.keep(view("short", "4"), store.NoVersion, time.Minute)
	s.advance(2 * time.Minute)
	_, err = s.Store.Prune(s.ctx(), 100)
	s.must(err)
	if got := keys(); !slices.Equal(got, []string{"ever", "long"}) {
		s.t.Errorf("documents are %v after Prune, want ever and long", got)
	}
	s.must(s.Store.DeleteDocument(s.ctx(), "view", "short", again.Version+1))
}

func documentPages(s *scene) {
	var want, got []string
	for i := range 25 {
		want = append(want, fmt.Sprintf("k%02d", i))
		s.keep(view(want[i], "x"), store.AnyVersion, 0)
	}
	for after := ""; ; after = got[len(got)-1] {
		page := s.documents("view", after, 10)
		for _, d := range page {
			got = append(got, d.Key)
		}
		if len(page) < 10 {
			break
		}
	}
	if !slices.Equal(got, want) {
		s.t.Errorf("documents in pages are %v, want %v", got, want)
	}
}

func documentRace(s *scene) {
	first := s.keep(view("a", "1"), store.NoVersion, 0)
	var won atomic.Int32
	together(8, func(i int) {
		_, err := s.Store.PutDocument(s.ctx(), view("a", fmt.Sprint(i)), first.Version, 0)
		switch {
		case err == nil:
			won.Add(1)
		case !errors.Is(err, store.ErrStale):
			s.t.Errorf("PutDocument: %v", err)
		}
	})
	if won.Load() != 1 {
		s.t.Errorf("%d wrote over one version, want one", won.Load())
	}
}
