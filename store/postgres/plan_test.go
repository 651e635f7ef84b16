package postgres

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload/internal/testpg"
)

// hot are the statements that the engine lives by, with parameters of a usual call.
var hot = map[string]string{
	"claim":            `'{id}', 'mail', '{0,1,2,3,4,5,6,7,8,9}', array_fill('-infinity'::timestamptz, array[10]), 100, 0`,
	"claim_parked":     `'{id}', 'mail', false, '{send,draw}', 100`,
	"inputs":           `'{{id}}'`,
	"finish_completed": `'{{id}}', '{id}', 1, 1, 0, 1`,
	"finish_others":    `'{id}', '{{id}}', '{1}', '{11}', '{1}', '{4}', '{e}', '{k}', '{s}', 1`,
	"lock":             `'{{id}}'`,
	"finished":         `'{{id}}', '{1}'`,
	"start":            `'{id}', 'send', 'mail', 5, 'x', null, 25, 0, 0, 0, 0, '{id}'`,
	"release":          `'{id}', '{{id}}', '{1}', 1`,
	"park":             `'{id}', '{{id}}', '{1}', 1, false, ''`,
	"progress":         `'{id}', '{{id}}', '{1}', '{1}', '{1}', '{n}', '{1}'`,
	"log_held":         `'{id}', '{{id}}'`,
	"log_done":         `'{id}', '{{id}}'`,
	"log_known":        `'{{id}}'`,
	"log_write":        `'{{id}}', '{1}', '{1}', '{now}', '{INFO}', '{t}', '{null}'`,
	"log_count":        `'{{id}}', '{1}', '{1}', '{false}'`,
	"logs":             `'{id}', 0, 100`,
	"logs_last":        `'{id}', 0, 100`,
	"memo_put":         `'{id}', 1, '{id}', 'n', 'x', 10000`,
	"memos":            `'{id}', null`,
	"find_these":       `'{{id}}'`,
	"look_lanes":       ``,
	"look_known":       `'{mail}', '{5}', '{-infinity}'`,
	"look_parked":      ``,
	"look_self":        `'{id}', 1`,
	"beat":             `'{id}', '{}', 1, 1, '{}'`,
	"reap":             `1000, 1, 1, 1`,
	"act_cancel":       `'{{id}}', 1`,
	"act_hold":         `'{{id}}'`,
	"act_retry":        `'{{id}}', '\x00', true`,
	"act_erase":        `'{{id}}', '\x00', 'erased'`,
	"act_heed":         `'{{id}}'`,
	"act_run_now":      `'{{id}}'`,
	"act_delete":       `'{{id}}', 1`,
	"sweep":            `1`,
	"prune":            `'{id}', 2000, 1000`,
	"errors_take":      `100, 64`,
	"errors_mark":      `'{{id}}', '{1}', '{0123456789abcdef}'`,
	"errors_blank":     `'{{id}}', 'erased'`,
	"errors_lock":      `'{0123456789abcdef}'`,
	"result":           `'{{id}}', '{x}'`,
	"act_edit":         `'{{id}}', null, null, null, null, null, 0`,

	"gates_make":      `'{crm}'`,
	"gates_lock":      `'{crm}'`,
	"gates_try":       `'{crm}'`,
	"gates_look":      `'{crm}', '{crm}', 100`,
	"hand_over":       `'{crm}', '{crm}'`,
	"gates_set":       `'{crm}', '{now}', '{now}', '{now}'`,
	"gates_mark":      `'{crm}', '{now}'`,
	"gates_marked":    `100`,
	"held":            `'{crm}', '{{id}}'`,
	"hold":            `'{crm}', '{{id}}', '{1}'`,
	"leave":           `'{crm}', '{{id}}', false`,
	"leave_again":     `'{crm}', '{{id}}', '{crm}', false`,
	"leave_discarded": `'{crm}', '{{id}}', '{crm}', false`,
	"admit":           `'{{id}}', '{5}', '{null}', '{0}'`,
	"wait":            `'{{id}}', '{crm}', '{5}', '{null}'`,
	"undecided":       `100`,
	"candidates":      `'{{id}}', ''`,
	"claim_these":     `'{id}', '{{id}}'`,
	"send_back":       `'{id}', '{{id}}', '{crm}'`,
	"pause_gates":     `'{crm}'`,
	"turns":           `'{mail}', '{15}', '{acme}', '{100}', 100`,
	"known":           `'{{id}}'`,
	"unique_take":     `'{key}', '{{id}}', '{ended}', '{null}', '{null}', false`,
	"unique_take_all": `'{key}', '{{id}}', '{ended}', '{null}'`,
	"unique_lock":     `'{key}'`,
	"unique_hold":     `'{key}'`,
	"unique_owners":   `'{key}'`,
	"unique_give":     `'{key}', '{{id}}', '{ended}', '{null}', '{null}'`,
	"unique_leave":    `'{key}', '{{id}}', '{true}'`,
	"unique_wanted":   `'{{id}}'`,
	"expiry_set":      `'{{id}}', '{now}'`,
	"expiry_anew":     `'{{id}}'`,
	"expiry_leave":    `'{{id}}'`,
	"expire":          `100, 1`,
	"schedules_due":   `100, 1, '{}'`,
	"schedules_set":   `'{nightly}', '{now}', '{now}', '{{id}}'`,
	"inbox_take":      `'{1}', '{1}'`,
	"inbox_rows":      `false, 100`,
	"heal_holds":      `'', '{id}', 100`,
	"heal_uniques":    `'', 100`,
	"leave_over":      `'{crm}', '{{id}}'`,
	"unique_over":     `'{key}'`,
	"prune_gates":     `'', 100`,
	"bury_gates":      `'{crm}'`,
	"prune_uniques":   ``,
	"prune_turns":     `1`,
	"emptied":         `'crm', true, 100`,
	"limit_mark":      `'a', 'b'`,
	"limit_count":     `'a', 'b'`,

	"edges_put":     `'{{id}}', '{{id}}', '{0}', '{0}', '{false}'`,
	"batches_join":  `'{{id}}'`,
	"marks_put":     `'{{id}}'`,
	"marks_take":    `1000`,
	"settle_there":  `'{{id}}'`,
	"settle_edges":  `'{{id}}', 1000, '{false}'`,
	"settle_lock":   `'{{id}}', '{}'`,
	"settle_look":   `'{{id}}'`,
	"settle_free":   `'{{id}}'`,
	"settle_cut":    `'{{id}}', '{why}', 1`,
	"settle_end":    `'{{id}}', '{0}', '{1}'`,
	"settle_gate":   `'{{id}}', 'held'`,
	"settle_reopen": `'{{id}}'`,
	"edges":         `'{{id}}'`,
	"batches":       `'{{id}}'`,
	"edges_drop":    `'{{id}}'`,
	"export_edges":  `'{{id}}'`,
	"import_ups":    `'{{id}}'`,
	"import_tell":   `'{{id}}'`,
	"edges_behind":  `'{{id}}'`,
	"heal_edges":    `'{id}', 0, '{id}', 0, 100`,
	"complete":      `'{id}', '{id}', 1, 1, 0, null`,
	"drop":          `'{{id}}', 1`,
}

