// SPDX-License-Identifier: Apache-2.0

package mount

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

// loopMark is the name that loop devices of ours have, by which they are told
// from those of others. It goes with the device.
const loopMark = "solution-bootstrap"

// maxLoopTries bounds how often others may take the device that was free.
const maxLoopTries = 20

// mountLoop mounts an archive with a file system of the kernel. The loop device
// goes when the mount does.
func mountLoop(archive, dir, kind string) (err error) {
	file, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	device, err := newLoop(file)
	if err != nil {
		return hint.With(fmt.Errorf("making a loop device for %s: %w", archive, err), "load the kernel's module: modprobe loop; or set mount: fuse")
	}
	// After the mount it is in use by that; without one it is gone.
	defer func() { err = errors.Join(err, device.Close()) }()
	if err := unix.Mount(device.Name(), dir, kind, unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV, ""); err != nil {
		return fmt.Errorf("mounting %s at %s: %w", archive, dir, err)
	}
	return nil
}

// newLoop returns a loop device of the file, which ends when nobody has it open.
func newLoop(file *os.File) (*os.File, error) {
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = control.Close() }() // nothing was written
	config := &unix.LoopConfig{Fd: uint32(file.Fd())}
	config.Info.Flags = unix.LO_FLAGS_READ_ONLY | unix.LO_FLAGS_AUTOCLEAR
	copy(config.Info.File_name[:], loopMark)
	for try := 1; ; try++ {
		number, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return nil, err
		}
		device, err := os.Open(fmt.Sprintf("/dev/loop%d", number))
		if err != nil {
			return nil, err
		}
		if err = unix.IoctlLoopConfigure(int(device.Fd()), config); err == nil {
			return device, nil
		}
		if closeErr := device.Close(); !errors.Is(err, unix.EBUSY) || try == maxLoopTries {
			return nil, errors.Join(err, closeErr)
		}
	}
}

// hasLoopMark tells whether a loop device is ours. Only root can ask.
func hasLoopMark(path string) bool {
	device, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = device.Close() }() // nothing was written
	info, err := unix.IoctlLoopGetStatus64(int(device.Fd()))
	return err == nil && unix.ByteSliceToString(info.File_name[:]) == loopMark
}
