-- The tables as the migrations make them, for reading. Made by: go test -run TestSchemaFile -update

CREATE TABLE offload.blocked (
    id uuid NOT NULL,
    run_at timestamp with time zone NOT NULL,
    started_at timestamp with time zone,
    attempt integer NOT NULL,
    failures integer NOT NULL,
    priority smallint NOT NULL,
    uses smallint NOT NULL,
    suspect boolean NOT NULL,
    queue text NOT NULL,
    task text NOT NULL,
    gate text COLLATE "C",
    due_at timestamp with time zone
) WITH (autovacuum_vacuum_scale_factor=0.02, autovacuum_vacuum_threshold=2000);
CREATE INDEX blocked_gate ON offload.blocked USING btree (gate, priority, run_at, id) WHERE (gate IS NOT NULL);
CREATE UNIQUE INDEX blocked_pkey ON offload.blocked USING btree (id);
CREATE INDEX blocked_turn ON offload.blocked USING btree (suspect, queue, task, priority, run_at, id);

CREATE TABLE offload.crash (
    id uuid NOT NULL,
    n integer NOT NULL,
    last timestamp with time zone NOT NULL
);
CREATE UNIQUE INDEX crash_pkey ON offload.crash USING btree (id);

CREATE TABLE offload.dirty (
    id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    gate text COLLATE "C" NOT NULL
) WITH (autovacuum_vacuum_scale_factor=0.02, autovacuum_vacuum_threshold=500);
CREATE INDEX dirty_at ON offload.dirty USING btree (at, id);
CREATE UNIQUE INDEX dirty_pkey ON offload.dirty USING btree (id);

CREATE TABLE offload.document (
    kind text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone,
    value bytea NOT NULL
);
CREATE INDEX document_expires ON offload.document USING btree (expires_at) WHERE (expires_at IS NOT NULL);
CREATE UNIQUE INDEX document_pkey ON offload.document USING btree (kind, key);

CREATE TABLE offload.done (
    id uuid NOT NULL,
    keep_until timestamp with time zone NOT NULL,
    finished_at timestamp with time zone NOT NULL,
    run_at timestamp with time zone NOT NULL,
    started_at timestamp with time zone,
    attempt integer NOT NULL,
    failures integer NOT NULL,
    outcome smallint NOT NULL,
    uses smallint NOT NULL
);
CREATE INDEX done_otherwise ON offload.done USING btree (outcome, id) WHERE (outcome <> 0);
CREATE UNIQUE INDEX done_pkey ON offload.done USING btree (id);

CREATE TABLE offload.due (
    id uuid NOT NULL,
    run_at timestamp with time zone NOT NULL,
    started_at timestamp with time zone,
    attempt integer NOT NULL,
    failures integer NOT NULL,
    priority smallint NOT NULL,
    uses smallint NOT NULL,
    queue text NOT NULL,
    gate text,
    due_at timestamp with time zone
) WITH (autovacuum_vacuum_scale_factor=0.02, autovacuum_vacuum_threshold=2000);
CREATE UNIQUE INDEX due_id ON offload.due USING btree (id);
CREATE UNIQUE INDEX due_pkey ON offload.due USING btree (queue, priority, run_at, id);

CREATE TABLE offload.duty (
    name text NOT NULL,
    next_at timestamp with time zone NOT NULL,
    last uuid
) WITH (fillfactor=50);
CREATE UNIQUE INDEX duty_pkey ON offload.duty USING btree (name);

CREATE TABLE offload.edge (
    down uuid NOT NULL,
    up uuid NOT NULL,
    n integer NOT NULL,
    wants smallint NOT NULL,
    state smallint,
    hold boolean NOT NULL
) WITH (autovacuum_vacuum_scale_factor=0.02, autovacuum_vacuum_threshold=2000);
CREATE INDEX edge_down ON offload.edge USING btree (down, wants, state);
CREATE UNIQUE INDEX edge_pkey ON offload.edge USING btree (up, wants, down, n);

