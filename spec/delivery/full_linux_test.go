package delivery

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestFullDisk fills the disk while a handler runs: what comes is refused, what was handled
// is finished when there is space again, and a crash after that repeats nothing although
// the homeserver has forgotten its transaction ids.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	f := prepare(t, "", map[string]string{"echo": echo(2, `
    if evt.text == "m2" and i == 2 then print("under way") bridge.sleep(1) end`)})
	data := filepath.Join(f.Dir, "data")
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", data, "tmpfs", 0, "size=4m,mode=700"); err != nil {
		t.Skipf("a small file system takes the rights of root: %v", err)
	}
	t.Cleanup(func() {
		f.Kill()
		if err := syscall.Unmount(data, 0); err != nil {
			t.Error(err)
		}
	})
	f.begin(t, 2)
	f.say(t, 1, f.rooms...)
	f.settle(t, f.rooms...)
	f.say(t, 1, f.rooms[0])
	f.seen(t, 0, 1, "under way")
	fill(t, filepath.Join(data, "ballast"))
	since := len(f.Log())
	f.say(t, 3, f.rooms...)
	f.seen(t, since, 1, "transaction not accepted")
	f.seen(t, since, 1, "not finished on disk")
	if err := os.Remove(filepath.Join(data, "ballast")); err != nil {
		t.Fatal(err)
	}
	f.judge(t)
	f.Kill()
	f.hs.ForgetTransactions()
	f.Start(t)
	f.say(t, 1, f.rooms...)
	f.judge(t)
}

// fill writes a file until the disk is full.
func fill(t *testing.T, path string) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for page := make([]byte, 4096); err == nil; {
		_, err = file.Write(page)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}
