-- Where counting enqueues begins: at the minute of the first job.
INSERT INTO offload.duty (name, next_at)
SELECT 'enqueues counted', coalesce((
    SELECT date_trunc('minute', to_timestamp(('x' || lpad(left(replace(id::text, '-', ''), 12), 16, '0'))::bit(64)::bigint / 1000.0))
    FROM offload.job ORDER BY id LIMIT 1
), date_trunc('minute', now()))
ON CONFLICT (name) DO NOTHING
