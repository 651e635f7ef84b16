-- Back to nothing: all jobs go.
DROP VIEW offload.jobs;
DROP FUNCTION offload.refuse_lost(uuid, integer);
DROP FUNCTION offload.add_counts(bigint[], bigint[]);
DROP TABLE offload.figure, offload.duty, offload.record, offload.task, offload.queue, offload.process,
    offload.progress, offload.signal, offload.crash, offload.result, offload.failure,
    offload.done, offload.blocked, offload.lease, offload.due, offload.job;
