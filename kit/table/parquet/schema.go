package parquet

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/offloadhq/offload/kit/table"
)

// A getter makes a value of a row of one of a file that is not null.
type getter func(parquet.Value) any

// typeOf returns the kind of a column, and how to get its values, by its logical type or else its physical one.
func typeOf(t parquet.Type) (table.Kind, getter) {
	if logical := t.LogicalType(); logical != nil {
		switch l := logical.Value.(type) {
		case *format.StringType, *format.EnumType:
			return table.Text, text
		case *format.JsonType:
			return table.JSON, func(v parquet.Value) any {
				if b := bytes.Clone(v.ByteArray()); json.Valid(b) {
					return json.RawMessage(b)
				}
				return text(v)
			}
		case *format.DateType:
			return table.Date, func(v parquet.Value) any { return time.Unix(int64(v.Int32())*86_400, 0).UTC() }
		case *format.TimestampType:
			return table.Time, timestamp(l.Unit)
		case *format.DecimalType:
			return table.DecimalKind, decimal(t.Kind(), int(l.Scale))
		case *format.UUIDType:
			return table.Text, func(v parquet.Value) any {
				s := hex.EncodeToString(v.ByteArray())
				if len(s) != 32 {
					return s
				}
				return strings.Join([]string{s[:8], s[8:12], s[12:16], s[16:20], s[20:]}, "-")
			}
		case *format.IntType:
			if !l.IsSigned {
				return table.Int, unsigned(t.Kind())
			}
		}
	}
	return plain(t.Kind())
}

// plain is what a physical type says.
func plain(kind parquet.Kind) (table.Kind, getter) {
	switch kind {
	case parquet.Boolean:
		return table.Bool, func(v parquet.Value) any { return v.Boolean() }
	case parquet.Int32:
		return table.Int, func(v parquet.Value) any { return int64(v.Int32()) }
	case parquet.Int64:
		return table.Int, func(v parquet.Value) any { return v.Int64() }
	case parquet.Int96: // a time of old writers: nanoseconds of a Julian day
		return table.Time, func(v parquet.Value) any {
			i := v.Int96()
			return time.Unix((int64(i[2])-2_440_588)*86_400, int64(i[1])<<32|int64(i[0])).UTC()
		}
	case parquet.Float:
		return table.Float, func(v parquet.Value) any {
			f, err := strconv.ParseFloat(strconv.FormatFloat(float64(v.Float()), 'g', -1, 32), 64) // 1.1 stays 1.1
			if err != nil {
				return float64(v.Float())
			}
			return f
		}
	case parquet.Double:
		return table.Float, func(v parquet.Value) any { return v.Double() }
	}
	return table.Bytes, func(v parquet.Value) any { return bytes.Clone(v.ByteArray()) }
}

func text(v parquet.Value) any { return strings.ToValidUTF8(string(v.ByteArray()), "\uFFFD") }

func unsigned(kind parquet.Kind) getter {
	return func(v parquet.Value) any {
		if kind == parquet.Int32 {
			return int64(v.Uint32())
		}
		if n := v.Int64(); n >= 0 {
			return n
		}
		return table.Decimal(strconv.FormatUint(v.Uint64(), 10))
	}
}

func timestamp(unit format.TimeUnit) getter {
	switch unit.Value.(type) {
	case *format.MilliSeconds:
		return func(v parquet.Value) any { return time.UnixMilli(v.Int64()).UTC() }
	case *format.NanoSeconds:
		return func(v parquet.Value) any { return time.Unix(0, v.Int64()).UTC() }
	}
	return func(v parquet.Value) any { return time.UnixMicro(v.Int64()).UTC() }
}

// decimal reads a whole number that was multiplied by ten to the scale.
func decimal(kind parquet.Kind, scale int) getter {
	return func(v parquet.Value) any {
		n := new(big.Int)
		switch kind {
		case parquet.Int32:
			n.SetInt64(int64(v.Int32()))
		case parquet.Int64:
			n.SetInt64(v.Int64())
		default: // big-endian, in two's complement
			b := v.ByteArray()
			n.SetBytes(b)
			if len(b) > 0 && b[0] >= 0x80 {
				n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
			}
		}
		digits, sign := new(big.Int).Abs(n).String(), ""
		if n.Sign() < 0 {
			sign = "-"
		}
		if scale <= 0 || scale > 1000 {
			return table.Decimal(sign + digits)
		}
		if missing := scale + 1 - len(digits); missing > 0 {
			digits = strings.Repeat("0", missing) + digits
		}
		return table.Decimal(sign + digits[:len(digits)-scale] + "." + digits[len(digits)-scale:])
	}
}
