package sqlite

import "golang.org/x/sys/windows"

// birthsAreCopied says whether tools that copy a file can copy when it was born.
const birthsAreCopied = true

func birthOn(path string) birth {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return birth{}
	}
	const nothing, everybody = 0, windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE
	file, err := windows.CreateFile(name, nothing, everybody, nil, windows.OPEN_EXISTING, 0, 0)
	if err != nil {
		return birth{}
	}
	defer func() { _ = windows.CloseHandle(file) }() // it was only looked at
	var info windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(file, &info); err != nil {
		return birth{}
	}
	return birth{At: info.CreationTime.Nanoseconds(), Number: uint64(info.FileIndexHigh)<<32 | uint64(info.FileIndexLow)}
}
