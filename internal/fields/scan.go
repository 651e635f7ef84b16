package fields

import "encoding/json"

// The functions of this file walk through JSON that is valid. What is not has no harm but
// that it has no meaning: they stay within it, and end.

// value returns the value that an input is, without the space around it. What is behind an
// object or an array is left: it is not looked at.
func value(input []byte) []byte {
	v := input[space(input, 0):]
	if len(v) > 0 && (v[0] == '{' || v[0] == '[') {
		return v
	}
	return v[:behind(v, 0)]
}

// space returns where something else than space is.
func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// behind returns where the value ends that begins at i.
func behind(b []byte, i int) int {
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '"':
			i = behindString(b, i)
		case '{', '[':
			depth++
			i++
		case '}', ']':
			depth--
			i++
		case ',', ':', ' ', '\n', '\t', '\r':
			i++
		default:
			for i < len(b) && !delimits(b[i]) {
				i++
			}
		}
		if depth <= 0 {
			return i
		}
	}
	return i
}

func delimits(c byte) bool {
	switch c {
	case ',', ':', '}', ']', '{', '[', '"', ' ', '\n', '\t', '\r':
		return true
	}
	return false
}

// behindString returns where the string ends whose quote is at i.
func behindString(b []byte, i int) int {
	for i++; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(b)
}

// members calls f for each name, with its quotes, and value of an object.
func members(v []byte, f func(quoted, value []byte)) {
	if len(v) == 0 || v[0] != '{' {
		return
	}
	for i := next(v, 0); i < len(v) && v[i] == '"'; {
		quoted := v[i:behindString(v, i)]
		i = space(v, i+len(quoted)) // at the colon
		if i >= len(v) || len(quoted) < 2 {
			return
		}
		i = space(v, i+1)
		end := behind(v, i)
		f(quoted, v[i:end])
		i = next(v, space(v, end))
	}
}

// elements calls f for each value of an array.
func elements(v []byte, f func(value []byte)) {
	for i := next(v, 0); i < len(v) && v[i] != ']'; {
		end := behind(v, i)
		f(v[i:end])
		i = next(v, space(v, end))
	}
}

// next returns where something is behind the bracket or comma at i.
func next(b []byte, i int) int { return space(b, min(i+1, len(b))) }

func isNull(v []byte) bool { return len(v) == 0 || v[0] == 'n' }

// text is what a string says.
func text(quoted []byte) string {
	if plain(quoted) {
		return string(quoted[1 : len(quoted)-1])
	}
	var s string
	if json.Unmarshal(quoted, &s) != nil {
		return string(quoted)
	}
	return s
}

// plain reports whether a string says what stands between its quotes.
func plain(quoted []byte) bool {
	if len(quoted) < 2 {
		return false
	}
	for _, c := range quoted[1 : len(quoted)-1] {
		if c < ' ' || c > '~' || c == '\\' {
			return false
		}
	}
	return true
}
