package engine

import (
	"time"

	"github.com/offloadhq/offload/store"
)

// An observer judges which of its peers are lost, by what it has seen itself and by its own
// monotonic clock; the clocks of others and of the store mean nothing to it.
//
// A peer is lost when its beat has not changed for store.LostAfter while this process could
// reach the store all that time. So an outage, after which everybody's beat is old, makes
// nobody lost, and neither does a pause of this process.
type observer struct {
	last  time.Duration // when the last of its own beats was committed
	peers map[store.ID]sighting
}

// A sighting is the first time that a peer's beat was seen to stand where it stands.
type sighting struct {
	count int64
	first time.Duration // the end of the beat that saw it
}

// maxGap is how far apart the observer's own beats may be.
const maxGap = 2 * store.BeatEvery

// observe takes what one committed beat, which was under way from began to ended, has seen,
// and returns the peers that are lost. Times are of one monotonic clock.
func (o *observer) observe(began, ended time.Duration, peers []store.Peer) (lost []store.Beaten) {
	if ended-o.last > maxGap {
		o.peers = nil // what was seen before the gap proves nothing
	}
	o.last = ended
	seen := make(map[store.ID]sighting, len(peers))
	for _, p := range peers {
		old, known := o.peers[p.ID]
		if !known || old.count != p.Count {
			seen[p.ID] = sighting{p.Count, ended}
			continue
		}
		seen[p.ID] = old
		// The beat was read somewhere between began and ended: reckon the shortest.
		if began-old.first >= store.LostAfter {
			lost = append(lost, store.Beaten(p))
		}
	}
	o.peers = seen
	return lost
}

// next returns when the next peer could be found lost, if it goes on standing still. Those
// that were judged already are not asked for in haste again.
func (o *observer) next() (at time.Duration, found bool) {
	for _, p := range o.peers {
		if judged := p.first + store.LostAfter; judged > o.last && (!found || judged < at) {
			at, found = judged, true
		}
	}
	return at, found
}
