package offload

import (
	"context"
	"math"
	"time"

	"github.com/offloadhq/offload/internal/engine"
	"github.com/offloadhq/offload/store"
)

// Progress shows how far the job is: done of total, which is 0 if it is not known, and a word
// about it. It costs no round trip and may be called often; the newest is kept each second.
//
// Numbers below 0 are taken as 0, and more may be done than the total: then nothing is known of
// what is left. In a call of HandleMany, and outside a handler, it does nothing.
func Progress(ctx context.Context, done, total int, note string) {
	if at := attemptOf(ctx); at != nil {
		note = at.shownText(note)
	}
	engine.Progress(ctx, max(done, 0), max(total, 0), note)
}

// ProgressInfo is how far a job has come.
//
// Rate is estimated by the attempt itself from what it said: in the first half minute the average
// since its start, or since its first word if it is not the job's first attempt; then an average in
// which what was done longer ago counts less and less. Left is what is to be done, divided by
// Rate.
type ProgressInfo struct {
	Done  int           `json:"done"`
	Total int           `json:"total"` // 0 is not known
	Note  string        `json:"note,omitempty"`
	Rate  float64       `json:"rate,omitempty"` // per second; 0 is not known
	Left  time.Duration `json:"left,omitempty"` // nanoseconds, from At on; 0 is not known, or nothing
	At    time.Time     `json:"at"`             // when it was said
}

func progressOf(p *store.Progress) *ProgressInfo {
	if p == nil {
		return nil
	}
	info := &ProgressInfo{Done: p.Done, Total: p.Total, Note: p.Note, Rate: p.Rate, At: p.At}
	if p.Rate > 0 && p.Done < p.Total {
		seconds := math.Min(float64(p.Total-p.Done)/p.Rate, farFuture.Seconds())
		info.Left = time.Duration(seconds * float64(time.Second))
	}
	return info
}
