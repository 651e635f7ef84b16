package ticket

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestTickets(t *testing.T) {
	old, key := []byte("an old key of 24 bytes.."), []byte("the key of 24 bytes.....")
	make := func(purpose string, keys ...[]byte) *Keys {
		k, err := New(purpose, keys)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	k, before, other, foreign := make("a", key, old), make("a", old), make("b", key), make("a", []byte("quite another key, as long"))
	until := time.Now().Add(time.Hour)
	good := k.Sign([]byte("job 7"), until)
	for name, test := range map[string]struct {
		text string
		ok   bool
	}{
		"good": {good, true}, "of the key before": {before.Sign([]byte("job 7"), until), true}, "for something else": {other.Sign([]byte("job 7"), until), false},
		"of others": {foreign.Sign([]byte("job 7"), until), false}, "expired": {k.Sign([]byte("job 7"), time.Now().Add(-time.Second)), false},
		"cut": {good[:len(good)-4], false}, "longer": {good + "AAAA", false}, "none": {"", false}, "odd": {"§", false},
	} {
		says, ok := k.Open(test.text)
		if ok != test.ok || ok && string(says) != "job 7" {
			t.Errorf("%s: %q, %v", name, says, ok)
		}
	}
	for i := range good {
		bad := []byte(good)
		bad[i] ^= 1
		if _, ok := k.Open(string(bad)); ok {
			t.Errorf("with another letter at %d it is taken", i)
		}
	}
	for _, keys := range [][][]byte{nil, {[]byte("short")}, {key, []byte("short")}} {
		if _, err := New("a", keys); err == nil {
			t.Errorf("keys %q are taken", keys)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		text := k.Sign(nil, time.Now().Add(time.Minute))
		time.Sleep(time.Minute - time.Second)
		if _, ok := k.Open(text); !ok {
			t.Error("it ends before its time")
		}
		time.Sleep(time.Second)
		if _, ok := k.Open(text); ok {
			t.Error("it lasts beyond its time")
		}
	})
}

func FuzzOpen(f *testing.F) {
	k, err := New("a", [][]byte{[]byte("the key of 24 bytes.....")})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(k.Sign([]byte("x"), time.Now().Add(time.Hour))[1:])
	f.Fuzz(func(t *testing.T, text string) {
		if says, ok := k.Open(text); ok {
			t.Errorf("%q says %q", text, says)
		}
	})
}
