package operate

import (
	"context"
	"fmt"
	"time"

	"github.com/offloadhq/offload/internal/inside"
)

// An InboxRow is a row of the table inbox that became no job. Input and Options are what
// somebody wrote, and may be no JSON.
type InboxRow struct {
	Number  int64     `json:"number"`
	Task    string    `json:"task"`
	Input   string    `json:"input"`
	Options string    `json:"options,omitempty"`
	At      time.Time `json:"at"`
	Error   string    `json:"error"`
}

// maxInbox is how many rows of the inbox are listed.
const maxInbox = 1000

// Inbox returns the rows of the inbox that were refused, with the reason, newest first, at most
// 1,000.
func (o *Operator) Inbox(ctx context.Context) ([]InboxRow, error) {
	s, err := o.store()
	if err != nil {
		return nil, err
	}
	found, err := s.InboxRows(ctx, true, maxInbox)
	if err != nil {
		return nil, fmt.Errorf("offload: read the inbox: %w", err)
	}
	rows := make([]InboxRow, len(found))
	for i, r := range found {
		input, err := inside.ShowInput(ctx, o.app, r.Task, r.Input)
		if err != nil {
			return nil, err
		}
		rows[i] = InboxRow{Number: r.Number, Task: r.Task, Input: string(input), Options: string(r.Options), At: r.At, Error: r.Error}
	}
	return rows, nil
}
