package dashboard

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/offloadhq/offload"
)

// indented is JSON to be read by people, or the text itself if it is none.
func indented(raw []byte) string {
	var b bytes.Buffer
	if json.Indent(&b, raw, "", "  ") != nil {
		return strings.ToValidUTF8(string(raw), "�")
	}
	return b.String()
}

// compacted is JSON without space.
func compacted(raw []byte) []byte {
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return raw
	}
	return b.Bytes()
}

// shortened is a text of at most n bytes, with a mark where it was cut.
func shortened(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + "…"
}

// isRefusal reports whether an error is about what was asked for, and not about the system.
func isRefusal(err error) bool {
	input := (*offload.InputError)(nil)
	conflict := (*offload.ConflictError)(nil)
	return errors.As(err, &input) || errors.As(err, &conflict) || errors.Is(err, offload.ErrNotFound) ||
		errors.Is(err, offload.ErrUnknownTask) || errors.Is(err, offload.ErrUnknownKey) || errors.Is(err, offload.ErrUpstream)
}
