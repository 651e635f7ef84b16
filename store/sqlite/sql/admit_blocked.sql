-- Take the jobs out of blocked that admit_due or settle_due has made due.
--   a list of ids follows: a statement with a query in it would first gather all rows, and find each twice
-- Plan: SEARCH offload_blocked USING INDEX (id=?).
DELETE FROM offload_blocked WHERE id IN
