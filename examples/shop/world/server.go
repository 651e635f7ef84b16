package world

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// A server serves something on a port of this machine that is free.
type server struct {
	address string // "http://127.0.0.1:…"
	server  *http.Server
	serving sync.WaitGroup
}

func serve(h http.Handler) (*server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &server{address: "http://" + listener.Addr().String(), server: &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}}
	s.serving.Go(func() { _ = s.server.Serve(listener) }) // ends with Shutdown
	return s, nil
}

func (s *server) stop() error {
	err := Shutdown(s.server)
	s.serving.Wait()
	return err
}

// Shutdown lets requests under way end, for 2 s. Connections that were opened for a request
// that may never come, as browsers do, are not worth a longer wait.
func Shutdown(s *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	err := s.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return s.Close()
	}
	return err
}
