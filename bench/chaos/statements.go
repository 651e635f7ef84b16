package main

// The places of all jobs are read as rows (id, place, outcome, attempt), one for each place that a
// job is in, and one with the place "job" for the job itself.

var postgresStatements = statements{
	prepare: []string{
		"CREATE TABLE IF NOT EXISTS chaos_effects (job uuid PRIMARY KEY, attempt integer NOT NULL, process text NOT NULL)",
	},
	exists: "SELECT to_regclass('offload.job') IS NOT NULL",
	any:    "SELECT EXISTS (SELECT FROM offload.job)",
	places: `
		SELECT id::text, 'job', NULL::int, 0 FROM offload.job WHERE id >= $1::uuid
		UNION ALL SELECT id::text, 'due', NULL, 0 FROM offload.due WHERE id >= $1::uuid
		UNION ALL SELECT id::text, 'lease', NULL, 0 FROM offload.lease WHERE id >= $1::uuid
		UNION ALL SELECT id::text, 'blocked', NULL, 0 FROM offload.blocked WHERE id >= $1::uuid
		UNION ALL SELECT id::text, 'done', outcome::int, attempt FROM offload.done WHERE id >= $1::uuid`,
	torn: `
		WITH place AS (
			SELECT id, 'job' AS place FROM offload.job WHERE id >= $1::uuid
			UNION ALL SELECT id, 'due' FROM offload.due WHERE id >= $1::uuid
			UNION ALL SELECT id, 'lease' FROM offload.lease WHERE id >= $1::uuid
			UNION ALL SELECT id, 'blocked' FROM offload.blocked WHERE id >= $1::uuid
			UNION ALL SELECT id, 'done' FROM offload.done WHERE id >= $1::uuid
		), torn AS (
			SELECT id FROM place GROUP BY id
			HAVING count(*) FILTER (WHERE place = 'job') <> 1 OR count(*) <> 2
		)
		SELECT id::text, place, NULL::int, 0 FROM place WHERE id IN (SELECT id FROM torn)`,
	strays: `
		SELECT l.id::text, l.attempt, l.process::text FROM offload.lease l
		WHERE NOT EXISTS (SELECT FROM offload.process p WHERE p.id = l.process AND NOT p.lost)`,
	leases: `
		SELECT l.id::text, l.attempt, l.process::text
		FROM offload.lease l JOIN offload.process p ON p.id = l.process WHERE p.pid = $1`,
	counts: `
		SELECT 'due', count(*)::int FROM offload.due WHERE id >= $1::uuid
		UNION ALL SELECT 'lease', count(*)::int FROM offload.lease WHERE id >= $1::uuid
		UNION ALL SELECT 'blocked', count(*)::int FROM offload.blocked WHERE id >= $1::uuid`,
	effects: "SELECT job::text, attempt FROM chaos_effects WHERE job >= $1::uuid",
	effect:  "INSERT INTO chaos_effects (job, attempt, process) VALUES ($1::uuid, $2, $3)",
	dump:    "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname = 'offload' OR tablename = 'chaos_effects' ORDER BY 1",
	outcome: map[int]Outcome{0: Completed, 1: Discarded, 2: Cancelled, 3: Expired, 9: "deleted"},
}

var sqliteStatements = statements{
	prepare: []string{
		"CREATE TABLE IF NOT EXISTS chaos_effects (job BLOB NOT NULL PRIMARY KEY, attempt INTEGER NOT NULL, process TEXT NOT NULL) WITHOUT ROWID",
	},
	exists: "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'offload_job')",
	any:    "SELECT EXISTS (SELECT 1 FROM offload_job)",
	places: `
		SELECT id, 'job', NULL, 0 FROM offload_job WHERE id >= ?1
		UNION ALL SELECT id, 'due', NULL, 0 FROM offload_due WHERE id >= ?1
		UNION ALL SELECT id, 'lease', NULL, 0 FROM offload_lease WHERE id >= ?1
		UNION ALL SELECT id, 'blocked', NULL, 0 FROM offload_blocked WHERE id >= ?1
		UNION ALL SELECT id, 'done', state, attempt FROM offload_done WHERE id >= ?1`,
	torn: `
		WITH place AS (
			SELECT id, 'job' AS place FROM offload_job WHERE id >= ?1
			UNION ALL SELECT id, 'due' FROM offload_due WHERE id >= ?1
			UNION ALL SELECT id, 'lease' FROM offload_lease WHERE id >= ?1
			UNION ALL SELECT id, 'blocked' FROM offload_blocked WHERE id >= ?1
			UNION ALL SELECT id, 'done' FROM offload_done WHERE id >= ?1
		), torn AS (
			SELECT id FROM place GROUP BY id
			HAVING count(*) FILTER (WHERE place = 'job') <> 1 OR count(*) <> 2
		)
		SELECT id, place, NULL, 0 FROM place WHERE id IN (SELECT id FROM torn)`,
	strays: `
		SELECT l.id, l.attempt, l.process FROM offload_lease l
		WHERE NOT EXISTS (SELECT 1 FROM offload_process p WHERE p.number = l.process AND p.gone_at IS NULL)`,
	leases: `
		SELECT l.id, l.attempt, l.process
		FROM offload_lease l JOIN offload_process p ON p.number = l.process WHERE p.pid = ?1`,
	counts: `
		SELECT 'due', count(*) FROM offload_due WHERE id >= ?1
		UNION ALL SELECT 'lease', count(*) FROM offload_lease WHERE id >= ?1
		UNION ALL SELECT 'blocked', count(*) FROM offload_blocked WHERE id >= ?1`,
	effects: "SELECT job, attempt FROM chaos_effects WHERE job >= ?1",
	effect:  "INSERT INTO chaos_effects (job, attempt, process) VALUES (?1, ?2, ?3)",
	dump:    "",
	outcome: map[int]Outcome{1: Completed, 2: Discarded, 3: Cancelled, 4: Expired, 5: "deleted"},
}
