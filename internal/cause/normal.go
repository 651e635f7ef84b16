package cause

import (
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/offloadhq/offload/store"
)

const (
	maxTitle = 300  // bytes of a title
	maxRead  = 4096 // bytes of a message that are looked at
)

// What stands in place of what differs.
const (
	aQuote   = `"…"`
	aNumber  = "<n>"
	anID     = "<id>"
	anAddr   = "<addr>"
	anEmail  = "<email>"
	aTime    = "<time>"
	anURL    = "<url>"
	longWord = 16 // bytes from which a word with letters and digits is an id
	longHex  = 8  // bytes from which a word of hexadecimal digits is an id
)

// Normal returns a message without what differs from job to job, on one line, of at most 300
// bytes.
func Normal(message string) string {
	rest := store.CleanText(message, maxRead)
	var b strings.Builder
	space := false
	for rest != "" && b.Len() < maxTitle {
		r, size := utf8.DecodeRuneInString(rest)
		if unicode.IsSpace(r) || unicode.IsControl(r) {
			space, rest = b.Len() > 0, rest[size:]
			continue
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		if after, ok := quoted(rest); ok {
			b.WriteString(aQuote)
			rest = after
			continue
		}
		word := wordOf(rest)
		if word == "" { // punctuation
			b.WriteRune(r)
			rest = rest[size:]
			continue
		}
		b.WriteString(plain(word))
		rest = rest[len(word):]
	}
	return strings.TrimRightFunc(store.CleanText(b.String(), maxTitle), unicode.IsSpace)
}

// quoted returns what follows the quoted value that a text begins with.
func quoted(s string) (rest string, ok bool) {
	quote := s[0]
	if quote != '"' && quote != '\'' && quote != '`' {
		return "", false
	}
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quote != '`':
			i++
		case s[i] == quote && (quote != '\'' || !inWord(s, i)):
			return s[i+1:], true
		}
	}
	return "", false
}

// inWord reports whether the quote at i is an apostrophe: "can't".
func inWord(s string, i int) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:i])
	after, _ := utf8.DecodeRuneInString(s[i+1:])
	return i+1 < len(s) && letterOrDigit(before) && letterOrDigit(after)
}

func letterOrDigit(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// wordOf returns the word that a text begins with: what is between spaces, without punctuation at
// its end.
func wordOf(s string) string {
	first, _ := utf8.DecodeRuneInString(s)
	bracket := first == '[' // of an address of IPv6
	if !letterOrDigit(first) && !bracket {
		return ""
	}
	url := startsURL(s)
	end := strings.IndexFunc(s, func(r rune) bool {
		switch r {
		case ',', ';', '=', '|':
			return !url

		case '"', '`', '(', ')', '{', '}', '<', '>':
			return true
		case ']':
			return !bracket
		}
		return unicode.IsSpace(r) || unicode.IsControl(r)
	})
	if end < 0 {
		end = len(s)
	}
	if bracket {
		if a, err := netip.ParseAddrPort(strings.TrimRight(s[:end], ".:!?'")); err == nil && a.IsValid() {
			return strings.TrimRight(s[:end], ".:!?'")
		}
		return ""
	}
	return strings.TrimRight(s[:end], ".:!?'")
}

// startsURL reports whether a text begins with "https://" or the like.
func startsURL(s string) bool {
	n := strings.IndexFunc(s, func(r rune) bool { return r != '+' && r != '-' && !letterOrDigit(r) })
	return n > 0 && strings.HasPrefix(s[n:], "://")
}

// plain is a word without what differs.
func plain(word string) string {
	host, user := word, ""
	if at := strings.LastIndexByte(word, '@'); at > 0 {
		user, host = word[:at], word[at+1:]
	}
	switch {
	case startsURL(word):
		return anURL
	case user != "" && strings.Contains(host, "."):
		return anEmail
	case isTime(word):
		return aTime
	case isAddr(word):
		return anAddr
	case isID(word):
		return anID
	}
	return parts(word)
}

// isTime reports whether a word begins with a date.
func isTime(word string) bool {
	return len(word) >= 10 && allDigits(word[:4]) && word[4] == '-' && allDigits(word[5:7]) && word[7] == '-' && allDigits(word[8:10])
}

// isAddr reports whether a word is an IP address, or a name of a host with its port.
func isAddr(word string) bool {
	if strings.ContainsAny(word, ".:") {
		if _, err := netip.ParseAddr(word); err == nil {
			return true
		}
		if _, err := netip.ParseAddrPort(word); err == nil {
			return true
		}
	}
	host, port, found := strings.Cut(word, ":")
	return found && port != "" && allDigits(port) && (host == "localhost" || strings.Contains(host, ".") && !strings.HasSuffix(host, ".go"))
}

// isID reports whether a word looks made up: a UUID, a hash, a random text.
func isID(word string) bool {
	digits, letters, hex := 0, 0, 0
	for _, c := range []byte(word) {
		switch {
		case c >= '0' && c <= '9':
			digits++
			hex++
		case c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F':
			letters++
			hex++
		case c >= 'g' && c <= 'z' || c >= 'G' && c <= 'Z':
			letters++
		case c == '-' || c == '_':
		default:
			return false
		}
	}
	switch {
	case digits == 0 || letters == 0:
		return false
	case hex == len(word):
		return len(word) >= longHex
	case len(word) == 36 && hex == 32 && strings.Count(word, "-") == 4: // a UUID
		return true
	}
	return len(word) >= longWord && digits >= 4 && !strings.ContainsAny(word, "-_")
}

// parts is a word that is none of these as a whole, with the parts between its punctuation made
// plain.
func parts(word string) string {
	var b strings.Builder
	for word != "" {
		n := strings.IndexFunc(word, func(r rune) bool { return !letterOrDigit(r) })
		switch {
		case n < 0:
			n = len(word)
		case n == 0:
			_, size := utf8.DecodeRuneInString(word)
			b.WriteString(word[:size])
			word = word[size:]
			continue
		}
		part := word[:n]
		switch word = word[n:]; {
		case isID(part):
			b.WriteString(anID)
		case strings.HasPrefix(part, "0x") || strings.HasPrefix(part, "0X"):
			b.WriteString(aNumber)
		default:
			b.WriteString(numbers(part))
		}
	}
	return b.String()
}

// numbers replaces each run of digits.
func numbers(s string) string {
	var b strings.Builder
	digits := false
	for _, r := range s {
		if !unicode.IsDigit(r) {
			b.WriteRune(r)
		} else if !digits {
			b.WriteString(aNumber)
		}
		digits = unicode.IsDigit(r)
	}
	return b.String()
}

func allDigits(s string) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return s != ""
}
