-- Keep a group as it is now.
--   ?1 id   ?2 task   ?3 kind   ?4 title   ?5 sealed   ?6 status   ?7 changed at   ?8 count
--   ?9 first at   ?10 last at   ?11 job   ?12 attempt   ?13 keys   ?14 other keys
REPLACE INTO offload_error (id, task, kind, title, sealed, status, changed_at, count, first_at, last_at, job, attempt, keys, other_keys)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
