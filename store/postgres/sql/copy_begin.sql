-- Give the transaction its number, then take the time: all that follows is stamped with it.
SELECT clock_timestamp() FROM (SELECT pg_current_xact_id() AS number OFFSET 0) AS x WHERE x.number IS NOT NULL
