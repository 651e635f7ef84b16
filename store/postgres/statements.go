package postgres

import (
	"embed"
	"fmt"
	"strings"
)

//go:embed sql/*.sql
var statementFiles embed.FS

// read returns the text of a statement without its comments.
func read(name string) string {
	text, err := statementFiles.ReadFile("sql/" + name + ".sql")
	if err != nil {
		panic(fmt.Sprintf("store/postgres: statement %q is not embedded", name)) // the tests load all of them
	}
	return clean(string(text))
}

// inSchema puts a statement's tables into a schema, whose name has been checked.
func inSchema(sql, schema string) string {
	return strings.ReplaceAll(sql, "offload.", `"`+schema+`".`)
}

// clean takes the comments out of a statement, which the server need not read each time.
func clean(sql string) string {
	var lines []string
	for line := range strings.Lines(sql) {
		code, _, _ := strings.Cut(line, "--")
		if code = strings.TrimRight(code, " \n"); code != "" {
			lines = append(lines, code)
		}
	}
	return strings.Join(lines, "\n")
}

// Statements are all statements of a store, as the files in sql have them.
type statements struct {
	actCancel, actCancelWithin, actDelete, actEdit, actRetry, actRunNow, beat, bury, claim, claimParked,
	complete, condemn, copyBegin, copyDue, copyJob, countEnqueued, counted, countedBegin, counts, durable,
	examineServer, examineTables, failures, figure, figures, find, finishCompleted, finishOthers, finished,
	inputs, insertAlike, insertMany, insertOne, insertWithin, join, judge, leasesOf, lock, lookKnown,
	lookLanes, lookParked, lookSelf, mergeFigures, migrateLock, migrated, notify, notifyWithin, now, park,
	pauseQueue, pauseTask, peers, planner, processes, progress, prune, pruneCrashes, pruneFigures,
	pruneRecords, pruneTasks, queues, reap, record, records, register, release, result, settings, sleep, start,
	stored, sweep, takeDuty, tasks, tell, versions, walkTo, walked string
}

func newStatements(schema string) *statements {
	load := func(name string) string { return inSchema(read(name), schema) }
	return &statements{
		actCancel:       load("act_cancel"),
		actCancelWithin: load("act_cancel_within"),
		actDelete:       load("act_delete"),
		actEdit:         load("act_edit"),
		actRetry:        load("act_retry"),
		actRunNow:       load("act_run_now"),
		beat:            load("beat"),
		bury:            load("bury"),
		claim:           load("claim"),
		claimParked:     load("claim_parked"),
		complete:        load("complete"),
		condemn:         load("condemn"),
		copyBegin:       load("copy_begin"),
		copyDue:         load("copy_due"),
		copyJob:         load("copy_job"),
		countEnqueued:   load("count_enqueued"),
		counted:         load("counted"),
		countedBegin:    load("counted_begin"),
		counts:          load("counts"),
		durable:         load("durable"),
		examineServer:   load("examine_server"),
		examineTables:   load("examine_tables"),
		failures:        load("failures"),
		figure:          load("figure"),
		figures:         load("figures"),
		find:            load("find"),
		finishCompleted: load("finish_completed"),
		finishOthers:    load("finish_others"),
		finished:        load("finished"),
		inputs:          load("inputs"),
		insertAlike:     load("insert_alike"),
		insertMany:      load("insert_many"),
		insertOne:       load("insert_one"),
		insertWithin:    load("insert_within"),
		join:            load("join"),
		judge:           load("judge"),
		leasesOf:        load("leases_of"),
		lock:            load("lock"),
		lookKnown:       load("look_known"),
		lookLanes:       load("look_lanes"),
		lookParked:      load("look_parked"),
		lookSelf:        load("look_self"),
		mergeFigures:    load("merge_figures"),
		migrateLock:     load("migrate_lock"),
		migrated:        load("migrated"),
		notify:          load("notify"),
		notifyWithin:    load("notify_within"),
		now:             load("now"),
		park:            load("park"),
		pauseQueue:      load("pause_queue"),
		pauseTask:       load("pause_task"),
		peers:           load("peers"),
		planner:         load("planner"),
		processes:       load("processes"),
		progress:        load("progress"),
		prune:           load("prune"),
		pruneCrashes:    load("prune_crashes"),
		pruneFigures:    load("prune_figures"),
		pruneRecords:    load("prune_records"),
		pruneTasks:      load("prune_tasks"),
		queues:          load("queues"),
		reap:            load("reap"),
		record:          load("record"),
		records:         load("records"),
		register:        load("register"),
		release:         load("release"),
		result:          load("result"),
		settings:        load("settings"),
		sleep:           load("sleep"),
		start:           load("start"),
		stored:          load("stored"),
		sweep:           load("sweep"),
		takeDuty:        load("take_duty"),
		tasks:           load("tasks"),
		tell:            load("tell"),
		versions:        load("versions"),
		walkTo:          load("walk_to"),
		walked:          load("walked"),
	}
}
