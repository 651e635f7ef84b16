package stats

import (
	"encoding/binary"
	"errors"
	"math"
)

// A histogram counts numbers in buckets that grow with them: 32 to each power of two, so that the middle of a bucket is within 1.6 % of all that is in it.
// That is what a quantile's error is, whatever the numbers are, and two of them add up without loss.
type histogram struct {
	zero     uint64
	positive side
	negative side
}

// A side is the buckets of one sign: those from first on, without gaps.
type side struct {
	first int
	count []uint64
}

const (
	perPower = 5    // bits: 32 buckets
	widest   = 2048 // buckets of a side: 64 powers of two; what is smaller counts to the smallest
)

// bucket is that of a number above zero: the exponent and the beginning of the mantissa, as they are in it.
func bucket(v float64) int { return int(math.Float64bits(v) >> (52 - perPower)) }

// middle is a number in the middle of a bucket.
func middle(b int) float64 {
	low := math.Float64frombits(uint64(b) << (52 - perPower))
	high := math.Float64frombits(uint64(b+1) << (52 - perPower))
	return (low + high) / 2
}

func (h *histogram) add(v float64) {
	switch {
	case v > 0:
		h.positive.add(bucket(v), 1)
	case v < 0:
		h.negative.add(bucket(-v), 1)
	default:
		h.zero++
	}
}

func (s *side) add(b int, n uint64) {
	if at := b - s.first; at >= 0 && at < len(s.count) {
		s.count[at] += n
		return
	}
	s.addWider(b, n)
}

// addWider makes room for a bucket: some more than it takes, since what comes next is near.
func (s *side) addWider(b int, n uint64) {
	const spare = 16
	if len(s.count) == 0 {
		s.first, s.count = b-spare, make([]uint64, 2*spare)
		s.count[spare] = n
		return
	}
	first, end := min(s.first, b-spare), max(s.first+len(s.count), b+spare)
	if end-first > widest {
		first = end - widest
	}
	wide := make([]uint64, end-first)
	for i, c := range s.count {
		wide[max(s.first+i-first, 0)] += c
	}
	wide[max(b-first, 0)] += n
	s.first, s.count = first, wide
}

func (h *histogram) merge(other *histogram) {
	h.zero += other.zero
	h.positive.merge(&other.positive)
	h.negative.merge(&other.negative)
}

func (s *side) merge(other *side) {
	for i := len(other.count) - 1; i >= 0; i-- { // the largest first, so that room is made once
		if n := other.count[i]; n > 0 {
			s.add(other.first+i, n)
		}
	}
}

// quantile is a number that a share q of all is not above.
func (h *histogram) quantile(q float64) float64 {
	total := h.zero + h.positive.total() + h.negative.total()
	if total == 0 {
		return math.NaN()
	}
	rank := uint64(math.Ceil(q * float64(total)))
	rank = max(rank, 1)
	for i := len(h.negative.count) - 1; i >= 0; i-- {
		if n := h.negative.count[i]; rank <= n {
			return -middle(h.negative.first + i)
		} else {
			rank -= n
		}
	}
	if rank <= h.zero {
		return 0
	}
	rank -= h.zero
	for i, n := range h.positive.count {
		if rank <= n {
			return middle(h.positive.first + i)
		}
		rank -= n
	}
	return math.NaN()
}

func (s *side) total() (n uint64) {
	for _, c := range s.count {
		n += c
	}
	return n
}

// encode is what is stored: a version, the zeros, and each side's buckets that are not empty, as distance to the last and count.
func (h *histogram) encode() []byte {
	b := binary.AppendUvarint([]byte{1}, h.zero)
	for _, s := range []*side{&h.positive, &h.negative} {
		full := 0
		for _, n := range s.count {
			if n > 0 {
				full++
			}
		}
		b = binary.AppendUvarint(b, uint64(full))
		last := 0
		for i, n := range s.count {
			if n > 0 {
				b = binary.AppendUvarint(b, uint64(s.first+i-last))
				b = binary.AppendUvarint(b, n)
				last = s.first + i
			}
		}
	}
	return b
}

var errHistogram = errors.New("it is no histogram of this package")

// decode adds what was stored.
func (h *histogram) decode(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if b[0] != 1 {
		return errHistogram
	}
	b = b[1:]
	bad := false
	next := func() uint64 {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			bad = true
			return 0
		}
		b = b[n:]
		return v
	}
	var read histogram
	read.zero = next()
	for _, s := range []*side{&read.positive, &read.negative} {
		type one struct {
			bucket int
			n      uint64
		}
		var all []one
		at := uint64(0)
		for full := next(); full > 0 && !bad; full-- {
			step, n := next(), next()
			at += step
			if bad || step > 1<<17 || at > 1<<17 {
				return errHistogram
			}
			all = append(all, one{int(at), n})
		}
		for i := len(all) - 1; i >= 0; i-- {
			s.add(all[i].bucket, all[i].n)
		}
	}
	if bad || len(b) > 0 {
		return errHistogram
	}
	h.merge(&read)
	return nil
}