// big are the tables that no hot statement may read as a whole.
var big = regexp.MustCompile(`Seq Scan on (due|job|lease|blocked|done|failure|result|crash|progress|gate|hold|dirty|turn|uniq|expiry|schedule|inbox|log|logged|memo|edge|mark|error|error_hour)\b|Bitmap|Hash Join|Merge Join`)

const full = `
insert into offload.job select ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, now(), 0, 0, 0, 25, 5, 'mail', 'send', 'x', null from generate_series(1, 40000) n;
insert into offload.due (id, run_at, attempt, failures, priority, uses, queue) select id, now(), 0, 0, priority, 0, queue from offload.job order by id limit 20000;
insert into offload.lease select id, gen_random_uuid(), now(), now(), 1, 0, 0, null from offload.job order by id offset 20000 limit 4000;
insert into offload.blocked select id, now(), null, 1, 0, 5, 0, false, 'mail', 'send', null from offload.job order by id offset 24000 limit 4000;
insert into offload.blocked select id, created_at, null, 0, 0, 5, 384, false, 'mail', '', 'crm', null from (
	select ('01900000-0000-7000-9000-' || lpad(to_hex(n), 12, '0'))::uuid as id, now() as created_at from generate_series(1, 100000) n) as j;
insert into offload.done select id, now(), now(), now(), now(), 1, 0, 0, 0 from offload.job order by id offset 28000;
insert into offload.gate select 'crm' || n from generate_series(0, 9999) n;
insert into offload.hold select 'crm' || n, gen_random_uuid(), 1 from generate_series(0, 9999) n;
insert into offload.dirty (at, gate) select now(), 'crm' || n from generate_series(0, 9999) n;
insert into offload.turn select 'mail', 15, 'key' || n, now(), '0' from generate_series(0, 9999) n;
insert into offload.uniq select 'key' || n, gen_random_uuid(), 'ended', case when n % 2 = 0 then now() end from generate_series(0, 9999) n;
insert into offload.expiry select gen_random_uuid(), now() from generate_series(0, 9999) n;
insert into offload.schedule (name, next_at, spec) select 'nightly' || n, now(), '' from generate_series(0, 9999) n;
insert into offload.inbox (task) select 'send' from generate_series(0, 9999) n;
insert into offload.edge select gen_random_uuid(), gen_random_uuid(), 0, n % 4, case when n % 2 = 0 then 0 end, false from generate_series(0, 9999) n;
insert into offload.edge select '01900000-0000-7000-8000-000000000001', gen_random_uuid(), 0, 3, 0, false from generate_series(0, 9999) n;
insert into offload.failure select ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 1, now(), now(), '', 'test', 'broken', '', case when n % 10 > 0 then lpad(to_hex(n % 100), 16, '0') end from generate_series(1, 40000) n;
insert into offload.error select lpad(to_hex(n), 16, '0'), now(), now(), null, 1, 0, gen_random_uuid(), 1, false, 'open', 'send', 'test', 'broken', '[]' from generate_series(1, 10000) n;
insert into offload.error_hour select id, hour, 1 from offload.error, generate_series(1, 10) hour;
insert into offload.mark (id) select gen_random_uuid() from generate_series(0, 9999) n;
`

