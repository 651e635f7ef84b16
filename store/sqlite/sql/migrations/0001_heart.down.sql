-- Removes all jobs and all that is known of them.
DROP VIEW offload_jobs;
DROP TABLE offload_figure;
DROP TABLE offload_duty;
DROP TABLE offload_record;
DROP TABLE offload_task;
DROP TABLE offload_queue;
DROP TABLE offload_process;
DROP TABLE offload_progress;
DROP TABLE offload_signal;
DROP TABLE offload_crash;
DROP TABLE offload_result;
DROP TABLE offload_failure;
DROP TABLE offload_done;
DROP TABLE offload_blocked;
DROP TABLE offload_lease;
DROP TABLE offload_due;
DROP TABLE offload_job;
