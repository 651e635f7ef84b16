// Package export writes large tables to files as jobs, and says where they are when they are ready.
//
//	orders, err := export.New("export.orders", shop.orders, export.To(files), export.Keep(24*time.Hour))
//	app, err := offload.Open(ctx, "offload.db", orders)
//
//	job, err := orders.Enqueue(ctx, app, OrdersOf{Year: 2026})
//
// A program that only enqueues declares the task: offload.DeclareFunc[OrdersOf, export.File]("export.orders").
//
// An Export is a task and a Part. Its function yields rows, one after the other, so that ten million take no more memory than a hundred thousand; what
// it yields are structs, whose columns are named as encoding/json names them, or []any beside Columns. Rows come from where you like: an iter.Seq2, pages by
// key (Pages), a query (Query).
//
// # How it goes on
//
// Rows are written in segments of 100,000, and each that is written is kept in the store: an attempt after a crash goes on behind the last, and tells the function
// how many rows are there already. The function must yield the same rows in the same order then: order a query by a key that does not change. At the end
// the file is put together, and appears whole. What can't be put together from segments, such as XLSX, begins anew after a crash, unless Split
// makes a file of each so many rows. A job that is delivered twice leaves one file.
//
// # Formulas
//
// A text that begins with =, +, -, @, a tab or a carriage return is run by programs that open CSV as tables. Such texts get an apostrophe in front of
// them in CSV, as OWASP recommends, and numbers stay numbers; RawCSV leaves texts as they are.
//
// # Who may
//
// A file is as secret as the table. A link (Links) is for whoever has it, until it expires; Allow asks who opens it.
package export

import (
	"context"
	"fmt"
	"iter"
	"reflect"
	"strings"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/blob"
	"github.com/offloadhq/offload/kit/mail"
)

// An Export is a task that writes rows. It embeds the task, and is the Part that works it.
type Export[In any] struct {
	*offload.Func[In, File]
	offload.Part
}

// Rows yields the rows of an input behind the first skip. An error ends them, and is retried.
type Rows[In, Row any] func(ctx context.Context, in In, skip int) iter.Seq2[Row, error]

// A File is what was written.
type File struct {
	Key   string `json:"key"`  // in the store
	Name  string `json:"name"` // for people
	Rows  int    `json:"rows"`
	Bytes int64  `json:"bytes"`
	Link  string `json:"link,omitempty"` // of Links
}

// New makes an export of a function that yields rows. Its error says which option can't be.
func New[In, Row any](name string, rows Rows[In, Row], opts ...Option) (*Export[In], error) {
	c := config{format: CSV, columns: columnsOf(reflect.TypeFor[Row]())}
	for _, o := range opts {
		if o != nil {
			o(&c)
		}
	}
	if err := check[In](&c, rows == nil); err != nil {
		return nil, err
	}
	task := offload.DeclareFunc[In, File](name, append([]offload.TaskOption{offload.Queue("export"), offload.Timeout(time.Hour)}, c.task...)...)
	expire := offload.Declare[string](name+".expire", offload.Queue("export"))
	w := &writer[In, Row]{config: c, rows: rows, expire: expire}
	return &Export[In]{task, offload.Parts(task.Handle(w.run), expire.Handle(c.store.Delete))}, nil
}

// check says which option can't be.
func check[In any](c *config, noRows bool) error {
	refuse := func(field string, got any, want string) error {
		return &offload.InputError{Field: field, Got: got, Want: want}
	}
	total, ok1 := c.total.(func(context.Context, In) (int, error))
	mailTo, ok2 := c.mail.(func(In) (string, string))
	name, ok3 := c.fileName.(func(In) string)
	switch {
	case noRows:
		return refuse("rows", "nil", "a function that yields rows")
	case c.store == nil:
		return refuse("To", "nothing", "a store, such as of blob.Dir")
	case c.format == nil:
		return refuse("As", "nil", "a format, such as export.CSV")
	case len(c.columns) == 0:
		return refuse("Columns", "none", "names, or rows that are structs")
	case c.split < 0 || c.zip && c.split == 0 && c.splitGiven:
		return refuse("Split", c.split, "1 row or more")
	case c.keep < 0:
		return refuse("Keep", c.keep, "0 (it stays) or more")
	case c.total != nil && (!ok1 || total == nil):
		return refuse("Total", fmt.Sprintf("%T", c.total), "a function of the export's input")
	case c.mail != nil && (!ok2 || mailTo == nil):
		return refuse("MailTo", fmt.Sprintf("%T", c.mail), "a function of the export's input")
	case c.fileName != nil && (!ok3 || name == nil):
		return refuse("Name", fmt.Sprintf("%T", c.fileName), "a function of the export's input")
	}
	return nil
}

