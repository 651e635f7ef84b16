package main

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/testpg"
	"github.com/offloadhq/offload/store"
)

func init() {
	register(Trial{
		Name:   "settings",
		About:  "roles for which somebody has set time-outs, isolation, formats and limits, and a transaction pooler, all at work at once; roles that may not write",
		Stores: []string{"postgres"},
		Short:  6 * time.Second, Long: 2 * time.Minute,
		Open:  func(s *Stage) *Database { return openServerWith(s, "max_connections = 400") },
		Roles: bothRole,
		Run:   settings,
	})
}

// A setting is what somebody has set for a role.
type setting struct {
	name string
	tx   float64 // share of jobs that complete in a transaction of the handler's
	set  []string
}

// worked are settings under which everything works.
var worked = []setting{
	{"statement_timeout 50 ms", 0.3, []string{"statement_timeout = '50ms'"}},
	{"statement_timeout 1 s", 0.3, []string{"statement_timeout = '1s'"}},
	{"lock_timeout 10 ms", 0.3, []string{"lock_timeout = '10ms'"}},
	{"idle_in_transaction_session_timeout 1 s", 0.3, []string{"idle_in_transaction_session_timeout = '1s'"}},
	{"idle_session_timeout 1 s", 0.3, []string{"idle_session_timeout = '1s'"}},
	{"serializable", 0.3, []string{"default_transaction_isolation = 'serializable'"}},
	{"repeatable read", 0.3, []string{"default_transaction_isolation = 'repeatable read'"}},
	{"synchronous_commit off", 0.3, []string{"synchronous_commit = off"}},
	{"work_mem 64 kB", 0.3, []string{"work_mem = '64kB'", "hash_mem_multiplier = 1"}},
	{"an empty search_path", 0, []string{"search_path = ''"}},
	{"foreign formats", 0.3, []string{
		"datestyle = 'German'", "timezone = 'Pacific/Kiritimati'", "intervalstyle = 'sql_standard'", "bytea_output = 'escape'",
		"standard_conforming_strings = off", "backslash_quote = off", "extra_float_digits = -15", "lc_messages = 'C'",
	}},
}

func settings(s *Stage) {
	refusals(s)
	rate := 25
	if !s.Short {
		rate = 80
	}
	until := time.Now().Add(s.For)
	start := func(n int, address string, tx float64) string {
		queue := fmt.Sprint("settings-", n)
		mix := []Kind{{Task: "sleep", Queue: queue, Most: 50 * time.Millisecond}}
		return s.Start(Spec{Role: "both", Address: address, Options: Both{
			Worker:   Worker{Slots: 10, Queues: []string{queue}},
			Enqueuer: Enqueuer{Rate: rate, Tx: tx, Callers: 4, Resend: true, Mix: mix},
			Until:    until,
		}}).Name
	}
	names := map[string]string{} // of processes, and what is set for them
	for n, setting := range worked {
		names[start(n, roleFor(s, fmt.Sprint("set_", n), "all", setting.set...), setting.tx)] = setting.name
	}
	if hasPooler() {
		// The handlers' own pool must not keep statements prepared there; offload sees to its own.
		through := testpg.With(s, testpg.Pooler(s, s.Database.Address), "default_query_exec_mode", "exec")
		names[start(len(worked), through, 0.3)] = "a transaction pooler"
	} else {
		s.LeftOut("a transaction pooler", "install with apt-get install pgbouncer")
	}
	for s.Sleep(time.Second) {
	}
	s.Settle(2 * time.Minute)
	noneRefused(s)
	noneDiscarded(s)
	done := map[string]int{}
	for _, e := range s.Ledger().Jobs {
		for _, r := range e.Runs {
			if !r.End.IsZero() && r.How == "" {
				done[r.Process]++
			}
		}
	}
	for process, name := range names {
		s.Figure("completed with "+name, float64(done[process]), "")
		if done[process] == 0 {
			s.Broken("settings", "with %s nothing was completed", name)
		}
	}
}

// roleFor makes a role with some rights on all tables, for which something is set, and returns
// the address for it.
func roleFor(s *Stage, role, rights string, set ...string) string {
	s.Helper()
	sql := []string{
		"create role " + role + " login",
		"grant usage on schema offload, public to " + role,
		"grant " + rights + " on all tables in schema offload, public to " + role,
	}
	for _, each := range set {
		sql = append(sql, "alter role "+role+" set "+each)
	}
	if err := s.Database.exec(s.ctx, sql...); err != nil {
		s.Fatalf("make a role: %v", err)
	}
	return testpg.WithUser(s, s.Database.Address, role, "")
}

// hasPooler reports whether pgbouncer is installed.
func hasPooler() bool {
	for _, name := range []string{"pgbouncer", "/usr/sbin/pgbouncer"} {
		if _, err := exec.LookPath(name); err == nil {
			return true
		}
	}
	return false
}

// refusals opens an app for roles that cannot work, which must say why.
func refusals(s *Stage) {
	for _, test := range []struct {
		name, rights, set string
		says              []string
	}{
		{"only_reads", "all", "default_transaction_read_only = on", []string{"read-only", "default_transaction_read_only"}},
		{"may_not_write", "select", "work_mem = '64kB'", []string{"permission denied", "may_not_write"}},
	} {
		app, err := offload.Open(s.ctx, roleFor(s, test.name, test.rights, test.set), quiet, sleepTask.declare())
		if err == nil {
			s.Broken("settings", "Open as %s gives an app", test.name)
			_ = app.Close()
			continue
		}
		if errors.Is(err, store.ErrUnavailable) {
			s.Broken("settings", "Open as %s says that it is worth another try: %v", test.name, err)
		}
		for _, text := range test.says {
			if !strings.Contains(err.Error(), text) {
				s.Broken("settings", "Open as %s says %q, want a text with %q", test.name, err, text)
			}
		}
	}
}