// A statement that is prepared keeps its plan until statistics change. These were made at the
// worst moments.
func TestHotStatementsScanNothing(t *testing.T) {
	server := testpg.Start(t, "autovacuum = off")
	for name, moments := range map[string][]string{
		"prepared on empty tables":                 {"prepare", full},
		"prepared on full tables":                  {full, "prepare"},
		"prepared on full tables, with statistics": {full, "analyze", "prepare"},
		"prepared on tables analysed while empty":  {"analyze", "prepare", full},
	} {
		t.Run(name, func(t *testing.T) {
			conn := engineConn(t, server.Database(t))
			for _, moment := range moments {
				if moment == "prepare" {
					prepareHot(t, conn)
					continue
				}
				if _, err := conn.Exec(t.Context(), moment); err != nil {
					t.Fatal(err)
				}
			}
			for name := range hot {
				plan := planOf(t, conn, name)
				if bad := big.FindString(plan); bad != "" {
					t.Errorf("%s has a %s:\n%s", name, bad, plan)
				}
				if bad := walked(plan); bad != "" {
					t.Errorf("%s walks over all of an index: %s\n%s", name, bad, plan)
				}
				if regexp.MustCompile(`Index Cond:.*'\{?(after|held)`).MatchString(plan) {
					t.Errorf("%s walks over all that waits for others:\n%s", name, plan)
				}
				if name == "claim" && (!strings.Contains(plan, "Index Scan using due_pkey") || !strings.Contains(plan, "Tid Scan on due") || strings.Contains(plan, "Sort")) {
					t.Errorf("claim is not by index and place:\n%s", plan)
				}
			}
		})
	}
}

