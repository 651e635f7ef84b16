package offload_test

import (
	"bytes"
	"context"
	"fmt"
	"log"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/offloadtest"
)

// What a task's jobs say is encrypted in the database. Secret fields are seen by handlers only.
func ExampleEncrypt() {
	type login struct {
		User     string `json:"user"`
		Password string `json:"password" offload:"secret"`
	}
	imports := offload.NewTask("import", func(ctx context.Context, l login) error {
		fmt.Println("handler:", l.User, l.Password)
		return nil
	}, offload.Encrypt())

	key := bytes.Repeat([]byte("k"), 32) // from the environment, and random
	app := offloadtest.New(imports, offload.Keys{Current: "2026-11", ByID: map[string][]byte{"2026-11": key}})
	defer app.Close()

	job, err := imports.Enqueue(context.Background(), app, login{"ada", "difference"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("others:", string(job.Input))
	app.Drain()
	// Output:
	// others: {"user":"ada","password":"•••"}
	// handler: ada difference
}
