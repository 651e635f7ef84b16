-- Jobs that wait for others: edges, batches and their members, and marks of what is to be brought in line.
-- More reasons in offload_blocked.waits: 3 an upstream has not ended, or of a batch, a member; 4 it waits for a person.
-- More bits of "uses": 8192 others wait for it, 16384 it has edges, 32768 it is a batch, 65536 it was cut off by an upstream,
-- 131072 it is a member of a batch.
-- oldest program: 1

-- What a job waits for. Rows go with the job that waits.
CREATE TABLE offload_edge (
    down      BLOB    NOT NULL, -- the job that waits; or a batch, for a job that stands in for a member
    stand     INTEGER NOT NULL, -- needed: 0 open, 1 met, 2 can't be met; one of several: 3 open, 4 met, 5 can't be met; 6 a member
    up        BLOB    NOT NULL, -- its upstream
    n         INTEGER NOT NULL, -- its place among the edges of down
    wants     INTEGER NOT NULL, -- 1 completed, 2 ended, 3 failed; 0 a member
    otherwise INTEGER NOT NULL, -- when it can't be met: 0 cancel, 1 hold
    state     INTEGER NOT NULL, -- of the upstream as offload_done has it, 0 has not ended, 6 a batch of which a member is discarded
    PRIMARY KEY (down, stand, up, n)
) WITHOUT ROWID;

CREATE INDEX offload_edge_up ON offload_edge (up, state);

-- Members of batches. Rows go with the batch.
CREATE TABLE offload_member (
    batch BLOB    NOT NULL,
    state INTEGER NOT NULL, -- as offload_done has it, 0 has not ended
    id    BLOB    NOT NULL,
    PRIMARY KEY (batch, state, id)
) WITHOUT ROWID;

-- Jobs that wait, or for which others wait, that are to be looked at.
CREATE TABLE offload_mark (
    id BLOB NOT NULL PRIMARY KEY
) WITHOUT ROWID;

CREATE INDEX offload_job_flow ON offload_job (terms ->> '$.flow', id) WHERE terms ->> '$.flow' IS NOT NULL;
