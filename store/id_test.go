package store

import (
	"testing"
	"time"
)

func TestIDsRiseWithTime(t *testing.T) {
	last := NewID()
	for range 10_000 {
		id := NewID()
		if id.Compare(last) <= 0 {
			t.Fatalf("%v was made after %v and sorts before it", id, last)
		}
		last = id
	}
}

func TestIDAtIsTheFirstOfItsTime(t *testing.T) {
	before := time.Now().Truncate(time.Millisecond)
	id := NewID()
	if least := IDAt(before); least.Compare(id) > 0 || !least.Time().Equal(before) {
		t.Errorf("IDAt(%v) = %v, of %v; want one not after %v", before, least, least.Time(), id)
	}
	if after := IDAt(id.Time().Add(time.Millisecond)); after.Compare(id) <= 0 {
		t.Errorf("the next millisecond's first id %v is not after %v", after, id)
	}
}

func FuzzParseID(f *testing.F) {
	f.Add(NewID().String())
	f.Add("urn:uuid:0192f4c1-8a34-7c61-9d0e-3f5a7b1c2d4e")
	f.Add("{0192f4c1-8a34-7c61-9d0e-3f5a7b1c2d4e}")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseID(s)
		if err != nil {
			return
		}
		again, err := ParseID(id.String())
		if err != nil || again != id {
			t.Errorf("ParseID(%q) = %v, which reads back as %v, %v", s, id, again, err)
		}
	})
}
