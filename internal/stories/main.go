// Stories shows the dashboard with made-up jobs, to look at while one works on it.
//
//	go run ./internal/stories -listen 127.0.0.1:8090 -role viewer
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/offloadhq/offload/dashboard"
	"github.com/offloadhq/offload/internal/madeup"
	_ "github.com/offloadhq/offload/store/postgres"
	_ "github.com/offloadhq/offload/store/sqlite"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8090", "`address`")
	role := flag.String("role", string(dashboard.Admin), "of whoever looks")
	db := flag.String("db", "memory:", "`address` of an empty database")
	hour := flag.Bool("hour", false, "a shop with an hour behind it, in memory, in place of one of each kind of thing")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := serve(ctx, *listen, *db, *hour, dashboard.Role(*role)); err != nil {
		fmt.Fprintln(os.Stderr, "stories:", err)
		os.Exit(1)
	}
}

func serve(ctx context.Context, listen, db string, hour bool, role dashboard.Role) error {
	var shop *madeup.Shop
	var err error
	if hour {
		shop, err = madeup.Hour(ctx)
	} else {
		shop, err = madeup.Open(ctx, db)
	}
	if err != nil {
		return err
	}
	auth := dashboard.Auth(func(*http.Request) (string, dashboard.Role) { return "ada", role })
	server := &http.Server{Addr: listen, Handler: dashboard.New(shop.App, auth, dashboard.Title("shop"))}
	context.AfterFunc(ctx, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = server.Shutdown(ctx)
	})
	fmt.Println("http://" + listen)
	err = server.ListenAndServe()
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return errors.Join(err, shop.Close())
}
