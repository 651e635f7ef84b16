package store

// Counted is how many jobs a filter selects, as far as they were counted.
type Counted struct {
	States              map[State]int
	Queues, Tasks, Tags map[string]int // a tag is "name=value"
	More                map[State]bool // of these there may be more
}

// NewCounted returns one that has counted nothing.
func NewCounted() *Counted {
	return &Counted{States: map[State]int{}, Queues: map[string]int{}, Tasks: map[string]int{}, Tags: map[string]int{}, More: map[State]bool{}}
}

// CountLook is how many jobs of a state CountUpTo looks at, for each that it may count.
const CountLook = 3

// Add counts n jobs of a state that are alike. The state is one that the filter asks for, if asked is set:
// others are counted as jobs of their state alone.
func (c *Counted) Add(asked bool, state State, queue, task string, tags map[string]string, n, most int) {
	c.States[state] = min(c.States[state]+n, most)
	if !asked {
		return
	}
	c.Queues[queue] = min(c.Queues[queue]+n, most)
	c.Tasks[task] = min(c.Tasks[task]+n, most)
	for name, value := range tags {
		tag := name + "=" + value
		c.Tags[tag] = min(c.Tags[tag]+n, most)
	}
}
