package postgres_test

import (
	osexec "os/exec"
	"path/filepath"
	"testing"

	"github.com/offloadhq/offload/internal/testpg"
	"github.com/offloadhq/offload/store"
)

// restored dumps a database, and returns the address of one on a server that was restored from
// the dump.
func restored(t *testing.T, database string, on *testpg.Server) string {
	t.Helper()
	bin := testpg.Binaries(t)
	file := filepath.Join(t.TempDir(), "dump")
	command(t, filepath.Join(bin, "pg_dump"), "--format=custom", "--file="+file, database)
	address := on.Database(t)
	command(t, filepath.Join(bin, "pg_restore"), "--no-owner", "--no-acl", "--dbname="+address, file)
	return address
}

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := osexec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", filepath.Base(name), err, out)
	}
}

func isAway(t *testing.T, s store.Store) bool {
	t.Helper()
	o, err := s.Origin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", o)
	return o.Away
}

// TestWhatIsACopy makes what people make of a database. Roles that may call
// pg_control_system and roles that may not come to the same.
func TestWhatIsACopy(t *testing.T) {
	server := testpg.Start(t)
	for _, may := range []bool{true, false} {
		name := map[bool]string{true: "may", false: "mayNot"}[may]
		t.Run(name, func(t *testing.T) {
			address := server.Database(t)
			if !may {
				exec(t, address, "revoke execute on function pg_control_system() from public; create role limited login; grant all on database "+database(t, address)+" to limited")
				address = testpg.WithUser(t, address, "limited", "")
			}
			original := open(t, address)
			migrate(t, original)
			if isAway(t, original) {
				t.Error("the original is away")
			}
			exec(t, address, "vacuum (full, freeze) offload.migration")
			if isAway(t, open(t, address)) {
				t.Error("it is away after its tables were written anew")
			}
			if !isAway(t, open(t, restored(t, address, server))) {
				t.Error("a dump that was restored on the same server is at home")
			}
			if !isAway(t, open(t, restored(t, address, testpg.Shared(t)))) {
				t.Error("a dump that was restored on another server is at home")
			}
		})
	}
}

func TestPromotedReplicaIsNoCopy(t *testing.T) {
	server := testpg.Start(t)
	address := server.Database(t)
	migrate(t, open(t, address))
	replica := server.Replica(t)
	replica.Promote(t)
	if isAway(t, open(t, testpg.WithHost(t, address, testpg.Host(t, replica.Address())))) {
		t.Error("a replica that was promoted is taken for a copy")
	}
}
