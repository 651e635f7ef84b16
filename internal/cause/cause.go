// Package cause says which failures of attempts are alike.
//
// Failures are alike if they are of one task and kind, and their messages are the same once what
// differs from job to job is taken out: numbers, ids, quoted values, addresses. Of panics the top
// frame of the user's code must be the same too. What a job that is encrypted says is not looked
// at: its failures are alike by task and kind.
package cause

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"github.com/offloadhq/offload/internal/seal"
)

// A Failure is what is looked at of a failed attempt.
type Failure struct {
	Task, Kind   string
	Error, Stack string
	Input        []byte // of the job: its first InputHead bytes are enough
}

// InputHead is how much of an input shows whether it is encrypted.
const InputHead = 64

// A Cause is what failures that are alike have in common.
type Cause struct {
	Group  string // 16 hexadecimal digits
	Title  string // the message without what differs; "" of a job that is encrypted
	Sealed bool   // the job is encrypted: its texts are not told
}

// Of returns the cause of a failure.
func Of(f Failure) Cause {
	if sealed(f) {
		return Cause{Group: id(f.Task, f.Kind), Sealed: true}
	}
	title := Normal(f.Error)
	return Cause{Group: id(f.Task, f.Kind, title, TopFrame(f.Stack)), Title: title}
}

// sealed reports whether a failure is of a job that is encrypted. When in doubt it is.
func sealed(f Failure) bool {
	_, text := seal.FromText(f.Error)
	return text || bytes.Contains(f.Input[:min(len(f.Input), InputHead)], []byte("offload:sealed"))
}

// id makes an id of parts, which must never change: groups are kept by it.
func id(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(p))))
		h.Write([]byte(p))
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// IsGroup reports whether a text can be the id of a group.
func IsGroup(text string) bool {
	if len(text) != 16 {
		return false
	}
	for _, c := range []byte(text) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
