package sqlite

import "golang.org/x/sys/unix"

// birthsAreCopied says whether tools that copy a file can copy when it was born.
const birthsAreCopied = false

func birthOn(path string) birth {
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, path, unix.AT_STATX_SYNC_AS_STAT, unix.STATX_BTIME|unix.STATX_INO, &st); err != nil {
		return birth{}
	}
	b := birth{Number: st.Ino}
	if st.Mask&unix.STATX_BTIME != 0 {
		b.At = st.Btime.Sec*1e9 + int64(st.Btime.Nsec)
	}
	return b
}
