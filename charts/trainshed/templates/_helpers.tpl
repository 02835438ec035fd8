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

{{- /* The same for the bundled registry. */ -}}
{{- define "trainshed.registrySelector" -}}
app.kubernetes.io/name: trainshed
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: registry
{{- end }}

{{- define "trainshed.registryLabels" -}}
{{ include "trainshed.registrySelector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{- end }}

{{- /* The operator's image. The bundled registry can't hold it: it opens by this operator alone. */ -}}
{{- define "trainshed.image" -}}
{{- if and .Values.registry.bundled.enabled (not .Values.image.ref) }}
{{- fail "image.ref is needed with registry.bundled.enabled: the operator's own image must come from another registry" }}
{{- end }}
{{- .Values.image.ref | default (printf "%s/trainshed/operator:%s" (include "trainshed.pull" .) .Chart.AppVersion) }}
{{- end }}

{{- define "trainshed.push" -}}
{{- $own := printf "http://trainshed-registry.%s.svc:%v" .Release.Namespace .Values.registry.bundled.service.port -}}
{{- .Values.registry.push | default (ternary $own (printf "https://%s" (include "trainshed.pull" .)) .Values.registry.bundled.enabled) }}
{{- end }}

{{- /* Whether Google says who we are; its registries' names are those of registry/google.py. */ -}}
{{- define "trainshed.google" -}}
{{- if .Values.registry.credentials.google -}}
{{- if .Values.registry.bundled.enabled -}}
{{- fail "registry.credentials.google is for a registry of Google's: set it or registry.bundled.enabled, not both" -}}
{{- end -}}
{{- if not (regexMatch "^https://([a-z0-9-]+-docker\\.pkg\\.dev|((us|eu|asia)\\.)?gcr\\.io)/?$" (include "trainshed.push" .)) -}}
{{- fail "registry.credentials.google needs registry.pull to be a registry of Google's, LOCATION-docker.pkg.dev or gcr.io: its token is shown to no other" -}}
{{- end -}}
{{- end -}}
{{- .Values.registry.credentials.google -}}
{{- end }}

{{- /* The settings file of the bundled registry. Service and issuer are those of granting/signing.py. */ -}}
{{- define "trainshed.registryConfig" -}}
{{- $host := splitList ":" (include "trainshed.pull" .) | first -}}
version: 0.1
log:
  level: warn
  accesslog:
    disabled: true
storage:
  # No cache of blobs: one that is collected would be said to be there, and an image that nobody can
  # pull would be accepted.
  filesystem:
    rootdirectory: /var/lib/registry
  delete:
    enabled: true
http:
  addr: :5000
  relativeurls: true
auth:
  token:
    realm: {{ .Values.registry.bundled.realm | default (printf "http://%s:%v" $host .Values.registry.bundled.service.tokensPort) }}/v1/registry/token
    service: trainshed-registry
    issuer: trainshed-operator
    rootcertbundle: /etc/trainshed/tokens/tls.crt
{{- end }}

{{- /* The settings file; its fields are those of operator/trainshed/config.py. */ -}}
{{- define "trainshed.config" -}}
{{- $pull := include "trainshed.pull" . -}}
{{- $ca := or .Values.registry.ca.configMap .Values.registry.ca.secret -}}
registry:
  push: {{ include "trainshed.push" . | quote }}
  pull: {{ $pull | quote }}
  prefix: {{ .Values.registry.prefix | quote }}
  allowed: {{ .Values.registry.allowed | toJson }}
  ca: {{ ternary "/etc/trainshed/registry/ca.pem" "" (not (empty $ca)) | quote }}
  credentialsFile: {{ ternary "/etc/trainshed/registry/config.json" "" (not (empty .Values.registry.credentials.secret)) | quote }}
  google: {{ include "trainshed.google" . }}
  bundled:
    enabled: {{ .Values.registry.bundled.enabled }}
    gc:
      {{- toYaml .Values.registry.bundled.gc | nindent 6 }}
images:
  {{- range $name := list "pytorch" "tensorflow" }}
  {{ $name }}: {{ index $.Values.images $name | default (printf "%s/trainshed/%s:%s" $pull $name $.Chart.AppVersion) | quote }}
  {{- end }}
  devel:
    {{- toYaml .Values.images.devel | nindent 4 }}
  variants:
    {{- toYaml .Values.images.variants | nindent 4 }}
acceleratorClasses:
  enabled: {{ .Values.acceleratorClasses.enabled }}
  shipped:
    {{- include "trainshed.classes" . | nindent 4 }}
placement:
  {{- toYaml .Values.placement | nindent 2 }}
kueue:
  enabled: {{ .Values.kueue.enabled }}
builder:
  image: {{ .Values.builder.image | default (printf "%s/trainshed/builder:%s" $pull $.Chart.AppVersion) | quote }}
  serviceAccountName: {{ .Values.builder.serviceAccountName | quote }}
  withoutTls: {{ .Values.builder.withoutTls | toJson }}
  index:
    url: {{ .Values.builder.index.url | quote }}
    constraints: {{ .Values.builder.index.constraints | toJson }}
    ca: {{ ternary "/etc/trainshed/index/ca.pem" "" (not (empty .Values.builder.index.ca.configMap)) | quote }}
  packages:
    maxBytes: {{ .Values.builder.packages.maxBytes | int64 }}
  prePullNodes: {{ .Values.builder.prePull.nodes | toJson }}
  resources:
    {{- toYaml .Values.builder.resources | nindent 4 }}
  dockerfile:
    {{- toYaml .Values.builder.dockerfile | nindent 4 }}
namespaces: {{ .Values.namespaces | toJson }}
workers: {{ .Values.workers | toJson }}
writes:
  {{- toYaml .Values.writes | nindent 2 }}
buildDeadlineSeconds: {{ .Values.buildDeadlineSeconds | toJson }}
startupDeadlineSeconds: {{ .Values.startupDeadlineSeconds | toJson }}
gangDeadlineSeconds: {{ .Values.gangDeadlineSeconds | toJson }}
leaderElection:
  {{- toYaml .Values.leaderElection | nindent 2 }}
metrics:
  {{- toYaml .Values.metrics | nindent 2 }}
{{- end }}

{{- /* The classes that the operator makes: the chart's, with what the values say of each. */ -}}
{{- define "trainshed.classes" -}}
{{- $found := list -}}
{{- if .Values.acceleratorClasses.shipped -}}
{{- range $path, $_ := .Files.Glob "files/classes/*.yaml" -}}
{{- range $name, $spec := $.Files.Get $path | fromYaml -}}
{{- $given := index $.Values.acceleratorClasses.overrides $name | default dict -}}
{{- $found = append $found (dict "name" $name "spec" (merge (dict) $given $spec)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $found -}}
{{- end }}
