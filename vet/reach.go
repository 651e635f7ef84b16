package vet

import (
	"fmt"
	"go/types"
	"iter"
	"slices"
	"strings"
)

// reaches is a fact: what a function of another package does, directly or by what it calls.
type reaches struct {
	All    []reached
	Starts bool // what it is handed, in a goroutine
}

// AFact makes it a fact.
func (*reaches) AFact() {}

func (r *reaches) String() string {
	var all []string
	for _, one := range r.All {
		text := string(one.Kind) + " by " + strings.Join(one.Steps, " → ")
		if one.More > 0 {
			text += fmt.Sprintf(" and %d more", one.More)
		}
		all = append(all, text)
	}
	if r.Starts {
		all = append(all, "starts what it is handed")
	}
	return strings.Join(all, ", ")
}

// reached is one piece of work, and the way there: the calls behind the function that has the fact.
type reached struct {
	Kind  kind
	Steps []string
	Inner kind // of a goroutine: what is lost
	More  int  // of the kind
}

// maxForeign is how many calls deep another module is searched. What lies deeper is rarely what a
// function is called for.
const maxForeign = 6

// A visit is a function that is reached from another, and how.
type visit struct {
	f    *function
	from *visit
	by   edge
	deep int
}

// reach yields the functions that are reached from one within the package, each by its shortest way.
func (p *program) reach(from *function) iter.Seq[*visit] {
	return func(yield func(*visit) bool) {
		seen := map[*function]bool{from: true}
		queue := []*visit{{f: from}}
		for len(queue) > 0 {
			v := queue[0]
			queue = queue[1:]
			if !yield(v) {
				return
			}
			for _, e := range v.f.calls {
				if !seen[e.to] {
					seen[e.to] = true
					queue = append(queue, &visit{f: e.to, from: v, by: e, deep: v.deep + 1})
				}
			}
		}
	}
}

// way returns the visits from the first on.
func (v *visit) way() (way []*visit) {
	for ; v != nil; v = v.from {
		way = append(way, v)
	}
	slices.Reverse(way)
	return way
}

// names returns the functions from the first on. Literals that are run where they are written are
// left out: they are part of the function around them.
func (v *visit) names() (names []string) {
	for _, one := range v.way() {
		if one.from == nil || one.f.outer != one.from.f {
			names = append(names, one.f.name)
		}
	}
	return names
}

// settle finds what is known only once all functions have been walked: which calls in loops lead to
// a write, which makes bulk of them, and what goroutines are about.
func (p *program) settle() {
	for _, f := range p.functions {
		for _, e := range f.calls {
			if !e.loop {
				continue
			}
			if e.to.outer == f { // a literal: the loop is around what is written in it
				e.to.repeat()
			}
			if steps := p.wayTo(e.to, write); steps != nil {
				f.does = append(f.does, effect{kind: bulk, pos: e.pos, end: e.end, steps: steps})
			}
		}
		for i := range f.does {
			if e := &f.does[i]; e.kind == lost && e.inner == "" {
				e.inner = p.firstOf(e.beside)
			}
		}
		f.does = slices.DeleteFunc(f.does, func(e effect) bool { return e.timer && e.inner == "" }) // it ends a wait, or the like
	}
}

// repeat makes bulk of the rows that a function writes.
func (f *function) repeat() {
	for i := range f.does {
		if f.does[i].kind == write {
			f.does[i].kind = bulk
		}
	}
}

// wayTo returns the shortest way from a function to work of a kind, beginning with its name; or nil.
func (p *program) wayTo(from *function, k kind) []string {
	for v := range p.reach(from) {
		for _, e := range v.f.does {
			if e.kind == k {
				return append(v.names(), e.steps...)
			}
		}
	}
	return nil
}

// firstOf returns the nearest work that functions do.
func (p *program) firstOf(functions []*function) kind {
	for _, f := range functions {
		for v := range p.reach(f) {
			for _, e := range v.f.does {
				if e.kind != write && e.kind != lost {
					return e.kind
				}
			}
		}
	}
	return ""
}

// export tells packages above what the functions do that they can call.
func (p *program) export() {
	for _, f := range p.functions {
		if f.obj == nil || !f.obj.Exported() {
			continue
		}
		if all := p.told(f); len(all) > 0 || f.starts {
			p.pass.ExportObjectFact(f.obj, &reaches{all, f.starts})
		}
	}
	p.exportInterfaces()
}

// exportInterfaces tells what methods of interfaces may do, as far as the package itself has types
// for them.
func (p *program) exportInterfaces() {
	scope := p.pass.Pkg.Scope()
	for _, name := range scope.Names() {
		t, ok := scope.Lookup(name).(*types.TypeName)
		if !ok || t.IsAlias() || !t.Exported() {
			continue
		}
		iface, ok := t.Type().Underlying().(*types.Interface)
		if !ok {
			continue
		}
		for m := range iface.ExplicitMethods() {
			if all := p.toldOfAny(p.implementing(m)); m.Exported() && len(all) > 0 {
				p.pass.ExportObjectFact(m, &reaches{All: all})
			}
		}
	}
}

// toldOfAny is what is told of a method that may be any of these.
func (p *program) toldOfAny(methods []*function) (all []reached) {
	known := map[kind]int{}
	for _, f := range methods {
		for _, one := range p.told(f) {
			if at, ok := known[one.Kind]; ok {
				all[at].More += 1 + one.More
				continue
			}
			one.Steps = append(p.qualified([]string{f.name}), one.Steps...)
			known[one.Kind] = len(all)
			all = append(all, one)
		}
	}
	return all
}

// qualified are names as other packages write them.
func (p *program) qualified(names []string) []string {
	for i := range names {
		names[i] = p.pass.Pkg.Name() + "." + names[i]
	}
	return names
}

// told is what is told of a function: of each kind the nearest, and how many more. Of other people's
// modules it is what they do at last, and no deeper than what they may be called for.
func (p *program) told(f *function) (all []reached) {
	other := foreign(p.pass)
	known := map[kind]int{}
	for v := range p.reach(f) {
		if other && v.deep > maxForeign {
			break
		}
		for _, e := range v.f.does {
			if other && !only(e.kind) {
				continue
			}
			if at, ok := known[e.kind]; ok {
				all[at].More += 1 + e.more
				continue
			}
			one := reached{e.kind, append(p.qualified(v.names()[1:]), e.steps...), e.inner, e.more}
			if other {
				one.Steps = e.steps[len(e.steps)-1:]
			}
			known[e.kind] = len(all)
			all = append(all, one)
		}
	}
	return all
}
