package offload

import "github.com/offloadhq/offload/store"

// Fair lets the values of some fields of the input, such as a tenant, take turns within a
// queue and priority, however many jobs one of them has waiting. Jobs of one value keep their
// order. Jobs without turns come before those with turns of their priority.
//
// By names fields as in Limit. A field that is missing or null is the key "".
type Fair struct {
	By     string `json:"by,omitempty"`     // "tenant"
	Key    string `json:"key,omitempty"`    // this very key, instead of By
	Weight int    `json:"weight,omitempty"` // turns of its key in a round, at most 100; 0 is 1
}

func (f Fair) applyTask(c *taskConfig)       { c.fair = &f }
func (f Fair) applyEnqueue(c *enqueueConfig) { c.fair = &f }

// check returns what of it can be seen to be wrong without an input.
func (f *Fair) check(r refusal) error {
	r = r.in("Fair")
	switch {
	case f.By == "" && f.Key == "":
		return r.refuse("By", "", "fields of the input, or a Key")
	case f.Weight < 0 || f.Weight > 100:
		return r.refuse("Weight", f.Weight, "0 (1) to 100")
	}
	return r.checkKey(f.By, f.Key)
}

func (f *Fair) terms(key string) *store.Turn { return &store.Turn{Key: key, Weight: f.Weight} }
