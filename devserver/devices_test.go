package devserver

import "testing"

func TestDevices(t *testing.T) {
	hs, b := setUp(t, Options{})
	ghost := b.register("_bh_x")
	const unknown = "Application service trying to use a device that doesn't exist ('PHONE' for @_bh_x:bh.test)"
	b.as(ghost, "GET", "v3/account/whoami?device_id=PHONE", nil).expect(t, "no such device", 400, "M_UNKNOWN_DEVICE", unknown)
	b.as(ghost, "GET", "v3/devices/PHONE", nil).expect(t, "not there", 404, "M_NOT_FOUND", "No device found")
	b.as(ghost, "PUT", "v3/devices/PHONE", object{"display_name": "Phone"}).expect(t, "made", 201, "", "")
	b.as(ghost, "PUT", "v3/devices/PHONE", object{}).expect(t, "made before", 200, "", "")
	if a := b.as(ghost, "GET", "v3/devices/PHONE", nil); a.body["display_name"] != "Phone" {
		t.Error(a.raw)
	}
	if a := b.as(ghost, "GET", "v3/account/whoami?device_id=PHONE", nil); a.body["device_id"] != "PHONE" || a.body["user_id"] != ghost {
		t.Error(a.raw)
	}
	other := b.register("_bh_y")
	b.as(other, "GET", "v3/account/whoami?device_id=PHONE", nil).expect(t, "another user's", 400, "M_UNKNOWN_DEVICE", "")
	b.as(hs.User("alice").Token, "PUT", "v3/devices/PHONE", object{}).expect(t, "of a person", 404, "M_NOT_FOUND", "No device found")
}
