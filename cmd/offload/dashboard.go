package main

import (
	"bufio"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/dashboard"
	"github.com/offloadhq/offload/dashboard/access"
)

const dashboardLong = `On a loopback address, such as that of --listen if it is not given, it is open to whoever sits at
this machine, as an admin. Anywhere else it wants to know who may come in: the people of --users,
or whom a proxy in front has signed in, which names them in --auth-header. That header is believed
from the addresses --trusted-proxy only.`

func newDashboard(s *session) *cobra.Command {
	d := dashboardFlags{session: s}
	cmd := &cobra.Command{
		Use:   "dashboard",
		Short: "Serve the dashboard: what happens, why, and what can be done",
		Long: `Dashboard serves the dashboard of a database, beside whatever works its jobs.

` + dashboardLong,
		Example: `  offload dashboard
  offload dashboard passwd ada --role operator >>users
  offload dashboard --listen :8080 --users users --host jobs.example.com
  offload dashboard --listen 10.0.0.5:8080 --auth-header X-Forwarded-User --trusted-proxy 10.0.0.1/32 --admin ada`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().StringVar(&d.listen, "listen", "127.0.0.1:8080", "address to listen at")
	d.flags(cmd)
	cmd.RunE = s.run(func(cmd *cobra.Command, _ []string) error {
		ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		return s.with(ctx, func(app *offload.App) error {
			served, err := d.serve(app)
			if err != nil {
				return err
			}
			fmt.Fprintf(s.direct, "The dashboard is at %s; Ctrl-C ends it\n", served.url)
			select {
			case <-ctx.Done():
				return served.stop()
			case err := <-served.failed:
				return errors.Join(err, served.stop())
			}
		})
	})
	cmd.AddCommand(newPasswd(s))
	return cmd
}

// dashboardFlags are how a dashboard is served.
type dashboardFlags struct {
	*session
	listen    string
	users     string
	header    string
	proxies   []string
	role      string
	admins    []string
	operators []string
	hosts     []string
	prefix    string
	title     string
	allowed   []string
	readOnly  bool
}

func (d *dashboardFlags) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&d.users, "users", "", "people who may sign in: a `file` with a name, a role and a bcrypt hash in each line")
	flags.StringVar(&d.header, "auth-header", "", "header in which a proxy in front names who is signed in")
	flags.StringArrayVar(&d.proxies, "trusted-proxy", nil, "`address` of that proxy, or a range such as 10.0.0.0/8; may be repeated")
	flags.StringVar(&d.role, "role", "viewer", "role of those whom the proxy names: viewer, operator or admin, or none")
	flags.StringArrayVar(&d.operators, "operator", nil, "`name` that is an operator behind the proxy; may be repeated")
	flags.StringArrayVar(&d.admins, "admin", nil, "`name` that is an admin behind the proxy; may be repeated")
	flags.StringArrayVar(&d.hosts, "host", nil, "`name` under which it may be asked for; may be repeated (default: any, or this machine's where it is open)")
	flags.StringVar(&d.prefix, "prefix", "", "`path` under which a proxy shows it: /jobs")
	flags.StringVar(&d.title, "title", "", "name of the system, shown on each page")
	flags.StringArrayVar(&d.allowed, "allow-task", nil, "dangerous `task` that admins may enqueue and edit, such as command; may be repeated")
	flags.BoolVar(&d.readOnly, "read-only", false, "show everything, and let nobody do anything")
}

