// Package export writes large tables to files as jobs, and says where they are when they are ready.
//
//	orders, err := export.New("export.orders", shop.orders, export.To(files), export.Keep(24*time.Hour))
//	app, err := offload.Open(ctx, "offload.db", orders)
//
//	job, err := orders.Enqueue(ctx, app, OrdersOf{Year: 2026})
//
// A program that only enqueues declares the task: offload.DeclareFunc[OrdersOf, export.File]("export.orders").
//
// An Export is a task and a Part. Its function yields rows, one after the other, so that ten million take no more memory than ten. What it yields
// are structs, with the columns that table.NewStruct makes of them, []any beside Columns, or the records of a Query. Rows come from where you like: an
// iter.Seq2, pages by key (Pages), a query (Query). They become CSV, or what As says.
//
// # How it goes on
//
// Rows are written in segments of 100,000, and each that is written is kept in the store: an attempt after a crash goes on behind the last, and tells the function
// how many rows are there already. The function must yield the same rows in the same order then: order a query by a key that does not change. Pages go on
// behind their last key. At the end the file is put together of the segments, and appears whole. A job that is delivered twice leaves
// one file, and sends one mail.
//
// An export that ends otherwise than completed leaves its segments for whoever retries it, and for a week; then they go.
//
// # Who may
//
// A file is as secret as the table. A link (Links) is for whoever has it, until it expires; Allow asks who opens it.
package export

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/kit/blob"
	"github.com/offloadhq/offload/kit/table"
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
	Key     string    `json:"key"`  // in the store
	Name    string    `json:"name"` // for people
	Type    string    `json:"type"` // "text/csv; charset=utf-8"
	Rows    int       `json:"rows"`
	Bytes   int64     `json:"bytes"`
	Link    string    `json:"link,omitempty"`   // of Links
	Expires time.Time `json:"expires,omitzero"` // when it goes; zero: it stays
}

// New makes an export of a function that yields rows. Its error says which option can't be.
func New[In, Row any](name string, rows Rows[In, Row], opts ...Option) (*Export[In], error) {
	c := config{formats: []table.Format{table.CSV{}}, folder: "exports"}
	for _, o := range opts {
		if o != nil {
			o(&c)
		}
	}
	w := &writer[In, Row]{config: c, task: name, rows: rows}
	if err := w.check(); err != nil {
		return nil, err
	}
	task := offload.DeclareFunc[In, File](name, append([]offload.TaskOption{offload.Queue("export"), offload.Timeout(12 * time.Hour)}, c.task...)...)
	w.expire = offload.Declare[expiry](name+".expire", offload.Queue("export"))
	w.sweep = offload.Declare[offload.ID](name+".sweep", offload.Queue("export"))
	return &Export[In]{task, offload.Parts(
		task.Handle(w.run), w.expire.Handle(w.expireFile), w.sweep.Handle(w.sweepJob), offload.AroundEnqueue(w.refuse),
	)}, nil
}

// check says which option can't be.
func (w *writer[In, Row]) check() error {
	refuse := func(field string, got any, want string) error {
		return &offload.InputError{Task: w.task, Field: field, Got: got, Want: want}
	}
	c, wantIn := &w.config, "a function of the export's input"
	var ok1, ok2, ok3, ok4 bool
	w.count, ok1 = c.total.(func(context.Context, In) (int, error))
	w.mailTo, ok2 = c.mail.(func(In) (string, string))
	w.name, ok3 = c.fileName.(func(In) string)
	w.choose, ok4 = c.choose.(func(In) string)
	switch {
	case w.rows == nil:
		return refuse("rows", "nil", "a function that yields rows")
	case c.store == nil:
		return refuse("To", "nothing", "a store, such as of blob.Dir")
	case c.folder != "" && blob.CheckKey(c.folder) != nil:
		return refuse("Folder", c.folder, `"", or a key such as "reports/orders"`)
	case c.splitGiven && c.split < 1:
		return refuse("Split", c.split, "1 row or more")
	case c.keep < 0:
		return refuse("Keep", c.keep, "0 (it stays) or more")
	case c.attach < 0:
		return refuse("Attach", c.attach, "0 (nothing) or more")
	case c.attach > 0 && c.keep > 0 && c.keep < 25*time.Hour:
		return refuse("Keep", c.keep, "25 hours or more with Attach, since a mail is tried for a day")
	case c.total != nil && (!ok1 || w.count == nil):
		return refuse("Total", fmt.Sprintf("%T", c.total), wantIn)
	case c.mail != nil && (!ok2 || w.mailTo == nil):
		return refuse("MailTo", fmt.Sprintf("%T", c.mail), wantIn)
	case c.fileName != nil && (!ok3 || w.name == nil):
		return refuse("Name", fmt.Sprintf("%T", c.fileName), wantIn)
	case c.choose != nil && (!ok4 || w.choose == nil):
		return refuse("Choose", fmt.Sprintf("%T", c.choose), wantIn)
	}
	seen := map[string]bool{}
	for _, f := range c.formats {
		switch {
		case f == nil:
			return refuse("As", "nil", "a format, such as table.CSV{}")
		case seen[f.Name()]:
			return refuse("As", f.Name(), "formats of different names")
		}
		seen[f.Name()] = true
	}
	var err error
	w.shape, err = shapeOf[Row](c.columns)
	return err
}

