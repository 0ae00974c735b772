# shellcheck shell=bash disable=SC2034
# The folder of KSS: transcript.v.1.4.txt with folders 1, 2, 3 and 4 beside it. The environment wins.
KSS=${KSS:-}
