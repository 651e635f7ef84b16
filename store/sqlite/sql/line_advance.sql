-- Put the next to the front of some lines, since the first has gone through.
--   a list of gates follows
-- Plan: SEARCH offload_front USING PRIMARY KEY (gate=?), SEARCH offload_line USING PRIMARY KEY (gate=? AND spot>?).
UPDATE offload_front
SET passed = passed + 1,
    spot = (SELECT spot FROM offload_line WHERE gate = offload_front.gate AND spot > offload_front.spot ORDER BY spot LIMIT 1)
WHERE gate IN
