package alert_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/testpg"
	"github.com/offloadhq/offload/kit/alert"
	"github.com/offloadhq/offload/operate"
)

// child is a process without the kit, which is killed, or told to end by the end of its input.
func child(address string) {
	app, err := offload.Open(context.Background(), address, offload.LogTo(slog.New(slog.DiscardHandler)))
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
		cancel()
	}()
	fmt.Println(app.Run(ctx))
}

// A process that is killed is told of; one that ends as it should is not.
func TestLostProcess(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a process's lease to be told lost on PostgreSQL")
	}
	for name, open := range map[string]func(t *testing.T) string{
		"sqlite":   func(t *testing.T) string { return filepath.Join(t.TempDir(), "offload.db") },
		"postgres": func(t *testing.T) string { return testpg.URL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			address := open(t)
			came := make(chan alert.Notice, 10)
			kit := newKit(t, alert.Every(time.Second), alert.Func("me", func(_ context.Context, n alert.Notice) error {
				came <- n
				return nil
			}), alert.Rule{Name: "lost", When: alert.Lost, Within: time.Minute, To: []string{"me"}})
			app, err := offload.Open(t.Context(), address, kit, offload.LogTo(slog.New(slog.DiscardHandler)))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			var running sync.WaitGroup
			running.Go(func() {
				if err := app.Run(ctx); err != nil {
					t.Error(err)
				}
			})
			defer func() {
				cancel()
				running.Wait()
				app.Close()
			}()
			begin := func() (cmd *exec.Cmd, end func()) {
				exe, err := os.Executable()
				if err != nil {
					t.Fatal(err)
				}
				cmd = exec.CommandContext(t.Context(), exe)
				cmd.Env = append(os.Environ(), "ALERT_CHILD="+address)
				in, err := cmd.StdinPipe()
				if err != nil {
					t.Fatal(err)
				}
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				for !works(t, app, cmd.Process.Pid) {
					<-time.After(20 * time.Millisecond)
				}
				return cmd, func() { in.Close(); _ = cmd.Wait() }
			}
			killed, _ := begin()
			_, end := begin()
			end()
			if err := killed.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = killed.Wait()
			n := <-came
			if n.Title != "A process was lost" || !strings.Contains(n.Text, fmt.Sprintf("process %d of ", killed.Process.Pid)) || strings.Count(n.Text, "process ") != 1 {
				t.Errorf("%+v; want process %d lost, and no other", n, killed.Process.Pid)
			}
		})
	}
}

func works(t *testing.T, app *offload.App, pid int) bool {
	t.Helper()
	all, err := operate.As(app, "test").Processes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if p.PID == pid {
			return true
		}
	}
	return false
}
