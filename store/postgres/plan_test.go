package postgres

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

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
	"park":             `'{id}', '{{id}}', '{1}', 1, false`,
	"progress":         `'{id}', '{{id}}', '{1}', '{1}', '{1}', '{n}'`,
	"look_lanes":       ``,
	"look_known":       `'{mail}', '{5}', '{-infinity}'`,
	"look_parked":      ``,
	"look_self":        `'{id}'`,
	"beat":             `'{id}', '{}', 1, 1, '{}'`,
	"reap":             `1000, 1, 1, 1`,
	"act_cancel":       `'{{id}}', 1`,
	"act_retry":        `'{{id}}'`,
	"act_run_now":      `'{{id}}'`,
	"act_delete":       `'{{id}}', 1`,
	"act_edit":         `'{{id}}', null, null, null, null`,
	"sweep":            `1`,
	"prune":            `'{id}', 2000, 1000`,
	"result":           `'{{id}}', '{x}'`,
}

// big are the tables that no hot statement may read as a whole.
var big = regexp.MustCompile(`Seq Scan on (due|job|lease|blocked|done|failure|result|crash|progress)\b|Bitmap|Hash Join|Merge Join`)

const full = `
insert into offload.job select ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, now(), 0, 0, 0, 25, 5, 'mail', 'send', 'x', null from generate_series(1, 40000) n;
insert into offload.due select id, now(), null, 0, 0, priority, 0, queue, null from offload.job order by id limit 20000;
insert into offload.lease select id, gen_random_uuid(), now(), now(), 1, 0, 0, null from offload.job order by id offset 20000 limit 4000;
insert into offload.blocked select id, now(), null, 1, 0, 5, 0, false, 'mail', 'send', null from offload.job order by id offset 24000 limit 4000;
insert into offload.done select id, now(), now(), now(), now(), 1, 0, 0, 0 from offload.job order by id offset 28000;
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
				if name == "claim" && (!strings.Contains(plan, "Index Scan using due_pkey") || !strings.Contains(plan, "Tid Scan on due") || strings.Contains(plan, "Sort")) {
					t.Errorf("claim is not by index and place:\n%s", plan)
				}
			}
		})
	}
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
		if _, err := conn.Prepare(t.Context(), name, inSchema(read(name), DefaultSchema)); err != nil {
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
