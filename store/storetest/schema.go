package storetest

import (
	"context"
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

var schemaLaws = []law{
	{"Schema/Ready", "a migrated store is ready, and knows its versions in order, all applied", schemaReady},
	{"Schema/Again", "migrating what is migrated changes nothing", schemaAgain},
	{"Schema/Down", "version 0 is the empty database, which is not ready until it is migrated", schemaDown},
	{"Schema/AtOnce", "many processes may migrate at once", schemaAtOnce},
	{"Schema/Unknown", "a version that is not known is refused, and nothing changes", schemaUnknown},
	{"Schema/SQL", "the statements of a migration can be read", schemaSQL},
	{"Examine/Advice", "each finding of Examine says what was found, and advises where it is not fine", examineAdvice},
	{"Now/Goes", "the store's time goes on, and is about that of this machine", nowGoes},
	{"Close/Listen", "Close ends calls under way with an error", closeListen},
}

func schemaReady(s *scene) {
	s.must(s.Store.Ready(s.ctx()))
	versions, err := s.Store.Versions(s.ctx())
	s.must(err)
	if len(versions) == 0 {
		s.t.Fatal("no version is known")
	}
	for i, v := range versions {
		if v.Version != i+1 || v.Name == "" || v.Applied.IsZero() {
			s.t.Errorf("version %d is %+v, want its number, a name and when it was applied", i+1, v)
		}
	}
}

func schemaAgain(s *scene) {
	id := s.enqueue()
	for range 2 {
		s.must(s.Store.Migrate(s.ctx(), store.Newest))
	}
	s.must(s.Store.Ready(s.ctx()))
	s.want(id, store.Available)
}

func schemaDown(s *scene) {
	s.enqueue()
	for range 2 {
		s.must(s.Store.Migrate(s.ctx(), 0))
		s.wantErr(s.Store.Ready(s.ctx()), store.ErrSchema)
		versions, err := s.Store.Versions(s.ctx())
		s.must(err)
		if slices.ContainsFunc(versions, func(v store.SchemaVersion) bool { return !v.Applied.IsZero() }) {
			s.t.Errorf("versions of an empty database are %+v, want none applied", versions)
		}
	}
	s.must(s.Store.Migrate(s.ctx(), store.Newest))
	s.must(s.Store.Ready(s.ctx()))
	s.wantAll(0)
	s.want(s.enqueue(), store.Available)
}

func schemaAtOnce(s *scene) {
	s.must(s.Store.Migrate(s.ctx(), 0))
	together(5, func(int) {
		if err := s.Store.Migrate(s.ctx(), store.Newest); err != nil {
			s.t.Errorf("Migrate: %v", err)
		}
	})
	s.must(s.Store.Ready(s.ctx()))
	s.want(s.enqueue(), store.Available)
}

func schemaUnknown(s *scene) {
	id := s.enqueue()
	for _, to := range []int{-2, 100_000} {
		if err := s.Store.Migrate(s.ctx(), to); err == nil || store.Temporary(err) {
			s.t.Errorf("Migrate to %d = %v, want an error that does not pass", to, err)
		}
	}
	s.must(s.Store.Ready(s.ctx()))
	s.want(id, store.Available)
}

func schemaSQL(s *scene) {
	versions, err := s.Store.Versions(s.ctx())
	s.must(err)
	newest := len(versions)
	for _, path := range [][2]int{{0, store.Newest}, {0, newest}, {newest, 0}, {newest, newest}, {0, 0}} {
		if _, err := s.Store.MigrationSQL(path[0], path[1]); err != nil {
			s.t.Errorf("MigrationSQL from %d to %d: %v", path[0], path[1], err)
		}
	}
	if _, err := s.Store.MigrationSQL(0, 100_000); err == nil {
		s.t.Error("MigrationSQL to an unknown version = nil, want an error")
	}
}

func examineAdvice(s *scene) {
	s.enqueue()
	findings, err := s.Store.Examine(s.ctx())
	s.must(err)
	if len(findings) == 0 {
		s.t.Error("Examine found nothing to say")
	}
	for _, f := range findings {
		known := f.Level == store.Fine || f.Level == store.Warning || f.Level == store.Bad
		if f.Name == "" || f.Text == "" || !known || (f.Advice == "") != (f.Level == store.Fine) {
			s.t.Errorf("finding is %+v, want a name, a text, a level, and advice unless it is fine", f)
		}
	}
}

func nowGoes(s *scene) {
	first := s.now()
	second := s.now()
	if second.Before(first) {
		s.t.Errorf("the store's time went from %v to %v", first, second)
	}
	if off := time.Since(first); off.Abs() > time.Hour {
		s.t.Errorf("the store's time is %v off", off)
	}
}

func closeListen(s *scene) {
	other := s.another()
	p := other.join()
	ended := make(chan error, 1)
	go func() { ended <- other.Store.Listen(context.WithoutCancel(s.ctx()), p, func(store.Wake) {}) }()
	s.must(other.Store.Close())
	if err := <-ended; err == nil {
		s.t.Error("Listen = nil on a closed store, want an error")
	}
}
