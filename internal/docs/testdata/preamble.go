// Package fragment is what the code blocks of documents may use without declaring it.
package fragment

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/command"
	"github.com/offloadhq/offload/kit/httpcall"
	"github.com/offloadhq/offload/offloadtest"
	"github.com/offloadhq/offload/operate"
	"github.com/offloadhq/offload/store"
	"github.com/offloadhq/offload/store/memory"
	"github.com/offloadhq/offload/store/postgres"
	"github.com/offloadhq/offload/store/sqlite"
	"github.com/offloadhq/offload/store/storetest"
)

var app *offload.App

var ctx context.Context

var pool *pgxpool.Pool

var db *sql.DB

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
