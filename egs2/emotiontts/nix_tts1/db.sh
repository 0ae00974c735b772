# shellcheck shell=bash disable=SC2034
# The root of an emotiontts_open_db checkout. The environment wins.
EMOTIONTTS=${EMOTIONTTS:-}
