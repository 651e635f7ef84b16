package vet

import (
	"go/types"
	"path"
	"regexp"
	"strings"
)

// A rule names functions of a package that do work of a kind. Names are "Func" or "Type.Method",
// with * for any; a package that ends with /... is all below it. Major versions are left out.
type rule struct {
	kind  kind
	pkg   string
	names string
	loop  bool // only in a loop
}

// rules are the calls that are known by name: those of the standard library, and of libraries that
// reach it by interfaces, where no way can be followed. What a library calls plainly is found anyway.
var rules = []rule{
	{kind: mail, pkg: "net/smtp", names: "SendMail Client.Data"},
	{kind: mail, pkg: "github.com/wneessen/go-mail", names: "Client.DialAndSend* Client.Send*"},
	{kind: mail, pkg: "gopkg.in/gomail", names: "Dialer.DialAndSend Send"},
	{kind: mail, pkg: "gopkg.in/mail", names: "Dialer.DialAndSend Send"},
	{kind: mail, pkg: "github.com/go-mail/mail", names: "Dialer.DialAndSend Send"},
	{kind: mail, pkg: "github.com/go-gomail/gomail", names: "Dialer.DialAndSend Send"},
	{kind: mail, pkg: "github.com/jordan-wright/email", names: "Email.Send* Pool.Send"},
	{kind: mail, pkg: "github.com/xhit/go-simple-mail", names: "Email.Send*"},
	{kind: mail, pkg: "github.com/emersion/go-smtp", names: "SendMail* Client.SendMail Client.Data"},
	{kind: mail, pkg: "github.com/sendgrid/sendgrid-go", names: "Client.Send*"},
	{kind: mail, pkg: "github.com/mailgun/mailgun-go", names: "*.Send"},
	{kind: mail, pkg: "github.com/resend/resend-go", names: "*.Send *.SendWithContext *.SendWithOptions"},
	{kind: mail, pkg: "github.com/keighl/postmark", names: "Client.SendEmail* Client.SendTemplatedEmail*"},
	{kind: mail, pkg: "github.com/mrz1836/postmark", names: "Client.SendEmail* Client.SendTemplatedEmail*"},
	{kind: mail, pkg: "github.com/mailjet/mailjet-apiv3-go", names: "Client.SendMail*"},
	{kind: mail, pkg: "github.com/aws/aws-sdk-go-v2/service/ses", names: "Client.Send*"},
	{kind: mail, pkg: "github.com/aws/aws-sdk-go-v2/service/sesv2", names: "Client.Send*"},
	{kind: mail, pkg: "github.com/aws/aws-sdk-go/service/ses", names: "SES.Send*"},

	{kind: pushes, pkg: "firebase.google.com/go/messaging", names: "Client.Send*"},
	{kind: pushes, pkg: "github.com/SherClockHolmes/webpush-go", names: "SendNotification*"},
	{kind: pushes, pkg: "github.com/sideshow/apns2", names: "Client.Push*"},

	{kind: texts, pkg: "github.com/twilio/twilio-go/rest/api/...", names: "ApiService.CreateMessage"},
	{kind: texts, pkg: "github.com/vonage/vonage-go-sdk", names: "SMSClient.Send"},

	{kind: call, pkg: "net/http", names: "Get Head Post PostForm Client.Do Client.Get Client.Head Client.Post Client.PostForm Transport.RoundTrip RoundTripper.RoundTrip"},
	{kind: call, pkg: "github.com/hashicorp/go-retryablehttp", names: "Get Head Post PostForm Client.Do Client.Get Client.Head Client.Post Client.PostForm"},
	{kind: call, pkg: "github.com/go-resty/resty", names: "Request.Get Request.Head Request.Post Request.Put Request.Patch Request.Delete Request.Execute Request.Send"},
	{kind: call, pkg: "resty.dev", names: "Request.Get Request.Head Request.Post Request.Put Request.Patch Request.Delete Request.Execute Request.Send"},
	{kind: call, pkg: "github.com/imroc/req", names: "Request.Get Request.Post Request.Put Request.Patch Request.Delete Request.Send Get Post"},
	{kind: call, pkg: "github.com/dghubble/sling", names: "Sling.Receive* Sling.Do Sling.ByteStreamer"},
	{kind: call, pkg: "github.com/valyala/fasthttp", names: "Do* Get* Post Client.Do* Client.Get* Client.Post HostClient.Do*"},
	{kind: call, pkg: "github.com/stripe/stripe-go/...", names: "New Update Del Cancel Capture Confirm Get Client.New Client.Update Client.Del Client.Cancel Client.Capture Client.Confirm Client.Get *Service.Create *Service.Update *Service.Retrieve *Service.Delete *Service.Cancel *Service.Capture *Service.Confirm"},
	{kind: call, pkg: "github.com/slack-go/slack", names: "Client.PostMessage* Client.UploadFile* Client.SendMessage* PostWebhook*"},
	{kind: call, pkg: "github.com/twilio/twilio-go/rest/...", names: "ApiService.Create* ApiService.Fetch* ApiService.Update* ApiService.Delete* ApiService.List*"},
	{kind: call, pkg: "firebase.google.com/go/messaging", names: "Client.Subscribe* Client.Unsubscribe*"},
	{kind: call, pkg: "github.com/sashabaranov/go-openai", names: "Client.Create*"},
	{kind: call, pkg: "github.com/openai/openai-go/...", names: "*Service.New *Service.Generate *Service.Edit"},
	{kind: call, pkg: "github.com/anthropics/anthropic-sdk-go/...", names: "*Service.New"},
	{kind: call, pkg: "google.golang.org/api/...", names: "*Call.Do"},
	{kind: call, pkg: "cloud.google.com/go/storage", names: "Writer.Close ObjectHandle.NewReader ObjectHandle.Delete Copier.Run Composer.Run"},
	{kind: call, pkg: "github.com/aws/aws-sdk-go-v2/service/...", names: "Client.[A-NP-Z]*"}, // all but Options
	{kind: call, pkg: "github.com/aws/aws-sdk-go-v2/feature/s3/manager", names: "Uploader.Upload Downloader.Download"},
	{kind: call, pkg: "github.com/aws/aws-sdk-go/service/...", names: "*.Put* *.Get* *.Send* *.Create* *.Delete* *.List* *.Copy* *.Publish* *.Invoke*"},
	{kind: call, pkg: "github.com/minio/minio-go", names: "Client.PutObject Client.FPutObject Client.FGetObject Client.StatObject Client.CopyObject Client.RemoveObject"},

	{kind: picture, pkg: "image", names: "Decode"},
	{kind: picture, pkg: "image/jpeg", names: "Decode Encode"},
	{kind: picture, pkg: "image/png", names: "Decode Encode Encoder.Encode"},
	{kind: picture, pkg: "image/gif", names: "Decode DecodeAll Encode EncodeAll"},
	{kind: picture, pkg: "golang.org/x/image/draw", names: "*.Scale *.Transform"},
	{kind: picture, pkg: "golang.org/x/image/webp", names: "Decode"},
	{kind: picture, pkg: "golang.org/x/image/tiff", names: "Decode Encode"},
	{kind: picture, pkg: "golang.org/x/image/bmp", names: "Decode Encode"},
	{kind: picture, pkg: "github.com/disintegration/imaging", names: "Open Decode Save Encode Resize Fit Fill Thumbnail Blur Sharpen Rotate*"},
	{kind: picture, pkg: "github.com/kovidgoyal/imaging", names: "Open Decode Save Encode Resize Fit Fill Thumbnail Blur Sharpen Rotate*"},
	{kind: picture, pkg: "github.com/nfnt/resize", names: "Resize Thumbnail"},
	{kind: picture, pkg: "github.com/h2non/bimg", names: "Resize Image.Process Image.Resize Image.Thumbnail Image.Convert Image.Crop* Image.Enlarge* Image.Rotate Image.SmartCrop Image.Watermark*"},
	{kind: picture, pkg: "github.com/davidbyttow/govips/vips", names: "NewImageFrom* NewThumbnail* LoadImageFrom* ImageRef.Resize* ImageRef.Thumbnail* ImageRef.Export*"},
	{kind: picture, pkg: "github.com/anthonynsimon/bild/...", names: "Open Save Resize Gaussian Box"},
	{kind: picture, pkg: "github.com/chai2010/webp", names: "Decode* Encode*"},
	{kind: picture, pkg: "github.com/gen2brain/webp", names: "Decode Encode"},
	{kind: picture, pkg: "github.com/gen2brain/avif", names: "Decode Encode"},

	{kind: command, pkg: "os/exec", names: "Cmd.Run Cmd.Output Cmd.CombinedOutput Cmd.Start"},
	{kind: command, pkg: "os", names: "StartProcess"},
	{kind: command, pkg: "github.com/bitfield/script", names: "Exec Pipe.Exec"},

	{kind: archive, pkg: "archive/zip", names: "NewReader OpenReader"},
	{kind: archive, pkg: "archive/tar", names: "NewReader"},
	{kind: archive, pkg: "compress/gzip", names: "NewWriter* NewReader"},
	{kind: archive, pkg: "compress/zlib", names: "NewWriter* NewReader*"},
	{kind: archive, pkg: "compress/flate", names: "NewWriter* NewReader*"},
	{kind: archive, pkg: "compress/bzip2", names: "NewReader"},
	{kind: archive, pkg: "github.com/klauspost/compress/...", names: "NewWriter* NewReader*"},
	{kind: archive, pkg: "github.com/klauspost/pgzip", names: "NewWriter* NewReader*"},
	{kind: archive, pkg: "github.com/mholt/archiver", names: "*.Unarchive Unarchive"},
	{kind: archive, pkg: "github.com/mholt/archives", names: "*.Extract"},

	{kind: pack, pkg: "archive/zip", names: "NewWriter"},
	{kind: pack, pkg: "archive/tar", names: "NewWriter"},
	{kind: pack, pkg: "github.com/mholt/archiver", names: "*.Archive Archive"},
	{kind: pack, pkg: "github.com/mholt/archives", names: "*.Archive"},

	{kind: export, pkg: "encoding/csv", names: "Writer.Write", loop: true},
	{kind: export, pkg: "encoding/csv", names: "Writer.WriteAll"},
	{kind: export, pkg: "github.com/gocarina/gocsv", names: "Marshal*"},
	{kind: export, pkg: "github.com/xuri/excelize", names: "File.Set* StreamWriter.SetRow", loop: true},
	{kind: export, pkg: "github.com/xuri/excelize", names: "File.Write* File.SaveAs File.Save"},
	{kind: export, pkg: "github.com/360EntSecGroup-Skylar/excelize", names: "File.Write* File.SaveAs File.Save"},
	{kind: export, pkg: "github.com/tealeg/xlsx", names: "File.Write File.Save"},
	{kind: export, pkg: "github.com/parquet-go/parquet-go", names: "Write WriteFile Writer.Write GenericWriter.Write"},

	{kind: document, pkg: "github.com/jung-kurt/gofpdf", names: "Fpdf.Output*"},
	{kind: document, pkg: "github.com/go-pdf/fpdf", names: "Fpdf.Output*"},
	{kind: document, pkg: "github.com/phpdave11/gofpdf", names: "Fpdf.Output*"},
	{kind: document, pkg: "github.com/signintech/gopdf", names: "GoPdf.Write* GoPdf.GetBytesPdf*"},
	{kind: document, pkg: "github.com/johnfercher/maroto/...", names: "*.Generate *.Output*"},
	{kind: document, pkg: "github.com/pdfcpu/pdfcpu/pkg/api", names: "Merge* Create* Optimize* Split* Extract* AddWatermarks*"},
	{kind: document, pkg: "github.com/SebastiaanKlippert/go-wkhtmltopdf", names: "PDFGenerator.Create*"},
	{kind: document, pkg: "github.com/chromedp/chromedp", names: "Run"},
	{kind: document, pkg: "github.com/go-rod/rod", names: "Page.PDF Page.Screenshot Page.MustPDF Page.MustScreenshot"},

	{kind: sleep, pkg: "time", names: "Sleep"},

	{kind: write, pkg: "database/sql", names: "Stmt.Exec*"},
	{kind: write, pkg: "gorm.io/gorm", names: "DB.Create DB.Save DB.Update DB.Updates DB.Delete DB.Exec"},
	{kind: write, pkg: "github.com/jmoiron/sqlx", names: "*.NamedExec* *.MustExec*"},
	{kind: write, pkg: "github.com/uptrace/bun", names: "InsertQuery.Exec UpdateQuery.Exec DeleteQuery.Exec"},
}

