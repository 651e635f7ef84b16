-- Keep what somebody did. The same record again is the record once.
REPLACE INTO offload_record (id, at, who, what, filter, jobs, job) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
