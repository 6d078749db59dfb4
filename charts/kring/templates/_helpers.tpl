{{- define "kring.name" -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end }}

{{- define "kring.selector" -}}
app.kubernetes.io/name: kring
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "kring.labels" -}}
{{ include "kring.selector" . }}
app.kubernetes.io/part-of: kring
app.kubernetes.io/component: operator
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- /* What the operator does with the objects of a namespace, and nothing more. */ -}}
{{- define "kring.rules" -}}
- apiGroups: [kring.io]
  resources: [kafkaclusters]
  verbs: [get, list, watch]
- apiGroups: [kring.io]
  resources: [topics]
  # patch: the finalizer of a Topic with deletionPolicy Delete.
  verbs: [get, list, watch, patch]
- apiGroups: [kring.io]
  resources: [kafkaclusters/status, topics/status]
  verbs: [update]
- apiGroups: [kring.io]
  # Owner references with blockOwnerDeletion.
  resources: [kafkaclusters/finalizers]
  verbs: [update]
- apiGroups: [apps]
  resources: [statefulsets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, delete]
- apiGroups: [""]
  resources: [services, configmaps]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [get, create, patch, delete]
- apiGroups: [""]
  resources: [serviceaccounts]
  verbs: [get, create, patch]
- apiGroups: [""]
  # A cluster's keys: read by name and created once, never listed, changed or deleted.
  resources: [secrets]
  verbs: [get, create]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, create, patch, delete]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- end }}
