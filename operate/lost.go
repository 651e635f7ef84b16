package operate

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/store"
)

// A LostProcess is a process that ended without saying so, or could not reach the database for too long.
type LostProcess struct {
	ID   offload.ID `json:"id"`
	Name string     `json:"name,omitempty"`
	Host string     `json:"host"`
	PID  int        `json:"pid"`
	At   time.Time  `json:"at"` // when it was declared lost
}

// LostProcesses returns the processes that were declared lost since a time, in the order of their starts. They are known for a day.
func (o *Operator) LostProcesses(ctx context.Context, since time.Time) ([]LostProcess, error) {
	s, err := o.store()
	if err != nil {
		return nil, err
	}
	var lost []LostProcess
	for after := ""; ; {
		const page = 1000
		all, err := s.Documents(ctx, store.LostKind, after, page)
		if err != nil {
			return nil, fmt.Errorf("offload: list lost processes: %w", err)
		}
		for i := range all {
			var p store.LostProcess
			id, err := offload.ParseID(all[i].Key)
			if err != nil || json.Unmarshal(all[i].Value, &p) != nil || all[i].At.Before(since) {
				continue
			}
			lost = append(lost, LostProcess{ID: id, Name: p.Name, Host: p.Host, PID: p.PID, At: all[i].At})
		}
		if len(all) < page {
			return lost, nil
		}
		after = all[len(all)-1].Key
	}
}
