-- Logs and memos go.
DROP TABLE offload.log, offload.logged, offload.memo;