// An Option is a setting of an export.
type Option func(*config)

type config struct {
	store      blob.Store
	folder     string
	formats    []table.Format
	columns    []string
	split      int
	splitGiven bool
	zip        bool
	keep       time.Duration
	links      *Links
	attach     int64
	choose     any // func(In) string
	total      any // func(context.Context, In) (int, error)
	mail       any // func(In) (to, subject string)
	fileName   any // func(In) string
	task       []offload.TaskOption
}

// To is where files are kept, and the segments of those under way. It is a must.
func To(store blob.Store) Option { return func(c *config) { c.store = store } }

// Folder is below which folder of the store the files are, in place of "exports"; "" is the store itself.
func Folder(name string) Option { return func(c *config) { c.folder = name } }

// As is the format, in place of table.CSV: table.JSONLines, xlsx.Format, parquet.Format, or one of your own. Others behind it
// are there for Choose.
func As(f table.Format, others ...table.Format) Option {
	return func(c *config) { c.formats = append([]table.Format{f}, others...) }
}

// Choose lets the input choose among the formats of As, by name: "xlsx"; "" is the first. A name that none of them has is refused when it is
// enqueued, where the program has the Export, and otherwise discards the job.
func Choose[In any](f func(in In) string) Option { return func(c *config) { c.choose = f } }

// Columns names the columns of rows that are []any, and those of a Query otherwise than its SQL does.
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

// MailTo says who gets a mail when the file is ready, with its link, and what its subject is; an empty address is nobody. A program with mail.Kit
// sends it.
func MailTo[In any](f func(in In) (address, subject string)) Option {
	return func(c *config) { c.mail = f }
}

// Attach attaches the file to the mail, unless it has more than most bytes. The mail names the file by its key, so the kit that sends it must have the
// store as well: mail.Blobs.
func Attach(most int64) Option { return func(c *config) { c.attach = most } }

// Name names the file for people, without its ending, in place of the task's name and the date.
func Name[In any](f func(in In) string) Option { return func(c *config) { c.fileName = f } }

// Task passes options on to the task.
func Task(opts ...offload.TaskOption) Option {
	return func(c *config) { c.task = append(c.task, opts...) }
}

// formatOf returns the format for an input.
func (w *writer[In, Row]) formatOf(in In) (table.Format, error) {
	if w.choose == nil {
		return w.formats[0], nil
	}
	name, names := w.choose(in), ""
	for i, f := range w.formats {
		if f.Name() == name || i == 0 && name == "" {
			return f, nil
		}
		if i > 0 {
			names += ", "
		}
		names += f.Name()
	}
	return nil, &offload.InputError{Task: w.task, Field: "format", Got: name, Want: "one of " + names}
}

// refuse refuses calls with a format that there is not.
func (w *writer[In, Row]) refuse(ctx context.Context, calls []*offload.Call, next func(context.Context, []*offload.Call) ([]*offload.Job, error)) ([]*offload.Job, error) {
	for _, call := range calls {
		if call == nil || call.Task() != w.task || w.choose == nil {
			continue
		}
		var in In
		if json.Unmarshal(call.Input(), &in) != nil {
			continue // refused by who takes it
		}
		if _, err := w.formatOf(in); err != nil {
			return nil, err
		}
	}
	return next(ctx, calls)
}
