// Package storetest is the suite of laws that every store passes. A test of a store calls
//
//	storetest.Run(t, func(t *testing.T) storetest.Subject {
//		s := … // an empty, migrated store, closed by t.Cleanup
//		return storetest.Subject{Store: s}
//	})
//
// and sees what is missing: a law that is broken prints its sentence. Laws speak of jobs, not
// of databases; they never wait for time to pass. Those that need more of a store than package
// store promises (a second process, a clock that can be moved, a transaction of the caller's,
// a broken line) say what they need, and are skipped where the Subject does not offer it.
//
// Beside the laws, random histories are compared with store/memory, and checked when many
// processes make them at once. A failing one prints its seed: run it again with
// -storetest.seed.
package storetest
