package sqlite

import (
	"path/filepath"

	"golang.org/x/sys/windows"
)

// placeOf looks at the drive under a path.
func placeOf(path string) place {
	root, err := windows.UTF16PtrFromString(filepath.VolumeName(path) + `\`)
	if err != nil {
		return place{free: -1}
	}
	var p place
	switch windows.GetDriveType(root) {
	case windows.DRIVE_REMOTE:
		p = place{kind: "network drive", network: true}
	case windows.DRIVE_RAMDISK:
		p = place{kind: "RAM disk", passing: true}
	}
	var free uint64
	p.free = -1
	if err := windows.GetDiskFreeSpaceEx(root, &free, nil, nil); err == nil {
		p.free = int64(min(free, 1<<62))
	}
	return p
}
