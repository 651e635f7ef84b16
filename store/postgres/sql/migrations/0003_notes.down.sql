-- Logs and memos go.
DROP TABLE offload.log, offload.logged, offload.memo;
ALTER TABLE offload.progress DROP COLUMN rate;