CREATE TABLE offload.error (
    id text COLLATE "C" NOT NULL,
    first_at timestamp with time zone NOT NULL,
    last_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone,
    count bigint NOT NULL,
    other_keys bigint NOT NULL,
    job uuid NOT NULL,
    attempt integer NOT NULL,
    sealed boolean NOT NULL,
    status text NOT NULL,
    task text NOT NULL,
    kind text NOT NULL,
    title text NOT NULL,
    keys text NOT NULL
) WITH (fillfactor=50, autovacuum_vacuum_scale_factor=0.02, autovacuum_vacuum_threshold=500);
CREATE INDEX error_last ON offload.error USING btree (last_at, id);
CREATE UNIQUE INDEX error_pkey ON offload.error USING btree (id);

CREATE TABLE offload.error_hour (
    error text COLLATE "C" NOT NULL,
    hour bigint NOT NULL,
    count bigint NOT NULL
) WITH (fillfactor=50, autovacuum_vacuum_scale_factor=0.02, autovacuum_vacuum_threshold=500);
CREATE INDEX error_hour_at ON offload.error_hour USING btree (hour);
CREATE UNIQUE INDEX error_hour_pkey ON offload.error_hour USING btree (error, hour);

CREATE TABLE offload.expiry (
    id uuid NOT NULL,
    at timestamp with time zone NOT NULL
) WITH (autovacuum_vacuum_scale_factor=0.02, autovacuum_vacuum_threshold=2000);
CREATE INDEX expiry_at ON offload.expiry USING btree (at, id);
CREATE UNIQUE INDEX expiry_pkey ON offload.expiry USING btree (id);

CREATE TABLE offload.failure (
    id uuid NOT NULL,
    attempt integer NOT NULL,
    started_at timestamp with time zone NOT NULL,
    failed_at timestamp with time zone NOT NULL,
    process text NOT NULL,
    kind text NOT NULL,
    error text NOT NULL,
    stack text NOT NULL,
    cause text COLLATE "C"
);
CREATE INDEX failure_cause ON offload.failure USING btree (cause, id) WHERE (cause IS NOT NULL);
CREATE INDEX failure_new ON offload.failure USING btree (failed_at) WHERE ((cause IS NULL) AND (kind <> 'after'::text));
CREATE UNIQUE INDEX failure_pkey ON offload.failure USING btree (id, attempt);

CREATE TABLE offload.figure (
    minute timestamp with time zone NOT NULL,
    part uuid NOT NULL,
    task text NOT NULL,
    queue text NOT NULL,
    outcome text NOT NULL,
    count bigint NOT NULL,
    wait bigint[] NOT NULL,
    run bigint[] NOT NULL
) WITH (fillfactor=50, autovacuum_vacuum_scale_factor=0.05, autovacuum_vacuum_threshold=500);
CREATE UNIQUE INDEX figure_pkey ON offload.figure USING btree (minute, part, task, queue, outcome);

CREATE TABLE offload.figure_hour (
    hour timestamp with time zone NOT NULL,
    task text NOT NULL,
    queue text NOT NULL,
    outcome text NOT NULL,
    count bigint NOT NULL,
    wait bigint[] NOT NULL,
    run bigint[] NOT NULL
);
CREATE UNIQUE INDEX figure_hour_pkey ON offload.figure_hour USING btree (hour, task, queue, outcome);

CREATE TABLE offload.gate (
    id text COLLATE "C" NOT NULL,
    full_at timestamp with time zone,
    paused_until timestamp with time zone,
    wake_at timestamp with time zone
) WITH (fillfactor=50, autovacuum_vacuum_scale_factor=0.02, autovacuum_vacuum_threshold=500);
CREATE UNIQUE INDEX gate_pkey ON offload.gate USING btree (id);

CREATE TABLE offload.hold (
    gate text COLLATE "C" NOT NULL,
    id uuid NOT NULL,
    weight integer NOT NULL,
    stops boolean NOT NULL DEFAULT false
) WITH (autovacuum_vacuum_scale_factor=0.02, autovacuum_vacuum_threshold=2000);
CREATE UNIQUE INDEX hold_pkey ON offload.hold USING btree (gate, id);

CREATE TABLE offload.inbox (
    id bigint NOT NULL,
    task text NOT NULL,
    input text NOT NULL DEFAULT 'null'::text,
    options text,
    at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
    error text
);
CREATE INDEX inbox_new ON offload.inbox USING btree (id) WHERE (error IS NULL);
CREATE UNIQUE INDEX inbox_pkey ON offload.inbox USING btree (id);

