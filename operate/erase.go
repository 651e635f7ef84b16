package operate

import (
	"context"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/inside"
	"github.com/offloadhq/offload/store"
)

// Erase blanks what jobs of a filter say that have ended: input, result, log, what they have kept,
// and the texts of their errors. The jobs stay in history with their tags and keys, and can't be
// retried. Others are left, and counted as refused. It begins after a minute: to cancel the
// returned job until then is to undo it.
//
// On SQLite the file is written anew at the end, so that no byte of what was erased is left in it
// or its log; while that lasts, nobody can write. PostgreSQL takes the old rows away by itself, and
// keeps its own log and backups as it was told to.
func (o *Operator) Erase(ctx context.Context, f offload.Filter) (*offload.Job, error) {
	return o.all(ctx, inside.ActInput{Verb: store.Erase}, f, offload.Delay(undoTime))
}

// ReencryptAll encrypts anew what jobs of a filter say, in whatever state they are, with the current
// key of the operator's app, or if that has none, of the process that does it. With Filter.All it
// does so with schedules set at run time, and with records of record.Encrypted, as well. The result of the returned job is a KeyCount.
//
// It works in the background, while jobs run, and may be done again at any time. When CountKeys then
// finds no old key, and no process encrypts with it any more, that key can be taken out of Keys.
func (o *Operator) ReencryptAll(ctx context.Context, f offload.Filter) (*offload.Job, error) {
	return o.all(ctx, inside.ActInput{Verb: inside.Reencrypt, Key: inside.CurrentKey(o.app)}, f)
}

// CountKeys counts by which keys it is encrypted what jobs of a filter say, with Filter.All also of
// schedules and records. The result of the returned job is a KeyCount.
func (o *Operator) CountKeys(ctx context.Context, f offload.Filter) (*offload.Job, error) {
	return o.all(ctx, inside.ActInput{Verb: inside.CountKeys}, f)
}

// A KeyCount says which keys are in use.
type KeyCount struct {
	Jobs    int            `json:"jobs"`              // that were looked at
	Changed int            `json:"changed"`           // texts that were encrypted anew
	Lacking int            `json:"lacking,omitempty"` // texts that could not be read: their key is missing or wrong
	Keys    map[string]int `json:"keys"`              // texts by the id of the key that they are encrypted with now
}
