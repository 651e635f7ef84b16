-- Forget where the store was made, so that it can be written down anew.
DELETE FROM offload.migration WHERE version = 0
