-- Wait for locks as long as this says, within somebody's transaction; returns how long it was before.
--   $1 how long, as PostgreSQL writes it; null is at most 5 s
-- The sub-select comes first: what it says is what was set before.
SELECT was.setting, set_config('lock_timeout', coalesce($1::text, CASE WHEN was.ms BETWEEN 1 AND 5000 THEN was.setting ELSE '5s' END), true)
FROM (SELECT current_setting('lock_timeout') AS setting, s.setting::bigint AS ms FROM pg_settings AS s WHERE s.name = 'lock_timeout' OFFSET 0) AS was
