package devserver

import (
	"bytes"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"net/url"
	"strings"
	"testing"
)

// TestThumbnailsAreThoseOfSynapse has what Synapse 1.163 with its default configuration answers.
func TestThumbnailsAreThoseOfSynapse(t *testing.T) {
	for _, test := range []struct {
		of     [2]int
		ask    [2]int
		method string
		want   [2]int // nothing: there is none
	}{
		{of: [2]int{1000, 500}, ask: [2]int{96, 96}, method: "scale", want: [2]int{320, 160}},
		{of: [2]int{1000, 500}, ask: [2]int{640, 400}, method: "scale", want: [2]int{640, 320}},
		{of: [2]int{1000, 500}, ask: [2]int{5000, 5000}, method: "scale", want: [2]int{800, 400}},
		{of: [2]int{1000, 500}, ask: [2]int{40, 40}, method: "crop", want: [2]int{96, 96}},
		{of: [2]int{1000, 500}, ask: [2]int{500, 400}, method: "crop", want: [2]int{32, 32}}, // the nearest proportions
		{of: [2]int{1000, 500}, ask: [2]int{32, 32}, method: "crop", want: [2]int{32, 32}},
		{of: [2]int{1000, 500}, ask: [2]int{32, 32}, method: "stretch"},
		{of: [2]int{96, 96}, ask: [2]int{96, 96}, method: "crop", want: [2]int{32, 32}}, // the other is a scaled one
		{of: [2]int{20, 10}, ask: [2]int{96, 96}, method: "scale", want: [2]int{20, 10}},
		{of: [2]int{5000, 1}, ask: [2]int{96, 96}, method: "scale", want: [2]int{320, 1}},
	} {
		got := [2]int{}
		if best := bestThumbnail(thumbnailsOf(test.of[0], test.of[1]), test.ask[0], test.ask[1], test.method); best != nil {
			got = [2]int{best.w, best.h}
		}
		if got != test.want {
			t.Errorf("%s of %v to %v: %v, want %v", test.method, test.of, test.ask, got, test.want)
		}
	}
}

// flag is half red and half blue, side by side.
func flag(w, h int) *image.Paletted {
	p := image.NewPaletted(image.Rect(0, 0, w, h), color.Palette{color.RGBA{255, 0, 0, 255}, color.RGBA{0, 0, 255, 255}})
	for y := range h {
		for x := w / 2; x < w; x++ {
			p.SetColorIndex(x, y, 1)
		}
	}
	return p
}

func TestThumbnail(t *testing.T) {
	hs, b := setUp(t, Options{})
	b.register("_bh_x")
	encoded := func(encode func(*bytes.Buffer) error) []byte {
		var out bytes.Buffer
		done(t, encode(&out))
		return out.Bytes()
	}
	of := flag(400, 200)
	pictures := map[string][]byte{
		"image/png":  encoded(func(out *bytes.Buffer) error { return png.Encode(out, of) }),
		"image/gif":  encoded(func(out *bytes.Buffer) error { return gif.Encode(out, of, nil) }),
		"image/jpeg": encoded(func(out *bytes.Buffer) error { return jpeg.Encode(out, of, nil) }),
	}
	put := func(mimeType string, data []byte) string {
		hs.mu.Lock()
		defer hs.mu.Unlock()
		id := randomID(18)
		hs.media[id] = &medium{mimeType: mimeType, data: data}
		return "v1/media/thumbnail/bh.test/" + id
	}
	get := func(path string, query string) answer { t.Helper(); return b.as("", "GET", path+"?"+query, nil) }
	for mimeType, data := range pictures {
		for method, want := range map[string]image.Point{"scale": {320, 160}, "crop": {96, 96}} {
			a := get(put(mimeType, data), "width=96&height=96&method="+method)
			p, kind, err := image.Decode(strings.NewReader(a.raw))
			if err != nil {
				t.Fatalf("%s of %s: %d %s", method, mimeType, a.status, a.raw)
			}
			if p.Bounds().Size() != want || (kind == "jpeg") != (mimeType == "image/jpeg") {
				t.Errorf("%s of %s: a %s of %v, want %v", method, mimeType, kind, p.Bounds().Size(), want)
			}
			left, _, _, _ := p.At(5, 5).RGBA()
			_, _, right, _ := p.At(want.X-5, want.Y-5).RGBA()
			if left < 0xf000 || right < 0xf000 {
				t.Errorf("%s of %s shows another picture: %x, %x", method, mimeType, left, right)
			}
		}
	}

	path := put("image/png", pictures["image/png"])
	get(path, "height=1").expect(t, "no width", 400, "M_MISSING_PARAM", "Missing required integer query parameter width")
	get(path, "width=1").expect(t, "no height", 400, "M_MISSING_PARAM", "Missing required integer query parameter height")
	get(path, "width=x&height=1").expect(t, "width in words", 400, "M_INVALID_PARAM", "Query parameter width must be an integer")
	get(path, "width=1&height=-1").expect(t, "negative height", 400, "M_INVALID_PARAM", "must be a positive integer")
	get(path, "width=1&height=1&timeout_ms=x").expect(t, "a time in words", 400, "M_INVALID_PARAM", "timeout_ms")
	get(path, "width=1&height=1&animated=maybe").expect(t, "neither true nor false", 400, "M_UNKNOWN", "must be one of")
	get(path, "width=1&height=1&method=stretch").expect(t, "another method", 404, "M_NOT_FOUND", "Not found")
	if a := get(path, "width=1&height=1&method=CROP&animated=true"); a.status != 200 {
		t.Errorf("the method in capitals: %d %s", a.status, a.raw)
	}
	get(put("text/plain", pictures["image/png"]), "width=1&height=1").expect(t, "not called a picture", 400, "M_UNKNOWN", "Cannot find any thumbnails")
	get(put("image/png", []byte("hello")), "width=1&height=1").expect(t, "no picture", 400, "M_UNKNOWN", "Cannot find any thumbnails")
	get("v1/media/thumbnail/bh.test/none", "width=1&height=1").expect(t, "no file", 404, "M_NOT_FOUND", "Not found")
	get("v1/media/thumbnail/"+url.PathEscape("other.test")+"/x", "width=1&height=1").expect(t, "another server's", 404, "M_NOT_FOUND", "Not found")
}
