// SPDX-License-Identifier: Apache-2.0

package pod

import (
	"encoding/json"
	"fmt"
	"strings"

	"sigs.k8s.io/yaml"
)

// YAML returns objects as documents, without the fields that the API server
// fills in.
func YAML(objects []any) (string, error) {
	var text strings.Builder
	for i, object := range objects {
		data, err := json.Marshal(object)
		if err != nil {
			return "", fmt.Errorf("encoding a manifest: %w", err)
		}
		var fields map[string]any
		if err := json.Unmarshal(data, &fields); err != nil {
			return "", fmt.Errorf("encoding a manifest: %w", err)
		}
		delete(fields, "status")
		dropEmpty(fields)
		document, err := yaml.Marshal(fields)
		if err != nil {
			return "", fmt.Errorf("encoding a manifest: %w", err)
		}
		if i > 0 {
			text.WriteString("---\n")
		}
		text.Write(document)
	}
	return text.String(), nil
}

// dropEmpty leaves out what has no value.
func dropEmpty(fields map[string]any) {
	for name, value := range fields {
		switch value := value.(type) {
		case nil:
			delete(fields, name)
		case map[string]any:
			if dropEmpty(value); len(value) == 0 {
				delete(fields, name)
			}
		case []any:
			for _, item := range value {
				if item, ok := item.(map[string]any); ok {
					dropEmpty(item)
				}
			}
		}
	}
}
