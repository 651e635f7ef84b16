package sqlite

import (
	"database/sql"
	"strings"
	"testing"
)

// TestPlans looks at how SQLite would run the hot statements: no plan may walk a table that
// grows, or sort.
func TestPlans(t *testing.T) {
	s := openTest(t)
	const (
		due   = "SEARCH d USING PRIMARY KEY (queue=? AND priority=? AND run_at<?)"
		lease = "SEARCH offload_lease USING PRIMARY KEY (id=?)"
	)
	for _, test := range []struct {
		name, query string
		params      int
		wants       []string
	}{
		{"claim", claimSQL, 5, []string{due, "SEARCH j USING PRIMARY KEY (id=?)", "SEARCH offload_crash USING PRIMARY KEY (id=?)"}},
		{"claim_lease", claimLeaseSQL, 6, []string{"SEARCH offload_due USING PRIMARY KEY (queue=? AND priority=? AND (run_at,id)<(?,?))"}},
		{"claim_due", claimDueSQL, 4, []string{"SEARCH offload_due USING PRIMARY KEY (queue=? AND priority=? AND (run_at,id)<(?,?))"}},
		{"claim_parked", claimParkedSQL, 6, []string{"SEARCH d USING PRIMARY KEY (queue=? AND waits=? AND task=?)", "SEARCH j USING PRIMARY KEY (id=?)"}},
		{"claim_blocked", claimBlockedSQL, 3, []string{"SEARCH offload_blocked"}},
		{"insert_fresh", insertFreshSQL, 1, []string{"SEARCH j USING PRIMARY KEY (id=?)"}},
		{"finish_done", finishDoneSQL, 6, []string{lease}},
		{"finish_lease", finishLeaseSQL, 3, []string{lease}},
		{"finish_held", finishHeldSQL, 3, []string{lease}},
		{"place", placeSQL, 1, []string{"SEARCH offload_due", lease, "SEARCH offload_blocked", "SEARCH offload_done USING PRIMARY KEY (id=?)"}},
		{"place_take_lease", takeLeaseSQL, 3, []string{lease}},
		{"place_put_due", putDueSQL, 8, []string{"SEARCH offload_job USING PRIMARY KEY (id=?)"}},
		{"place_put_blocked", putBlockedSQL, 9, []string{"SEARCH offload_job USING PRIMARY KEY (id=?)"}},
		{"place_put_done", putDoneSQL, 10, []string{"SEARCH offload_job USING PRIMARY KEY (id=?)"}},
		{"look_lane", laneSQL, 2, []string{"SEARCH offload_due USING PRIMARY KEY ((queue,priority)>(?,?))"}},
		{"look_blocked", lookBlockedSQL, 4, []string{"SEARCH b USING PRIMARY KEY ((queue,waits,task)>(?,?,?))", "SEARCH offload_blocked USING PRIMARY KEY (queue=? AND waits=? AND task=?)"}},
		{"prune_due", pruneDueSQL, 8, []string{"SEARCH offload_done USING PRIMARY KEY (id>? AND id<?)"}},
		{"prune_done", pruneDoneSQL, 2, []string{"SEARCH offload_done USING PRIMARY KEY (id=?)"}},
		{"count_ended", countEndedSQL, 2, []string{"SEARCH offload_done USING PRIMARY KEY (id>? AND id<?)"}},
		{"count_waiting", countWaitingSQL, 4, []string{"SEARCH offload_due USING PRIMARY KEY (queue=? AND priority=? AND run_at"}},
		{"figures", figuresSQL, 4, []string{"SEARCH offload_figure USING PRIMARY KEY (minute>? AND minute<?)"}},
		{"find due", shelves[0].byWalk, 16, []string{"SEARCH p USING INDEX sqlite_autoindex_offload_due_1 (id>? AND id<?)", "SEARCH j USING PRIMARY KEY (id=?)"}},
		{"find running", shelves[2].byWalk, 16, []string{"SEARCH p USING PRIMARY KEY (id>? AND id<?)"}},
		{"find done", shelves[3].byWalk, 16, []string{"SEARCH p USING PRIMARY KEY (id>? AND id<?)"}},
		{"find discarded", oddShelves[0].byWalk, 16, []string{"SEARCH p USING INDEX offload_done_state (state=? AND id>? AND id<?)"}},
		{"find by id", shelves[3].byIDs, 16, []string{"SEARCH p USING PRIMARY KEY (id=?)"}},
	} {
		plan := explainPlan(t, s, test.query, test.params)
		for _, want := range test.wants {
			if !strings.Contains(plan, want) {
				t.Errorf("%s: the plan lacks %q:\n%s", test.name, want, plan)
			}
		}
		for line := range strings.Lines(plan) {
			scans := strings.HasPrefix(line, "SCAN ") && !strings.HasPrefix(line, "SCAN n") && !strings.HasPrefix(line, "SCAN json_each") &&
				!strings.HasPrefix(line, "SCAN (subquery") && !strings.HasPrefix(line, "SCAN CONSTANT ROW")
			if scans || strings.Contains(line, "USE TEMP B-TREE FOR ORDER BY") {
				t.Errorf("%s: %s", test.name, line)
			}
		}
	}
}

// explainPlan returns the plan of a statement, a line for each step.
func explainPlan(t *testing.T, s *Store, query string, params int) string {
	t.Helper()
	var plan strings.Builder
	must(t, s.reader.view(t.Context(), func(tx *txn) error {
		return each(tx, func(rows *sql.Rows) error {
			var id, parent, unused int
			var detail string
			err := rows.Scan(&id, &parent, &unused, &detail)
			plan.WriteString(detail + "\n")
			return err
		}, "EXPLAIN QUERY PLAN "+query, make([]any, params)...)
	}))
	return plan.String()
}
