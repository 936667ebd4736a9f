// SPDX-License-Identifier: Apache-2.0

package mount

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/metalk8s/kubectl-solution/pkg/hint"
)

// mayMount tells why this process cannot mount and unmount.
func mayMount() error {
	var data [2]unix.CapUserData
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	if err := unix.Capget(&header, &data[0]); err != nil {
		return fmt.Errorf("asking for this process's capabilities: %w", err)
	}
	if data[0].Effective&(1<<unix.CAP_SYS_ADMIN) != 0 {
		return nil
	}
	return hint.With(fmt.Errorf("mounting and unmounting need root (CAP_SYS_ADMIN), and the helper runs as user %d without it", os.Geteuid()),
		"run the helper as root, or set mount: none in its configuration")
}

// canMount tells why this machine cannot mount archives in this way.
func (m *Mounts) canMount() error {
	if m.Mode == Kernel {
		return kernelHas(m.kernelType)
	}
	device, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		return hint.With(fmt.Errorf("this machine has no FUSE: %w", err), "load the kernel's module: modprobe fuse; or set mount: kernel in the helper's configuration")
	}
	return device.Close()
}

// kernelHas tells why the kernel cannot mount file systems of a type. To ask
// loads the module, where there is one.
func kernelHas(kind string) error {
	fd, err := unix.Fsopen(kind, unix.FSOPEN_CLOEXEC)
	switch {
	case err == nil:
		return unix.Close(fd)
	case errors.Is(err, unix.ENODEV):
		return hint.With(fmt.Errorf("this machine's kernel cannot mount %s: it has neither that file system nor a module with it", kind),
			"set mount: fuse in the helper's configuration, which needs no such kernel; or install the module: modprobe isofs")
	}
	return nil // an older kernel, which can only try
}