// An Option is a setting of an export.
type Option func(*config)

type config struct {
	store      blob.Store
	format     Format
	columns    []string
	split      int
	splitGiven bool
	zip        bool
	keep       time.Duration
	links      *Links
	total      any // func(context.Context, In) (int, error)
	mail       any // func(In) (to, subject string)
	fileName   any // func(In) string
	task       []offload.TaskOption
}

// To is where files are kept, and the segments of those under way. It is a must.
func To(store blob.Store) Option { return func(c *config) { c.store = store } }

// As is the format, in place of CSV: RawCSV, JSONLines, or xlsx.Format of the package xlsx below this one.
func As(f Format) Option { return func(c *config) { c.format = f } }

// Columns names the columns of rows that are []any.
func Columns(names ...string) Option { return func(c *config) { c.columns = names } }

// Split makes a file of each n rows, in one ZIP.
func Split(n int) Option { return func(c *config) { c.split, c.splitGiven, c.zip = n, true, true } }

// Zip compresses the file, in a ZIP.
func Zip() Option { return func(c *config) { c.zip = true } }

// Keep lets the file go after d. The default is that it stays.
func Keep(d time.Duration) Option { return func(c *config) { c.keep = d } }

// Link gives the File a link, for as long as it is kept, or a day.
func Link(l *Links) Option { return func(c *config) { c.links = l } }

// Total says how many rows there will be, about, so that the progress has a bar.
func Total[In any](f func(ctx context.Context, in In) (int, error)) Option {
	return func(c *config) { c.total = f }
}

// MailTo says who gets a mail with the link when the file is ready, and its subject; an empty address is nobody. A program with mail.Kit
// sends it.
func MailTo[In any](f func(in In) (address, subject string)) Option {
	return func(c *config) { c.mail = f }
}

// Name names the file for people, without its ending, in place of the task's name and the date.
func Name[In any](f func(in In) string) Option { return func(c *config) { c.fileName = f } }

// Task passes options on to the task.
func Task(opts ...offload.TaskOption) Option {
	return func(c *config) { c.task = append(c.task, opts...) }
}

// Pages are rows that come in pages by key: page returns those behind the last row of the page before, nil at first, and none at the end. Such a
// source is quick at any size, since a database finds the place by an index. After a crash it is walked from the beginning, without being written.
func Pages[In, Row any](page func(ctx context.Context, in In, after *Row) ([]Row, error)) Rows[In, Row] {
	return func(ctx context.Context, in In, skip int) iter.Seq2[Row, error] {
		return func(yield func(Row, error) bool) {
			var last *Row
			for {
				rows, err := page(ctx, in, last)
				if err != nil {
					var none Row
					yield(none, err)
					return
				}
				if len(rows) == 0 {
					return
				}
				for i := range rows {
					if skip > 0 {
						skip--
					} else if !yield(rows[i], nil) {
						return
					}
				}
				last = &rows[len(rows)-1]
			}
		}
	}
}

// message is what MailTo sends.
func message(to, subject string, f *File) mail.Message {
	text := fmt.Sprintf("%s is ready: %d rows, %d bytes.\n", f.Name, f.Rows, f.Bytes)
	if f.Link != "" {
		text += "\n" + f.Link + "\n"
	}
	return mail.Message{To: []string{to}, Subject: subject, Text: text}
}

// safeName is a name that can be one of a file everywhere.
func safeName(name string) string {
	name = strings.Map(func(c rune) rune {
		if c < ' ' || strings.ContainsRune(`/\:*?"<>|`, c) {
			return '-'
		}
		return c
	}, strings.ToValidUTF8(name, "-"))
	return strings.Trim(name, ". ")
}
