package webpush

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"strings"
	"testing"
)

func raw(t *testing.T, s string) []byte {
	t.Helper()
	b, err := decode(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestEncryptsAsInTheRFC is the example of RFC 8291, section 5 and appendix A.
func TestEncryptsAsInTheRFC(t *testing.T) {
	browser, err := ecdh.P256().NewPublicKey(raw(t, "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"))
	if err != nil {
		t.Fatal(err)
	}
	own, err := ecdh.P256().NewPrivateKey(raw(t, "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"))
	if err != nil {
		t.Fatal(err)
	}
	body, err := seal([]byte("When I grow up, I want to be a watermelon"), 0, browser, raw(t, "BTBZMqHH6r4Tts7J_aSIgg"), own, raw(t, "DGv6ra1nlYgDCS1FRnbzlw"))
	if err != nil {
		t.Fatal(err)
	}
	const want = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A" +
		"_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
	if got := encode(body); got != want {
		t.Errorf("encrypted to\n%s\nwant\n%s", got, want)
	}
}

func TestLengthIsRoundedUpWithinTheLimit(t *testing.T) {
	browser, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ payload, want int }{
		{0, 256}, {1, 256}, {255, 256}, {256, 512}, {3839, 3840}, {3840, mostText + 1}, {mostText, mostText + 1},
	} {
		body, err := encrypt(bytes.Repeat([]byte("x"), test.payload), browser.PublicKey(), make([]byte, 16))
		if err != nil || len(body) != headerSize+tagSize+test.want || len(body) > mostBody {
			t.Errorf("%d bytes became %d, %v; want %d and the overhead", test.payload, len(body), err, test.want)
		}
	}
	if _, err := encrypt(make([]byte, mostText+1), browser.PublicKey(), make([]byte, 16)); err == nil || !strings.Contains(err.Error(), "3993") {
		t.Errorf("too much: %v; want it refused, with the limit", err)
	}
}
