// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/metalk8s/kubectl-solution/pkg/api/v1alpha1"
)

// MaxConfigMapBytes is how much of the 1 MiB of a ConfigMap data may take, in
// bytes: 16 KiB are left for metadata.
const MaxConfigMapBytes = 1<<20 - 16<<10

// TooLargeError says that something does not fit into a ConfigMap, with the
// numbers of bytes.
type TooLargeError struct {
	what, advice string
	size         int
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("%s takes %d bytes, and at most %d fit", e.what, e.size, MaxConfigMapBytes)
}

// Hint says what helps.
func (e *TooLargeError) Hint() string { return e.advice }

// SolutionsConfigMap returns v1alpha1.SolutionsConfigMap with these records and
// the endpoint under which their images are served, "" where none is to be
// recorded. Its errors are those of EncodeRecords.
func SolutionsConfigMap(records map[string][]v1alpha1.SolutionRecord, endpoint string) (*unstructured.Unstructured, error) {
	data, err := EncodeRecords(records)
	if err != nil {
		return nil, err
	}
	cm := configMap(v1alpha1.SolutionsConfigMap, data)
	cm.SetLabels(commonLabels())
	if endpoint != "" {
		if err := validateEndpoint(endpoint); err != nil {
			return nil, err
		}
		cm.SetAnnotations(map[string]string{v1alpha1.RegistryEndpointAnnotation: endpoint})
	}
	return cm, nil
}

// EncodeRecords returns the data of v1alpha1.SolutionsConfigMap: for each
// Solution that has any, a JSON list of its imported versions, highest last. It
// is a *TooLargeError, that tells the number of versions too, when they do not
// fit into a ConfigMap.
func EncodeRecords(records map[string][]v1alpha1.SolutionRecord) (map[string]string, error) {
	data := make(map[string]string, len(records))
	size, versions := 0, 0
	for _, name := range sortedKeys(records) {
		if len(records[name]) == 0 {
			continue
		}
		if problems := validation.IsDNS1123Label(name); len(problems) > 0 {
			return nil, fmt.Errorf("recording versions of %q, which is no name of a Solution: %s", name, problems[0])
		}
		list := slices.Clone(records[name])
		v1alpha1.SortRecords(list)
		for i := range list[1:] {
			if list[i].Version == list[i+1].Version {
				return nil, fmt.Errorf("version %s of Solution %s is twice among those to record", list[i].Version, name)
			}
		}
		text, err := compactJSON(list)
		if err != nil {
			return nil, fmt.Errorf("recording versions of Solution %s: %w", name, err)
		}
		data[name] = text
		size += len(name) + len(text)
		versions += len(list)
	}
	if size > MaxConfigMapBytes {
		return nil, &TooLargeError{
			what:   fmt.Sprintf("recording %d imported versions in ConfigMap %s", versions, v1alpha1.SolutionsConfigMap),
			size:   size,
			advice: "unimport versions that are not used: kubectl solution unimport NAME --version VERSION",
		}
	}
	return data, nil
}

// DecodeRecords reads the data of v1alpha1.SolutionsConfigMap, as this project
// or older tooling wrote it; fields that it does not know are ignored. The
// versions of each Solution are sorted, highest last. Its errors name the keys;
// with them it returns the records of all other keys.
func DecodeRecords(data map[string]string) (map[string][]v1alpha1.SolutionRecord, error) {
	records := make(map[string][]v1alpha1.SolutionRecord, len(data))
	var failed []error
	for _, name := range sortedKeys(data) {
		list, err := decodeVersions(data[name])
		if err != nil {
			failed = append(failed, fmt.Errorf("reading key %s of ConfigMap %s: %w", name, v1alpha1.SolutionsConfigMap, err))
			continue
		}
		records[name] = list
	}
	return records, errors.Join(failed...)
}

func decodeVersions(text string) ([]v1alpha1.SolutionRecord, error) {
	var list []v1alpha1.SolutionRecord
	// Keeps integers in manifests as they are written.
	if err := utiljson.Unmarshal([]byte(text), &list); err != nil {
		return nil, err
	}
	for i, record := range list {
		if record.Version == "" {
			return nil, fmt.Errorf("item %d has no version", i+1)
		}
	}
	v1alpha1.SortRecords(list)
	return list, nil
}

// compactJSON returns v on one line, without the escapes that only HTML needs:
// they take room.
func compactJSON(v any) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "", err
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), nil
}

// configMap returns a ConfigMap in v1alpha1.Namespace.
func configMap(name string, data map[string]string) *unstructured.Unstructured {
	values := make(map[string]any, len(data))
	for key, value := range data {
		values[key] = value
	}
	cm := &unstructured.Unstructured{Object: map[string]any{"data": values}}
	cm.SetAPIVersion("v1")
	cm.SetKind("ConfigMap")
	cm.SetName(name)
	cm.SetNamespace(v1alpha1.Namespace)
	return cm
}
