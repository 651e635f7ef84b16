package offload

// Fair lets the values of some fields of the input, such as a tenant, take turns within a
// queue and priority, however many jobs one of them has waiting. Jobs of one value keep their
// order. Jobs without turns come before those with turns of their priority.
//
// By names fields as in Limit. A field that is missing or null is the key "".
type Fair struct {
	By     string // "tenant"
	Key    string // this very key, instead of By
	Weight int    // turns of its key in a round, at most 100; 0 is 1
}

func (f Fair) applyTask(c *taskConfig)       { c.fair = &f }
func (f Fair) applyEnqueue(c *enqueueConfig) { c.fair = &f }
