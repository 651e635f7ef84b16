//go:build unix && !solaris && !illumos && !aix

package demo

import "syscall"

// lowerPriority lets pages go before jobs where both want the same processor. That it can't be
// is no reason to stop.
func lowerPriority(pid int) { _ = syscall.Setpriority(syscall.PRIO_PROCESS, pid, 10) }
