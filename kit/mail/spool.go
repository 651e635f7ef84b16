package mail

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// A spool holds a mail's text while it is signed and sent, so that what is sent is what was signed, and each server is told the
// same: in memory while it is small, else in a file of the system's folder for temporary ones.
type spool struct {
	tail []byte // what the file does not have
	file *os.File
	size int64  // of the file
	name string // of the file, if it still has one
}

// mostInMemory is what a mail may take of the memory, whatever is attached to it.
const mostInMemory = 256 << 10

// mostMail is more than any mail server takes, and little for a disk.
const mostMail = 256 << 20

// errTooLarge says that a mail will be taken nowhere.
var errTooLarge = errors.New("the mail is too large")

func (s *spool) Write(p []byte) (int, error) {
	if s.size+int64(len(s.tail)+len(p)) > mostMail {
		return 0, errTooLarge
	}
	s.tail = append(s.tail, p...)
	if len(s.tail) < mostInMemory {
		return len(p), nil
	}
	if s.file == nil {
		file, err := os.CreateTemp("", "offload-mail-") // for this user alone
		if err != nil {
			return 0, err
		}
		s.file = file
		if os.Remove(file.Name()) != nil { // so that nothing is left if the process is killed; Windows refuses
			s.name = file.Name()
		}
	}
	n, err := s.file.Write(s.tail)
	s.size += int64(n)
	s.tail = s.tail[:0]
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// reader reads all that was written. There may be several, until close.
func (s *spool) reader() io.Reader {
	if s.file == nil {
		return bytes.NewReader(s.tail)
	}
	return io.MultiReader(io.NewSectionReader(s.file, 0, s.size), bytes.NewReader(s.tail))
}

func (s *spool) close() error {
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	if s.name != "" {
		err = errors.Join(err, os.Remove(s.name))
	}
	if err != nil {
		return fmt.Errorf("remove a mail's temporary file: %w", err)
	}
	return nil
}
