{{- /* Labels by which Services and the Deployment find the operator's pods. */ -}}
{{- define "trainshed.selector" -}}
app.kubernetes.io/name: trainshed
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{- define "trainshed.labels" -}}
{{ include "trainshed.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "trainshed.pull" -}}
{{ required "registry.pull is needed: the registry that jobs' images go to, such as registry.example.com" .Values.registry.pull }}
{{- end }}

{{- /* The settings file; its fields are those of operator/trainshed/config.py. */ -}}
{{- define "trainshed.config" -}}
{{- $pull := include "trainshed.pull" . -}}
{{- $ca := or .Values.registry.ca.configMap .Values.registry.ca.secret -}}
registry:
  push: {{ .Values.registry.push | default (printf "https://%s" $pull) | quote }}
  pull: {{ $pull | quote }}
  prefix: {{ .Values.registry.prefix | quote }}
  allowed: {{ .Values.registry.allowed | toJson }}
  ca: {{ ternary "/etc/trainshed/registry/ca.pem" "" (not (empty $ca)) | quote }}
  credentialsFile: {{ ternary "/etc/trainshed/registry/config.json" "" (not (empty .Values.registry.credentials.secret)) | quote }}
images:
  {{- range $name := list "pytorch" "tensorflow" }}
  {{ $name }}: {{ index $.Values.images $name | default (printf "%s/trainshed/%s:%s" $pull $name $.Chart.AppVersion) | quote }}
  {{- end }}
builder:
  image: {{ .Values.builder.image | default (printf "%s/trainshed/builder:%s" $pull $.Chart.AppVersion) | quote }}
  withoutTls: {{ .Values.builder.withoutTls | toJson }}
  resources:
    {{- toYaml .Values.builder.resources | nindent 4 }}
namespaces: {{ .Values.namespaces | toJson }}
workers: {{ .Values.workers | toJson }}
writes:
  {{- toYaml .Values.writes | nindent 2 }}
buildDeadlineSeconds: {{ .Values.buildDeadlineSeconds | toJson }}
startupDeadlineSeconds: {{ .Values.startupDeadlineSeconds | toJson }}
leaderElection:
  {{- toYaml .Values.leaderElection | nindent 2 }}
metrics:
  {{- toYaml .Values.metrics | nindent 2 }}
{{- end }}
