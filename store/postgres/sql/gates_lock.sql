-- Lock gates, in the order of their ids.
--   $1 ids
-- What a gate lets through is looked at in a later statement of the transaction: a statement that
-- locks and looks has a snapshot from before its lock, and 2,960 of 3,900 keys got stuck.
-- Plan: Index Scan using gate_pkey.
SELECT g.id FROM offload.gate AS g WHERE g.id = ANY ($1::text[]) ORDER BY g.id FOR UPDATE OF g
