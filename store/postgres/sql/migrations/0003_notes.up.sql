-- What is kept of a run: its log, and what it remembers for the next attempt. Another bit of "uses":
--   -32768 (the sign) it has either

CREATE TABLE offload.log (
    id      uuid        NOT NULL,
    seq     bigint      NOT NULL,
    attempt integer     NOT NULL,
    at      timestamptz NOT NULL,
    level   text        NOT NULL,
    text    text        NOT NULL,
    attrs   text, -- a JSON object
    PRIMARY KEY (id, seq)
);

-- How much of it there is.
CREATE TABLE offload.logged (
    id    uuid    PRIMARY KEY,
    lines integer NOT NULL,
    bytes bigint  NOT NULL,
    ended boolean NOT NULL -- the last line says so
) WITH (fillfactor = 70);

CREATE TABLE offload.memo (
    id      uuid        NOT NULL,
    name    text COLLATE "C" NOT NULL,
    attempt integer     NOT NULL,
    at      timestamptz NOT NULL,
    data    bytea       NOT NULL,
    PRIMARY KEY (id, name)
);

-- A second, by the attempt's own estimate; 0 is not known.
ALTER TABLE offload.progress ADD COLUMN rate float8 NOT NULL DEFAULT 0;
