//go:build unix

package docs

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/internal/testpg"
	_ "github.com/offloadhq/offload/store/sqlite"
)

// program builds the whole program of README.md that contains a text.
func program(t *testing.T, contains string) string {
	t.Helper()
	blocks, _ := Blocks("README.md", documents(t)["README.md"])
	for _, b := range blocks {
		if b.Lang != "go" || !isFile(b.Text) || !strings.Contains(b.Text, contains) {
			continue
		}
		dir, packages := userModule(t, []Source{whole(b, b.Text)})
		binary := filepath.Join(t.TempDir(), "program")
		if out, err := goCommand(dir, "build", "-o", binary, packages[0]); err != nil {
			t.Fatalf("go build: %v\n%s", err, out)
		}
		return binary
	}
	t.Fatalf("README.md has no program that contains %s", contains)
	return ""
}

func TestQuickStartSaysHelloOnceAndStopsOnInterrupt(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), program(t, `"hello.db"`))
	cmd.Dir = t.TempDir()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewReader(stdout)
	first, err := said.ReadString('\n')
	if err != nil || first != "hello, Ada\n" {
		t.Errorf("it said %q, %v, want hello, Ada", first, err)
	}
	interrupt(t, cmd, os.Interrupt)
	rest, err := io.ReadAll(said)
	if err != nil || len(rest) > 0 {
		t.Errorf("it said %q too, %v", rest, err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after the interrupt: %v\n%s", err, stderr.String())
	}
}

func interrupt(t *testing.T, cmd *exec.Cmd, with os.Signal) {
	t.Helper()
	if err := cmd.Process.Signal(with); err != nil {
		t.Errorf("%v: %v", with, err)
	}
}

// web returns the program of README.md that stops right, to listen at an address.
func web(t *testing.T, addr, db string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program(t, `os.Getenv("ADDR")`))
	cmd.Env = append(os.Environ(), "ADDR="+addr, "DB="+db)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	return cmd, &stderr
}

func TestPortThatIsTakenIsAnErrorAtOnce(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	cmd, stderr := web(t, taken.Addr().String(), filepath.Join(t.TempDir(), "app.db"))
	err = cmd.Run()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("it ended with %v, want exit code 1", err)
	}
	if !strings.Contains(stderr.String(), "address already in use") {
		t.Errorf("it said %q", stderr.String())
	}
}

// A request that has begun when the program is told to stop is answered, and the job that
// it enqueues is stored.
func TestRequestUnderWayAtTheStopIsAnswered(t *testing.T) {
	addr, db := testpg.FreeAddr(t), filepath.Join(t.TempDir(), "app.db")
	cmd, stderr := web(t, addr, db)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	conn := dial(t, addr)
	defer conn.Close()
	answers := beginRequest(t, conn, "photo=7.jpg")

	interrupt(t, cmd, syscall.SIGTERM)
	untilClosed(t, addr)
	if _, err := io.WriteString(conn, "photo=7.jpg"); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Errorf("%s %s, %v", answer.Status, body, err)
	}
	conn.Close()
	if err := cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v\n%s", err, stderr.String())
	}
	wantStored(t, db, strings.TrimSpace(string(body)))
}

// beginRequest sends the head of a request, and returns when its handler has begun to read
// the body.
func beginRequest(t *testing.T, conn net.Conn, body string) *bufio.Reader {
	t.Helper()
	_, err := fmt.Fprintf(conn, "POST /photos HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"+
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n", len(body))
	if err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewReader(conn)
	line, err := answers.ReadString('\n')
	if err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("the server said %q, %v, want 100 Continue", line, err)
	}
	if _, err := answers.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	return answers
}

// dial connects to an address as soon as somebody listens there.
func dial(t *testing.T, addr string) (conn net.Conn) {
	t.Helper()
	until(t, "somebody listens at "+addr, func() (ok bool) {
		var err error
		conn, err = net.Dial("tcp", addr)
		return err == nil
	})
	return conn
}

// untilClosed returns when nobody listens at an address any more.
func untilClosed(t *testing.T, addr string) {
	t.Helper()
	until(t, "nobody listens at "+addr, func() bool {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
}

// until waits for something to become so. The minute is no measure of speed: it ends a test
// of a program that has died.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	for !is() {
		select {
		case <-deadline:
			t.Fatalf("it has not become so that %s", what)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func wantStored(t *testing.T, db, id string) {
	t.Helper()
	app, err := offload.Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	defer app.Close()
	parsed, err := offload.ParseID(id)
	if err != nil {
		t.Fatalf("the answer is no id: %v", err)
	}
	if _, err := app.Job(t.Context(), parsed); err != nil {
		t.Errorf("the job that was answered is not stored: %v", err)
	}
}
