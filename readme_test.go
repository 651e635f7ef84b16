package offload_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/offloadhq/offload"
	_ "github.com/offloadhq/offload/store/sqlite"
)

// readmeProgram builds the Go program that stands below a heading of the README.
func readmeProgram(t *testing.T, heading string) string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := bytes.Cut(text, []byte("\n## "+heading+"\n"))
	if !found {
		t.Fatalf("README.md has no heading %q", heading)
	}
	_, block, _ := bytes.Cut(section, []byte("```go\n"))
	program, _, _ := bytes.Cut(block, []byte("```\n"))
	dir := t.TempDir()
	source, binary := filepath.Join(dir, "main.go"), filepath.Join(dir, "program")
	if err := os.WriteFile(source, program, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, source).CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return binary
}

// The README promises: SIGTERM during a request that enqueues is answered and the job stored,
// and a taken port exits 1.
func TestReadmeProgramStopsRight(t *testing.T) {
	binary := readmeProgram(t, "Stop right")
	db, addr := filepath.Join(t.TempDir(), "app.db"), freeAddr(t)
	var log bytes.Buffer
	server := exec.CommandContext(t.Context(), binary)
	server.Env = append(os.Environ(), "DB="+db, "ADDR="+addr)
	server.Stdout, server.Stderr = &log, &log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	conn := dial(t, addr, server)
	defer conn.Close()

	second := exec.CommandContext(t.Context(), binary)
	second.Env = append(os.Environ(), "DB="+filepath.Join(t.TempDir(), "other.db"), "ADDR="+addr)
	var exit *exec.ExitError
	if err := second.Run(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("a second program on the same port: %v; want exit status 1", err)
	}

	// The server asks for the body when its handler reads it: then the request is under way.
	body := "photo=7.jpg"
	fmt.Fprintf(conn, "POST /photos HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"+
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n", len(body))
	answers := bufio.NewReader(conn)
	if resp, err := http.ReadResponse(answers, nil); err != nil || resp.StatusCode != http.StatusContinue {
		t.Fatalf("before the body: %v, %v\n%s", resp, err, log.String())
	}
	if err := server.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, body)
	resp, err := http.ReadResponse(answers, nil)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("answer after SIGTERM: %v, %v\n%s", resp, err, log.String())
	}
	line, err := bufio.NewReader(resp.Body).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Wait(); err != nil {
		t.Errorf("the program ended with %v\n%s", err, log.String())
	}
	wantStored(t, db, strings.TrimSpace(line))
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
		t.Fatal(err)
	}
	if job, err := app.Job(t.Context(), parsed); err != nil || job.State != offload.Completed && job.State != offload.Available {
		t.Errorf("the job that was answered with: %+v, %v", job, err)
	}
}

// freeAddr returns a loopback address that was free a moment ago.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// dial connects as soon as the program listens.
func dial(t *testing.T, addr string, program *exec.Cmd) net.Conn {
	t.Helper()
	for {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			return conn
		}
		if t.Context().Err() != nil || program.Process.Signal(syscall.Signal(0)) != nil {
			t.Fatalf("the program does not listen: %v", err)
		}
	}
}
