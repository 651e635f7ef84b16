package sqlite

import "syscall"

// placeOf looks at the file system under a path.
func placeOf(path string) place {
	var st syscall.Statfs_t
	if err := syscall.Statfs(path, &st); err != nil {
		return place{free: -1}
	}
	var name []byte
	for _, c := range st.Fstypename {
		if c == 0 {
			break
		}
		name = append(name, byte(c))
	}
	p := kinds[string(name)]
	p.free = int64(st.Bavail) * int64(st.Bsize)
	return p
}

// kinds are the file systems of which something is to be said, by their names.
var kinds = map[string]place{
	"nfs":     {kind: "nfs", network: true},
	"smbfs":   {kind: "smb", network: true},
	"afpfs":   {kind: "afp", network: true},
	"webdav":  {kind: "webdav", network: true},
	"osxfuse": {kind: "fuse", network: true},
	"macfuse": {kind: "fuse", network: true},
	"tmpfs":   {kind: "tmpfs", passing: true},
}
