package webhook_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/webhook"
)

func TestRefusedEndpoints(t *testing.T) {
	_, h := newApp(t, webhook.New())
	good := "https://example.com/hook"
	for name, test := range map[string]struct {
		e     webhook.Endpoint
		field string
	}{
		"no URL":            {webhook.Endpoint{}, "url"},
		"not HTTP":          {webhook.Endpoint{URL: "ftp://example.com/"}, "url"},
		"no host":           {webhook.Endpoint{URL: "https:///x"}, "url"},
		"a user":            {webhook.Endpoint{URL: "https://u:hidden@example.com/"}, "url"},
		"a port":            {webhook.Endpoint{URL: "https://example.com:8443/"}, "url"},
		"no port":           {webhook.Endpoint{URL: "https://example.com:99999/"}, "url"},
		"this machine":      {webhook.Endpoint{URL: "http://127.0.0.1/"}, "url"},
		"by name":           {webhook.Endpoint{URL: "http://LocalHost./"}, "url"},
		"mapped":            {webhook.Endpoint{URL: "http://[::ffff:127.0.0.1]/"}, "url"},
		"v6":                {webhook.Endpoint{URL: "http://[::1]/"}, "url"},
		"metadata":          {webhook.Endpoint{URL: "http://169.254.169.254/latest"}, "url"},
		"private":           {webhook.Endpoint{URL: "http://10.1.2.3/"}, "url"},
		"NAT64":             {webhook.Endpoint{URL: "http://[64:ff9b::7f00:1]/"}, "url"},
		"6to4":              {webhook.Endpoint{URL: "http://[2002:7f00:1::]/"}, "url"},
		"carrier":           {webhook.Endpoint{URL: "http://100.64.0.1/"}, "url"},
		"a line end":        {webhook.Endpoint{URL: "https://example.com/\r\nX: y"}, "url"},
		"a short secret":    {webhook.Endpoint{URL: good, Keys: []webhook.Key{{Secret: "whsec_aGlkZGVu"}}}, "keys[0].secret"},
		"an empty secret":   {webhook.Endpoint{URL: good, Keys: []webhook.Key{{}}}, "keys[0].secret"},
		"a public key":      {webhook.Endpoint{URL: good, Keys: []webhook.Key{{Secret: webhook.Secret(webhook.NewPrivateKey().Public())}}}, "keys[0].secret"},
		"an owner":          {webhook.Endpoint{URL: good, Owner: "a/b"}, "owner"},
		"a type":            {webhook.Endpoint{URL: good, Types: []string{"a", "or der"}}, "types[1]"},
		"half a wildcard":   {webhook.Endpoint{URL: good, Types: []string{"ord*"}}, "types[0]"},
		"an inner wildcard": {webhook.Endpoint{URL: good, Types: []string{"*.paid"}}, "types[0]"},
	} {
		_, err := h.Add(t.Context(), test.e)
		var wrong *offload.InputError
		if !errors.As(err, &wrong) || wrong.Field != test.field || strings.Contains(err.Error(), "hidden") || strings.Contains(err.Error(), "aGlkZGVu") {
			t.Errorf("%s: %v; want %s refused without showing it", name, err, test.field)
		}
	}
	e := add(t, h, webhook.Endpoint{URL: good, Types: []string{"a.b-c_d", "x.*", "*"}})
	if _, err := h.Change(t.Context(), e.ID, func(e *webhook.Endpoint) { e.URL = "http://10.0.0.1/" }); err == nil {
		t.Error("changed to a private address")
	}
}

func TestRefusedEvents(t *testing.T) {
	app, h := newApp(t, webhook.New())
	for name, e := range map[string]webhook.Event{
		"type": {Data: json.RawMessage("1")}, "data": {Type: "a"},
		"data ": {Type: "a", Data: json.RawMessage("\"\xff\"")}, "id": {Type: "a", Data: json.RawMessage("1"), ID: "a.b"},
		"owner": {Type: "a", Data: json.RawMessage("1"), Owner: "a\x00"}, "id ": {Type: "a", Data: json.RawMessage("1"), ID: "a\r\nb"},
	} {
		_, err := h.Publish(t.Context(), app, e)
		var wrong *offload.InputError
		if !errors.As(err, &wrong) || wrong.Field != strings.TrimSpace(name) {
			t.Errorf("%s: %v; want it refused", name, err)
		}
	}
	_, err := app.Enqueue(t.Context(), offload.NewCall("webhook.publish", []byte(`{"type":"no type","data":1}`)))
	var wrong *offload.InputError
	if !errors.As(err, &wrong) || wrong.Field != "type" {
		t.Errorf("by name: %v; want type refused", err)
	}
}

// What is checked is the address that is dialled: a name that leads to this machine is found out
// then, and nothing arrives.
func TestPrivateAddressIsNotDialled(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	arrived := make(chan bool, 1)
	done := make(chan bool)
	go func() {
		defer close(done)
		if conn, err := l.Accept(); err == nil {
			conn.Close()
			arrived <- true
		}
	}()
	answerNames(t)
	const host = "rebound.example"
	port := l.Addr().(*net.TCPAddr).Port
	app, h := newApp(t, webhook.New(webhook.Ports()))
	add(t, h, webhook.Endpoint{URL: fmt.Sprintf("http://%s:%d/", host, port)})
	job := publish(t, h, app, webhook.Event{})[0]
	app.Drain()
	if job = state(t, app, job.ID); job.State != offload.Discarded || !strings.Contains(job.Error, "want one of the public internet") {
		t.Errorf("%+v; want it discarded for its address", job)
	}
	l.Close()
	<-done
	if len(arrived) > 0 {
		t.Error("a connection arrived")
	}
}

// answerNames makes every name one of 127.0.0.1, as the servers of a stranger's domain may.
func answerNames(t *testing.T) {
	before := net.DefaultResolver
	t.Cleanup(func() { net.DefaultResolver = before })
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go answerQueries(theirs)
		return ours, nil
	}}
}

// answerQueries is a name server on a stream (RFC 1035): an A is 127.0.0.1, there is nothing else.
func answerQueries(conn net.Conn) {
	defer conn.Close()
	for {
		var length [2]byte
		if _, err := io.ReadFull(conn, length[:]); err != nil {
			return
		}
		query := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(conn, query); err != nil {
			return
		}
		end := 12 + bytes.IndexByte(query[12:], 0) + 5 // of the question
		answer := slices.Concat(query[:2], []byte{0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, query[12:end])
		if query[end-3] == 1 {
			answer[7] = 1
			answer = append(answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1)
		}
		if _, err := conn.Write(slices.Concat(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer)); err != nil {
			return
		}
	}
}

func TestSecretsDoNotShow(t *testing.T) {
	s := webhook.NewSecret()
	e := webhook.Endpoint{Keys: []webhook.Key{{Secret: s}, {Secret: webhook.NewPrivateKey()}}}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "secret", s)
	for _, text := range []string{fmt.Sprint(s), fmt.Sprintf("%+v %#v %q %x", e, e, s, s), log.String(), s.String()} {
		if strings.Contains(text, string(s)[8:]) || strings.Contains(text, string(e.Keys[1].Secret)[8:]) {
			t.Errorf("%s shows a secret", text)
		}
	}
}
