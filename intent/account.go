package intent

import (
	"context"
	"encoding/json"
	"time"

	"bridgehost/matrix"
)

// WhoamiResult is whom the homeserver takes the user for.
type WhoamiResult struct {
	UserID   matrix.UserID `json:"user_id"`
	DeviceID string        `json:"device_id,omitempty"`
	IsGuest  bool          `json:"is_guest"`
}

// Whoami asks the homeserver whom it takes this user for (OT-1).
func (i *Intent) Whoami(ctx context.Context) (*WhoamiResult, error) {
	answer, err := i.do(ctx, request{method: "GET", path: matrix.ClientPath("account", "whoami")})
	if err != nil {
		return nil, i.fail("whoami", "", err)
	}
	var told WhoamiResult
	if err := json.Unmarshal(answer, &told); err != nil || told.UserID == "" {
		return nil, &Error{Op: "whoami", User: i.user, Message: "the homeserver's answer has no user_id", Err: err}
	}
	return &told, nil
}

// AppservicePingOptions are those of AppservicePing.
type AppservicePingOptions struct{ TxnID string }

// AppservicePing asks the homeserver to ping the application service of that id, and
// returns how long that took (OT-1).
// Errors: M_CONNECTION_FAILED, M_CONNECTION_TIMEOUT, M_BAD_STATUS, M_URL_NOT_SET.
func (i *Intent) AppservicePing(ctx context.Context, appserviceID string, o AppservicePingOptions) (time.Duration, error) {
	body := map[string]string{}
	if o.TxnID != "" {
		body["transaction_id"] = o.TxnID
	}
	never := 0 // the homeserver's own 502 and 504 are the answer here
	answer, err := i.do(ctx, request{
		method: "POST", path: "/_matrix/client/v1" + matrix.Path("appservice", appserviceID, "ping"), body: body,
		opts: &EventOptions{RetryCount: &never},
	})
	if err != nil {
		return 0, i.fail("appservice_ping", "", err)
	}
	var told struct {
		Millis int64 `json:"duration_ms"`
	}
	_ = json.Unmarshal(answer, &told)
	return time.Duration(told.Millis) * time.Millisecond, nil
}
