-- Tell processes of jobs when somebody's transaction commits.
--   $1 channel  $2 what to tell, in lines
SELECT count(pg_notify($1::text, told)) FROM unnest(string_to_array($2::text, E'\n')) AS told
