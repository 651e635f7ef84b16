package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/audit"
)

func newAudit(s *session) *cobra.Command {
	return s.group(&cobra.Command{Use: "audit", Short: "Verify an audit log of kit/audit", Example: "  offload audit verify"}, newAuditVerify(s))
}

func newAuditVerify(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Find rows of an audit log that were changed, removed or put in",
		Long: `Verify reads the table offload_audit of the database, and holds each row against the chain of
hashes. It names rows that were changed, removed or put in between, and the exit code is 1 then.
It changes nothing.

That the last rows are missing is found by a head that is kept apart: the last one that programs
have kept in the database of the jobs, and those given by --head, such as one that verify has
printed before. Keep what it prints where nobody who can write to the database can write.

The log is in the database of the jobs, or in the one of --of.`,
		Example: "  offload audit verify\n  offload audit verify --of postgres://app@db/shop --head 812:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n  offload audit verify --json | jq .head",
		Args:    cobra.NoArgs,
	}
	of := cmd.Flags().String("of", "", "database of the log, if it is another than that of the jobs")
	given := cmd.Flags().StringArray("head", nil, "a head that was printed before, as NUMBER:HASH; repeatable")
	asJSON := jsonFlag(cmd)
	cmd.RunE = s.run(func(cmd *cobra.Command, _ []string) error {
		var heads []audit.Head
		for _, text := range *given {
			head, err := audit.ParseHead(text)
			if err != nil {
				return wrong("--head is %q; want what verify has printed, such as 812:9f86d081…", text)
			}
			heads = append(heads, head)
		}
		kept, err := s.keptHeads(cmd.Context(), *of != "")
		if err != nil {
			return err
		}
		report, err := verifyAudit(cmd.Context(), cmp.Or(*of, s.address()), append(heads, kept...))
		if err != nil {
			return err
		}
		return s.audit(report, *asJSON)
	})
	return cmd
}

// keptHeads are the heads that programs have kept in the database of the jobs. Where the log is in another, that need not be there.
func (s *session) keptHeads(ctx context.Context, other bool) (heads []audit.Head, err error) {
	if other && s.missing() {
		s.note("no head was kept: there is no database of jobs %s", s.shown())
		return nil, nil
	}
	err = s.with(ctx, func(app *offload.App) (err error) {
		heads, err = audit.Heads(ctx, app)
		return err
	})
	return heads, err
}

func verifyAudit(ctx context.Context, address string, heads []audit.Head) (report *audit.Report, err error) {
	db, err := openDB(address)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return audit.Verify(ctx, db, heads...)
}

func (s *session) audit(r *audit.Report, asJSON bool) error {
	if asJSON {
		if r.Problems == nil {
			r.Problems = []audit.Problem{}
		}
		if err := s.object(r); err != nil {
			return err
		}
	} else {
		for _, p := range r.Problems {
			fmt.Fprintf(s.out, "%s %s\n", s.paint(red, "bad"), clean(p.Text))
		}
		fmt.Fprintf(s.out, "%d rows", r.Rows)
		if r.Pruned > 0 {
			fmt.Fprintf(s.out, ", those through %d were let go", r.Pruned)
		}
		if r.Waiting > 0 {
			fmt.Fprintf(s.out, ", %d wait for their place in the chain", r.Waiting)
		}
		fmt.Fprintf(s.out, "\nhead %s\n", r.Head)
	}
	switch {
	case r.More:
		return fmt.Errorf("the audit log has %d problems and more", len(r.Problems))
	case !r.OK():
		return fmt.Errorf("the audit log has %d problems", len(r.Problems))
	}
	return nil
}
