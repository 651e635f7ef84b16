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
	actCancel, actCancelWithin, actDelete, actEdit, actHold, actRetry, actRunNow, admit, beat, bury, buryGates,
	candidates, claim, claimParked, claimThese, complete, condemn, copyBegin, copyDue, copyJob,
	copyTermsBlocked, copyTermsDue, copyTermsJob, countEnqueued, counted, countedBegin, counts, drop,
	durable, emptied, examineServer, examineTables, expire, expiryAnew, expiryLeave, expirySet, failures,
	figure, figures, find, finishCompleted, finishOthers, finished, gatesLock, gatesLook, gatesMake,
	gatesMark, gatesMarked, gatesSet, gatesTry, handOver, healHolds, healUniques, held, hold, holdOff,
	inboxRefuse, inboxRows, inboxTake, inputs, insertAlike, insertMany, insertOne, insertWithin, join,
	judge, known, leasesOf, leave, leaveAgain, leaveDiscarded, leaveOver, limitCount, limitKeys,
	limitMark, limitPut, limitSet, limitSkip, limits, lock, lockTime, lookKnown, lookLanes, lookParked,
	lookSelf, memoPut, memos, mergeFigures, migrateLock, migrated, notify, notifyWithin, now, origin, originForget, originKeep, originPlain, park, pauseGates,
	pauseQueue, pauseTask, peers, place, planner, processes, progress, logCount, logDone, logHeld, logKnown, logWrite, logs, logsLast, prune, pruneCrashes, pruneFigures,
	pruneGates, pruneRecords, pruneTasks, pruneTurns, pruneUniques, putBlocked, putDone, putDue, putJobs,
	queues, reap, record, records, register, release, result, scheduleDrop, scheduleLock, schedulePause,
	schedulePut, schedules, schedulesDue, schedulesLeft, schedulesSet, sendBack, settings, sleep, start,
	stored, stray, sweep, takeDuty, tasks, tell, turns, undecided, uniqueDrop, uniqueGive, uniqueHold,
	uniqueLeave, uniqueLock, uniqueOver, uniqueOwners, uniqueTake, uniqueWanted, versions, wait, walkTo,
	walked string
}

