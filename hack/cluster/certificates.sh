# Certificates and kubeconfigs of the local cluster, sourced by up.
# They last a year and belong to one life of the cluster; `down` removes them.

pki=$cluster_state/pki

new_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }

make_authority() {
  mkdir -p "$pki"
  new_key "$pki/ca.key"
  openssl req -x509 -new -key "$pki/ca.key" -subj /CN=kring-local -days 365 -out "$pki/ca.crt"
  new_key "$pki/service-accounts.key"
  openssl ec -in "$pki/service-accounts.key" -pubout -out "$pki/service-accounts.pub" 2>/dev/null
}

make_certificate() { # name, subject, [alternative names]
  new_key "$pki/$1.key"
  openssl req -new -key "$pki/$1.key" -subj "$2" |
    openssl x509 -req -CA "$pki/ca.crt" -CAkey "$pki/ca.key" -CAcreateserial -days 365 -out "$pki/$1.crt" \
      -extfile <(echo "${3:+subjectAltName=$3}") 2>/dev/null
}

make_kubeconfig() { # certificate, file
  cat >"$2" <<YAML
apiVersion: v1
kind: Config
clusters:
- name: kring
  cluster: {server: "https://$api_address:6443", certificate-authority-data: $(base64 -w0 "$pki/ca.crt")}
users:
- name: $1
  user: {client-certificate-data: $(base64 -w0 "$pki/$1.crt"), client-key-data: $(base64 -w0 "$pki/$1.key")}
contexts:
- name: kring
  context: {cluster: kring, user: $1}
current-context: kring
YAML
  chmod 600 "$2"
}

make_control_plane_certificates() {
  make_certificate kube-apiserver /CN=kube-apiserver \
    "IP:$api_address,IP:127.0.0.1,IP:198.19.0.1,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc"
  make_certificate admin /O=system:masters/CN=admin
  make_kubeconfig admin "$cluster_kubeconfig"
  local component
  for component in kube-controller-manager kube-scheduler kube-proxy; do
    make_certificate "$component" "/CN=system:$component"
    make_kubeconfig "$component" "$cluster_state/$component.kubeconfig"
  done
}

make_node_certificate() { # number
  make_certificate "node$1" "/O=system:nodes/CN=system:node:node$1" "IP:$(node_address "$1"),DNS:node$1"
  make_kubeconfig "node$1" "$cluster_state/node$1/kubeconfig"
}
