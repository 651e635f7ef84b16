// Package memory is a store in memory: the model of the contract in package store, the
// shortest code that is right. The suite in store/storetest compares other stores with it,
// and offloadtest runs tests on it. What it keeps ends with the program.
//
// Its one idea: a job is one value that lies in exactly one place, and [Store.take] and
// [Store.put] are the only ways to move it. One mutex is held for the whole of each method.
//
// Its clock is the real one, which inside testing/synctest is that of the bubble, or with [At]
// one that stands still; [Store.Advance] moves either.
//
// The address "memory:" opens an empty store of its own each time.
package memory