CREATE TABLE offload.job (
    id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    timeout bigint NOT NULL,
    give_up_after bigint NOT NULL,
    retain bigint NOT NULL,
    max_attempts integer NOT NULL,
    priority smallint NOT NULL,
    queue text NOT NULL,
    task text NOT NULL,
    input bytea NOT NULL,
    tags jsonb,
    terms jsonb
);
CREATE INDEX job_flow ON offload.job USING btree (((terms ->> 'flow'::text)), id) WHERE ((terms ->> 'flow'::text) IS NOT NULL);
CREATE UNIQUE INDEX job_pkey ON offload.job USING btree (id);

CREATE TABLE offload.lease (
    id uuid NOT NULL,
    process uuid NOT NULL,
    run_at timestamp with time zone NOT NULL,
    started_at timestamp with time zone NOT NULL,
    attempt integer NOT NULL,
    failures integer NOT NULL,
    uses smallint NOT NULL,
    gate text
) WITH (autovacuum_vacuum_scale_factor=0.02, autovacuum_vacuum_threshold=2000);
CREATE UNIQUE INDEX lease_pkey ON offload.lease USING btree (id);

CREATE TABLE offload."limit" (
    name text COLLATE "C" NOT NULL,
    max integer NOT NULL,
    per bigint NOT NULL,
    burst integer NOT NULL,
    when_full text NOT NULL,
    strict boolean NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    by_hand integer
);
CREATE UNIQUE INDEX limit_pkey ON offload."limit" USING btree (name);

CREATE TABLE offload.log (
    id uuid NOT NULL,
    seq bigint NOT NULL,
    attempt integer NOT NULL,
    at timestamp with time zone NOT NULL,
    level text NOT NULL,
    text text NOT NULL,
    attrs text
);
CREATE UNIQUE INDEX log_pkey ON offload.log USING btree (id, seq);

CREATE TABLE offload.logged (
    id uuid NOT NULL,
    lines integer NOT NULL,
    bytes bigint NOT NULL,
    ended boolean NOT NULL
) WITH (fillfactor=70);
CREATE UNIQUE INDEX logged_pkey ON offload.logged USING btree (id);

CREATE TABLE offload.mark (
    n bigint NOT NULL,
    id uuid NOT NULL
) WITH (autovacuum_vacuum_scale_factor=0.02, autovacuum_vacuum_threshold=500);
CREATE UNIQUE INDEX mark_pkey ON offload.mark USING btree (n);

CREATE TABLE offload.memo (
    id uuid NOT NULL,
    name text COLLATE "C" NOT NULL,
    attempt integer NOT NULL,
    at timestamp with time zone NOT NULL,
    data bytea NOT NULL
);
CREATE UNIQUE INDEX memo_pkey ON offload.memo USING btree (id, name);

CREATE TABLE offload.migration (
    version integer NOT NULL,
    name text NOT NULL,
    needs integer NOT NULL,
    applied_at timestamp with time zone NOT NULL DEFAULT clock_timestamp()
);
CREATE UNIQUE INDEX migration_pkey ON offload.migration USING btree (version);

CREATE TABLE offload.process (
    id uuid NOT NULL,
    started_at timestamp with time zone NOT NULL,
    beat_at timestamp with time zone NOT NULL,
    beats bigint NOT NULL DEFAULT 0,
    memory bigint NOT NULL,
    pid bigint NOT NULL,
    running integer NOT NULL,
    quiet boolean NOT NULL DEFAULT false,
    stop boolean NOT NULL DEFAULT false,
    lost boolean NOT NULL DEFAULT false,
    asleep boolean NOT NULL DEFAULT false,
    name text NOT NULL,
    host text NOT NULL,
    version text NOT NULL,
    label text NOT NULL,
    queues jsonb NOT NULL,
    stuck uuid[] NOT NULL
) WITH (fillfactor=50, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=200);
CREATE UNIQUE INDEX process_pkey ON offload.process USING btree (id);

CREATE TABLE offload.progress (
    id uuid NOT NULL,
    attempt integer NOT NULL,
    done bigint NOT NULL,
    total bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    note text NOT NULL,
    rate double precision NOT NULL DEFAULT 0
) WITH (fillfactor=70);
CREATE UNIQUE INDEX progress_pkey ON offload.progress USING btree (id);

