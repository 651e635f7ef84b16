package vet

import (
	"cmp"
	"fmt"
	"go/token"
	"maps"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// A finding is a piece of work that handlers reach.
type finding struct {
	last     *visit // the function that does it, and the way there from the nearest handler
	effect   effect
	handlers map[*function]bool
}

// report reports each piece of work once, from the handler that is nearest.
func (p *program) report() {
	type key struct {
		pos  token.Pos
		kind kind
	}
	findings := map[key]*finding{}
	for _, f := range p.functions {
		if !f.handler {
			continue
		}
		for v := range p.reach(f) {
			for _, e := range v.f.does {
				if e.kind == write {
					continue
				}
				k := key{e.pos, e.kind}
				have := findings[k]
				switch {
				case have == nil:
					findings[k] = &finding{v, e, map[*function]bool{f: true}}
				case v.deep < have.last.deep:
					have.last = v
					have.handlers[f] = true
				default:
					have.handlers[f] = true
				}
			}
		}
	}
	sorted := slices.SortedFunc(maps.Values(findings), func(a, b *finding) int {
		return cmp.Or(cmp.Compare(a.effect.pos, b.effect.pos), cmp.Compare(a.effect.kind, b.effect.kind))
	})
	for _, f := range sorted {
		p.pass.Report(p.diagnostic(f))
	}
}

func (p *program) diagnostic(f *finding) analysis.Diagnostic {
	e := f.effect
	path := strings.Join(append(f.last.names(), e.steps...), " → ")
	d := analysis.Diagnostic{Pos: e.pos, End: e.end, Category: string(e.kind)}
	if e.kind == lost {
		d.Message = fmt.Sprintf("starts work that is lost when the process stops: %s%s; %s keeps it", path, f.more(), keeper(e.inner))
	} else {
		d.Message = fmt.Sprintf("%s while the user waits: %s%s; %s takes it over", descriptions[e.kind].does, path, f.more(), descriptions[e.kind].taker)
	}
	for _, v := range f.last.way() {
		if v.from != nil {
			d.Related = append(d.Related, analysis.RelatedInformation{Pos: v.by.pos, End: v.by.end, Message: v.from.f.name + " calls " + v.f.name})
		}
	}
	d.Related = append(d.Related, analysis.RelatedInformation{Pos: e.pos, End: e.end, Message: f.last.f.name + " calls " + strings.Join(e.steps, " → ")})
	if line := p.instead(f.last.f, e); line != "" {
		d.Related = append(d.Related, analysis.RelatedInformation{Pos: e.pos, End: e.end, Message: "instead: " + line})
	}
	return d
}

// more says what else belongs to the finding.
func (f *finding) more() string {
	var more []string
	if also := f.effect.also; len(also) > 0 {
		slices.Sort(also)
		more = append(more, "with "+strings.Join(slices.Compact(also), ", "))
	}
	if f.effect.more > 0 {
		more = append(more, fmt.Sprintf("and %d more behind the call", f.effect.more))
	}
	if n := len(f.handlers) - 1; n == 1 {
		more = append(more, "and from another handler")
	} else if n > 1 {
		more = append(more, fmt.Sprintf("and from %d other handlers", n))
	}
	if len(more) == 0 {
		return ""
	}
	return " (" + strings.Join(more, ", ") + ")"
}

// keeper is what keeps work that a goroutine loses.
func keeper(k kind) string {
	if taker := descriptions[k].taker; strings.HasPrefix(taker, "kit/") {
		return "a job of " + taker
	}
	return "a job"
}
