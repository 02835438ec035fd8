{{- /* What the operator may do where jobs run. */ -}}
{{- define "trainshed.jobRules" -}}
- apiGroups: [trainshed.dev]
  resources: [trainingjobs]
  verbs: [get, list, watch]
- apiGroups: [trainshed.dev]
  resources: [trainingjobs/status]
  verbs: [patch]
# For blockOwnerDeletion, where the plugin OwnerReferencesPermissionEnforcement is on.
- apiGroups: [trainshed.dev]
  resources: [trainingjobs/finalizers]
  verbs: [update]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch]
# A headless one for each job of several pods; it goes with its TrainingJob.
- apiGroups: [""]
  resources: [services]
  verbs: [get, create]
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get]
- apiGroups: [""]
  resources: [events]
  verbs: [create, patch, list]
{{- if .Values.acceleratorClasses.enabled }}
# What the pods of a job claim, where the class is of dynamic resource allocation.
- apiGroups: [resource.k8s.io]
  resources: [resourceclaimtemplates]
  verbs: [get, create]
{{- end }}
{{- if .Values.kueue.enabled }}
# What Kueue says of jobs in its queues. Nobody's are written.
- apiGroups: [kueue.x-k8s.io]
  resources: [workloads]
  verbs: [get, list, watch]
{{- end }}
{{- if ne .Values.placement.gang.by "none" }}
- apiGroups: [{{ eq .Values.placement.gang.by "auto" | ternary "scheduling.k8s.io" "scheduling.x-k8s.io" }}]
  resources: [podgroups]
  verbs: [get, create]
{{- end }}
{{- if .Values.registry.bundled.enabled }}
# The pull Secret of each namespace is written, and never read. Create can't be restricted by name.
- apiGroups: [""]
  resources: [secrets]
  verbs: [create]
- apiGroups: [""]
  resources: [secrets]
  resourceNames: [trainshed-registry]
  verbs: [patch]
{{- end }}
{{- with .Values.builder.dockerfile }}
{{- if or .buildkit.image .buildah.image }}
# Whether the namespace of a job is labelled for Dockerfiles. A Role reads its own alone.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get]
{{- end }}
{{- end }}
{{- end }}
