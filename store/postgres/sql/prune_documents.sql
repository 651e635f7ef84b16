-- Remove documents that have expired.
DELETE FROM offload.document WHERE expires_at <= now()
