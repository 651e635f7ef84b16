-- From when to when enqueues are to be counted. The lock makes it one process at a time.
SELECT next_at, greatest(next_at, date_trunc('minute', now())) FROM offload.duty WHERE name = 'enqueues counted' FOR UPDATE
