package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload/store"
)

func newDoctor(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Examine the database: settings, durability, clock, stuck jobs",
		Long: `Doctor looks the database over and says what is well, what is not, and what would be right.
It changes nothing. The exit code is 1 if something is bad.`,
		Example: "  offload doctor\n  offload doctor --json | jq 'select(.level != \"ok\")'",
		Args:    cobra.NoArgs,
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = s.run(func(cmd *cobra.Command, _ []string) error {
		return s.withStore(cmd.Context(), func(opened store.Store) error { return s.doctor(cmd.Context(), opened, *asJSON) })
	})
	return cmd
}

func (s *session) doctor(ctx context.Context, opened store.Store, asJSON bool) error {
	findings, err := opened.Examine(ctx)
	if err != nil {
		return fmt.Errorf("examine the database: %w", err)
	}
	bad := 0
	for _, f := range findings {
		if f.Level == store.Bad {
			bad++
		}
		if err := s.finding(f, asJSON); err != nil {
			return err
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d findings are bad", bad, len(findings))
	}
	return nil
}

func (s *session) finding(f store.Finding, asJSON bool) error {
	if asJSON {
		return s.object(struct {
			Name   string      `json:"name"`
			Level  store.Level `json:"level"`
			Text   string      `json:"text"`
			Advice *string     `json:"advice"`
		}{f.Name, f.Level, f.Text, textOf(f.Advice)})
	}
	colour := map[store.Level]string{store.Fine: green, store.Warning: yellow, store.Bad: red}[f.Level]
	fmt.Fprintf(s.out, "%s %-14s %s\n", s.paint(colour, fmt.Sprintf("%-8s", f.Level)), clean(f.Name), clean(f.Text))
	if f.Advice != "" {
		fmt.Fprintf(s.out, "%23s %s\n", "→", clean(f.Advice))
	}
	return nil
}
