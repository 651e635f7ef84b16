package store

import "time"

// A Document is something small that a program or a person keeps, by kind and key.
type Document struct {
	Kind, Key string
	Version   int64 // another one with each write; what is written after a delete has a new one too
	Value     []byte
	At        time.Time // when it was written; set by the store
	Expires   time.Time // zero: never
}

// Versions that PutDocument and DeleteDocument may want, beside that of a document that was read.
const (
	AnyVersion int64 = -1 // whatever is there
	NoVersion  int64 = 0  // nothing is there
)

// LostKind is the kind of the documents that Reap keeps of processes that it has declared lost, for LostKept: the key is the
// process's id, the value a LostProcess.
const (
	LostKind = "offload.lost"
	LostKept = 25 * time.Hour
)

// A LostProcess is a process that ended without leaving, or did not beat for too long, as JSON has it.
type LostProcess struct {
	Name string `json:"name"`
	Host string `json:"host"`
	PID  int    `json:"pid"`
}

// String returns the process as people know it.
func (p LostProcess) String() string { return processName(p.Name, p.Host, p.PID) }

// MaxDocument is how many bytes the value of a document may have.
const MaxDocument = 1 << 20
