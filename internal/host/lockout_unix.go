//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package host

import (
	"fmt"
	"os"
	"syscall"
)

// lockOut waits until no other process holds the file, and holds it. It ends with the process.
func lockOut(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if err != syscall.EINTR {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() { f.Close() }, nil
}