// Questions are planned with their parameters each time they are asked.
func TestQuestionsAboutErrorsScanNothing(t *testing.T) {
	conn := engineConn(t, testpg.Start(t, "autovacuum = off").Database(t))
	if _, err := conn.Exec(t.Context(), full+"analyze"); err != nil {
		t.Fatal(err)
	}
	const id, group = "01900000-0000-7000-8000-000000009000", "0000000000000011"
	for _, test := range []struct {
		name string
		args []any
		want string
	}{
		{"errors", []any{nil, nil, nil, nil, 100, nil, ""}, "Index Scan Backward using error_last"},
		{"errors", []any{nil, []string{"send"}, nil, time.Now(), 100, time.Now(), group}, "using error_last"},
		{"errors", []any{[]string{group}, nil, nil, nil, 1, nil, ""}, "using error_pkey"},
		{"errors_counted", []any{[]string{group}, 1}, "using error_hour_pkey"},
		{"errors_jobs", []any{group, nil, 1000}, "using failure_cause"},
		{"errors_jobs", []any{group, id, 1000}, "using failure_cause"},
	} {
		rows, err := conn.Query(t.Context(), "explain "+inSchema(read(test.name), DefaultSchema),
			append([]any{pgx.QueryExecModeCacheDescribe}, test.args...)...)
		if err != nil {
			t.Fatal(err)
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatalf("explain %s: %v", test.name, err)
		}
		plan := strings.Join(lines, "\n")
		if bad := big.FindString(plan); bad != "" || !strings.Contains(plan, test.want) || strings.Contains(plan, "Sort") && test.name == "errors_jobs" {
			t.Errorf("%s %v has a %s, wants %s:\n%s", test.name, test.args, bad, test.want, plan)
		}
	}
}

// leading are the first columns of indexes on tables that may be big. A condition on another column
// alone walks over all of the index. (lease is small: what runs now.)
var leading = map[string]string{
	"job_pkey": "id", "due_pkey": "queue", "due_id": "id", "done_pkey": "id", "failure_pkey": "id", "failure_cause": "cause", "failure_new": "failed_at",
	"blocked_pkey": "id", "blocked_turn": "suspect", "blocked_gate": "gate", "gate_pkey": "id", "hold_pkey": "gate",
	"dirty_pkey": "id", "dirty_at": "at", "uniq_pkey": "key", "uniq_expires": "expires_at",
	"expiry_pkey": "id", "expiry_at": "at", "schedule_pkey": "name", "schedule_next": "next_at", "inbox_pkey": "id",
	"edge_pkey": "up", "edge_down": "down", "mark_pkey": "n", "job_flow": "terms", "error_pkey": "id", "error_hour_pkey": "error",
}

var indexScan = regexp.MustCompile(`^( *)(?:->)? *Index (?:Only )?Scan (?:Backward )?using (\w+) on`)

// walked returns a scan of an index that neither has a condition on its first column nor stops
// after some rows.
func walked(plan string) string {
	lines := strings.Split(plan, "\n")
	for i, line := range lines {
		m := indexScan.FindStringSubmatch(line)
		if m == nil || leading[m[2]] == "" {
			continue
		}
		if i+1 < len(lines) && strings.Contains(lines[i+1], "Index Cond") &&
			regexp.MustCompile(`[(\s]`+leading[m[2]]+`\b`).MatchString(lines[i+1]) {
			continue
		}
		above := strings.Join(lines[max(0, i-3):i], "\n") // LockRows and the like may come between
		if strings.Contains(above, "Limit  (") {
			continue
		}
		return strings.TrimSpace(line)
	}
	return ""
}

// engineConn is a connection with the engine's settings, to a migrated database.
func engineConn(t *testing.T, address string) *pgx.Conn {
	t.Helper()
	s, err := open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if err := s.Migrate(t.Context(), -1); err != nil {
		t.Fatal(err)
	}
	conn, err := s.dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	if _, err := conn.Exec(t.Context(), read("settings"), pgx.QueryExecModeExec, false); err != nil {
		t.Fatal(err)
	}
	return conn
}

// prepareHot prepares the statements and makes their plans.
func prepareHot(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	for name := range hot {
		text := read
		if name == "find_these" {
			text = func(string) string { return findThese() }
		}
		if _, err := conn.Prepare(t.Context(), name, inSchema(text(name), DefaultSchema)); err != nil {
			t.Fatalf("prepare %s: %v", name, err)
		}
		planOf(t, conn, name)
	}
}

func planOf(t *testing.T, conn *pgx.Conn, name string) string {
	t.Helper()
	args := strings.ReplaceAll(hot[name], "{id}", "01900000-0000-7000-8000-000000000001")
	if args != "" {
		args = "(" + args + ")"
	}
	rows, err := conn.Query(t.Context(), fmt.Sprintf("explain execute %q %s", name, args), pgx.QueryExecModeExec)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("explain %s: %v", name, err)
	}
	return strings.Join(lines, "\n")
}
