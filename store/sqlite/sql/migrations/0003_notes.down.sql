-- Logs and memos go.
DROP TABLE offload_memo;
DROP TABLE offload_logged;
DROP TABLE offload_log;
ALTER TABLE offload_progress DROP COLUMN rate;
