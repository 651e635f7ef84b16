package export

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/offloadhq/offload/kit/table"
)

// Tags of values in a stage.
const (
	isNil byte = iota
	isFalse
	isTrue
	isInt
	isFloat
	isText
	isTime
	isBytes
	isDecimal
	isJSON
)

// A stage is rows as they wait in the store until they are written in a format: each value a tag and what it says.
type stage struct {
	w       *bufio.Writer
	columns []table.Column
	line    []byte
}

func (s *stage) Write(row []any) error {
	if len(row) != len(s.columns) {
		return &table.ValueError{Err: fmt.Errorf("%d values for %d columns", len(row), len(s.columns))}
	}
	s.line = s.line[:0]
	for i, v := range row {
		v, err := table.Value(v)
		if err == nil {
			err = s.value(v)
		}
		if err != nil {
			return &table.ValueError{Column: s.columns[i].Name, Err: err}
		}
	}
	_, err := s.w.Write(s.line)
	return err
}

func (s *stage) value(v any) error {
	switch v := v.(type) {
	case nil:
		s.line = append(s.line, isNil)
	case bool:
		if v {
			s.line = append(s.line, isTrue)
		} else {
			s.line = append(s.line, isFalse)
		}
	case int64:
		s.line = binary.AppendVarint(append(s.line, isInt), v)
	case float64:
		s.line = binary.LittleEndian.AppendUint64(append(s.line, isFloat), math.Float64bits(v))
	case string:
		s.text(isText, v)
	case table.Decimal:
		s.text(isDecimal, string(v))
	case []byte:
		s.text(isBytes, string(v))
	case json.RawMessage:
		s.text(isJSON, string(v))
	case time.Time:
		at, err := v.MarshalBinary()
		if err != nil {
			return err
		}
		s.text(isTime, string(at))
	default:
		return fmt.Errorf("a %T is no value of a row", v)
	}
	return nil
}

func (s *stage) text(tag byte, v string) {
	s.line = append(binary.AppendUvarint(append(s.line, tag), uint64(len(v))), v...)
}

func (s *stage) Close() error { return s.w.Flush() }

// unstage writes the rows of a stage to w.
func unstage(r io.Reader, columns int, w table.Writer, each func()) error {
	in := bufio.NewReaderSize(r, 64<<10)
	row := make([]any, columns)
	for {
		for i := range row {
			v, err := readValue(in)
			if errors.Is(err, io.EOF) && i == 0 {
				return nil
			}
			if err != nil {
				return fmt.Errorf("read rows that were kept: %w", err)
			}
			row[i] = v
		}
		if err := w.Write(row); err != nil {
			return err
		}
		each()
	}
}

const mostValue = 1 << 30 // bytes; more is no stage

// readValue reads a value. Its error is io.EOF only where none begins.
func readValue(in *bufio.Reader) (any, error) {
	tag, err := in.ReadByte()
	if err != nil {
		return nil, err
	}
	v, err := readTagged(in, tag)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return v, err
}

func readTagged(in *bufio.Reader, tag byte) (any, error) {
	switch tag {
	case isNil:
		return nil, nil
	case isFalse, isTrue:
		return tag == isTrue, nil
	case isInt:
		return binary.ReadVarint(in)
	case isFloat:
		var b [8]byte
		_, err := io.ReadFull(in, b[:])
		return math.Float64frombits(binary.LittleEndian.Uint64(b[:])), err
	case isText, isTime, isBytes, isDecimal, isJSON:
	default:
		return nil, fmt.Errorf("tag %d", tag)
	}
	n, err := binary.ReadUvarint(in)
	if err != nil {
		return nil, err
	}
	if n > mostValue {
		return nil, fmt.Errorf("a value of %d bytes", n)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(in, b); err != nil {
		return nil, err
	}
	switch tag {
	case isTime:
		var at time.Time
		err := at.UnmarshalBinary(b)
		return at, err
	case isBytes:
		return b, nil
	case isDecimal:
		return table.Decimal(b), nil
	case isJSON:
		return json.RawMessage(b), nil
	}
	return string(b), nil
}
