package store

import (
	"context"
	"strings"
)

// Texts are what jobs say, in whatever way it is encrypted.
type Texts interface {
	// Rewrite replaces texts by others that say the same: each that is still as it was, whatever
	// state its job is in. It returns how many it replaced; those that are gone or have changed
	// meanwhile are passed over.
	Rewrite(ctx context.Context, texts []Text) (int, error)

	// Forget takes what was erased out of the files of the database, as far as that is in a store's
	// power. It may take as long as the database is large, and nobody can write meanwhile.
	Forget(ctx context.Context) error
}

// A Text is one text of a job, to be replaced.
type Text struct {
	ID   ID
	Kind TextKind
	Name string // of a memo
	Seq  int64  // of a line
	Old  []byte // as it is
	New  []byte
}

// A TextKind says which text of a job it is.
type TextKind string

// The texts of a job.
const (
	TextInput  TextKind = "input"
	TextResult TextKind = "result"
	TextMemo   TextKind = "memo"
	TextLine   TextKind = "line"  // of a line of its log
	TextAttrs  TextKind = "attrs" // of a line of its log
)

// TaskNeeding is the name under which jobs of a task are parked that need more than a process that
// knows the task. It stands in Parked.Task and ParkedRequest.Tasks. A need has no space in it.
func TaskNeeding(task, need string) string {
	if need == "" {
		return task
	}
	return task + " " + need
}

// NeedOf is the way back from TaskNeeding.
func NeedOf(name string) (task, need string) {
	task, need, _ = strings.Cut(name, " ")
	return task, need
}