// Rules by package, and those for all below one.
var exactRules, treeRules = indexRules()

func indexRules() (exact, tree map[string][]rule) {
	exact, tree = map[string][]rule{}, map[string][]rule{}
	for _, r := range rules {
		if root, ok := strings.CutSuffix(r.pkg, "/..."); ok {
			tree[root] = append(tree[root], r)
		} else {
			exact[r.pkg] = append(exact[r.pkg], r)
		}
	}
	return exact, tree
}

// ruleOf returns what is known of a function.
func ruleOf(f *types.Func) (rule, bool) {
	if f.Pkg() == nil {
		return rule{}, false
	}
	pkg, name := unversioned(f.Pkg().Path()), nameIn(f)
	if r, ok := matching(exactRules[pkg], name); ok {
		return r, true
	}
	for root := pkg; root != "." && root != "/"; root = path.Dir(root) {
		if r, ok := matching(treeRules[root], name); ok {
			return r, true
		}
	}
	return rule{}, false
}

func matching(rules []rule, name string) (rule, bool) {
	for _, r := range rules {
		for _, pattern := range strings.Fields(r.names) {
			if ok, _ := path.Match(pattern, name); ok {
				return r, true
			}
		}
	}
	return rule{}, false
}

var majorVersion = regexp.MustCompile(`(/v\d+)(/|$)|\.v\d+(/|$)`)

