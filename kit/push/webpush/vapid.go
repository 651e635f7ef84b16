package webpush

import (
	"crypto/ecdsa"
	"fmt"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// vapid makes the tokens by which the program shows itself to push services (RFC 8292). One is for a service's origin, and used again,
// as services remember those that they have checked.
type vapid struct {
	key     *ecdsa.PrivateKey
	public  string
	contact string

	mu     sync.Mutex
	tokens map[string]vapidToken // by origin
}

type vapidToken struct {
	header string
	until  time.Time // it is used
}

const (
	tokenLasts  = 12 * time.Hour // RFC 8292 allows 24, and clocks differ
	tokenUsed   = 6 * time.Hour
	mostOrigins = 1000 // remembered, as strangers name them
)

// header is Authorization for an origin.
func (v *vapid) header(origin string) (string, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := time.Now()
	if t, ok := v.tokens[origin]; ok && now.Before(t.until) {
		return t.header, nil
	}
	token := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{
		"aud": origin, "exp": now.Add(tokenLasts).Unix(), "sub": v.contact,
	})
	signed, err := token.SignedString(v.key)
	if err != nil {
		return "", fmt.Errorf("web: sign: %w", err)
	}
	if v.tokens == nil || len(v.tokens) >= mostOrigins {
		v.tokens = map[string]vapidToken{}
	}
	t := vapidToken{"vapid t=" + signed + ", k=" + v.public, now.Add(tokenUsed)}
	v.tokens[origin] = t
	return t.header, nil
}

// forget lets the next token of an origin be a new one.
func (v *vapid) forget(origin string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.tokens, origin)
}
