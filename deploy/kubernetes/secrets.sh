#!/usr/bin/env bash
# Writes what the manifests refer to and do not hold, from a folder that `local secrets FOLDER` filled:
#
#   deploy/kubernetes/secrets.sh FOLDER | kubectl apply -f -
#
# Safe to repeat. A value that another system keeps (DATABASE_URL of a managed Postgres) is put into its file first.
set -euo pipefail
folder=$1
namespace=${NAMESPACE:-creatorscout}
kubectl=${KUBECTL:-kubectl}

make() { # secret generic|configmap, name, where from...
    echo "---"
    $kubectl create "${@}" --namespace "$namespace" --dry-run=client --output yaml
}

# What a service reads from its environment. The workers of all platforms have one login and one key upstream.
for service in gateway webhook migrate operate; do
    make secret generic "$service" --from-file="$folder/$service"
done
make secret generic worker --from-file="$folder/tiktok"

# Who each is at NATS, whom it believes there, and what nats-server knows of them.
for identity in "$folder"/*/nats.seed; do
    make secret generic "nats-$(basename "$(dirname "$identity")")" --from-file="nats.seed=$identity"
done
make configmap nats-ca --from-file="ca.pem=$folder/gateway/ca.pem"
make configmap nats-identities --from-env-file="$folder/nats/nkeys.env"
make secret generic nats-server --from-file="tls.crt=$folder/nats/server.pem" --from-file="tls.key=$folder/nats/server.key"

# To try out: Postgres in the cluster, and who stands in for what is outside.
for part in postgres qstash sandbox issuer; do
    if [ -d "$folder/$part" ]; then
        make secret generic "$part" --from-file="$folder/$part"
    fi
done
