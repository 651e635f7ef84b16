package testpg

import "syscall"

// Where the system keeps files in memory, and how much room there must be.
const (
	memory     = "/dev/shm"
	memoryRoom = 4 << 30
)

// inMemory is a directory whose files are in memory, if there is room, and else that for temporary
// files. The server that tests share loses nothing by it: it is killed, but the machine is not; and
// laws make a schema each, which on a disk takes most of their time.
func inMemory() string {
	const tmpfs = 0x01021994
	var is syscall.Statfs_t
	if err := syscall.Statfs(memory, &is); err != nil || is.Type != tmpfs || uint64(is.Bsize)*is.Bavail < memoryRoom {
		return ""
	}
	return memory
}
