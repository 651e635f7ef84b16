// Package fragment is what the code blocks of documents may use without declaring it.
package fragment

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/dashboard"
	"github.com/offloadhq/offload/kit/alert"
	"github.com/offloadhq/offload/kit/audit"
	"github.com/offloadhq/offload/kit/blob"
	"github.com/offloadhq/offload/kit/blob/s3"
	"github.com/offloadhq/offload/kit/command"
	"github.com/offloadhq/offload/kit/derive"
	"github.com/offloadhq/offload/kit/export"
	"github.com/offloadhq/offload/kit/file"
	"github.com/offloadhq/offload/kit/httpcall"
	"github.com/offloadhq/offload/kit/image"
	"github.com/offloadhq/offload/kit/image/webp"
	"github.com/offloadhq/offload/kit/logship"
	"github.com/offloadhq/offload/kit/mail"
	"github.com/offloadhq/offload/kit/notify"
	"github.com/offloadhq/offload/kit/push"
	"github.com/offloadhq/offload/kit/push/apns"
	"github.com/offloadhq/offload/kit/push/fcm"
	"github.com/offloadhq/offload/kit/push/webpush"
	"github.com/offloadhq/offload/kit/sms"
	"github.com/offloadhq/offload/kit/sms/twilio"
	"github.com/offloadhq/offload/kit/stats"
	"github.com/offloadhq/offload/kit/status"
	"github.com/offloadhq/offload/kit/table"
	"github.com/offloadhq/offload/kit/table/parquet"
	"github.com/offloadhq/offload/kit/table/xlsx"
	"github.com/offloadhq/offload/kit/webhook"
	"github.com/offloadhq/offload/offloadtest"
	"github.com/offloadhq/offload/operate"
	"github.com/offloadhq/offload/store"
	"github.com/offloadhq/offload/store/memory"
	"github.com/offloadhq/offload/store/postgres"
	"github.com/offloadhq/offload/store/sqlite"
	"github.com/offloadhq/offload/store/storetest"
	"github.com/offloadhq/offload/telemetry"
	"github.com/offloadhq/offload/telemetry/prometheus"
	"github.com/offloadhq/offload/vet"
	"golang.org/x/tools/go/analysis/multichecker"
)

var app *offload.App

var ctx context.Context

var pool *pgxpool.Pool

var db *sql.DB

var trail *audit.Log

var events *derive.Events

func lookUp(ctx context.Context, customer int64) (string, error) { return "", nil }

var t *testing.T

var id offload.ID

var tx *sql.Tx // or a pgx.Tx

type Photo struct{ Path string }

type Order struct {
	ID     int64
	Tenant string
	Email  string
}

func thumbnail(ctx context.Context, p Photo) error { return nil }

func confirm(ctx context.Context, o Order) error { return nil }

var Thumbnail = offload.NewTask("thumbnail", thumbnail)

var Confirm = offload.NewTask("confirm", confirm)

func check(err error) {}

type Account struct {
	ID string `json:"account"`
}

func syncAccount(ctx context.Context, a Account) error { return nil }

var Sync = offload.NewTask("sync", syncAccount, offload.Unique{By: "account"})

func indexDocument(ctx context.Context, document int64) error { return nil }

type Page struct {
	Page string `json:"page"`
}

func publishPage(ctx context.Context, p Page) error { return nil }

type Lead struct {
	ID     string `json:"id"`
	Tenant string `json:"tenant"`
}

func pushLead(ctx context.Context, l Lead) error { return nil }

func pull(ctx context.Context, l Lead) error { return nil }

func lookup(ctx context.Context, l Lead) error { return nil }

var api = offload.Limit{Name: "crm-api", Max: 100, Per: time.Minute, Burst: 10, By: "tenant"}

type Video struct {
	Customer string `json:"customer"`
}

func convert(ctx context.Context, v Video) error { return nil }

type Days struct{ Days int }

func cleanUp(ctx context.Context, d Days) error { return nil }

var Cleanup = offload.NewTask("cleanup", cleanUp)

func report(ctx context.Context, which string) error { return nil }

var Report = offload.NewTask("report", report)

var customer, cron, zone string

type Document struct{ ID int64 }

func indexAll(ctx context.Context, db *sql.DB, documents []Document) error { return nil }

type Code struct{ To, Code string }

func sendCode(ctx context.Context, c Code) error { return nil }

var job *offload.Job

type Row struct{ ID int }

func insert(ctx context.Context, row Row) error { return nil }

func fetch(ctx context.Context, site string, page int) error { return nil }

func remindOne(ctx context.Context, id int) error { return nil }

type Card struct{ Number string }

func chargeCard(ctx context.Context, c Card) error { return nil }

func pay(ctx context.Context, o Order) (string, error) { return "", nil }

func book(ctx context.Context, o Order, charge string) error { return nil }

type File struct{ Rows []Row }

var upload File

func load(ctx context.Context, p Page) (*Page, error) { return nil, nil }

var Fetch = offload.NewTask("fetch", func(ctx context.Context, f File) error { return nil })

var Parse = offload.NewFunc("parse", func(ctx context.Context, region string) (int, error) { return 0, nil })

var Merge = offload.NewTask("merge", report)

var Import = offload.NewTask("import", insert)

var Crawl = offload.Declare[Page]("crawl")

var album []Photo

// hooks are those of webhooks.md.
var hooks = webhook.New()

var p8, account []byte

// Stats are those of stats.md.
var (
	Stats    = stats.New()
	Orders   = Stats.Counter("orders", "shop")
	Checkout = Stats.Observer("checkout_seconds")
	Buyers   = Stats.Unique("buyers")
)

var kept *stats.Kept

var ship *logship.Shipper
