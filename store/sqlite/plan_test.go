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
		hold  = "SEARCH offload_hold USING PRIMARY KEY (gate=? AND id=?)"
		near  = "SEARCH offload_blocked USING PRIMARY KEY (queue=? AND waits=? AND task=? AND priority=? AND (run_at,id)>(?,?) AND (run_at,id)<(?,?))"
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
		{"finish_done", finishDoneSQL, 7, []string{lease}},
		{"finish_lease", finishLeaseSQL, 4, []string{lease}},
		{"finish_held", finishHeldSQL, 4, []string{lease}},
		{"place", placeSQL, 1, []string{"SEARCH offload_due", lease, "SEARCH offload_blocked", "SEARCH offload_done USING PRIMARY KEY (id=?)"}},
		{"place_take_lease", takeLeaseSQL, 3, []string{lease}},
		{"place_put_due", putDueSQL, 9, []string{"SEARCH offload_job USING PRIMARY KEY (id=?)"}},
		{"place_put_blocked", putBlockedSQL, 12, []string{"SEARCH offload_job USING PRIMARY KEY (id=?)"}},
		{"place_put_done", putDoneSQL, 10, []string{"SEARCH offload_job USING PRIMARY KEY (id=?)"}},
		{"look_lane", laneSQL, 2, []string{"SEARCH offload_due USING PRIMARY KEY (queue=? AND priority>?)", "SEARCH offload_due USING PRIMARY KEY (queue>?)"}},
		{"look_blocked", lookBlockedSQL, 4, []string{
			"SEARCH offload_blocked USING PRIMARY KEY (queue=? AND waits=? AND task>?)", "SEARCH offload_blocked USING PRIMARY KEY (queue=? AND waits>?)",
			"SEARCH offload_blocked USING PRIMARY KEY (queue>?)", "SEARCH offload_blocked USING PRIMARY KEY (queue=? AND waits=? AND task=?)",
		}},
		{"look_due", lookDueSQL, 1, []string{
			"SEARCH offload_gate USING COVERING INDEX offload_gate_wake", "SEARCH offload_expiry",
			"offload_schedule USING INDEX offload_schedule_next", "offload_inbox USING INDEX offload_inbox_new",
		}},
		{"gate_look", lookGatesSQL, 1, []string{"SEARCH f USING PRIMARY KEY (gate=?)", "SEARCH offload_gate USING PRIMARY KEY (id=?)", "SEARCH offload_hold USING PRIMARY KEY (gate=?)"}},
		{"gate_holds", holdsSQL, 2, []string{hold}},
		{"gate_held", heldSQL, 2, []string{hold}},
		{"gate_leave", leaveSQL, 2, []string{hold}},
		{"limit_known", knownLimitsSQL, 1, []string{"SEARCH offload_limit USING PRIMARY KEY (name=?)"}},
		{"admit_first", admitFirstSQL, 1, []string{"SEARCH f USING PRIMARY KEY (gate=?)", "SEARCH offload_hold USING PRIMARY KEY (gate=?)", "SEARCH offload_job USING PRIMARY KEY (id=?)"}},
		{"admit_next", admitNextSQL, 3, []string{"SEARCH offload_line USING PRIMARY KEY (gate=? AND spot>?)", "SEARCH offload_job USING PRIMARY KEY (id=?)"}},
		{"admit_before", admitBeforeSQL, 2, []string{"SEARCH b USING INDEX sqlite_autoindex_offload_blocked_1 (id=?)"}},
		{"admit_due", admitDue[2], 2, []string{"SEARCH offload_blocked USING INDEX sqlite_autoindex_offload_blocked_1 (id=?)"}},
		{"admit_blocked", admitBlocked[2], 2, []string{"SEARCH offload_blocked USING INDEX sqlite_autoindex_offload_blocked_1 (id=?)"}},
		{"admit_near", admitNearSQL, 7, []string{near}},
		{"admit_due_near", admitDueNear[1], 7, []string{near}},
		{"admit_blocked_near", admitBlockedNear[1], 7, []string{near}},
		{"admit_through", throughSQL, 1, []string{"SEARCH offload_due USING"}},
		{"admit_mark", markGatesSQL, 3, []string{"SEARCH offload_front USING PRIMARY KEY (gate>? AND gate<?)"}},
		{"line_advance", advanceFronts[2], 2, []string{"SEARCH offload_front USING PRIMARY KEY (gate=?)", "SEARCH offload_line USING PRIMARY KEY (gate=? AND spot>?)"}},
		{"line_clear", clearLinesSQL, 1, []string{"SEARCH offload_line USING PRIMARY KEY (gate=?)"}},
		{"line_clear_front", clearFrontsSQL, 1, []string{"SEARCH offload_front USING PRIMARY KEY (gate=?)"}},
		{"line_passed", passedSQL, 2, []string{"SEARCH offload_line USING PRIMARY KEY (gate=? AND spot<?)"}},
		{"line_quit", quitLineSQL, 2, []string{"SEARCH offload_line USING PRIMARY KEY (gate=? AND spot=?)"}},
		{"line_waiting", waitingSQL, 3, []string{"SEARCH offload_line USING PRIMARY KEY (gate=? AND spot>?)"}},
		{"limit_keys", limitKeysSQL, 3, []string{"SEARCH offload_hold USING PRIMARY KEY (gate>? AND gate<?)", "SEARCH offload_front USING PRIMARY KEY (gate>? AND gate<?)"}},
		{"unique_owners", ownersSQL, 2, []string{"SEARCH u USING PRIMARY KEY (key=?)", "SEARCH offload_lease USING PRIMARY KEY (id=?)"}},
		{"unique_known", knownSQL, 1, []string{"SEARCH offload_job USING PRIMARY KEY (id=?)"}},
		{"unique_free", freeKeysSQL, 2, []string{"SEARCH offload_unique USING PRIMARY KEY (key=?)"}},
		{"turn_ends", turnEndsSQL, 3, []string{"SEARCH offload_turn USING PRIMARY KEY (queue=? AND priority=? AND key=?)"}},
		{"expiries forgotten", forgetExpiries[2], 4, []string{"SEARCH offload_expiry USING PRIMARY KEY (at=? AND id=?)"}},
		{"place_line", lineSQL, 3, []string{"SEARCH offload_line USING PRIMARY KEY (gate=? AND spot>? AND spot<?)"}},
		{"place_ahead", aheadSQL, 4, []string{"SEARCH offload_due USING PRIMARY KEY (queue=? AND priority=? AND run_at<?)"}},
		{"place_ahead_in_lane", aheadInLaneSQL, 6, []string{"SEARCH offload_due USING PRIMARY KEY (queue=? AND priority=? AND (run_at,id)<(?,?))"}},
		{"place_finished", finishedSQL, 2, []string{"SEARCH offload_figure USING PRIMARY KEY (minute>?)"}},
		{"schedule_due", dueSchedulesSQL, 5, []string{"SEARCH offload_schedule USING INDEX offload_schedule_next ((next_at,name)>(?,?)"}},
		{"schedule_named", namedSchedulesSQL, 1, []string{"SEARCH offload_schedule USING PRIMARY KEY (name=?)"}},
		{"limit_named", namedLimitsSQL, 1, []string{"SEARCH offload_limit USING PRIMARY KEY (name=?)"}},
		{"inbox_new", newInboxSQL, 1, []string{"offload_inbox USING INDEX offload_inbox_new"}},
		{"count_blocked", countBlockedSQL, 1, []string{"SEARCH offload_blocked USING PRIMARY KEY (queue>?)", "SEARCH offload_blocked USING PRIMARY KEY (queue=?)"}},
		{"heal_holds", healHoldsSQL, 3, []string{"SEARCH h USING PRIMARY KEY ((gate,id)>(?,?))"}},
		{"heal_uniques", healUniquesSQL, 3, []string{"SEARCH u USING PRIMARY KEY ((key,id)>(?,?))"}},
		{"heal_edges", healEdgesSQL, 4, []string{"SEARCH e USING PRIMARY KEY ((down,stand,up)>(?,?,?))"}},
		{"heal_members", healMembersSQL, 4, []string{"SEARCH m USING PRIMARY KEY ((batch,state,id)>(?,?,?))"}},
		{"prune_due", pruneDueSQL, 8, []string{"SEARCH d USING PRIMARY KEY (id>? AND id<?)", "SEARCH e USING COVERING INDEX offload_edge_up (up=?)", "SEARCH b USING COVERING INDEX sqlite_autoindex_offload_blocked_1 (id=?)"}},
		{"prune_done", pruneDoneSQL, 2, []string{"SEARCH d USING PRIMARY KEY (id=?)", "SEARCH e USING COVERING INDEX offload_edge_up (up=?)"}},
		{"count_ended", countEndedSQL, 2, []string{"SEARCH offload_done USING PRIMARY KEY (id>? AND id<?)"}},
		{"count_waiting", countWaitingSQL, 4, []string{"SEARCH offload_due USING PRIMARY KEY (queue=? AND priority=? AND run_at"}},
		{"figures", figuresSQL, 5, []string{"SEARCH offload_figure USING PRIMARY KEY (minute>? AND minute<?)", "SEARCH offload_figure_hour USING PRIMARY KEY (hour>? AND hour<?)"}},
		{"count figures", countFiguresSQL, 5, []string{"SEARCH offload_figure USING PRIMARY KEY (minute>? AND minute<?)", "SEARCH offload_figure_hour USING PRIMARY KEY (hour>? AND hour<?)"}},
		{"find due", shelves[0].byWalk, 26, []string{"SEARCH p USING INDEX sqlite_autoindex_offload_due_1 (id>? AND id<?)", "SEARCH j USING PRIMARY KEY (id=?)"}},
		{"find running", shelves[2].byWalk, 26, []string{"SEARCH p USING PRIMARY KEY (id>? AND id<?)"}},
		{"find done", shelves[3].byWalk, 26, []string{"SEARCH p USING PRIMARY KEY (id>? AND id<?)"}},
		{"find discarded", oddShelves[0].byWalk, 26, []string{"SEARCH p USING INDEX offload_done_state (state=? AND id>? AND id<?)"}},
		{"find in flow", shelves[3].byFlow, 26, []string{"SEARCH p USING PRIMARY KEY (id=?)", "SEARCH offload_job USING COVERING INDEX offload_job_flow (<expr>=?)"}},
		{"find of tasks", shelves[3].ofTasks, 26, []string{"SEARCH p USING PRIMARY KEY (id=?)", "SEARCH offload_job USING COVERING INDEX offload_job_task (task=? AND id<?)"}},
		{"find in batch", shelves[3].inBatch, 26, []string{"SEARCH p USING PRIMARY KEY (id=?)", "SEARCH offload_member USING PRIMARY KEY (batch=?)"}},
		{"search_soonest", soonestSQL, 8, []string{"SEARCH offload_due USING PRIMARY KEY (queue=? AND priority=? AND (run_at,id)>(?,?))"}},
		{"count available", counters[0].all, 29, []string{"SEARCH p USING PRIMARY KEY (queue=? AND priority=? AND run_at<?)", "SEARCH j USING PRIMARY KEY (id=?)"}},
		{"count discarded", counters[6].all, 29, []string{"SEARCH p USING INDEX offload_done_state (state=?)"}},
		{"count in flow", counters[5].inFlow, 29, []string{"SEARCH p USING PRIMARY KEY (id=?)"}},
		{"settle_upstreams", upstreamsSQL, 1, []string{"SEARCH d USING INDEX sqlite_autoindex_offload_due_1 (id=?)", "SEARCH d USING PRIMARY KEY (id=?)"}},
		{"settle_edges", settleEdgesSQL, 7, []string{"SEARCH e USING COVERING INDEX offload_edge_up (up=? AND state<?)", "SEARCH e USING COVERING INDEX offload_edge_up (up=? AND state>?)", "SEARCH offload_edge USING PRIMARY KEY (down=? AND stand=? AND up=? AND n=?)"}},
		{"settle_look", settleLookSQL, 1, []string{"SEARCH b USING INDEX sqlite_autoindex_offload_blocked_1 (id=?)", "SEARCH d USING PRIMARY KEY (id=?)", "SEARCH offload_edge USING PRIMARY KEY (down=? AND stand=?)"}},
		{"settle_due", settleDueSQL, 2, []string{"SEARCH offload_blocked USING INDEX sqlite_autoindex_offload_blocked_1 (id=?)"}},
		{"settle_cut", settleCutSQL, 1, []string{"SEARCH offload_edge USING PRIMARY KEY (down=? AND stand=?)"}},
		{"wire_after", wireAfterSQL, 1, []string{"SEARCH e USING COVERING INDEX offload_edge_up (up=?)", "SEARCH offload_blocked"}},
		{"batch_member", memberSQL, 3, []string{"SEARCH offload_member USING PRIMARY KEY (batch=? AND state=? AND id=?)"}},
		{"batch_complete", completeMembersSQL, 2, []string{"SEARCH offload_member USING PRIMARY KEY (batch=? AND state=? AND id=?)"}},
		{"batch_join", batchJoinSQL, 3, []string{"SEARCH offload_member USING PRIMARY KEY (batch=? AND state=? AND id=?)"}},
		{"batch_open", batchOpenSQL, 1, []string{"SEARCH offload_member USING PRIMARY KEY (batch=? AND state=?)"}},
		{"batch_count", batchCountSQL, 1, []string{"SEARCH j USING COVERING INDEX offload_job_task (task=? AND id=?)", "SEARCH m USING PRIMARY KEY (batch=?)"}},
		{"finish_upstreams", finishUpstreamsSQL, 1, []string{"SEARCH offload_done USING PRIMARY KEY (id=?)"}},
		{"tell upstreams", tellUpstreams[inDone], 1, []string{"SEARCH offload_done USING PRIMARY KEY (id=?)"}},
		{"errors", errorsSQL, 7, []string{"SEARCH e USING INDEX offload_error_last (last_at", "SEARCH f USING PRIMARY KEY (id=? AND attempt=?)"}},
		{"errors by id", errorsByIDSQL, 7, []string{"SEARCH e USING PRIMARY KEY (id=?)"}},
		{"errors_jobs", errorJobsSQL, 3, []string{"SEARCH offload_failure USING COVERING INDEX offload_failure_cause (cause=? AND id<?)"}},
		{"errors_new", newErrorsSQL, 2, []string{"SCAN f USING INDEX offload_failure_new", "SEARCH j USING PRIMARY KEY (id=?)"}},
		{"errors_mark", markErrorSQL, 5, []string{"SEARCH offload_failure USING PRIMARY KEY (id=? AND attempt=?)"}},
		{"find by id", shelves[3].byIDs, 26, []string{"SEARCH p USING PRIMARY KEY (id=?)"}},
	} {
		plan := explainPlan(t, s, test.query, test.params)
		for _, want := range test.wants {
			if !strings.Contains(plan, want) {
				t.Errorf("%s: the plan lacks %q:\n%s", test.name, want, plan)
			}
		}
		for line := range strings.Lines(plan) {
			if scans(line) && !strings.HasPrefix(test.name, "count ") || strings.Contains(line, "USE TEMP B-TREE FOR ORDER BY") && !sortsFew[test.name] {
				t.Errorf("%s: %s", test.name, line)
			}
		}
	}
}

// sortsFew are statements that sort what LIMIT 1 has left of each of their parts.
var sortsFew = map[string]bool{"errors by id": true, "look_lane": true, "look_blocked": true}

// scans reports whether a step walks something that grows: not a list that was given, and no
// index of what is seldom there.
func scans(step string) bool {
	for _, small := range []string{
		"SCAN n", "SCAN k VIRTUAL", "SCAN h", "SCAN q", "SCAN json_each", "SCAN w", "SCAN (subquery", "SCAN CONSTANT ROW", "SCAN 2-ROW VALUES",
		"SCAN offload_inbox USING INDEX offload_inbox_new", "SCAN f USING INDEX offload_failure_new",
	} {
		if strings.HasPrefix(step, small) {
			return false
		}
	}
	return strings.HasPrefix(step, "SCAN ")
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
