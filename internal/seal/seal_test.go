package seal

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

var (
	testKeys = Keys{"2026-11": bytes.Repeat([]byte{7}, KeySize), "old.one": bytes.Repeat([]byte{8}, KeySize)}
	testAt   = Place{Bound: ToJob, Owner: "019a", Kind: "input"}
)

func TestOpensWhatItSealed(t *testing.T) {
	for _, id := range []string{"2026-11", "old.one"} {
		for _, text := range []string{"", "x", `{"card":"4111"}`, strings.Repeat("\x00\xff", 5000)} {
			sealed, err := testKeys.Seal(id, []byte(text), testAt)
			if err != nil {
				t.Fatal(err)
			}
			if _, got, err := Parse(sealed); got != id || err != nil {
				t.Errorf("Parse = %q, %v; want %q", got, err, id)
			}
			opened, err := testKeys.Open(sealed, testAt)
			if err != nil || string(opened) != text {
				t.Errorf("Open = %.40q, %v; want %.40q", opened, err, text)
			}
			if len(sealed) > Size(len(text), len(id)) {
				t.Errorf("%d bytes in the clear are %d sealed; Size says %d", len(text), len(sealed), Size(len(text), len(id)))
			}
		}
	}
}

// sealedOnce was sealed by the first release that could: it must open for ever.
const sealedOnce = "v1.job.2026-11.IHMSAyAFCyz0Vp-aIJRi_ZVJ2lr2bb3sZ1MufHo"

func TestOpensWhatWasSealedOnce(t *testing.T) {
	if text, err := testKeys.Open(sealedOnce, testAt); string(text) != "x" || err != nil {
		t.Errorf("Open = %q, %v", text, err)
	}
}

func TestEqualTextsAreSealedOtherwise(t *testing.T) {
	a, _ := testKeys.Seal("2026-11", []byte("x"), testAt)
	b, _ := testKeys.Seal("2026-11", []byte("x"), testAt)
	if a == b {
		t.Errorf("sealed twice alike: %s", a)
	}
}

func TestRoomFits(t *testing.T) {
	for n := range 3000 {
		room := Room(n, 7)
		if room > 0 && Size(room, 7) > n {
			t.Fatalf("Room(%d) = %d, which takes %d", n, room, Size(room, 7))
		}
	}
	if Size(Room(16<<10, 7)+3, 7) <= 16<<10 {
		t.Error("Room leaves room unused")
	}
}

func TestDoesNotOpenElsewhere(t *testing.T) {
	sealed, err := testKeys.Seal("2026-11", []byte("x"), testAt)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		sealed string
		at     Place
		keys   Keys
		want   error
	}{
		{"another job", sealed, Place{ToJob, "019b", "input", ""}, testKeys, ErrWrong},
		{"another kind", sealed, Place{ToJob, "019a", "result", ""}, testKeys, ErrWrong},
		{"another name", sealed, Place{ToJob, "019a", "input", "a"}, testKeys, ErrWrong},
		{"bound otherwise", sealed, Place{ToSchedule, "019a", "input", ""}, testKeys, ErrWrong},
		{"parts shifted", sealed, Place{ToJob, "019ai", "nput", ""}, testKeys, ErrWrong},
		{"another key of the id", sealed, testAt, Keys{"2026-11": testKeys["old.one"]}, ErrWrong},
		{"another id", strings.Replace(sealed, "2026-11", "old.one", 1), testAt, testKeys, ErrWrong},
		{"no such key", sealed, testAt, Keys{"other": testKeys["old.one"]}, ErrNoKey},
		{"no keys", sealed, testAt, nil, ErrNoKey},
		{"cut", sealed[:len(sealed)-4], testAt, testKeys, ErrWrong},
		{"a line break", sealed + "\n", testAt, testKeys, ErrWrong},
		{"another version", strings.Replace(sealed, "v1", "v2", 1), testAt, testKeys, ErrForm},
		{"nothing", "", testAt, testKeys, ErrForm},
		{"no data", "v1.job.2026-11.", testAt, testKeys, ErrWrong},
		{"no id", "v1.job..AAAA", testAt, testKeys, ErrForm},
	} {
		if text, err := test.keys.Open(test.sealed, test.at); !errors.Is(err, test.want) {
			t.Errorf("%s: Open = %q, %v; want %v", test.name, text, err, test.want)
		}
	}
}

func TestWrappings(t *testing.T) {
	for _, value := range []string{`{"offload:sealed":"v1.job.k.AA"}`, ` { "offload:sealed" : "v1.job.k.AA" } `} {
		if sealed, ok := FromJSON([]byte(value)); sealed != "v1.job.k.AA" || !ok {
			t.Errorf("FromJSON(%s) = %q, %v", value, sealed, ok)
		}
	}
	for _, value := range []string{``, ` `, `null`, `"sealed"`, `{}`, `{"offload:sealed":1}`, `{"offload:sealed":"a","b":1}`, `{"offload:sealed":"a\"}`} {
		if sealed, ok := FromJSON([]byte(value)); ok {
			t.Errorf("FromJSON(%s) = %q", value, sealed)
		}
	}
	if got, ok := FromText(Text("v1")); got != "v1" || !ok {
		t.Errorf("FromText = %q, %v", got, ok)
	}
	if _, ok := FromText("hello"); ok {
		t.Error("FromText takes a plain text for a sealed one")
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(sealedOnce, []byte("x"))
	f.Add("v1.job.old.one.AAAA", []byte(nil))
	f.Add("v1..", []byte("\x00"))
	f.Fuzz(func(t *testing.T, text string, clear []byte) {
		if opened, err := testKeys.Open(text, testAt); err == nil && text != sealedOnce {
			t.Errorf("%q opens to %q", text, opened)
		}
		if in, ok := FromJSON([]byte(text)); ok && in == "" {
			t.Errorf("%q has an empty text", text)
		}
		again, err := testKeys.Seal("old.one", clear, testAt)
		if err != nil {
			t.Fatal(err)
		}
		opened, err := testKeys.Open(again, testAt)
		if err != nil || !bytes.Equal(opened, clear) {
			t.Errorf("%q comes back as %q, %v", clear, opened, err)
		}
		got, ok := FromJSON(JSON(again))
		if !ok || got != again {
			t.Errorf("FromJSON(JSON(%q)) = %q, %v", again, got, ok)
		}
	})
}
