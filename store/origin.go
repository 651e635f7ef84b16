package store

import "context"

// An Origin says where a store was made, and where it is.
type Origin struct {
	Made string // as people know it: "/var/lib/shop/offload.db on web1"; "" if that was not kept
	Here string
	Away bool // it is a copy: restored from a backup, or copied, and not adopted since; or part of Move
	Move *Move
}

// Origins keeps a store from doing its work twice.
//
// A store knows the file or the server that it was made on. A copy that comes to lie elsewhere,
// be it a backup that was restored, or the data of production for a test, is away: it takes
// jobs and answers questions, but nothing of it runs, until a person says that it shall. Claim,
// ClaimParked and Tick then find nothing, Start stores its job as due, and Look shows nothing to
// do but that. A move of the file within its file system, a restart, a container that comes
// back to its volume, a failover to a replica: none of them makes a copy.
//
// A copy of the disk itself, below the file system, can't be told from the original.
type Origins interface {
	// Origin returns where the store was made and is.
	Origin(ctx context.Context) (Origin, error)

	// Adopt makes the store at home where it is. Processes that are there see it at their next
	// look. On a store at home it changes nothing.
	Adopt(ctx context.Context) error
}
