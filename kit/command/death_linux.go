package command

import "syscall"

// dieWithWorker has the kernel kill the command when the thread that started it ends, which
// is when the worker does: even if the guard is gone or there is none.
func dieWithWorker(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }
