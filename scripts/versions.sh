# shellcheck shell=bash disable=SC2034  # Read by the scripts that source this file.
# The versions of every real part that spanproof is tried against. A change here rebuilds the part.
# The collector's own version stands in its manifest, scripts/collector/manifest.yaml.
TELEMETRYGEN_VERSION=0.161.0
ROTEL_VERSION=0.0.1a15
HDRHISTOGRAM_PY_VERSION=0.10.8
PYYAML_VERSION=6.0.3
CARGO_DENY_VERSION=0.20.2
CARGO_FUZZ_VERSION=0.13.2
CARGO_MUTANTS_VERSION=27.1.0
