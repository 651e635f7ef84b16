package export

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/offloadhq/offload"
)

// An expiry is a file that goes.
type expiry struct {
	Key  string        `json:"key"`
	Keep time.Duration `json:"keep"` // nanoseconds after it was written
}

// expireLater arranges that a file goes. It comes behind the file: what crashes between the two puts the file once more.
func (w *writer[In, Row]) expireLater(ctx context.Context, key string) error {
	once := offload.Unique{Key: key} // an attempt before this one may have come as far
	if _, err := w.expire.Enqueue(ctx, offload.AppOf(ctx), expiry{key, w.keep}, offload.Delay(w.keep), once); err != nil {
		return fmt.Errorf("arrange that the export goes: %w", err)
	}
	return nil
}

// expireFile deletes a file, unless it was written again meanwhile: its links are good for all of their time.
func (w *writer[In, Row]) expireFile(ctx context.Context, e expiry) error {
	info, err := w.store.Stat(ctx, e.Key)
	if errors.Is(err, offload.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	// A new file is one that is written after this job was enqueued. The clocks of store and jobs may differ.
	own := offload.JobOf(ctx)
	if since := info.Modified.Sub(own.CreatedAt); since > time.Minute {
		if left := info.Modified.Add(e.Keep).Sub(own.StartedAt); left > 0 {
			return offload.Snooze(left)
		}
	}
	return w.store.Delete(ctx, e.Key)
}

// How long what an export has left may stay for whoever retries it, and how often somebody looks.
const (
	sweepAfter = 7 * 24 * time.Hour
	sweepEach  = 24 * time.Hour
)

// sweepLater arranges that nothing is left of an export that does not complete.
func (w *writer[In, Row]) sweepLater(ctx context.Context, job offload.ID) error {
	once := offload.Unique{Key: job.String()}
	if _, err := w.sweep.Enqueue(ctx, offload.AppOf(ctx), job, offload.Delay(sweepEach), once); err != nil {
		return fmt.Errorf("arrange that segments go: %w", err)
	}
	return nil
}

// sweepJob deletes what an export has left, when it has ended long ago.
func (w *writer[In, Row]) sweepJob(ctx context.Context, id offload.ID) error {
	job, err := offload.AppOf(ctx).Job(ctx, id)
	switch {
	case errors.Is(err, offload.ErrNotFound):
		return w.removeSegments(ctx, id)
	case err != nil:
		return err
	case job.State == offload.Completed:
		return w.removeSegments(ctx, id)
	case !job.State.Ended() || offload.JobOf(ctx).StartedAt.Sub(job.FinishedAt) < sweepAfter:
		return offload.Snooze(sweepEach)
	}
	return w.removeSegments(ctx, id)
}

// removeSegments deletes all segments of a job, also those of attempts that have died.
func (w *writer[In, Row]) removeSegments(ctx context.Context, job offload.ID) error {
	for info, err := range w.store.List(ctx, w.partsOf(job)) {
		if err != nil {
			return fmt.Errorf("remove segments: %w", err)
		}
		if err := w.store.Delete(ctx, info.Key); err != nil {
			return fmt.Errorf("remove segments: %w", err)
		}
	}
	return nil
}
