package main

import (
	"context"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/operate"
)

// What is done by a job of offload's own to jobs named by id as well.
var (
	eraseAct = jobAct{
		"erase", "to be erased in a minute", "Blank what ended jobs say, for personal data that must go",
		"Input, result, log, what a job has kept and the texts of its errors go; the job stays in history with\nits tags and keys, and can't be retried. Jobs that have not ended are left, and counted. It begins\nafter a minute: cancelling the job that does it is undoing it. On SQLite the file is written anew\nat the end, so that no byte is left; nobody can write meanwhile.",
		func(o *operate.Operator, ctx context.Context, ids ...offload.ID) error {
			_, err := o.Erase(ctx, offload.Filter{IDs: ids})
			return err
		}, (*operate.Operator).Erase,
	}
	reencryptAct = jobAct{
		"re-encrypt", "to be encrypted anew", "Encrypt anew what jobs say, with the current key",
		"It is done by a process that has keys (offload.Keys), with its current one, in the background and while\njobs run. With --everything schedules that were set at run time are encrypted anew, too. See offload keys.",
		func(o *operate.Operator, ctx context.Context, ids ...offload.ID) error {
			_, err := o.ReencryptAll(ctx, offload.Filter{IDs: ids})
			return err
		}, (*operate.Operator).ReencryptAll,
	}
)
