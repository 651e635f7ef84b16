package cause

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

// A Fresh is a failed attempt that is not grouped yet.
type Fresh struct {
	Failure
	Job     store.ID
	Attempt int
	At      time.Time
	Tags    map[string]string
	Terms   *store.Terms
}

// A Sum is what failures add to their group.
type Sum struct {
	Cause
	Task, Kind  string
	Count       int64
	First, Last time.Time
	Job         store.ID // of the last
	Attempt     int
	Hours       map[int64]int64 // failures, by hours since 1970
	keys        map[string]int64
}

// Sums adds failures up by their groups, sorted by group, as everybody locks them.
func Sums(fresh []Fresh) []*Sum {
	sums := map[string]*Sum{}
	for i := range fresh {
		f := &fresh[i]
		c := Of(f.Failure)
		s := sums[c.Group]
		if s == nil {
			s = &Sum{Cause: c, Task: f.Task, Kind: f.Kind, First: f.At, Hours: map[int64]int64{}, keys: map[string]int64{}}
			sums[c.Group] = s
		}
		s.add(f)
	}
	return slices.SortedFunc(maps.Values(sums), func(a, b *Sum) int { return cmp.Compare(a.Group, b.Group) })
}

func (s *Sum) add(f *Fresh) {
	s.Count++
	s.Hours[HourOf(f.At)]++
	if f.At.Before(s.First) {
		s.First = f.At
	}
	if !f.At.Before(s.Last) {
		s.Last, s.Job, s.Attempt = f.At, f.Job, f.Attempt
	}
	for key := range f.keys() {
		s.keys[key]++
	}
}

// keys are the keys and tags of the job, each once.
func (f *Fresh) keys() map[string]bool {
	keys := map[string]bool{}
	for name, value := range f.Tags {
		keys[name+"="+value] = true
	}
	if t := f.Terms; t != nil {
		for _, use := range t.Limits {
			keys[use.Key] = true
		}
		if t.Unique != nil {
			keys[t.Unique.Key] = true
		}
		if t.Turn != nil {
			keys[t.Turn.Key] = true
		}
	}
	delete(keys, "")
	return keys
}

// AddTo adds the sum to its group, which is the zero one if it is new.
func (s *Sum) AddTo(g *store.ErrorGroup) {
	if g.Count == 0 {
		*g = store.ErrorGroup{
			Group: s.Group, Task: s.Task, Kind: s.Kind, Title: s.Title, Sealed: s.Sealed, Status: store.ErrorOpen, First: s.First,
		}
	}
	if !g.Sealed && g.Title == "" { // it was erased
		g.Title = s.Title
	}
	g.Count += s.Count
	if s.First.Before(g.First) {
		g.First = s.First
	}
	if !s.Last.Before(g.Last) {
		g.Last, g.Job, g.Attempt = s.Last, s.Job, s.Attempt
	}
	if g.Status == store.ErrorResolved && s.Last.After(g.Changed) {
		g.Status, g.Changed = store.ErrorOpen, s.Last
	}
	s.addKeys(g)
}

// Retitle gives a group whose title was erased that of its sample, if that is another job's.
func Retitle(g *store.ErrorGroup) {
	if g.Title == "" && !g.Sealed && g.Error != store.ErasedText {
		g.Title = Normal(g.Error)
	}
}

// addKeys counts keys that the group knows, and new ones while it has room, those of most failures
// first.
func (s *Sum) addKeys(g *store.ErrorGroup) {
	keys := slices.Clone(g.Keys)
	left := maps.Clone(s.keys)
	for i := range keys {
		keys[i].Count += left[keys[i].Key]
		delete(left, keys[i].Key)
	}
	for _, k := range sorted(left) {
		if len(keys) < store.MaxErrorKeys {
			keys = append(keys, k)
		} else {
			g.OtherKeys += k.Count
		}
	}
	slices.SortFunc(keys, compare)
	g.Keys = keys
}

func sorted(counts map[string]int64) []store.ErrorKey {
	var keys []store.ErrorKey
	for key, n := range counts {
		keys = append(keys, store.ErrorKey{Key: key, Count: n})
	}
	slices.SortFunc(keys, compare)
	return keys
}

func compare(a, b store.ErrorKey) int {
	return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Key, b.Key))
}

// HourOf returns the hour of a time, since 1970.
func HourOf(t time.Time) int64 { return t.Unix() / int64(time.Hour/time.Second) }

// Hours lays counts by hours out as ErrorGroup.Hours has them.
func Hours(counts map[int64]int64, now time.Time, n int) []int64 {
	if n = min(n, store.MaxErrorHours); n <= 0 {
		return nil
	}
	hours, last := make([]int64, n), HourOf(now)
	for i := range hours {
		hours[i] = counts[last-int64(n-1-i)]
	}
	return hours
}