// unversioned is a package's path without the major version: "…/stripe-go/customer".
func unversioned(path string) string { return majorVersion.ReplaceAllString(path, "$2$3") }

// nameIn names a function within its package: "SendMail", "Client.Do".
func nameIn(f *types.Func) string {
	if named := receiver(f); named != nil {
		return named.Obj().Name() + "." + f.Name()
	}
	return f.Name()
}

// receiver returns the type that has the method, or nil.
func receiver(f *types.Func) *types.Named {
	recv := f.Signature().Recv()
	if recv == nil {
		return nil
	}
	return namedOf(recv.Type())
}

// namedOf returns the named type behind a type or a pointer to it, or nil.
func namedOf(t types.Type) *types.Named {
	if pointer, ok := types.Unalias(t).(*types.Pointer); ok {
		t = pointer.Elem()
	}
	named, _ := types.Unalias(t).(*types.Named)
	return named
}

// isType reports whether t is the named type, or a pointer to it.
func isType(t types.Type, pkg string, names ...string) bool {
	named := namedOf(t)
	if named == nil || named.Obj().Pkg() == nil || unversioned(named.Obj().Pkg().Path()) != pkg {
		return false
	}
	for _, name := range names {
		if named.Obj().Name() == name {
			return true
		}
	}
	return false
}
