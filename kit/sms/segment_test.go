package sms_test

import (
	"strings"
	"testing"

	"github.com/offloadhq/offload/kit/sms"
)

func TestMeasure(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       sms.Size
	}{
		{"nothing", "", sms.Size{Encoding: sms.GSM7, Units: 0, Segments: 1}},
		{"a full one", strings.Repeat("a", 160), sms.Size{Encoding: sms.GSM7, Units: 160, Segments: 1}},
		{"one more makes two", strings.Repeat("a", 161), sms.Size{Encoding: sms.GSM7, Units: 161, Segments: 2}},
		{"two full ones", strings.Repeat("a", 306), sms.Size{Encoding: sms.GSM7, Units: 306, Segments: 2}},
		{"three", strings.Repeat("a", 307), sms.Size{Encoding: sms.GSM7, Units: 307, Segments: 3}},
		{"the whole basic set", "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà", sms.Size{Encoding: sms.GSM7, Units: 127, Segments: 1}},
		{"the extension takes two", "^{}\\[~]|€\f", sms.Size{Encoding: sms.GSM7, Units: 20, Segments: 1}},
		{"80 euros", strings.Repeat("€", 80), sms.Size{Encoding: sms.GSM7, Units: 160, Segments: 1}},
		{"81 euros", strings.Repeat("€", 81), sms.Size{Encoding: sms.GSM7, Units: 162, Segments: 2}},
		{"no escape is split", strings.Repeat("€", 153), sms.Size{Encoding: sms.GSM7, Units: 306, Segments: 3}},
		{"an escape that would be split", strings.Repeat("a", 152) + "€" + strings.Repeat("a", 152), sms.Size{Encoding: sms.GSM7, Units: 306, Segments: 3}},
		{"ç is not Ç", "ç", sms.Size{Encoding: sms.UCS2, Units: 1, Segments: 1}},
		{"a backquote is none of it", "`", sms.Size{Encoding: sms.UCS2, Units: 1, Segments: 1}},
		{"the escape itself is none", "\x1b", sms.Size{Encoding: sms.UCS2, Units: 1, Segments: 1}},
		{"a full one of UCS-2", strings.Repeat("ж", 70), sms.Size{Encoding: sms.UCS2, Units: 70, Segments: 1}},
		{"two of UCS-2", strings.Repeat("ж", 71), sms.Size{Encoding: sms.UCS2, Units: 71, Segments: 2}},
		{"two full ones of UCS-2", strings.Repeat("ж", 134), sms.Size{Encoding: sms.UCS2, Units: 134, Segments: 2}},
		{"three of UCS-2", strings.Repeat("ж", 135), sms.Size{Encoding: sms.UCS2, Units: 135, Segments: 3}},
		{"35 emoji", strings.Repeat("😀", 35), sms.Size{Encoding: sms.UCS2, Units: 70, Segments: 1}},
		{"36 emoji", strings.Repeat("😀", 36), sms.Size{Encoding: sms.UCS2, Units: 72, Segments: 2}},
		{"no pair is split", strings.Repeat("😀", 67), sms.Size{Encoding: sms.UCS2, Units: 134, Segments: 3}},
		{"one curly quote halves it", strings.Repeat("a", 100) + "’", sms.Size{Encoding: sms.UCS2, Units: 101, Segments: 2}},
		{"Plain mends that", sms.Plain(strings.Repeat("a", 100) + "’ “–” …\u00a0"), sms.Size{Encoding: sms.GSM7, Units: 110, Segments: 1}},
	} {
		if got := sms.Measure(test.text); got != test.want {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
}

func FuzzMeasure(f *testing.F) {
	f.Add("Hello €😀’")
	f.Fuzz(func(t *testing.T, text string) {
		size := sms.Measure(text)
		per := 153
		if size.Encoding == sms.UCS2 {
			per = 67
		}
		// A segment may stay one unit short of full, never two.
		if least, most := (size.Units+per-1)/per, size.Units/(per-1)+1; size.Segments > 1 && (size.Segments < least || size.Segments > most) {
			t.Errorf("%q: %+v", text, size)
		}
	})
}
