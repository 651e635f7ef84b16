package image

import (
	"image"
	"math"

	"golang.org/x/image/draw"
)

// How fine a blurhash is: waves across and down.
const waves, wavesDown = 4, 3

// blurhash is a picture as a few waves of colour, in the letters of https://github.com/woltapp/blurhash: the best known of such
// formats. The libraries for Go have had no release for years, and it is a page.
func blurhash(picture image.Image) string {
	small := image.NewRGBA(image.Rect(0, 0, 32, 32)) // more would not be seen
	draw.Draw(small, small.Rect, image.White, image.Point{}, draw.Src)
	draw.ApproxBiLinear.Scale(small, small.Rect, picture, picture.Bounds(), draw.Over, nil)
	var factors [waves * wavesDown][3]float64
	most := 0.0
	for j := range wavesDown {
		for i := range waves {
			f := wave(small, i, j)
			factors[j*waves+i] = f
			if i+j > 0 {
				most = max(most, math.Abs(f[0]), math.Abs(f[1]), math.Abs(f[2]))
			}
		}
	}
	scale := min(max(int(most*166-0.5), 0), 82)
	most = float64(scale+1) / 166
	hash := base83(nil, waves-1+(wavesDown-1)*9, 1)
	hash = base83(hash, scale, 1)
	mean := factors[0]
	hash = base83(hash, toByte(mean[0])<<16|toByte(mean[1])<<8|toByte(mean[2]), 4)
	for _, f := range factors[1:] {
		n := 0
		for _, colour := range f {
			q := math.Floor(math.Copysign(math.Sqrt(math.Abs(colour/most)), colour)*9 + 9.5)
			n = n*19 + int(min(max(q, 0), 18))
		}
		hash = base83(hash, n, 2)
	}
	return string(hash)
}

// wave is how much of a cosine wave is in a picture, for each colour.
func wave(m *image.RGBA, i, j int) (f [3]float64) {
	size := m.Rect.Size()
	scale := 2.0
	if i == 0 && j == 0 {
		scale = 1
	}
	for y := range size.Y {
		down := math.Cos(math.Pi * float64(j) * float64(y) / float64(size.Y))
		for x := range size.X {
			basis := down * math.Cos(math.Pi*float64(i)*float64(x)/float64(size.X))
			pixel := m.Pix[m.PixOffset(x, y):]
			for c := range f {
				f[c] += basis * toLinear(pixel[c])
			}
		}
	}
	for c := range f {
		f[c] *= scale / float64(size.X*size.Y)
	}
	return f
}

// toLinear and toByte are those of sRGB.
func toLinear(b byte) float64 {
	v := float64(b) / 255
	if v <= 0.04045 {
		return v / 12.92
	}
	return math.Pow((v+0.055)/1.055, 2.4)
}

func toByte(v float64) int {
	v = min(max(v, 0), 1)
	if v <= 0.0031308 {
		return int(v*12.92*255 + 0.5)
	}
	return int((1.055*math.Pow(v, 1/2.4)-0.055)*255 + 0.5)
}

const digits83 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~"

// base83 appends n in so many digits.
func base83(to []byte, n, width int) []byte {
	at := len(to)
	to = append(to, make([]byte, width)...)
	for i := width - 1; i >= 0; i-- {
		to[at+i] = digits83[n%83]
		n /= 83
	}
	return to
}
