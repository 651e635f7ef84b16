package offload

import "time"

// Expire ends a job as Expired, without running it, when it has not started d after it was
// first due. One that has started once doesn't expire. The default is never.
func Expire(d time.Duration) JobOption { return jobOption(func(c *jobConfig) { c.expire = &d }) }
