package demo

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/offloadhq/offload/examples/shop"
	"github.com/offloadhq/offload/examples/shop/before"
)

// benchPath is where the workbench is, and inlinePath where orders are taken as in package before.
const (
	benchPath  = "/bench/"
	inlinePath = benchPath + "order"
)

// How long what was broken stays so.
const (
	paymentDown    = 20 * time.Second
	databasePaused = 4 * time.Second
)

//go:embed workbench.html
var benchFiles embed.FS

var benchPage = template.Must(template.New("").Funcs(template.FuncMap{
	"ms":      milliseconds,
	"seconds": seconds,
	"times":   func(x float64) string { return fmt.Sprintf("%.1f ×", x) },
	"rate":    func(x float64) string { return fmt.Sprintf("%.1f", x) },
}).ParseFS(benchFiles, "workbench.html"))

// A workbench breaks what the shop needs, and measures it.
type workbench struct {
	*demo
	ctx   context.Context // of what it has begun
	begun sync.WaitGroup

	mu        sync.Mutex
	said      string // what the last button did
	measuring string // what is being measured; "" if nothing is
	measured  *comparison
}

func newWorkbench(ctx context.Context, d *demo) *workbench { return &workbench{demo: d, ctx: ctx} }

// wait waits for what it has begun: ctx has ended.
func (b *workbench) wait() { b.begun.Wait() }

// busy reports whether something is being measured.
func (b *workbench) busy() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.measuring != ""
}

func (b *workbench) handler() http.Handler {
	inline := &before.Shop{
		DB: b.shop.DB, Dir: b.Dir, SMTP: b.mails.Addr, Payment: b.payment.Address,
		Supplier: b.supplier.Address, Secret: string(b.secret), Check: b.shop.Check, Trail: b.shop.Trail,
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+benchPath+"{$}", b.show)
	mux.HandleFunc("POST "+benchPath+"payment", b.button(b.breakPayment))
	mux.HandleFunc("POST "+benchPath+"worker", b.button(b.killWorker))
	mux.HandleFunc("POST "+benchPath+"database", b.button(b.pauseDatabase))
	mux.HandleFunc("POST "+benchPath+"measure", b.button(b.startMeasure))
	mux.HandleFunc("POST "+inlinePath, inline.PlaceOrder)
	return http.NewCrossOriginProtection().Handler(shop.Guarded(mux))
}

func (b *workbench) show(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	page := map[string]any{
		"Said": b.said, "Measuring": b.measuring, "Measured": b.measured, "Worker": b.worker != nil, "Down": paymentDown, "Paused": databasePaused,
	}
	b.mu.Unlock()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := benchPage.ExecuteTemplate(w, "workbench.html", page); err != nil {
		b.shop.Log.WarnContext(r.Context(), "show workbench", "error", err)
	}
}

// button answers a click: it does something, and says what.
func (b *workbench) button(do func() (said string, err error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		said, err := do()
		if err != nil {
			said = err.Error()
		}
		b.say(said)
		http.Redirect(w, r, benchPath, http.StatusSeeOther)
	}
}

func (b *workbench) say(said string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.said = time.Now().Format(time.TimeOnly) + "  " + said
}

func (b *workbench) breakPayment() (string, error) {
	b.payment.Fail(paymentDown)
	return fmt.Sprintf("The payment service fails each call for %s. Orders are taken as before; their payments are retrying.", seconds(paymentDown)), nil
}

func (b *workbench) killWorker() (string, error) {
	if b.worker == nil {
		return "Jobs are worked in this very process: killing it would end the pages too.", nil
	}
	if err := b.worker.kill(); err != nil {
		return "", err
	}
	return fmt.Sprintf("The worker was killed. Another starts in %s, and goes on with what it has left.", seconds(restartAfter)), nil
}

// pauseDatabase lets nobody else write for a while.
func (b *workbench) pauseDatabase() (string, error) {
	tx, err := b.shop.DB.BeginTx(b.ctx, nil) // on SQLite it is the one that writes from here on
	if err != nil {
		return "", err
	}
	if strings.HasPrefix(b.shop.Database, "postgres") {
		if _, err := tx.ExecContext(b.ctx, `LOCK TABLE orders, products, earnings IN ACCESS EXCLUSIVE MODE`); err != nil {
			return "", errors.Join(err, tx.Rollback())
		}
	}
	b.begun.Go(func() {
		select {
		case <-b.ctx.Done():
		case <-time.After(databasePaused):
		}
		_ = tx.Rollback() // there is nothing in it
	})
	return fmt.Sprintf("The database takes nothing for %s. Whoever orders now waits, and so do the workers.", seconds(databasePaused)), nil
}

func (b *workbench) startMeasure() (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.measuring != "" {
		return "It is being measured already.", nil
	}
	b.measuring = "begins"
	b.begun.Go(func() {
		measured, err := compare(b.ctx, b.demo, b.step)
		if err != nil && b.ctx.Err() == nil {
			b.say("The measurement failed: " + err.Error())
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		b.measuring = ""
		if err == nil {
			b.measured = measured
		}
	})
	return "Measuring, which takes half a minute. No other orders come in meanwhile.", nil
}

func (b *workbench) step(what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.measuring = what
}
