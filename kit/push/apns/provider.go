package apns

import (
	"crypto/ecdsa"
	"fmt"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// A provider is the program, as Apple knows it. Its token is signed anew after 40 minutes: Apple refuses one of more than an hour
// (ExpiredProviderToken), and those who come with a new one more often than every 20 minutes (TooManyProviderTokenUpdates).
type provider struct {
	key           *ecdsa.PrivateKey
	keyID, teamID string

	mu      sync.Mutex
	current *signed
}

// A signed is a token.
type signed struct {
	text string
	at   time.Time
}

const (
	tokenUsed  = 40 * time.Minute
	tokenRests = 20 * time.Minute
)

// token returns a token that is good. One that Apple has found too old is not returned, unless it is so new that another would be
// refused for that.
func (p *provider) token(tooOld *signed) (*signed, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if c := p.current; c != nil {
		age := now.Sub(c.at)
		if age >= 0 && age < tokenRests || c != tooOld && age >= 0 && age < tokenUsed {
			return c, nil
		}
	}
	token := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{"iss": p.teamID, "iat": now.Unix()})
	token.Header["kid"] = p.keyID
	text, err := token.SignedString(p.key)
	if err != nil {
		return nil, fmt.Errorf("apns: sign: %w", err)
	}
	p.current = &signed{text, now}
	return p.current, nil
}
