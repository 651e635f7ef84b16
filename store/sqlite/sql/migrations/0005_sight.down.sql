-- Figures by the hour, documents and groups of failures go.
DROP TABLE offload_workers;
DROP TABLE offload_document;
DROP TABLE offload_figure_hour;
DROP TABLE offload_error_hour;
DROP TABLE offload_error;
DROP INDEX offload_job_task;
DROP INDEX offload_failure_new;
DROP INDEX offload_failure_cause;
ALTER TABLE offload_failure DROP COLUMN cause;
