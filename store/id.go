package store

import (
	"bytes"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// An ID names a job, a process or an act. It is a UUIDv7: ids made later sort after ids made
// earlier, within a process strictly. The zero ID names nothing.
type ID [16]byte

// NewID makes an id of now.
func NewID() ID { return ID(uuid.Must(uuid.NewV7())) }

// IDAt returns the smallest id that can be made at t, to select ids by time.
func IDAt(t time.Time) ID {
	ms := max(t.UnixMilli(), 0)
	return ID{
		byte(ms >> 40), byte(ms >> 32), byte(ms >> 24), byte(ms >> 16), byte(ms >> 8), byte(ms),
		0x70, 0, 0x80,
	}
}

// ParseID reads what String writes: 36 characters in five groups.
func ParseID(s string) (ID, error) {
	if len(s) != 36 {
		return ID{}, fmt.Errorf("offload: id %.50q: want 36 characters like 0192f4c1-8a34-7c61-9d0e-3f5a7b1c2d4e", s)
	}
	id, err := uuid.Parse(s)
	if err != nil {
		return ID{}, fmt.Errorf("offload: id %q: %w", s, err)
	}
	return ID(id), nil
}

// String returns the id in the usual form of a UUID.
func (id ID) String() string { return uuid.UUID(id).String() }

// IsZero reports whether id names nothing.
func (id ID) IsZero() bool { return id == ID{} }

// Time returns when the id was made, by the clock of the program that made it, to the
// millisecond. It means nothing for an id that is not a UUIDv7.
func (id ID) Time() time.Time {
	ms := int64(id[0])<<40 | int64(id[1])<<32 | int64(id[2])<<24 |
		int64(id[3])<<16 | int64(id[4])<<8 | int64(id[5])
	return time.UnixMilli(ms)
}

// Compare orders ids by the time they were made, then by their bytes.
func (id ID) Compare(other ID) int { return bytes.Compare(id[:], other[:]) }

// MarshalText writes the id for JSON and the like.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (id *ID) UnmarshalText(text []byte) error {
	parsed, err := ParseID(string(text))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}
