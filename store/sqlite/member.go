package sqlite

import (
	"context"
	"database/sql"
	_ "embed"
	"encoding/json"
	"fmt"

	"github.com/offloadhq/offload/store"
)

var (
	//go:embed sql/member_join.sql
	joinSQL string
	//go:embed sql/member_beat.sql
	beatSQL string
	//go:embed sql/member_peers.sql
	peersSQL string
	//go:embed sql/member_processes.sql
	processesSQL string
)

// process returns the number of a process, 0 if it was never known, and whether it is alive.
func (t *txn) process(id store.ID) (number int64, alive bool, err error) {
	_, err = one(t, []any{&number, &alive}, "SELECT number, gone_at IS NULL FROM offload_process WHERE id = ?1", id[:])
	return number, alive, err
}

// Join is that of store.Member. The lock comes first: who sees the row must not find the
// lock free.
func (s *Store) Join(ctx context.Context, p store.Process) error {
	queues, stuck, err := said(p)
	if err != nil {
		return fmt.Errorf("join: %w", err)
	}
	if err := s.members.lock(s.path, p.ID); err != nil {
		return err
	}
	err = s.write(ctx, "join", func(t *txn) error {
		if err := s.keepOrigin(t); err != nil { // nobody has, where people migrate by hand
			return err
		}
		var number int64
		_, err := one(t, []any{&number}, `INSERT INTO offload_meta (name, value) VALUES ('process', 1)
			ON CONFLICT DO UPDATE SET value = value + 1 RETURNING value`)
		if err != nil {
			return err
		}
		_, err = t.exec(joinSQL, number, p.ID[:], p.Name, p.Host, p.PID, p.Version, queues, p.Running, int64(p.Memory), stuck, t.now)
		return err
	})
	if err != nil && !store.Temporary(err) {
		s.members.forget(s.path, p.ID)
	}
	return err
}

// said is what a process says of itself, as JSON.
func said(p store.Process) (queues, stuck string, err error) {
	q, err := json.Marshal(p.Queues)
	if err != nil {
		return "", "", err
	}
	ids, err := json.Marshal(p.Stuck)
	return string(q), string(ids), err
}

// Beat is that of store.Member.
func (s *Store) Beat(ctx context.Context, p store.Process) (beats store.Beats, err error) {
	queues, stuck, err := said(p)
	if err != nil {
		return store.Beats{}, fmt.Errorf("beat: %w", err)
	}
	err = s.write(ctx, "beat", func(t *txn) error {
		n, err := t.exec(beatSQL, p.ID[:], queues, p.Running, int64(p.Memory), stuck, t.now)
		if err != nil || n == 0 {
			beats.Lost = n == 0
			return err
		}
		return each(t, func(rows *sql.Rows) error {
			var peer store.Peer
			err := rows.Scan(idInto{&peer.ID}, &peer.Count)
			beats.Peers = append(beats.Peers, peer)
			return err
		}, peersSQL, p.ID[:], store.ObservedPeers)
	})
	if err != nil {
		return store.Beats{}, err
	}
	s.mindLog()
	return beats, nil
}

// Leave is that of store.Member.
func (s *Store) Leave(ctx context.Context, process store.ID) error {
	for more := true; more; {
		err := s.write(ctx, "leave", func(t *txn) (err error) {
			more, err = t.leave(process)
			return err
		})
		if err != nil {
			return err
		}
	}
	s.ears.sleep(process, false)
	s.members.forget(s.path, process)
	return nil
}

// leave releases some leases of a process, or makes it unknown when there are none left. The
// row stays for a while: a finish that comes again is compared with it.
func (t *txn) leave(process store.ID) (more bool, err error) {
	number, alive, err := t.process(process)
	if err != nil || number == 0 {
		return false, err
	}
	all, err := t.leases(`SELECT id, 2, process, attempt, failures, uses, run_at, started_at, closer, closed, 0, 0, NULL, NULL
		FROM offload_lease WHERE process = ?1 LIMIT ?2`, number, store.MaxReapAtATime)
	if err != nil {
		return false, err
	}
	for i := range all {
		if err := t.take(&all[i]); err != nil {
			return false, err
		}
		if err := t.putBack(&all[i], toDue); err != nil {
			return false, err
		}
	}
	if len(all) == store.MaxReapAtATime {
		return true, nil
	}
	if alive {
		_, err = t.exec("UPDATE offload_process SET gone_at = ?2 WHERE number = ?1", number, t.now)
	}
	return false, err
}

// Processes is that of store.Reader.
func (s *Store) Processes(ctx context.Context) (all []store.Process, err error) {
	err = s.ask(ctx, "read processes", func(q *snapshots) error {
		return each(q, func(rows *sql.Rows) error {
			var p store.Process
			var queues, stuck []byte
			var memory int64
			err := rows.Scan(idInto{&p.ID}, &p.Name, &p.Host, &p.PID, &p.Version, &queues, &p.Running, &memory, &stuck,
				timeInto{&p.Started}, timeInto{&p.Beat}, &p.Count, &p.Quiet, &p.Stop)
			if err != nil {
				return err
			}
			p.Memory = uint64(memory)
			if err := json.Unmarshal(queues, &p.Queues); err != nil {
				return err
			}
			err = json.Unmarshal(stuck, &p.Stuck)
			all = append(all, p)
			return err
		}, processesSQL)
	})
	return all, err
}
