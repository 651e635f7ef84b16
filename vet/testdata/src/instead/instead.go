// Package instead has work of each kind, of which the line that enqueues it is made.
package instead

import (
	"archive/zip"
	"compress/gzip"
	"context"
	"database/sql"
	"net/http"
	"net/smtp"
	"os"
	"os/exec"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/offloadhq/offload"
)

type held struct{ app *offload.App }

type handlers struct{ held }

var Rows = offload.NewTask("rows", func(context.Context, []string) error { return nil })

func (h *handlers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.work(r.Context(), r.FormValue("to"), "in", "out", nil, r.Form["id"])
}

func (h *handlers) work(ctx context.Context, to, in, out string, tx *sql.Tx, ids []string) {
	smtp.SendMail("mail.example:25", nil, "shop@example.com", []string{to, "boss@example.com"}, nil)
	cmd := exec.CommandContext(ctx, "convert", in, out)
	cmd.Dir = "/"
	cmd.Run()
	names := ids
	exec.Command("tar", names...).Output()
	time.Sleep(3 * time.Second)
	for _, id := range ids {
		tx.ExecContext(ctx, `INSERT INTO audit (id) VALUES (?)`, id)
	}
	Rows.Enqueue(ctx, h.app, ids)
	h.unpack(ctx)
	h.decompress(ctx)
}

func (h *handlers) unpack(ctx context.Context) { zip.OpenReader("a.zip") }

func (h *handlers) decompress(ctx context.Context) { gzip.NewReader(os.Stdin) }

func later() { println() }

func gins(c *gin.Context) {
	url := "https://example.com"
	http.Get(url)
	req, _ := http.NewRequestWithContext(c.Request.Context(), http.MethodPut, "https://crm.example", c.Request.Body)
	http.DefaultClient.Do(req)
	go later()
	go func() {
		smtp.SendMail("mail.example:25", nil, "", nil, nil)
	}()
}
