-- Whether the server may be written to. One that was a primary and is none any more stays up in
-- some failovers, and keeps its connections.
SELECT NOT current_setting('transaction_read_only')::bool
