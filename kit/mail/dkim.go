package mail

import (
	"bufio"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/offloadhq/offload"
)

// DKIM signs mails by RFC 6376, with an RSA or Ed25519 key whose public half stands in the DNS at selector._domainkey.domain. The key may be one
// in a device; it must be safe for concurrent use, as those of the standard library are. What is signed: the body, the
// headers that a reader sees, and those by which he leaves a list, as RFC 8058 asks; nobody can add a second From, To or Subject.
//
// Not every mail server knows Ed25519. Mail servers commonly sign themselves: then leave it out.
func DKIM(domain, selector string, key crypto.Signer) Option {
	return func(c *config) {
		if c.wrong == nil {
			c.wrong = wrongKey(domain, selector, key)
		}
		c.signer = &signer{domain, selector, key}
	}
}

func wrongKey(domain, selector string, key crypto.Signer) error {
	refuse := func(got any, want string) error {
		return &offload.InputError{Field: "DKIM", Got: got, Want: want}
	}
	switch {
	case !isName(strings.ReplaceAll(domain, ".", "-")):
		return refuse(domain, "a domain such as shop.example, in ASCII")
	case !isName(strings.ReplaceAll(selector, ".", "-")):
		return refuse(selector, "a selector such as s1")
	case key == nil:
		return refuse("no key", "one")
	}
	switch public := key.Public().(type) {
	case ed25519.PublicKey:
	case *rsa.PublicKey:
		if public.Size() < 1024/8 { // RFC 8301: others are not looked at
			return refuse(fmt.Sprintf("an RSA key of %d bits", public.N.BitLen()), "2048, at least 1024")
		}
	default:
		return refuse(fmt.Sprintf("%T", public), "an RSA or an Ed25519 key")
	}
	return nil
}

// A signer is what DKIM was given. The zero value of a pointer to it signs nothing.
type signer struct {
	domain, selector string
	key              crypto.Signer
}

// signed are the headers that a signature covers. Those that a mail has not are covered too, so that nobody adds them.
var signed = []string{
	"From", "From", "To", "To", "Cc", "Cc", "Subject", "Subject", "Reply-To", "Reply-To", "Date", "Date", "Message-ID", "Message-ID",
	"MIME-Version", "Content-Type", "Content-Transfer-Encoding",
}

// sign has a mail written into w, and returns the header that signs it: "" without a signer.
func (s *signer) sign(w io.Writer, unsubscribe bool, write func(io.Writer) error) (string, error) {
	if s == nil {
		return "", write(w)
	}
	headers := slices.Clone(signed)
	if unsubscribe { // else a list may add its own
		headers = append(headers, "List-Unsubscribe", "List-Unsubscribe-Post")
	}
	signer, err := dkim.NewSigner(&dkim.SignOptions{
		Domain: s.domain, Selector: s.selector, Signer: s.key, HeaderKeys: headers,
		// Servers on the way may fold headers anew, and trim lines.
		HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed,
	})
	if err != nil {
		return "", err
	}
	defer signer.Close()                                           // after an error too, and twice if need be, lest its goroutine wait
	both := bufio.NewWriterSize(io.MultiWriter(w, signer), 32<<10) // each write to a signer wakes another goroutine
	if err := write(both); err != nil {
		return "", err
	}
	if err := both.Flush(); err != nil {
		return "", err
	}
	if err := signer.Close(); err != nil {
		return "", err
	}
	return signer.Signature(), nil
}
