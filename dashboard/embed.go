package dashboard

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"io/fs"
	"path"
	"strings"
)

var (
	//go:embed assets
	assets embed.FS

	//go:embed style
	styles embed.FS

	//go:embed view
	viewFiles embed.FS
)

// assetTypes are the types of our own files by the end of their names.
var assetTypes = map[string]string{
	"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml", "txt": "text/plain; charset=utf-8",
}

// files are our own files by name. Style is written a file for each subject, and goes out as one: what holds for all
// pages first.
var files = readFiles()

func readFiles() map[string][]byte {
	all := map[string][]byte{}
	found, _ := fs.ReadDir(assets, "assets")
	for _, f := range found {
		all[f.Name()], _ = fs.ReadFile(assets, "assets/"+f.Name())
	}
	style, _ := fs.ReadFile(styles, "style/base.css")
	found, _ = fs.ReadDir(styles, "style")
	for _, f := range found {
		if f.Name() != "base.css" {
			part, _ := fs.ReadFile(styles, "style/"+f.Name())
			style = append(append(style, '\n'), part...)
		}
	}
	all["style.css"] = style
	return all
}

// assetSums are the beginnings of the files' sums, which stand in their addresses, so that browsers keep them
// until they change.
var assetSums = sumAssets()

func sumAssets() map[string]string {
	sums := map[string]string{}
	for name, data := range files {
		sum := sha256.Sum256(data)
		sums[name] = hex.EncodeToString(sum[:6])
	}
	return sums
}

// views are the pages' templates by name: each with the layout and all parts.
var views = parseViews()

func parseViews() map[string]*template.Template {
	shared := template.Must(template.New("").Funcs(funcs).ParseFS(viewFiles, "view/layout.html", "view/part/*.html"))
	all := map[string]*template.Template{}
	found, _ := fs.Glob(viewFiles, "view/*.html")
	for _, file := range found {
		name := strings.TrimSuffix(path.Base(file), ".html")
		if name != "layout" {
			all[name] = template.Must(template.Must(shared.Clone()).ParseFS(viewFiles, file))
		}
	}
	return all
}
