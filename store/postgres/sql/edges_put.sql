-- Let jobs wait for others.
--   $1 those that wait  $2 those that they wait for  $3 places among those of each  $4 what each wants
--   $5 whether each is held if it can't be met
-- A job that stands in for another may be a member of the batch already.
-- Plan: Function Scan, insert.
INSERT INTO offload.edge (down, up, n, wants, hold)
SELECT down, up, n, wants, hold FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::smallint[], $5::boolean[]) AS w (down, up, n, wants, hold)
ON CONFLICT DO NOTHING
