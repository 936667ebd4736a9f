// SPDX-License-Identifier: Apache-2.0

package atomicfile

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// What becomes of links, owners, the umask and writers that are killed is
// tested with pkg/solutionsconfig, which this was made for.
func TestWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "folder", "file")
	for _, text := range []string{"one", "two"} {
		if err := Write(path, []byte(text), nil); err != nil {
			t.Fatal(err)
		}
		if data, err := os.ReadFile(path); err != nil || string(data) != text {
			t.Errorf("%q, %v", data, err)
		}
		if info, err := os.Stat(path); err != nil || (text == "one" && info.Mode() != 0o644) || (text == "two" && info.Mode() != 0o600) {
			t.Errorf("%v, %v", info.Mode(), err)
		}
		if err := os.Chmod(path, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWriteMayNot(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "folder")
	path := filepath.Join(folder, "file")
	refusal := errors.New("refused")
	for refusedAt := 1; refusedAt <= 2; refusedAt++ {
		asked := 0
		err := Write(path, []byte("text"), func(target string) error {
			if asked++; target != path {
				t.Errorf("asked about %s", target)
			}
			if asked == refusedAt {
				return refusal
			}
			return nil
		})
		if !errors.Is(err, refusal) || asked != refusedAt {
			t.Errorf("%v, asked %d times", err, asked)
		}
		// Refused at once, not even the folder is made.
		entries, err := os.ReadDir(folder)
		if (err == nil) != (refusedAt == 2) || len(entries) != 0 {
			t.Errorf("%v, %v", entries, err)
		}
	}
}
