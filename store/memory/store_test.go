package memory_test

import (
	"testing"
	"time"

	"github.com/offloadhq/offload/store"
	"github.com/offloadhq/offload/store/memory"
	"github.com/offloadhq/offload/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Subject {
		s := memory.New()
		return storetest.Subject{
			Store: s,
			Begin: func(*testing.T) storetest.Tx {
				tx := s.Begin()
				return storetest.Tx{Value: tx, Commit: tx.Commit, Rollback: tx.Rollback}
			},
			Another: func(*testing.T) store.Store { return s },
			Advance: func(_ *testing.T, d time.Duration) { s.Advance(d) },
			Inbox:   func(_ *testing.T, task, input, options string) { s.WriteInbox(task, input, options) },
			Faulty: func(*testing.T) (store.Store, storetest.Faults) {
				f := &faulty{Store: s}
				return f, storetest.Faults{Arm: f.arm, Disarm: f.disarm}
			},
		}
	})
}
