package luabind

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"bridgehost/diag"
)

var base64Module = module("bridge.base64", "Bytes to and from base64.")

var _ = fn(base64Module, "encode", pure, never,
	"Writes bytes as base64, with padding. With `url` in the alphabet for URLs and file names (- and _), without padding.",
	func(c *Call, a *struct {
		Data []byte `lua:"data" doc:"any bytes"`
		URL  bool   `lua:"url,opt" doc:"in the alphabet for URLs"`
	}) (string, error) {
		encoding := base64.StdEncoding
		if a.URL {
			encoding = base64.RawURLEncoding
		}
		if n := encoding.EncodedLen(len(a.Data)); n > c.VM.Limits().String {
			return "", tooLong("text", c.VM.Limits().String)
		}
		return encoding.EncodeToString(a.Data), nil
	}, errcodes("E_STRING"), example(`local header = "Basic " .. base64.encode(user .. ":" .. password)`))

var _ = fn(base64Module, "decode", pure, never,
	"The bytes of a base64 text, with or without padding; line breaks in it do not count. Returns nil and an error when the text is not base64.",
	func(c *Call, a *struct {
		Text string `lua:"text" doc:"the text"`
		URL  bool   `lua:"url,opt" doc:"it is in the alphabet for URLs"`
	}) (results2, error) {
		data, err := decodeBase64(a.Text, a.URL)
		if err != nil {
			return c.returned(&diag.Error{Kind: diag.KindScript, Code: "E_BASE64", Message: err.Error()}), nil
		}
		return results2{lua.LString(data)}, nil
	}, results("the bytes, or nil and an error"), returns("string?", "Error?"), errcodes("E_BASE64"),
	example(`local data, err = base64.decode(text)`))

// decodeBase64 names the first byte that does not belong there; line breaks are not counted.
func decodeBase64(text string, url bool) ([]byte, error) {
	encoding := base64.RawStdEncoding
	if url {
		encoding = base64.RawURLEncoding
	}
	text = strings.NewReplacer("\r", "", "\n", "").Replace(text)
	body := strings.TrimRight(text, "=")
	data, err := encoding.DecodeString(body)
	var corrupt base64.CorruptInputError
	switch {
	case err == nil && body != text && (len(text)%4 != 0 || len(text)-len(body) > 2):
		return nil, fmt.Errorf("not base64: %d = at the end, which do not fit what stands before them", len(text)-len(body))
	case err == nil:
		return data, nil
	case !errors.As(err, &corrupt) || int(corrupt) >= len(body) || alphabet(body[corrupt], url):
		return nil, errors.New("not base64: the end is missing")
	}
	hint := ""
	if alphabet(body[corrupt], !url) {
		hint = "; is it in the alphabet for URLs? Then give { url = true }"
		if url {
			hint = "; is it in the usual alphabet? Then leave out url = true"
		}
	}
	return nil, fmt.Errorf("not base64: %q at byte %d%s", body[corrupt:corrupt+1], int(corrupt)+1, hint)
}

// alphabet tells whether a byte is in one of the two alphabets.
func alphabet(b byte, url bool) bool {
	switch b {
	case '+', '/':
		return !url
	case '-', '_':
		return url
	}
	return b >= '0' && b <= '9' || b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z'
}

func tooLong(what string, most int) error {
	return &diag.Error{Kind: diag.KindLimit, Code: "E_STRING", Message: fmt.Sprintf("the %s is longer than %d bytes", what, most)}
}
