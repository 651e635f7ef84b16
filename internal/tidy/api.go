package tidy

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/printer"
	"go/token"
	"regexp"
	"slices"
	"strings"
)

// api returns a line for each exported name of the public packages, sorted: the golden file
// api.txt. A change of it is a change of what users were promised.
func api(h *house) []string {
	var lines []string
	for f := range h.goFiles {
		if f.isTest() || !isPublic(f.dir()) || f.ast.Name.Name == "main" {
			continue
		}
		p := apiPrinter{h: h, pkg: f.dir()}
		if p.pkg == "." {
			p.pkg = f.ast.Name.Name
		}
		for _, decl := range f.ast.Decls {
			p.decl(decl)
		}
		lines = append(lines, p.lines...)
	}
	slices.Sort(lines)
	return slices.Compact(lines) // a name that each system declares for itself
}

type apiPrinter struct {
	h     *house
	pkg   string
	lines []string
}

func (p *apiPrinter) add(format string, args ...any) {
	p.lines = append(p.lines, p.pkg+": "+fmt.Sprintf(format, args...))
}

func (p *apiPrinter) decl(decl ast.Decl) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && exportedReceiver(d) {
			head := *d
			head.Doc, head.Body = nil, nil
			p.add("%s", p.print(&head))
		}
	case *ast.GenDecl:
		group := ""
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				p.typeSpec(s)
			case *ast.ValueSpec:
				group = p.valueSpec(d.Tok, s, group)
			}
		}
	}
}

// valueSpec adds the names of constants or variables, with their type where it is written,
// and returns it. In a group of constants it holds for those that follow without one.
func (p *apiPrinter) valueSpec(tok token.Token, s *ast.ValueSpec, group string) string {
	switch {
	case s.Type != nil:
		group = " " + p.print(s.Type)
	case len(s.Values) > 0:
		group = ""
	}
	for i, name := range s.Names {
		if !name.IsExported() {
			continue
		}
		made := ""
		if group == "" && i < len(s.Values) {
			made = p.madeOf(s.Values[i])
		}
		p.add("%s %s%s%s", tok, name.Name, group, made)
	}
	return group
}

// madeOf tells the type of a value by what it is made of, as far as that shows it: the
// function called, such as offload.Declare[Message], or the name that it repeats.
func (p *apiPrinter) madeOf(value ast.Expr) string {
	switch v := value.(type) {
	case *ast.CallExpr:
		return " = " + p.print(v.Fun)
	case *ast.SelectorExpr, *ast.Ident:
		return " = " + p.print(v)
	}
	return ""
}

// typeSpec adds a type, and each exported field or method that it is made of.
func (p *apiPrinter) typeSpec(s *ast.TypeSpec) {
	if !s.Name.IsExported() {
		return
	}
	params := p.params(s.TypeParams)
	switch t := s.Type.(type) {
	case *ast.StructType:
		p.add("type %s%s struct", s.Name.Name, params)
		p.members(s.Name.Name, "struct", t.Fields)
	case *ast.InterfaceType:
		p.add("type %s%s interface", s.Name.Name, params)
		p.members(s.Name.Name, "interface", t.Methods)
	default:
		alias := ""
		if s.Assign.IsValid() {
			alias = "= "
		}
		p.add("type %s%s %s%s", s.Name.Name, params, alias, p.print(t))
	}
}

func (p *apiPrinter) members(typ, kind string, fields *ast.FieldList) {
	closed := false
	for _, f := range fields.List {
		text := p.print(f.Type)
		if len(f.Names) == 0 && exportedType(text) {
			p.add("type %s %s, embeds %s", typ, kind, text)
		}
		for _, name := range f.Names {
			switch {
			case name.IsExported():
				p.add("type %s %s, %s %s", typ, kind, name.Name, text)
			case kind == "interface":
				closed = true
			}
		}
	}
	if closed {
		p.add("type %s interface, only this package implements it", typ)
	}
}

// exportedType reports whether the last part of a type's name is exported.
func exportedType(text string) bool {
	text, _, _ = strings.Cut(strings.TrimLeft(text, "*~"), "[")
	return ast.IsExported(text[strings.LastIndex(text, ".")+1:])
}

func (p *apiPrinter) params(list *ast.FieldList) string {
	if list == nil {
		return ""
	}
	var parts []string
	for _, f := range list.List {
		for _, name := range f.Names {
			parts = append(parts, name.Name+" "+p.print(f.Type))
		}
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

var space = regexp.MustCompile(`\s+`)

// print returns source on one line.
func (p *apiPrinter) print(node any) string {
	var b bytes.Buffer
	if err := printer.Fprint(&b, p.h.fset, node); err != nil {
		return fmt.Sprintf("(%v)", err)
	}
	text := space.ReplaceAllString(b.String(), " ")
	return strings.NewReplacer("( ", "(", ", )", ")", "{ }", "{}").Replace(text)
}
