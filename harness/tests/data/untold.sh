#!/bin/sh
# The collector with one setting more than anybody was told of, which UNTOLD names.
exec "$SPANPROOF_OTELCOL" "$@" ${UNTOLD:+"--set=$UNTOLD"}