// options are those of the dashboard, checked against the address it will listen at.
func (d *dashboardFlags) options(at net.Addr) ([]dashboard.Option, error) {
	log := d.log(slog.LevelInfo)
	opts := []dashboard.Option{
		dashboard.LogTo(log), dashboard.Title(d.title), dashboard.Prefix(d.prefix), dashboard.AllowTask(d.allowed...), dashboard.Hosts(d.hosts...),
	}
	if d.readOnly {
		opts = append(opts, dashboard.ReadOnly())
	}
	switch {
	case d.users != "" && d.header != "":
		return nil, wrong("--users and --auth-header exclude each other; give one")
	case d.users != "":
		users, err := access.Open(d.users, func(err error) { log.Error("users", "error", err) })
		if err != nil {
			return nil, err
		}
		return append(opts, dashboard.Login(users)), nil
	case d.header != "":
		auth, err := d.proxy()
		return append(opts, dashboard.Auth(auth)), err
	}
	tcp, isTCP := at.(*net.TCPAddr)
	if !isTCP || !tcp.IP.IsLoopback() {
		return nil, wrong("at %v anybody could come in; want --users FILE, or --auth-header NAME with --trusted-proxy ADDRESS, or a loopback address such as 127.0.0.1:8080", at)
	}
	return append(opts, dashboard.Auth(access.Local(who()))), nil
}

func (d *dashboardFlags) proxy() (func(*http.Request) (string, dashboard.Role), error) {
	p := access.Proxy{Header: d.header, Roles: map[string]dashboard.Role{}}
	for _, text := range d.proxies {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			addr, err := netip.ParseAddr(text)
			if err != nil {
				return nil, &offload.InputError{Field: "--trusted-proxy", Got: text, Want: "an address or a range, such as 10.0.0.1 or 10.0.0.0/8"}
			}
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		p.From = append(p.From, prefix.Masked())
	}
	if len(p.From) == 0 {
		return nil, wrong("--auth-header needs --trusted-proxy: anybody could send the header")
	}
	if d.role != "none" {
		if p.Default = dashboard.Role(d.role); !dashboard.ValidRole(p.Default) {
			return nil, &offload.InputError{Field: "--role", Got: d.role, Want: "viewer, operator, admin or none"}
		}
	}
	for _, name := range d.operators {
		p.Roles[name] = dashboard.Operator
	}
	for _, name := range d.admins {
		p.Roles[name] = dashboard.Admin
	}
	return p.Auth()
}

// serve serves the dashboard of an app until stop.
func (d *dashboardFlags) serve(app *offload.App) (*served, error) {
	return d.session.serve("the dashboard", d.listen, d.prefix+"/", func(at net.Addr) (http.Handler, error) {
		opts, err := d.options(at)
		if err != nil {
			return nil, err
		}
		return dashboard.New(app, opts...), nil
	})
}

func newPasswd(s *session) *cobra.Command {
	var role string
	cmd := &cobra.Command{
		Use:   "passwd NAME",
		Short: "Make a line of a file of users",
		Long: `Passwd reads a password, from the terminal or a line of standard input, and prints a line for
the file of --users. A viewer looks, an operator acts on jobs, an admin on everything.`,
		Example: "  offload dashboard passwd ada --role admin >>users",
		Args:    cobra.ExactArgs(1),
	}
	cmd.Flags().StringVar(&role, "role", "viewer", "viewer, operator or admin")
	cmd.RunE = s.run(func(_ *cobra.Command, args []string) error {
		password, err := s.password()
		if err != nil {
			return err
		}
		line, err := access.Line(args[0], dashboard.Role(role), password)
		if err != nil {
			return wrong("%v", err)
		}
		_, err = fmt.Fprintln(s.out, line)
		return err
	})
	return cmd
}

// password reads a password; at a terminal twice, without showing it.
func (s *session) password() (string, error) {
	if !s.inTerm {
		text, err := bufio.NewReader(s.in).ReadString('\n')
		if text = strings.TrimRight(text, "\r\n"); text == "" {
			return "", wrong("standard input has no password; want a line with one (%v)", err)
		}
		return text, nil
	}
	ask := func(what string) (string, error) {
		fmt.Fprint(s.err, what)
		text, err := term.ReadPassword(int(s.in.Fd()))
		fmt.Fprintln(s.err)
		return string(text), err
	}
	first, err := ask("Password: ")
	if err != nil {
		return "", err
	}
	second, err := ask("Again: ")
	if err == nil && first != second {
		err = wrong("the two passwords are not the same; nothing was made")
	}
	return first, err
}
