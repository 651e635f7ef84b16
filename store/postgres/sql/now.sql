-- The store's time.
SELECT clock_timestamp()
