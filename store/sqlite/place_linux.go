package sqlite

import "syscall"

// placeOf looks at the file system under a path.
func placeOf(path string) place {
	var st syscall.Statfs_t
	if err := syscall.Statfs(path, &st); err != nil {
		return place{free: -1}
	}
	p := kinds[uint32(st.Type)]
	p.free = int64(st.Bavail) * int64(st.Bsize)
	return p
}

// kinds are the file systems of which something is to be said, by their magic numbers.
var kinds = map[uint32]place{
	0x00006969: {kind: "nfs", network: true},
	0x0000517B: {kind: "smb", network: true},
	0xFF534D42: {kind: "cifs", network: true},
	0xFE534D42: {kind: "smb2", network: true},
	0x65735546: {kind: "fuse or virtiofs", network: true},
	0x01021997: {kind: "9p", network: true},
	0x00C36400: {kind: "ceph", network: true},
	0x0BD00BD0: {kind: "lustre", network: true},
	0x5346414F: {kind: "afs", network: true},
	0x6B414653: {kind: "afs", network: true},
	0x73757245: {kind: "coda", network: true},
	0x786F4256: {kind: "vboxsf", network: true},
	0x47504653: {kind: "gpfs", network: true},
	0x01021994: {kind: "tmpfs", passing: true},
	0x858458F6: {kind: "ramfs", passing: true},
	0x794C7630: {kind: "overlayfs", passing: true},
	0x61756673: {kind: "aufs", passing: true},
}
