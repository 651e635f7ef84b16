-- Make jobs due that have just been stored. Followed by a row of 5 parameters for each.
INSERT INTO offload_due (queue, priority, run_at, id, uses)
