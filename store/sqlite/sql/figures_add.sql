-- Write a row of figures that was read, summed and is written back in one transaction.
REPLACE INTO offload_figure (minute, task, queue, outcome, n, wait, run) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