func newStatements(schema string) *statements {
	load := func(name string) string { return inSchema(read(name), schema) }
	return &statements{
		actCancel:        load("act_cancel"),
		actCancelWithin:  load("act_cancel_within"),
		actDelete:        load("act_delete"),
		actHold:          load("act_hold"),
		actEdit:          load("act_edit"),
		actRetry:         load("act_retry"),
		actRunNow:        load("act_run_now"),
		admit:            load("admit"),
		beat:             load("beat"),
		bury:             load("bury"),
		buryGates:        load("bury_gates"),
		candidates:       load("candidates"),
		claim:            load("claim"),
		claimParked:      load("claim_parked"),
		claimThese:       load("claim_these"),
		complete:         load("complete"),
		condemn:          load("condemn"),
		copyBegin:        load("copy_begin"),
		copyDue:          load("copy_due"),
		copyJob:          load("copy_job"),
		copyTermsBlocked: load("copy_terms_blocked"),
		copyTermsDue:     load("copy_terms_due"),
		copyTermsJob:     load("copy_terms_job"),
		countEnqueued:    load("count_enqueued"),
		counted:          load("counted"),
		countedBegin:     load("counted_begin"),
		counts:           load("counts"),
		drop:             load("drop"),
		durable:          load("durable"),
		emptied:          load("emptied"),
		examineServer:    load("examine_server"),
		examineTables:    load("examine_tables"),
		expire:           load("expire"),
		expiryAnew:       load("expiry_anew"),
		expiryLeave:      load("expiry_leave"),
		expirySet:        load("expiry_set"),
		failures:         load("failures"),
		figure:           load("figure"),
		figures:          load("figures"),
		find:             load("find"),
		finishCompleted:  load("finish_completed"),
		finishOthers:     load("finish_others"),
		finished:         load("finished"),
		gatesLock:        load("gates_lock"),
		gatesLook:        load("gates_look"),
		gatesMake:        load("gates_make"),
		gatesMark:        load("gates_mark"),
		gatesMarked:      load("gates_marked"),
		gatesSet:         load("gates_set"),
		gatesTry:         load("gates_try"),
		handOver:         load("hand_over"),
		healHolds:        load("heal_holds"),
		healUniques:      load("heal_uniques"),
		held:             load("held"),
		hold:             load("hold"),
		holdOff:          load("hold_off"),
		inboxRefuse:      load("inbox_refuse"),
		inboxRows:        load("inbox_rows"),
		inboxTake:        load("inbox_take"),
		inputs:           load("inputs"),
		insertAlike:      load("insert_alike"),
		insertMany:       load("insert_many"),
		insertOne:        load("insert_one"),
		insertWithin:     load("insert_within"),
		join:             load("join"),
		judge:            load("judge"),
		known:            load("known"),
		leasesOf:         load("leases_of"),
		leave:            load("leave"),
		leaveAgain:       load("leave_again"),
		leaveDiscarded:   load("leave_discarded"),
		leaveOver:        load("leave_over"),
		limitCount:       load("limit_count"),
		limitKeys:        load("limit_keys"),
		limitMark:        load("limit_mark"),
		limitPut:         load("limit_put"),
		limitSet:         load("limit_set"),
		limitSkip:        load("limit_skip"),
		limits:           load("limits"),
		lock:             load("lock"),
		lockTime:         load("lock_time"),
		lookKnown:        load("look_known"),
		lookLanes:        load("look_lanes"),
		lookParked:       load("look_parked"),
		lookSelf:         load("look_self"),
		mergeFigures:     load("merge_figures"),
		migrateLock:      load("migrate_lock"),
		migrated:         load("migrated"),
		notify:           load("notify"),
		notifyWithin:     load("notify_within"),
		now:              load("now"),
		origin:           load("origin"),
		originForget:     load("origin_forget"),
		originKeep:       load("origin_keep"),
		originPlain:      load("origin_plain"),
		park:             load("park"),
		pauseGates:       load("pause_gates"),
		pauseQueue:       load("pause_queue"),
		pauseTask:        load("pause_task"),
		peers:            load("peers"),
		place:            load("place"),
		planner:          load("planner"),
		processes:        load("processes"),
		progress:         load("progress"),
		logCount:         load("log_count"),
		logDone:          load("log_done"),
		logHeld:          load("log_held"),
		logKnown:         load("log_known"),
		logWrite:         load("log_write"),
		logs:             load("logs"),
		logsLast:         load("logs_last"),
		memoPut:          load("memo_put"),
		memos:            load("memos"),
		prune:            load("prune"),
		pruneCrashes:     load("prune_crashes"),
		pruneFigures:     load("prune_figures"),
		pruneGates:       load("prune_gates"),
		pruneRecords:     load("prune_records"),
		pruneTasks:       load("prune_tasks"),
		pruneTurns:       load("prune_turns"),
		pruneUniques:     load("prune_uniques"),
		putBlocked:       load("put_blocked"),
		putDone:          load("put_done"),
		putDue:           load("put_due"),
		putJobs:          load("put_jobs"),
		queues:           load("queues"),
		reap:             load("reap"),
		record:           load("record"),
		records:          load("records"),
		register:         load("register"),
		release:          load("release"),
		result:           load("result"),
		scheduleDrop:     load("schedule_drop"),
		scheduleLock:     load("schedule_lock"),
		schedulePause:    load("schedule_pause"),
		schedulePut:      load("schedule_put"),
		schedules:        load("schedules"),
		schedulesDue:     load("schedules_due"),
		schedulesLeft:    load("schedules_left"),
		schedulesSet:     load("schedules_set"),
		sendBack:         load("send_back"),
		settings:         load("settings"),
		sleep:            load("sleep"),
		start:            load("start"),
		stored:           load("stored"),
		stray:            load("stray"),
		sweep:            load("sweep"),
		takeDuty:         load("take_duty"),
		tasks:            load("tasks"),
		tell:             load("tell"),
		turns:            load("turns"),
		undecided:        load("undecided"),
		uniqueDrop:       load("unique_drop"),
		uniqueGive:       load("unique_give"),
		uniqueHold:       load("unique_hold"),
		uniqueLeave:      load("unique_leave"),
		uniqueLock:       load("unique_lock"),
		uniqueOver:       load("unique_over"),
		uniqueOwners:     load("unique_owners"),
		uniqueTake:       load("unique_take"),
		uniqueWanted:     load("unique_wanted"),
		versions:         load("versions"),
		wait:             load("wait"),
		walkTo:           load("walk_to"),
		walked:           load("walked"),
	}
}
