package access

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/offloadhq/offload/dashboard"
)

// Users are the people of a file, for dashboard.Login. Each line has a name, a role and what bcrypt makes of a
// password, as Line writes it; empty lines and those that begin with # are passed over. The file is read again when it
// has changed; one that can't be read any more changes nothing, until it can. Users is safe for concurrent use.
type Users struct {
	file string
	tell func(error)

	mu    sync.Mutex
	stamp stamp
	users map[string]user
	wrong string // what was told last
}

type user struct {
	role dashboard.Role
	hash []byte
}

// A stamp tells a file from what it was before.
type stamp struct {
	time time.Time
	size int64
}

// Open reads a file of users. Errors name the line. tell is told what is wrong with the file later on, once each; nil
// is nobody.
func Open(file string, tell func(error)) (*Users, error) {
	if tell == nil {
		tell = func(error) {}
	}
	u := &Users{file: file, tell: tell}
	return u, u.read()
}

// read reads the file anew if it has changed.
func (u *Users) read() error {
	info, err := os.Stat(u.file)
	if err != nil {
		return fmt.Errorf("access: users: %w", err)
	}
	now := stamp{info.ModTime(), info.Size()}
	if now == u.stamp {
		return nil
	}
	text, err := os.ReadFile(u.file)
	if err != nil {
		return fmt.Errorf("access: users: %w", err)
	}
	users, err := parse(text)
	if err != nil {
		return fmt.Errorf("access: users: %s: %w", u.file, err)
	}
	u.users, u.stamp = users, now
	return nil
}

func parse(text []byte) (map[string]user, error) {
	users := map[string]user{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if len(fields) != 3 {
			return nil, fmt.Errorf("line %d has %d words; want a name, a role and a bcrypt hash", n, len(fields))
		}
		name, role, hash := fields[0], dashboard.Role(fields[1]), []byte(fields[2])
		if !dashboard.ValidRole(role) {
			return nil, fmt.Errorf("line %d: role %q; want viewer, operator or admin", n, fields[1])
		}
		if cost, err := bcrypt.Cost(hash); err != nil || cost > mostCost {
			return nil, fmt.Errorf("line %d: the third word is no bcrypt hash of a cost up to %d; `offload dashboard passwd` makes one", n, mostCost)
		}
		if _, twice := users[name]; twice {
			return nil, fmt.Errorf("line %d: %s is there twice", n, name)
		}
		users[name] = user{role, hash}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(users) == 0 {
		return nil, errors.New("nobody is in it; `offload dashboard passwd NAME` makes a line")
	}
	return users, nil
}

// find returns a user as the file has them now.
func (u *Users) find(name string) (user, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	wrong := ""
	if err := u.read(); err != nil {
		if wrong = err.Error(); wrong != u.wrong {
			u.tell(err)
		}
	}
	u.wrong = wrong
	found, ok := u.users[name]
	return found, ok
}

// Role is the role of a name now, "" if it has none any more.
func (u *Users) Role(name string) dashboard.Role {
	found, _ := u.find(name)
	return found.role
}

// Check reports whether a password is right. It takes as long for a name that is not there.
func (u *Users) Check(name, password string) bool {
	found, known := u.find(name)
	if !known {
		found.hash = nobody
	}
	return bcrypt.CompareHashAndPassword(found.hash, []byte(password)) == nil && known
}

const (
	cost     = 12
	mostCost = 15 // beyond, a sign-in takes seconds
)

// nobody is what passwords of unknown names are compared with.
var nobody = []byte("$2a$12$T40tDPgf0j4LVhNpxzzFCu1T261gW9npy8D349QH5HakkYJFV7qxO")

// Line is a line of a file of users.
func Line(name string, role dashboard.Role, password string) (string, error) {
	switch {
	case name == "" || strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c == 0x7f }) || strings.HasPrefix(name, "#"):
		return "", fmt.Errorf("access: name %q; want one word", name)
	case !dashboard.ValidRole(role):
		return "", fmt.Errorf("access: role %q; want viewer, operator or admin", role)
	case len(password) < 10 || len(password) > 72:
		return "", fmt.Errorf("access: a password of %d bytes; want 10 to 72", len(password))
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(password), cost)
	if err != nil {
		return "", fmt.Errorf("access: %w", err)
	}
	return fmt.Sprintf("%s %s %s", name, role, hash), nil
}
