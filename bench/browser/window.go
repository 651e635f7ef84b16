package browser

import (
	"bytes"
	"context"
	"slices"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// Options are those with which a browser is started that shows nothing on a screen and asks nothing of the network.
func Options(more ...chromedp.ExecAllocatorOption) []chromedp.ExecAllocatorOption {
	return slices.Concat(chromedp.DefaultExecAllocatorOptions[:], []chromedp.ExecAllocatorOption{
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
	}, more)
}

// Scheme lets pages of a window believe that their reader has chosen light or dark.
func Scheme(ctx context.Context, scheme string) error {
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	return err
}

// AddressIn finds in what the example shop says where it is.
type AddressIn chan<- string

// Write is for demo.Options.Out.
func (a AddressIn) Write(text []byte) (int, error) {
	if _, after, found := bytes.Cut(text, []byte("The shop is open at ")); found {
		address, _, _ := bytes.Cut(after, []byte(","))
		a <- string(address)
	}
	return len(text), nil
}
