package alert

import "time"

// JoinWithin is how long processes have to join.
func JoinWithin(d time.Duration) { joinTime = d }
