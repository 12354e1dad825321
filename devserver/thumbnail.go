package devserver

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	_ "image/gif" // the kinds of pictures that are read
	"image/jpeg"
	"image/png"
	"net/http"
	"slices"
	"strings"
)

// maxPixels is what a picture may have, Synapse's default.
const maxPixels = 32 << 20

// thumbnailSize is one form that Synapse makes of every picture, in the order of its
// configuration. With its defaults it makes no others, whatever is asked for.
type thumbnailSize struct {
	w, h int
	crop bool
}

var thumbnailSizes = []thumbnailSize{{32, 32, true}, {96, 96, true}, {320, 240, false}, {640, 480, false}, {800, 600, false}}

// thumbnail answers with the form that fits best. Only PNG, JPEG and GIF are read, without
// their orientation, and nothing moves.
func thumbnail(c *call) (any, *refusal) {
	w, r := c.number("width", -1)
	if r != nil {
		return nil, r
	}
	h, r := c.number("height", -1)
	if r != nil {
		return nil, r
	}
	q := c.r.URL.Query()
	if v := q.Get("animated"); q.Has("animated") && v != "true" && v != "false" {
		return nil, fail(http.StatusBadRequest, "M_UNKNOWN", "Boolean query parameter 'animated' must be one of ['true', 'false']")
	}
	m, r := c.awaitMedium()
	if r != nil {
		return nil, r
	}
	picture := m.picture()
	if picture == nil {
		return nil, fail(http.StatusBadRequest, "M_UNKNOWN", "Cannot find any thumbnails for the requested media ('%s'). "+
			"This might mean the media is not a supported_media_format=(image/jpeg, image/jpg, image/gif, image/png) "+
			"or that thumbnailing failed for some other reason. (Dynamic thumbnails are disabled on this server.)", c.r.URL.Path)
	}
	method := strings.ToLower(q.Get("method"))
	if !q.Has("method") {
		method = "scale"
	}
	best := bestThumbnail(thumbnailsOf(picture.Bounds().Dx(), picture.Bounds().Dy()), w, h, method)
	if best == nil {
		return nil, notFound("Not found '%s'", c.r.URL.Path)
	}
	mimeType, data := best.encode(picture, m.mimeType)
	c.writeMedia(mimeType, data)
	return written{}, nil
}

// picture decodes the file, nil when it is none that thumbnails are made of.
func (m *medium) picture() image.Image {
	switch kind, _, _ := strings.Cut(m.mimeType, ";"); kind {
	case "image/jpeg", "image/jpg", "image/png", "image/gif":
	default:
		return nil
	}
	head, _, err := image.DecodeConfig(bytes.NewReader(m.data))
	if err != nil || head.Width*head.Height >= maxPixels {
		return nil
	}
	p, _, err := image.Decode(bytes.NewReader(m.data))
	if err != nil || p.Bounds().Empty() {
		return nil
	}
	return p
}

// thumbnailsOf are the forms of a picture of this size. A scaled one stands in for a
// cropped one of the same size, and none is larger than the picture but cropped ones.
func thumbnailsOf(w, h int) []thumbnailSize {
	var all []thumbnailSize
	for _, size := range thumbnailSizes {
		if !size.crop {
			if size.w*h < size.h*w {
				size.h = max(size.w*h/w, 1)
			} else {
				size.w = max(size.h*w/h, 1)
			}
			size.w, size.h = min(w, size.w), min(h, size.h)
		}
		same := slices.IndexFunc(all, func(s thumbnailSize) bool { return s.w == size.w && s.h == size.h })
		switch {
		case same < 0:
			all = append(all, size)
		case !size.crop:
			all[same] = size
		}
	}
	return all
}

// bestThumbnail is Synapse's choice: by proportions when cropped, then by size, and
// preferably not smaller than what is asked for; nil when there is none of this method.
func bestThumbnail(all []thumbnailSize, w, h int, method string) *thumbnailSize {
	abs := func(n int) int { return max(n, -n) }
	smaller := func(s thumbnailSize) int {
		if s.w >= w || s.h >= h {
			return 0
		}
		return 1
	}
	rank := func(s thumbnailSize) []int {
		size := abs((w - s.w) * (h - s.h))
		if !s.crop {
			return []int{smaller(s), size}
		}
		covers := 1
		if w <= s.w && h <= s.h {
			covers = 0
		}
		return []int{smaller(s), abs(w*s.h - h*s.w), covers, size}
	}
	var fit []thumbnailSize
	for _, s := range all {
		if method == "crop" && s.crop || method == "scale" && !s.crop {
			fit = append(fit, s)
		}
	}
	if len(fit) == 0 {
		return nil
	}
	best := slices.MinFunc(fit, func(a, b thumbnailSize) int {
		return cmp.Or(slices.Compare(rank(a), rank(b)), cmp.Compare(a.w*a.h, b.w*b.h)) // in place of the length in bytes
	})
	return &best
}

// encode makes the thumbnail: a JPEG of a JPEG, else a PNG.
func (s thumbnailSize) encode(p image.Image, mimeType string) (string, []byte) {
	from := p.Bounds()
	if s.crop { // the middle, in the thumbnail's proportions
		w, h := from.Dx(), from.Dy()
		if s.w*h > s.h*w {
			keep := max(s.h*w/s.w, 1)
			from.Min.Y += (h - keep) / 2
			from.Max.Y = from.Min.Y + keep
		} else {
			keep := max(s.w*h/s.h, 1)
			from.Min.X += (w - keep) / 2
			from.Max.X = from.Min.X + keep
		}
	}
	small := resized(p, from, s.w, s.h)
	var b bytes.Buffer // to which writing never fails
	if strings.HasPrefix(mimeType, "image/jp") && small.Opaque() {
		_ = jpeg.Encode(&b, small, &jpeg.Options{Quality: 80})
		return "image/jpeg", b.Bytes()
	}
	_ = png.Encode(&b, small)
	return "image/png", b.Bytes()
}

// resized gives each point the mean colour of what it stands for.
func resized(p image.Image, from image.Rectangle, w, h int) *image.NRGBA {
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		top, bottom := span(from.Min.Y, from.Dy(), y, h)
		for x := range w {
			left, right := span(from.Min.X, from.Dx(), x, w)
			var red, green, blue, alpha, n uint64
			for sy := top; sy < bottom; sy++ {
				for sx := left; sx < right; sx++ {
					r, g, b, a := p.At(sx, sy).RGBA()
					red, green, blue, alpha, n = red+uint64(r), green+uint64(g), blue+uint64(b), alpha+uint64(a), n+1
				}
			}
			out.Set(x, y, color.RGBA64{uint16(red / n), uint16(green / n), uint16(blue / n), uint16(alpha / n)})
		}
	}
	return out
}

// span is which points of a line of length the k-th of n stands for, at least one.
func span(start, length, k, n int) (from, to int) {
	from = k * length / n
	return start + from, start + max((k+1)*length/n, from+1)
}
