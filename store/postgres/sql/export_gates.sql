-- Read what is kept of keys of limits: what gates say, jobs that stop them, and those that keep a strict one
-- while they wait for another attempt.
SELECT g.id, g.full_at, g.paused_until, NULL::uuid AS job, false AS stops FROM offload.gate AS g
WHERE g.full_at IS NOT NULL OR g.paused_until IS NOT NULL
UNION ALL
SELECT h.gate, NULL, NULL, h.id, h.stops FROM offload.hold AS h
WHERE h.stops OR EXISTS (SELECT FROM offload.due AS d WHERE d.id = h.id AND d.uses & 512 <> 0)
  AND EXISTS (SELECT FROM offload.limit AS l WHERE l.strict AND l.name = split_part(h.gate, chr(31), 1))
ORDER BY 1, 4
