package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/telemetry"
	"github.com/offloadhq/offload/telemetry/prometheus"
)

// served is something that is being served.
type served struct {
	url    string
	failed chan error // gets what ended it before stop
	server *http.Server
	cancel context.CancelFunc
	done   chan struct{}
}

// serve listens at an address, and serves until stop what is made for it.
func (s *session) serve(what, address, path string, handler func(at net.Addr) (http.Handler, error)) (*served, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for %s: %w", what, err)
	}
	h, err := handler(listener.Addr())
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	ctx, cancel := context.WithCancel(context.Background())
	sv := &served{
		url: "http://" + listener.Addr().String() + path, failed: make(chan error, 1), cancel: cancel, done: make(chan struct{}),
		server: &http.Server{
			Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
			BaseContext: func(net.Listener) context.Context { return ctx },
			ErrorLog:    slog.NewLogLogger(s.log(slog.LevelWarn).Handler(), slog.LevelWarn),
		},
	}
	go func() {
		defer close(sv.done)
		if err := sv.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.log(slog.LevelError).Error(what+" has ended", "error", err)
			sv.failed <- fmt.Errorf("serve %s: %w", what, err)
		}
	}()
	return sv, nil
}

// stop ends it: live pages at once, what is being answered within two seconds.
func (sv *served) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	time.AfterFunc(time.Second, sv.cancel)
	err := sv.server.Shutdown(ctx)
	sv.cancel()
	if err != nil {
		err = sv.server.Close()
	}
	<-sv.done
	return err
}

// monitor serves what an orchestrator and Prometheus ask of an app.
func (s *session) monitor(app *offload.App, address string) (*served, error) {
	return s.serve("monitoring", address, "/", func(net.Addr) (http.Handler, error) {
		mux := http.NewServeMux()
		mux.Handle("GET /live", telemetry.Live(app))
		mux.Handle("GET /ready", telemetry.Ready(app))
		mux.Handle("GET /metrics", prometheus.Handler(app))
		return mux, nil
	})
}
