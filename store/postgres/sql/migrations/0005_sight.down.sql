-- Figures by the hour, documents and groups of failures go.
DROP TABLE offload.document, offload.figure_hour;
DROP TABLE offload.error, offload.error_hour;
DROP INDEX offload.failure_cause, offload.failure_new;
ALTER TABLE offload.failure DROP COLUMN cause;
ALTER TABLE offload.queue DROP COLUMN workers;
