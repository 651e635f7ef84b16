package store

import "bytes"

// Erase is the Verb that blanks what an ended job says: input, result, log, memos, progress, and
// the texts and stacks of its failures. The job itself stays as long as it is kept, with its tags,
// its keys and its figures; erased already is Nothing, and one that has not ended is Refused. It
// can't be retried any more, unless Change gives it an input first, and does not come back with an
// upstream that is retried.
const Erase Verb = "erase"

// ErasedText stands in place of the error of a failure that was erased.
const ErasedText = "erased"

var erasedInput = []byte(`{"offload:erased":true}`)

// ErasedInput returns what an erased job has as its input.
func ErasedInput() []byte { return bytes.Clone(erasedInput) }

// IsErased reports whether an input is that of an erased job.
func IsErased(input []byte) bool { return bytes.Equal(input, erasedInput) }
