package offload

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/offloadhq/offload/internal/engine"
	"github.com/offloadhq/offload/store"
)

// How long memos are tried.
const (
	memoPatience = 10 * time.Second // without a store
	memoLast     = time.Second      // when the context has ended
	memoPause    = 50 * time.Millisecond
)

// keepMemo keeps v as a memo of the running job. Outside a handler it only looks whether it could.
func keepMemo(ctx context.Context, field, name string, v any) error {
	at, task := attemptOf(ctx), ""
	if at != nil {
		if task = at.job.Task; at.many {
			return errMany(task, field)
		}
	}
	data, err := json.Marshal(v)
	switch {
	case err != nil:
		return &InputError{Task: task, Field: field, Got: err, Want: "a value that encodes as JSON"}
	case len(data) > store.MaxMemo:
		return &InputError{Task: task, Field: field, Got: fmt.Sprintf("%d bytes of JSON", len(data)), Want: "at most 1 MiB; keep more in a place of your own, and here where it is"}
	case at == nil:
		return nil
	}
	err = insist(ctx, func(ctx context.Context) error { return at.putMemo(ctx, name, data) })
	if errors.Is(err, store.ErrFull) {
		return &InputError{Task: task, Field: field, Got: fmt.Sprintf("one more than %d", store.MaxMemos), Want: "at most 10,000 steps of a job; use Each for many items"}
	}
	if err != nil {
		return fmt.Errorf("offload: %s: %w", field, err)
	}
	return nil
}

// putMemo writes a memo once.
func (at *attempt) putMemo(ctx context.Context, name string, data []byte) error {
	process, fence, ok := engine.Fence(ctx)
	if !ok {
		return ErrLeaseLost
	}
	data, err := at.sealMemo(name, data)
	if err != nil {
		return err
	}
	at.mu.Lock()
	at.noted = true // before the call: it may have happened even if the answer is lost
	at.mu.Unlock()
	return at.app.store.PutMemo(ctx, process, fence, store.Memo{Name: name, Data: data})
}

// readMemo returns what is kept under a name, nil if nothing is. A first attempt that has kept
// nothing itself need not look.
func (at *attempt) readMemo(ctx context.Context, name string) (data []byte, err error) {
	at.mu.Lock()
	noted := at.noted
	at.mu.Unlock()
	if at.job.Attempt == 1 && !noted {
		return nil, nil
	}
	err = insist(ctx, func(ctx context.Context) error {
		memos, err := at.app.store.Memos(ctx, at.job.ID, name)
		if err == nil && len(memos) > 0 {
			data = memos[0].Data
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("offload: read what job %s has kept: %w", at.job.ID, err)
	}
	return at.app.keys.openJSON(data, placeOf(at.job.ID, store.TextMemo, name))
}

// insist makes a call until it is answered otherwise than by an outage, for a while, also when
// ctx has ended.
func insist(ctx context.Context, call func(context.Context) error) error {
	lasting, cancel := context.WithTimeout(context.WithoutCancel(ctx), memoPatience)
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(memoLast)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-lasting.Done():
		}
	})
	defer stop()
	for pause := memoPause; ; pause = min(2*pause, time.Second) {
		err := call(lasting)
		if err == nil || !store.Temporary(err) {
			return err
		}
		select {
		case <-time.After(pause):
		case <-lasting.Done():
			return err
		}
	}
}
