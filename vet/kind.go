package vet

// A kind is one sort of work that keeps a user waiting.
type kind string

const (
	mail     kind = "mail"
	pushes   kind = "push"
	texts    kind = "sms"
	call     kind = "http"
	picture  kind = "image"
	command  kind = "command"
	archive  kind = "archive"
	pack     kind = "pack"
	export   kind = "export"
	document kind = "document"
	bulk     kind = "bulk"
	sleep    kind = "sleep"
	lost     kind = "goroutine"

	// write is one row written. It is nothing to report, unless it is in a loop: then it is bulk.
	write kind = "write"
)

// A description says what a kind is to people.
type description struct {
	does    string // "sends mail"
	taker   string // what takes it over
	instead string // a line that enqueues it
	merge   bool   // several in one function are one piece of work
}

var descriptions = map[kind]description{
	mail: {
		"sends mail", "kit/mail",
		"mail.Send.Enqueue({ctx}, {app}, mail.Message{To: …, Subject: …, Text: …})", false,
	},
	pushes: {
		"sends a push", "kit/push",
		"push.Send.Enqueue({ctx}, {app}, push.Message{To: …, Title: …, Body: …})", false,
	},
	texts: {
		"sends a short message", "kit/sms",
		"sms.Send.Enqueue({ctx}, {app}, sms.Message{To: …, Text: …})", false,
	},
	call: {
		"calls another server", "kit/httpcall",
		`httpcall.Call.Enqueue({ctx}, {app}, httpcall.Input{Method: …, URL: …, JSON: …})`, false,
	},
	picture: {
		"works on pictures", "kit/image",
		`image.Render.Enqueue({ctx}, {app}, image.Input{From: …, Make: []image.Rendition{{To: …, Width: …}}})`, true,
	},
	command: {
		"runs a program", "kit/command",
		`command.Run.Enqueue({ctx}, {app}, command.Input{Argv: []string{…}})`, false,
	},
	archive: {
		"compresses or unpacks files", "kit/file",
		`file.Compress.Enqueue({ctx}, {app}, file.CompressInput{From: …, To: …})`, true,
	},
	pack: {
		"packs files", "a task of your own",
		`Pack.Enqueue({ctx}, {app}, in) // var Pack = offload.NewTask("pack", pack)`, true,
	},
	export: {
		"writes a table", "kit/export",
		`orders.Enqueue({ctx}, {app}, in) // orders, err := export.New("export.orders", rows, export.To(files))`, true,
	},
	document: {
		"makes a document", "a task of your own, or kit/file with a Tool",
		`Document.Enqueue({ctx}, {app}, in) // var Document = offload.NewTask("document", makeDocument)`, true,
	},
	bulk: {
		"writes rows in a loop", "a task of your own",
		`Rows.Enqueue({ctx}, {app}, in) // var Rows = offload.NewTask("rows", writeRows)`, false,
	},
	sleep: {
		"sleeps", "a job with a delay",
		`Later.Enqueue({ctx}, {app}, in, offload.Delay({arg0}))`, false,
	},
}

// only says which kinds are told of other people's modules: what they do on the network and with
// pictures. That a library somewhere sleeps or packs is its own business.
func only(k kind) bool {
	switch k {
	case mail, pushes, texts, call, picture, command, document:
		return true
	}
	return false
}

// What takes over reading archives, and what is compressed.
const (
	insteadUnpack     = `file.Unpack.Enqueue({ctx}, {app}, file.UnpackInput{From: …, To: …})`
	insteadDecompress = `file.Decompress.Enqueue({ctx}, {app}, file.CompressInput{From: …, To: …})`
)
