// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// server is a program that runs, with the processes that it has started.
type server struct{ cmd *exec.Cmd }

// start starts a program, whose output goes to the file log.
func start(ctx context.Context, log, program string, args ...string) (*server, error) {
	file, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdout, cmd.Stderr = file, file
	// A server that is killed with its parent leaves nothing running.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &server{cmd}, nil
}

// stop ends the program, and waits for that.
func (s *server) stop() {
	if s.cmd.ProcessState != nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	timer := time.AfterFunc(10*time.Second, func() { _ = s.cmd.Process.Kill() })
	defer timer.Stop()
	_ = s.cmd.Wait() // ended by a signal, as it was told to
}

// processes are the program's own and its children's.
func (s *server) processes() []string {
	own := strconv.Itoa(s.cmd.Process.Pid)
	children, err := os.ReadFile("/proc/" + own + "/task/" + own + "/children")
	if err != nil {
		return []string{own}
	}
	return append([]string{own}, strings.Fields(string(children))...)
}

// cpu is the processor time that the server has taken.
func (s *server) cpu() (sum time.Duration, err error) {
	for _, pid := range s.processes() {
		data, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil {
			return 0, err
		}
		// Behind the name, which may hold anything, fields 3 and on: proc(5).
		fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
		for _, field := range fields[11:13] {
			ticks, err := strconv.ParseInt(field, 10, 64)
			if err != nil {
				return 0, err
			}
			sum += time.Duration(ticks) * 10 * time.Millisecond
		}
	}
	return sum, nil
}

// sum adds up what a file of each process has after key, such as VmHWM.
func (s *server) sum(file, key string) (sum int64, err error) {
	for _, pid := range s.processes() {
		data, err := os.ReadFile("/proc/" + pid + "/" + file)
		if err != nil {
			return 0, err
		}
		n, err := after(string(data), key)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// memory returns the most memory that the processes have had, and what they
// have now, in MiB.
func (s *server) memory() (peak, now float64, err error) {
	most, err := s.sum("status", "VmHWM:")
	resident, err2 := s.sum("status", "VmRSS:")
	return float64(most) / 1024, float64(resident) / 1024, errors.Join(err, err2)
}

// after reads the number behind key.
func after(text, key string) (int64, error) {
	for line := range strings.Lines(text) {
		if rest, found := strings.CutPrefix(line, key); found {
			return strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
		}
	}
	return 0, fmt.Errorf("no %s in %.200q", key, text)
}
