package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// An Opener connects to the store at an address of its scheme. It does not migrate.
type Opener func(ctx context.Context, address string) (Store, error)

// openers are the stores that the program has imported, by scheme.
var (
	openersMu sync.RWMutex // held for a look-up or an entry, never while opening
	openers   = map[string]Opener{}
)

// Register makes Open find a store by the scheme of its address. Packages of stores call it
// from init. A second registration of a scheme replaces the first.
func Register(scheme string, open Opener) {
	openersMu.Lock()
	defer openersMu.Unlock()
	openers[scheme] = open
}

// Open opens the store at an address: "postgres://…" or "postgresql://…", "sqlite:PATH", or a
// plain path, which means SQLite. The package of that store must be imported.
func Open(ctx context.Context, address string) (Store, error) {
	scheme := Scheme(address)
	if address == "" {
		return nil, fmt.Errorf("%w: address is empty; want a path such as \"offload.db\" or \"postgres://…\"", ErrRefused)
	}
	openersMu.RLock()
	open := openers[scheme]
	known := slices.Sorted(maps.Keys(openers))
	openersMu.RUnlock()
	if open == nil {
		return nil, fmt.Errorf("%w: no store for %q is imported; did you import %s? imported: %s",
			ErrRefused, scheme, packageOf(scheme), orNone(known))
	}
	s, err := open(ctx, address)
	if err != nil {
		return nil, err // and no typed nil, which would be no nil
	}
	return s, nil
}

// Scheme returns the scheme of an address: "sqlite" for a plain path, "postgres" for both
// spellings of PostgreSQL's.
func Scheme(address string) string {
	scheme, _, found := strings.Cut(address, ":")
	scheme = strings.ToLower(scheme)
	switch {
	case !found, len(scheme) < 2, strings.ContainsAny(scheme, `/\.`): // C:\offload.db is a path
		return "sqlite"
	case scheme == "postgresql":
		return "postgres"
	case scheme == "file":
		return "sqlite"
	}
	return scheme
}

func packageOf(scheme string) string {
	switch scheme {
	case "sqlite", "postgres", "memory":
		return `_ "github.com/offloadhq/offload/store/` + scheme + `"`
	}
	return "a package that registers it"
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
