package shop

import (
	"time"

	"github.com/offloadhq/offload/kit/alert"
)

// alerts tells the owner when jobs go wrong: once, and once more when it is over.
func (s *Shop) alerts() (*alert.Kit, error) {
	owner := []string{"owner"}
	return alert.New(
		alert.Mail("owner", OwnerAddress),
		alert.Rule{Name: "payments fail", When: alert.Failing, Task: Charge.Name(), Percent: 80, Least: 5, Within: time.Minute, To: owner},
		alert.Rule{Name: "a payment was given up", When: alert.Discarding, Task: Charge.Name(), To: owner},
		alert.Rule{Name: "mails wait", When: alert.Waiting, Queue: "mail", Over: 2 * time.Minute, To: owner},
		alert.Rule{Name: "nobody works", When: alert.Unworked, For: 30 * time.Second, Severity: "critical", To: owner},
		alert.Rule{Name: "no report in the night", When: alert.Missing, Schedule: nightly.Name, Over: time.Hour, To: owner},
	)
}
