package offload_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/inside"
	"github.com/offloadhq/offload/store"
)

func TestMain(m *testing.M) {
	if address := os.Getenv(workerVariable); address != "" {
		os.Exit(workAlone(address))
	}
	if point := os.Getenv(crashVariable); point != "" {
		os.Exit(crashAlone(os.Getenv(crashStoreVariable), point))
	}
	goleak.VerifyTestMain(m)
}

// storeOf returns the store of an app.
func storeOf(t *testing.T, app *offload.App) store.Store {
	t.Helper()
	s, err := inside.Store(app)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
