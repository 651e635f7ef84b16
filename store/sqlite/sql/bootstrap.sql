-- What the runner of migrations itself needs. offload_meta: "database" names this database, "oldest program" is
-- the oldest that may work it, the others are places to go on from.
CREATE TABLE IF NOT EXISTS offload_meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS offload_migration (
    version    INTEGER NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    sha256     TEXT    NOT NULL,
    applied_at INTEGER NOT NULL
);
INSERT INTO offload_meta (name, value) VALUES ('database', randomblob(16)) ON CONFLICT DO NOTHING;
