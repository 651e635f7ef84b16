package cron_test

import (
	"fmt"
	"log"
	"time"

	"github.com/offloadhq/offload/internal/cron"
)

func ExampleExpr_Next() {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		log.Fatal(err)
	}
	backup, err := cron.Parse("30 2 * * SAT-MON")
	if err != nil {
		log.Fatal(err)
	}
	at := time.Date(2026, 3, 27, 12, 0, 0, 0, berlin)
	for range 4 {
		at, _ = backup.Next(at, berlin)
		fmt.Println(at.Format("Mon 2 Jan 15:04 MST"))
	}
	// Output:
	// Sat 28 Mar 02:30 CET
	// Sun 29 Mar 03:00 CEST
	// Mon 30 Mar 02:30 CEST
	// Sat 4 Apr 02:30 CEST
}

func ExampleParse() {
	_, err := cron.Parse("*/90 * * * *")
	fmt.Println(err)
	// Output: minute "*/90": step 90 is out of range; want a step of 1 to 60
}
