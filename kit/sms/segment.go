package sms

import "strings"

// An Encoding is one of the two that texts are sent in.
type Encoding string

const (
	// GSM7 has seven bits a character: letters, digits, the signs of Western Europe and some Greek capitals. Ten others, such as €, take two
	// places.
	GSM7 Encoding = "GSM-7"

	// UCS2 has everything else, and two bytes a character; an emoji is two characters or more.
	UCS2 Encoding = "UCS-2"
)

// A Size is what a text takes to be sent.
type Size struct {
	Encoding Encoding
	Units    int // septets of GSM7, UTF-16 code units of UCS2
	Segments int // messages that it is sent as, and paid for
}

// Units of a segment: 140 bytes, of which one of several has six for its header.
const (
	aloneGSM7, partGSM7 = 160, 153
	aloneUCS2, partUCS2 = 70, 67
)

// basic is the basic character set of GSM 03.38, and extension what is written with an escape before it.
const (
	basic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	extension = "\f^{}\\[~]|€"
)

// septets is what each character of GSM7 takes.
var septets = func() map[rune]int {
	all := map[rune]int{}
	for _, c := range basic {
		all[c] = 1
	}
	for _, c := range extension {
		all[c] = 2
	}
	return all
}()

// Measure says how a text is sent: in which encoding, and in how many segments. A character that takes two units is never split between segments,
// so that a text may need one more than its units say. An empty text is one segment.
func Measure(text string) Size {
	size := Size{Encoding: GSM7}
	alone, part := aloneGSM7, partGSM7
	units := func(c rune) int { return septets[c] }
	if strings.ContainsFunc(text, func(c rune) bool { return septets[c] == 0 }) {
		size.Encoding = UCS2
		alone, part = aloneUCS2, partUCS2
		units = func(c rune) int {
			if c > 0xffff {
				return 2
			}
			return 1
		}
	}
	used, segments := 0, 1
	for _, c := range text {
		n := units(c)
		size.Units += n
		if used += n; used > part {
			used = n
			segments++
		}
	}
	if size.Segments = segments; size.Units <= alone {
		size.Segments = 1
	}
	return size
}

// typography is what programs and people write, and what GSM7 has for it.
var typography = strings.NewReplacer(
	"‘", "'", "’", "'", "‚", "'", "‛", "'", "`", "'", "´", "'", "′", "'",
	"“", `"`, "”", `"`, "„", `"`, "‟", `"`, "«", `"`, "»", `"`, "″", `"`,
	"‐", "-", "‑", "-", "‒", "-", "–", "-", "—", "-", "―", "-", "−", "-",
	"…", "...", "•", "-", "·", ".", "\u00a0", " ", "\u2009", " ", "\u202f", " ", "\u200b", "", "\ufeff", "", "\t", " ",
)

// Plain replaces typographic quotes, dashes and spaces by those of GSM7: one of them alone makes a text need more than twice the segments. Letters stay as
// they are.
func Plain(text string) string { return typography.Replace(text) }
