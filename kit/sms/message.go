package sms

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/offloadhq/offload"
)

// A Message is one text to one phone.
type Message struct {
	To   string `json:"to"`             // as E.164 writes numbers: "+436641234567"
	From string `json:"from,omitempty"` // the Kit's if empty; a number, or what else the provider takes
	Text string `json:"text"`
}

const (
	mostSegments = 255 // what the header of a segment can count
	mostSender   = 64  // bytes
)

// Validate says what is wrong with a message, as far as that is known without the kit that will send it.
func (m *Message) Validate() error {
	if !isNumber(m.To) {
		return refuse("to", m.To, wantNumber)
	}
	if m.From != "" {
		if err := checkSender("from", m.From); err != nil {
			return err
		}
	}
	switch {
	case strings.TrimSpace(m.Text) == "":
		return refuse("text", m.Text, "some text")
	case !utf8.ValidString(m.Text) || strings.ContainsRune(m.Text, 0):
		return refuse("text", "bytes that are none", "valid UTF-8 without NUL")
	}
	return checkSegments(m.Text, mostSegments)
}

func refuse(field string, got any, want string) error {
	return &offload.InputError{Field: field, Got: got, Want: want}
}

const wantNumber = "a number with its country, such as +436641234567: a plus and 7 to 15 digits, of which the first is not 0"

// isNumber reports whether s is a number as E.164 writes it. Which numbers there are changes too often to be known here.
func isNumber(s string) bool {
	digits, plus := strings.CutPrefix(s, "+")
	return plus && len(digits) >= 7 && len(digits) <= 15 && digits[0] != '0' &&
		strings.IndexFunc(digits, func(c rune) bool { return c < '0' || c > '9' }) < 0
}

// checkSender refuses what is no provider's sender: beside numbers there are short codes, names of up to eleven letters, and identifiers.
func checkSender(field, s string) error {
	if strings.HasPrefix(s, "+") && !isNumber(s) {
		return refuse(field, s, wantNumber)
	}
	if len(s) > mostSender || !utf8.ValidString(s) || strings.TrimSpace(s) != s || s == "" || strings.IndexFunc(s, unicode.IsControl) >= 0 {
		return refuse(field, s, fmt.Sprintf("a number such as +15005550006, or a name, up to %d bytes in one line", mostSender))
	}
	return nil
}

func checkSegments(text string, most int) error {
	if size := Measure(text); size.Segments > most {
		return refuse("text", fmt.Sprintf("%d segments of %s", size.Segments, size.Encoding), fmt.Sprintf("at most %d", most))
	}
	return nil
}