CREATE TABLE offload.queue (
    name text NOT NULL,
    epoch bigint NOT NULL DEFAULT 0,
    paused boolean NOT NULL DEFAULT false,
    workers integer
) WITH (fillfactor=50, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=200);
CREATE UNIQUE INDEX queue_pkey ON offload.queue USING btree (name);

CREATE TABLE offload.record (
    id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    jobs integer NOT NULL,
    who text NOT NULL,
    what text NOT NULL,
    filter bytea,
    job uuid
);
CREATE INDEX record_at ON offload.record USING btree (at);
CREATE UNIQUE INDEX record_pkey ON offload.record USING btree (id);

CREATE TABLE offload.result (
    id uuid NOT NULL,
    result bytea NOT NULL
);
CREATE UNIQUE INDEX result_pkey ON offload.result USING btree (id);

CREATE TABLE offload.schedule (
    name text COLLATE "C" NOT NULL,
    next_at timestamp with time zone,
    declared_at timestamp with time zone,
    last_at timestamp with time zone,
    last_job uuid,
    paused boolean NOT NULL DEFAULT false,
    spec bytea NOT NULL
) WITH (fillfactor=70);
CREATE INDEX schedule_next ON offload.schedule USING btree (next_at) WHERE ((next_at IS NOT NULL) AND (NOT paused));
CREATE UNIQUE INDEX schedule_pkey ON offload.schedule USING btree (name);

CREATE TABLE offload.signal (
    id uuid NOT NULL
);
CREATE UNIQUE INDEX signal_pkey ON offload.signal USING btree (id);

CREATE TABLE offload.task (
    name text NOT NULL,
    queue text NOT NULL DEFAULT ''::text,
    paused boolean NOT NULL DEFAULT false,
    seen_at timestamp with time zone,
    rules bytea,
    schema bytea
);
CREATE UNIQUE INDEX task_pkey ON offload.task USING btree (name);

CREATE TABLE offload.turn (
    queue text NOT NULL,
    lane smallint NOT NULL,
    key text COLLATE "C" NOT NULL,
    end_at timestamp with time zone NOT NULL,
    took interval NOT NULL
) WITH (fillfactor=50, autovacuum_vacuum_scale_factor=0.02, autovacuum_vacuum_threshold=500);
CREATE UNIQUE INDEX turn_pkey ON offload.turn USING btree (queue, lane, key);

CREATE TABLE offload.uniq (
    key text COLLATE "C" NOT NULL,
    id uuid NOT NULL,
    until text NOT NULL,
    expires_at timestamp with time zone
) WITH (autovacuum_vacuum_scale_factor=0.02, autovacuum_vacuum_threshold=2000);
CREATE INDEX uniq_expires ON offload.uniq USING btree (expires_at) WHERE (expires_at IS NOT NULL);
CREATE UNIQUE INDEX uniq_pkey ON offload.uniq USING btree (key);

CREATE OR REPLACE FUNCTION offload.add_counts(a bigint[], b bigint[])
 RETURNS bigint[]
 LANGUAGE sql
 IMMUTABLE
AS $function$
    SELECT array_agg(coalesce(x, 0) + coalesce(y, 0) ORDER BY i) FROM unnest(a, b) WITH ORDINALITY AS u (x, y, i)
$function$


CREATE OR REPLACE FUNCTION offload.refuse_lost(job uuid, attempt integer)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
BEGIN
    RAISE EXCEPTION 'offload: lease lost: attempt % of job % was given away, so this transaction cannot commit', attempt, job
        USING ERRCODE = 'OF001';
END
$function$


-- offload.jobs.attempt integer

-- offload.jobs.created_at timestamp with time zone

-- offload.jobs.error text

-- offload.jobs.failures integer

-- offload.jobs.finished_at timestamp with time zone

-- offload.jobs.id uuid

-- offload.jobs.input_size integer

-- offload.jobs.max_attempts integer

-- offload.jobs.priority smallint

-- offload.jobs.process text

-- offload.jobs.queue text

-- offload.jobs.run_at timestamp with time zone

-- offload.jobs.started_at timestamp with time zone

-- offload.jobs.state text

-- offload.jobs.tags jsonb

-- offload.jobs.task text
